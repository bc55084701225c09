"""What a bill of materials lists becomes packages, in every format; what names none is said; what is odd is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oakum.scan.sbom.reading import bom_of
from oakum.scan.sbom.values import SbomError
from tests.scan.sboms import LIBSSL, TAG_VALUE, component, cyclonedx, cyclonedx_xml, read, source_of, spdx, spdx_package

XML_BODY = f"""
<metadata><tools><components><component type="application"><name>tool</name><purl>pkg:npm/tool@1</purl></component>
</components></tools><component type="container"><name>image</name></component></metadata>
<components>
 <component type="library"><name>libssl3</name><version>3.0.11-1~deb12u2</version>
  <purl>{LIBSSL.replace("&", "&amp;")}</purl>
  <pedigree><ancestors><component type="library"><name>old</name><purl>pkg:npm/old@1</purl></component></ancestors>
  </pedigree>
  <components><component type="library"><name>rsa</name><version>4.0</version><purl>pkg:pypi/rsa@4.0</purl></component>
  </components></component>
</components>"""
JSON_BODY = cyclonedx(
    component(
        "libssl3", "3.0.11-1~deb12u2", purl=LIBSSL, components=[component("rsa", "4.0", purl="pkg:pypi/rsa@4.0")]
    ),
    metadata={
        "tools": {"components": [component("tool", purl="pkg:npm/tool@1")]},
        "component": {"type": "container", "name": "image"},
    },
)
SPDX_BODY = spdx(spdx_package("libssl3", "3.0.11-1~deb12u2", LIBSSL), spdx_package("rsa", "4.0", "pkg:pypi/rsa@4.0"))


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (JSON_BODY, "CycloneDX 1.6 (JSON)"),
        *((JSON_BODY | {"specVersion": each}, f"CycloneDX {each} (JSON)") for each in ("1.4", "1.5", "1.7")),
        *((cyclonedx_xml(XML_BODY, version=each), f"CycloneDX {each} (XML)") for each in ("1.4", "1.5", "1.6", "1.7")),
        (SPDX_BODY, "SPDX 2.3 (JSON)"),
        (SPDX_BODY | {"spdxVersion": "SPDX-2.2"}, "SPDX 2.2 (JSON)"),
        (TAG_VALUE, "SPDX 2.3 (tag-value)"),
    ],
)
def test_every_format_gives_the_same_packages(content: Mapping[str, Any] | str, title: str) -> None:
    found = read(content)
    libssl, rsa = found.packages
    assert (libssl.kind, libssl.stream, libssl.name, libssl.version) == (
        "deb",
        "debian:12",
        "libssl3",
        "3.0.11-1~deb12u2",
    )
    assert (libssl.source_name, libssl.architecture) == ("openssl", "amd64")
    assert (rsa.kind, rsa.stream, rsa.name, rsa.version) == ("pypi", "pypi", "rsa", "4.0")
    assert found.distribution.title == f"{title}, debian:12"
    assert found.unassessed == ()


def test_trivys_properties_tell_the_source_and_its_operating_system_the_release() -> None:
    told = {"SrcName": "openssl", "SrcVersion": "3.0.7", "SrcRelease": "24.el9", "SrcEpoch": "1"}
    found = read(
        cyclonedx(
            component("redhat", "9.4", type="operating-system", properties={"aquasecurity:trivy:Class": "os-pkgs"}),
            component(
                "openssl-libs",
                "1:3.0.7-24.el9",
                purl="pkg:rpm/redhat/openssl-libs@3.0.7-24.el9?arch=x86_64&epoch=1",
                properties={f"aquasecurity:trivy:{key}": value for key, value in told.items()},
            ),
            component(
                "nodejs",
                "1:18.9.1-1.el9",
                properties={
                    "aquasecurity:trivy:PkgType": "redhat",
                    "aquasecurity:trivy:Modularitylabel": "nodejs:18:8060020220523160029:ad008a3a",
                },
            ),
            {
                "type": "application",
                "name": "app/package-lock.json",
                "properties": [{"name": "aquasecurity:trivy:Class"}],
            },
        )
    )
    openssl, nodejs = found.packages
    assert (openssl.stream, openssl.version) == ("rhel:9", "1:3.0.7-24.el9")
    assert (openssl.source_name, openssl.source_version) == ("openssl", "1:3.0.7-24.el9")
    assert (nodejs.stream, nodejs.version) == ("rhel:9+nodejs:18", "1:18.9.1-1.el9")
    assert found.unassessed == ()
    assert [each.reason for each in found.notes] == ["1 of the type 'application': no packages"]


def test_syfts_properties_tell_what_a_package_without_a_purl_is() -> None:
    found = read(
        cyclonedx(
            component("debian", "12", type="operating-system", properties={"syft:distro:id": "debian"}),
            component(
                "libssl3",
                "3.0-1",
                properties={
                    "syft:package:type": "deb",
                    "syft:metadata:source": "openssl",
                    "syft:metadata:architecture": "arm64",
                    "syft:location:0:path": "/var/lib/dpkg/status",
                },
            ),
            component("core", "16.0.1", group="@angular", properties={"syft:package:type": "npm"}),
            component("log4j-core", "2.1", group="org.apache", properties={"syft:package:type": "java-archive"}),
            component("x", type="file"),
        )
    )
    libssl, angular, log4j = found.packages
    assert (libssl.stream, libssl.source_name, libssl.architecture) == ("debian:12", "openssl", "arm64")
    assert libssl.place == "var/lib/dpkg/status"
    assert (angular.kind, angular.name) == ("npm", "@angular/core")
    assert (log4j.kind, log4j.name) == ("maven", "org.apache:log4j-core")


def test_trivys_spdx_tells_source_and_release_in_its_own_way() -> None:
    found = read(
        spdx(
            {"SPDXID": "SPDXRef-OperatingSystem-bd17bf9010aa612c", "name": "alpine", "versionInfo": "3.16.0"},
            {"SPDXID": "SPDXRef-Application-150e605f5f17224d", "name": "Java", "versionInfo": "jar"},
            {"SPDXID": "SPDXRef-ContainerImage-b5d81cde5f95c8fc", "name": "image"},
            spdx_package(
                "musl-utils", "1.2", "pkg:apk/alpine/musl-utils@1.2", sourceInfo="built package from: musl 1.2"
            ),
            relationships=[
                {
                    "spdxElementId": "SPDXRef-DOCUMENT",
                    "relationshipType": "DESCRIBE",
                    "relatedSpdxElement": "SPDXRef-ContainerImage-b5d81cde5f95c8fc",
                }
            ],
        )
    )
    (musl,) = found.packages
    assert (musl.stream, musl.source_name) == ("alpine:3.16", "musl")
    assert found.unassessed == ()


def test_what_cannot_be_assessed_is_counted_and_named() -> None:
    found = read(
        cyclonedx(
            component("zlib", "1.3"),
            component("bash", "5.2-1", purl="pkg:deb/debian/bash@5.2-1"),
            component("nginx", "1.25", purl="pkg:docker/nginx@1.25"),
            component("none", "", purl="pkg:npm/none"),
            *(component(f"n{number}", purl=f"pkg:swift/n{number}@1") for number in range(12)),
        )
    )
    assert found.packages == ()
    assert {(each.package_count, each.subject.split(" ")[0]) for each in found.unassessed} == {
        (1, "zlib"),
        (1, "bash"),
        (1, "nginx"),
        (1, "none"),
        (12, "n0"),
    }
    assert found.unassessed[-1].subject.endswith("n9 1.0 and 2 more")
    assert any("of which release" in each.reason for each in found.unassessed)


def test_several_distributions_speak_for_none() -> None:
    systems = (
        component(name, release, type="operating-system") for name, release in (("debian", "12"), ("alpine", "3"))
    )
    found = read(cyclonedx(*systems, component("bash", "5", purl="pkg:deb/debian/bash@5")))
    assert found.distribution.stream == ""
    assert "several distributions" in found.notes[0].reason
    assert found.unassessed


def test_what_the_document_is_of_is_a_package_only_where_there_is_nothing_else() -> None:
    subject = component("web", "1.0.0", type="application", purl="pkg:npm/web@1.0.0")
    assert [each.name for each in read(cyclonedx(metadata={"component": subject})).packages] == ["web"]
    both = cyclonedx(component("a", purl="pkg:npm/a@1"), metadata={"component": subject})
    assert [each.name for each in read(both).packages] == ["a"]


def nested(depth: int) -> dict[str, Any]:
    found = component("a")
    for _ in range(depth):
        found = component("a", components=[found])
    return cyclonedx(found)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "bom: it is empty."),
        (b"hello", "neither CycloneDX"),
        (b"\x1f\x8b\x08", "it is packed (gzip)"),
        (b"PK\x03\x04", "it is packed (zip)"),
        (b'{"bomFormat": "CycloneDX"', "bom, line 1, column 26: it is cut or no JSON"),
        (b'{"a": "\xff"}', "bom, line 1, byte 7: it is not UTF-8"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a":' * 50_000, "nested too deep"),
        (b"{}", "/bomFormat: neither"),
        (b'{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}', "not 3"),
        (cyclonedx(version="9.9"), "bom, /specVersion: '9.9' is no version that is read"),
        (spdx(spdxVersion="SPDX-2.1"), "/spdxVersion: 'SPDX-2.1' is no version"),
        (cyclonedx(component("a") | {"name": 3}), "bom, /components/0/name: a text is expected."),
        (cyclonedx(metadata=[]), "/metadata: an object is expected"),
        (spdx(packages={}), "/packages: a list is expected"),
        (spdx(packages=[3]), "/packages/0: an object is expected"),
        (nested(70), "nested more than 64 deep"),
        (b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":[' + b"[]," * 2_100_000 + b"1]}", "objects or"),
        (cyclonedx_xml("<components><component>"), "bom, line 2: it is cut or no XML"),
        ('<!DOCTYPE bom [<!ENTITY a "b">]>' + cyclonedx_xml("")[21:], "bom, line 1: it has a document type"),
        (cyclonedx_xml("<a>" * 300), "nested more than 256 deep"),
        (cyclonedx_xml("<a/>" * 2_000_001), "more than 2000000 elements"),
        (cyclonedx_xml("", version="9.9"), "'9.9' is no version that is read"),
        ("<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>", "no CycloneDX bom"),
        (cyclonedx_xml("<components><component><name>" + "a" * 70_000), "a text is longer"),
        ("SPDXVersion: SPDX-2.3\nwhat is this", "bom, line 2: a line is `Tag: value`"),
        (
            "SPDXVersion: SPDX-2.3\nPackageComment: <text>no\nend",
            "bom, line 2: the text of PackageComment does not end",
        ),
    ],
)
def test_what_is_cut_corrupt_or_hostile_is_refused_with_place_and_reason(
    content: Mapping[str, Any] | str | bytes, words: str
) -> None:
    with pytest.raises(SbomError) as refused:
        read(content)
    assert words in refused.value.sentence
    assert refused.value.next_step


def refusal(content: Mapping[str, Any] | bytes) -> SbomError | None:
    try:
        read(content)
    except SbomError as refused:
        return refused
    return None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    refused = refusal(data)
    assert refused is None or refused.sentence.startswith("bom")


@settings(max_examples=300)
@given(st.data())
def test_a_document_changed_at_any_byte_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever one flipped, lost or added byte does to a good document, it is no crash."""
    text = data.draw(
        st.sampled_from([json.dumps(JSON_BODY), json.dumps(SPDX_BODY), cyclonedx_xml(XML_BODY), TAG_VALUE])
    )
    content = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    refused = refusal(bytes(content))
    assert refused is None or refused.reason


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["components", "metadata", "component", "properties", "evidence", "packages", "relationships"]
            )
            | st.sampled_from(
                ["name", "version", "purl", "type", "value", "externalRefs", "referenceLocator", "SPDXID"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["components", "metadata", "packages", "relationships"]), _VALUES))
def test_any_json_in_the_places_of_the_formats_is_read_or_refused(members: dict[str, Any]) -> None:
    for document in (cyclonedx() | members, spdx() | members):
        refused = refusal(document)
        assert refused is None or refused.place.startswith("/")


def test_entries_keep_their_place() -> None:
    assert [each.place for each in bom_of(source_of(TAG_VALUE)).entries] == ["line 10", "line 18"]
    assert [each.place for each in bom_of(source_of(JSON_BODY)).entries] == [
        "/components/0",
        "/components/0/components/0",
    ]
