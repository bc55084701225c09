"""`oakum sbom check`: valid is valid by the formats' own rules, and all that is wrong is told with its place."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.scan.sbom.checking import check_sbom
from oakum.scan.sbom.problems import PROBLEM_COUNT_MAX
from oakum.scan.sbom.spdx_checking import licence_problem, problems
from oakum.scan.sbom.values import SbomError
from tests.cli.running import Shell
from tests.scan.sboms import TAG_VALUE, component, cyclonedx, cyclonedx_xml, spdx, spdx_package, write

XML = cyclonedx_xml(
    '<components>\n<component type="library">\n<name>a</name>\n<version>1</version></component></components>'
)


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        *(
            (cyclonedx(component("a"), version=each), f"CycloneDX {each} (JSON)")
            for each in ("1.2", "1.4", "1.5", "1.7")
        ),
        *((XML.replace("bom/1.5", f"bom/{each}"), f"CycloneDX {each} (XML)") for each in ("1.3", "1.4", "1.6", "1.7")),
        (spdx(spdx_package("a")), "SPDX 2.3 (JSON)"),
        (spdx(creationInfo={"created": "2026-01-31T12:00:00.551Z", "creators": ["Tool: npm"]}), "SPDX 2.3 (JSON)"),
        (TAG_VALUE, "SPDX 2.3 (tag-value)"),
    ],
)
def test_a_valid_document_exits_0(tmp_path: Path, content: Mapping[str, Any] | str, format_: str) -> None:
    file = write(tmp_path / "bom", content)
    told = Shell(tmp_path)("sbom", "check", file)
    assert (told.code, told.out) == (0, f"{file}: valid {format_}.\n"), told.err
    as_json = Shell(tmp_path)("sbom", "check", file, "--json").json()
    assert as_json == {"file": file, "format": format_, "valid": True, "problems": [], "all_problems": True}


PACKAGE = spdx_package("a")
INVALID = [
    (cyclonedx(component("a", type="libary")), '/components/0/type: "libary" is not one of "application"'),
    (cyclonedx({"type": "library"}), '/components/0: "name" is a required property'),
    (cyclonedx(component("a", licenses=[{"license": {"id": "NOPE"}}])), '/components/0/licenses/0/license/id: "NOPE"'),
    (cyclonedx(serialNumber="x"), '/serialNumber: "x" does not match'),
    (cyclonedx(metadata={"timestamp": "yesterday"}), '/metadata/timestamp: "yesterday" is not a "date-time"'),
    (cyclonedx(odd=1), "Additional properties are not allowed ('odd' was unexpected)"),
    (cyclonedx(odd=1, version="1.2"), "Additional properties are not allowed"),
    (
        cyclonedx(component("a", **{"bom-ref": "x"}), component("b", **{"bom-ref": "x"})),
        '/components/1/bom-ref: "x" is the reference of /components/0 too',
    ),
    (cyclonedx(version="9.9"), '/specVersion: "9.9" is no version known here'),
    (XML.replace("<name>a</name>", ""), "line 5: Element 'version': This element is not expected"),
    (XML.replace('"library"', '"libary"'), "line 3: Element 'component', attribute 'type'"),
    ("<!DOCTYPE bom>" + XML[21:], "line 1: it has a document type (DOCTYPE), which is refused"),
    (spdx(PACKAGE | {"SPDXID": "a"}), '/packages/0/SPDXID: "a" is no SPDXRef-'),
    (spdx(PACKAGE, PACKAGE), '/packages/1/SPDXID: "SPDXRef-Package-a" is the id of /packages/0 too'),
    (spdx(PACKAGE | {"downloadLocation": None}), "/packages/0/downloadLocation: it is missing"),
    (spdx(documentNamespace="a#b"), "/documentNamespace: "),
    (spdx(creationInfo={"created": "2026-13-31T12:00:00Z", "creators": ["Tool: x"]}), "/creationInfo/created: "),
    (spdx(creationInfo={"created": "2026-01-31T12:00:00Z", "creators": ["me"]}), "/creationInfo/creators/0: "),
    (spdx(dataLicense="MIT"), '/dataLicense: "MIT" must be CC0-1.0'),
    (spdx(PACKAGE | {"licenseDeclared": "MIT OR"}), '/packages/0/licenseDeclared: "MIT OR": an expression ends'),
    (
        spdx(PACKAGE | {"checksums": [{"algorithm": "SHA256", "checksumValue": "ab"}]}),
        "/packages/0/checksums/0/checksumValue: of SHA256 it has 64 digits, not 2",
    ),
    (
        spdx(
            PACKAGE,
            relationships=[
                {"spdxElementId": "SPDXRef-x", "relatedSpdxElement": "NONE", "relationshipType": "CONTAINS"}
            ],
        ),
        '/relationships/0/spdxElementId: "SPDXRef-x" is the id of no element of the document',
    ),
    (TAG_VALUE.replace("SHA1: 85ed", "SHA1: xyz"), "line 22: checksumValue: "),
    (TAG_VALUE.replace("PackageDownloadLocation: NONE\n", ""), "line 18: downloadLocation: it is missing"),
    ("", "it is empty"),
    ('{"bomFormat": "CycloneDX",', "line 1, column 27: it is cut or no JSON"),
]


@pytest.mark.parametrize(("content", "line"), INVALID)
def test_an_invalid_one_exits_1_with_place_and_reason(
    tmp_path: Path, content: Mapping[str, Any] | str, line: str
) -> None:
    file = write(tmp_path / "bom", content)
    told = Shell(tmp_path)("sbom", "check", file)
    assert told.code == 1, told
    assert told.out.splitlines()[0].startswith(f"{file}: not valid")
    assert told.out.splitlines()[1].startswith(line), told.out
    found = json.loads(Shell(tmp_path)("sbom", "check", file, "--json").out)
    assert found["valid"] is False
    assert f"{found['problems'][0]['place']}: {found['problems'][0]['reason']}".removeprefix(": ").startswith(line)


def test_all_problems_are_told_up_to_a_maximum(tmp_path: Path) -> None:
    few = check_sbom(write(tmp_path / "few", cyclonedx({"type": "library"}, {"type": "x", "name": "a"})))
    assert [each.place for each in few.problems] == ["/components/0", "/components/1/type"]
    many = check_sbom(
        write(tmp_path / "many", cyclonedx(*({"type": f"x{each}", "name": "a"} for each in range(1_500))))
    )
    assert (len(many.problems), many.is_all) == (PROBLEM_COUNT_MAX, False)
    tags = check_sbom(write(tmp_path / "tags", spdx(*({"SPDXID": f"{each}"} for each in range(1_500)))))
    assert (len(tags.problems), tags.is_all) == (PROBLEM_COUNT_MAX, False)


def test_misuse_and_faults_are_no_verdict(tmp_path: Path) -> None:
    assert Shell(tmp_path)("sbom", "check", str(tmp_path / "none")).code == 2
    assert Shell(tmp_path)("sbom", "check", str(tmp_path)).code == 2
    large = write(tmp_path / "large", b'{"bomFormat":"CycloneDX","x":[' + b"1," * 6_000_001 + b"1]}")
    assert "more than" in Shell(tmp_path)("sbom", "check", large).refused(4)


def test_a_large_document_is_judged_by_its_first_problem(tmp_path: Path) -> None:
    good = [component(f"a{number}") for number in range(60_000)]
    assert check_sbom(write(tmp_path / "good", cyclonedx(*good))).is_valid
    found = check_sbom(write(tmp_path / "bad", cyclonedx(*good, *({"type": "library"} for _ in range(3)))))
    assert [each.reason for each in found.problems][1:] == ["the document is large: only its first problem is told"]


@given(st.binary(max_size=100) | st.text(max_size=100).map(lambda text: b"SPDXVersion:" + text.encode(errors="ignore")))
def test_any_bytes_have_a_verdict(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "bom"
    verdict = check_sbom(write(file, data))
    assert verdict.is_valid or verdict.problems


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["SPDXID", "name", "checksums", "algorithm", "externalRefs", "annotations", "bom-ref", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)
_MEMBERS = st.sampled_from(["packages", "files", "relationships", "creationInfo", "components", "documentDescribes"])


@given(st.dictionaries(_MEMBERS, _VALUES))
def test_any_values_have_a_verdict(tmp_path_factory: pytest.TempPathFactory, members: dict[str, Any]) -> None:
    file = tmp_path_factory.mktemp("any") / "bom"
    for document in (cyclonedx(), spdx()):
        try:
            check_sbom(write(file, document | members))
        except SbomError as refused:
            assert refused.code == "sbom_too_large"  # noqa: PT017 - any other is a crash


@given(st.text(alphabet="()MITANDORWH -+.", max_size=40))
def test_any_licence_expression_has_an_answer(text: str) -> None:
    assert isinstance(licence_problem(text), str)


@pytest.mark.skipif(not shutil.which("cyclonedx-py"), reason="cyclonedx-bom (PyPI) is not installed")
@pytest.mark.parametrize("syntax", ["JSON", "XML"])
def test_what_cyclonedx_py_writes_of_this_environment_is_valid(tmp_path: Path, syntax: str) -> None:
    file = tmp_path / "environment"
    argv = ["cyclonedx-py", "environment", sys.executable, "--of", syntax, "-o", str(file)]
    subprocess.run(argv, check=True, capture_output=True)
    assert check_sbom(str(file)).problems == ()


def test_spdx_tools_agrees_on_what_is_valid(tmp_path: Path) -> None:
    parser = pytest.importorskip("spdx_tools.spdx.parser.parse_anything")
    validator = pytest.importorskip("spdx_tools.spdx.validation.document_validator")
    for name, content in (("bom.spdx.json", spdx(spdx_package("a"))), ("bom.spdx", TAG_VALUE)):
        document = parser.parse_file(write(tmp_path / name, content))
        assert validator.validate_full_spdx_document(document) == []
        assert check_sbom(str(tmp_path / name)).is_valid


def test_references_are_followed_in_any_order() -> None:
    document = spdx(
        PACKAGE,
        relationships=[
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relatedSpdxElement": "SPDXRef-Package-a",
                "relationshipType": "DESCRIBES",
            },
            {
                "spdxElementId": "SPDXRef-Package-a",
                "relatedSpdxElement": "DocumentRef-other:SPDXRef-b",
                "relationshipType": "DEPENDS_ON",
            },
        ],
        externalDocumentRefs=[
            {
                "externalDocumentId": "DocumentRef-other",
                "spdxDocument": "https://example.test/other",
                "checksum": {"algorithm": "SHA1", "checksumValue": "a" * 40},
            }
        ],
    )
    assert list(problems(document)) == []
