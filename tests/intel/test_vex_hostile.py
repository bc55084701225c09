"""VEX from anybody: whatever is done to a document, it is refused as a whole or read within the limits."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oakum.core.errors import FeedError
from oakum.core.purls import PackageIdentity, PurlRefusal, parse_package
from oakum.core.ranges import parse_range
from oakum.core.streams import scheme_of_stream
from oakum.intel.importers.values import VexRecord
from oakum.intel.importers.vex import VexImporter
from oakum.intel.importers.vex.statements import RECORD_COUNT
from oakum.intel.models import VexStatement
from oakum.intel.services import import_feed
from tests.intel.vendor_feeds import mutations
from tests.intel.vex_documents import LIBSSL, analysed, branch, csaf, cyclonedx, openvex, statement, write

IMAGE = {"@id": "pkg:oci/shop", "subcomponents": [{"@id": LIBSSL}, {"@id": "pkg:npm/a@1.0.0"}]}
VERSIONS = [{"range": "vers:npm/>=1.0.0|<2.0.0", "status": "unaffected"}, {"version": "3.0.0"}]
DOCUMENTS = (
    openvex(statement(LIBSSL, IMAGE), statement("pkg:pypi/a@1.0", status="affected", action_statement="Update.")),
    cyclonedx(analysed("a", {"ref": "pkg:npm/a", "versions": VERSIONS}), components=[{"bom-ref": "a", "purl": LIBSSL}]),
    csaf(
        branch("P", LIBSSL),
        branch("Q", "pkg:npm/a", category="product_version_range", name="vers:npm/>=1.0.0"),
        status={"known_not_affected": ["P"], "fixed": ["Q"]},
        flags=[{"label": "component_not_present", "product_ids": ["P"]}],
    ),
)
WHOLE = tuple(json.dumps(each).encode() for each in DOCUMENTS)

LENGTHS = {each.name: each.max_length for each in VexStatement._meta.fields if each.max_length is not None}


def check(record: object) -> None:
    """Say what every statement must be to be kept and used."""
    assert isinstance(record, VexRecord)
    for name in ("document", "author", "vulnerability", "stream", "name", "status", "level"):
        assert 0 < len(getattr(record, name)) <= LENGTHS[name]
    for name in ("architecture", "product", "versions", "justification", "statement"):
        assert len(getattr(record, name)) <= LENGTHS[name]
    json.dumps([record.document, record.author, record.product, record.statement], ensure_ascii=False).encode()
    assert "\x00" not in record.document + record.author + record.product + record.statement + record.name
    assert len(record.aliases) <= 20
    if record.versions:
        parse_range(scheme_of_stream(record.stream), record.versions)


def only_feed_errors(path: Path) -> None:
    importer = VexImporter()
    with suppress(FeedError):
        assert 0 < len(importer.default_name(path)) <= 60
        for read in importer.records(path):
            assert len(read.records) <= RECORD_COUNT
            for record in read.records:
                check(record)


def test_the_documents_themselves_say_something(tmp_path: Path) -> None:
    for document in DOCUMENTS:
        reads = list(VexImporter().records(write(tmp_path / "vex.json", document)))
        records = [record for read in reads for record in read.records]
        assert len(records) >= 2
        for record in records:
            check(record)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.sampled_from(WHOLE).flatmap(mutations))
def test_damaged_documents(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vex.json"
    path.write_bytes(content)
    only_feed_errors(path)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from([LIBSSL, "pkg:", "P", "urn:cdx:"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to every value in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(found for key, each in inner for found in places(each, (*at, key)))]


def replaced(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[at[0]] = replaced(document[at[0]], at[1:], value)
    return copy


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_value_in_any_place(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever stands where a text, a list or an object is expected is no fault of ours."""
    document = data.draw(st.sampled_from(DOCUMENTS))
    for _ in range(data.draw(st.integers(1, 3))):
        with suppress(KeyError, IndexError, TypeError):
            document = replaced(document, data.draw(st.sampled_from(places(document))), data.draw(values))
    only_feed_errors(write(tmp_path / "vex.json", document))


LONG = "x" * 2_000_000


@pytest.mark.parametrize(
    "document",
    [
        openvex(statement(*[LIBSSL] * 2_000, impact_statement=LONG, justification=LONG)),
        openvex(statement(LONG, "pkg:npm/" + LONG, cve=LONG), statement(vulnerability={"aliases": ["A"] * 200_000})),
        openvex(statement(), author=LONG, **{"@id": LONG}),
        cyclonedx(*[analysed("pkg:npm/a", id="CVE-2024-1234")] * 2_000, metadata={"component": {"name": LONG}}),
        cyclonedx(analysed({"ref": "pkg:npm/a", "versions": [{"range": LONG}, {"range": "vers:npm/" + LONG}]})),
        csaf(
            *(branch(f"P{number}", LIBSSL) for number in range(2_000)),
            status={"known_affected": [f"P{number}" for number in range(2_000)]},
            remediations=[{"details": LONG, "product_ids": [f"P{number}" for number in range(2_000)]}],
        ),
    ],
)
def test_long_texts_cost_no_more_than_they_are_long(tmp_path: Path, document: dict[str, Any]) -> None:
    path = write(tmp_path / "vex.json", document)
    start = time.process_time()
    only_feed_errors(path)
    assert time.process_time() - start < 5


def test_deep_documents_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "vex.json"
    path.write_text('{"@context":"https://openvex.dev/ns","author":"A","statements":' + "[" * 200_000)
    with pytest.raises(FeedError, match="it is not JSON"):
        list(VexImporter().records(path))


def test_branches_and_parts_may_be_deep(tmp_path: Path) -> None:
    tree: dict[str, Any] = branch("P", LIBSSL)
    part: dict[str, Any] = {"bom-ref": "a", "purl": LIBSSL}
    for _ in range(150):
        tree, part = {"category": "vendor", "name": "x", "branches": [tree]}, {"components": [part]}
    for document in (csaf(tree, status={"fixed": ["P"]}), cyclonedx(analysed("a"), components=[part])):
        (read,) = VexImporter().records(write(tmp_path / "vex.json", document))
        assert len(read.records) == 1


@pytest.mark.django_db
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.sampled_from(WHOLE).flatmap(mutations))
def test_damaged_documents_are_kept_or_refused_by_the_database_too(
    tmp_path: Path, content: bytes, now: datetime
) -> None:
    path = tmp_path / "vex.json"
    path.write_bytes(content)
    with suppress(FeedError):
        import_feed(path, kind="vex", name="vex", force=True, now=now)


@given(purl=st.text(max_size=60) | st.builds("pkg:{}".format, st.text(max_size=60)))
def test_a_package_url_without_a_version_is_read_where_none_is_needed(purl: str) -> None:
    """What is read where a version is needed is read in the same way where none is."""
    strict, lenient = (
        parse_package(purl, stream="debian:12"),
        parse_package(purl, stream="debian:12", needs_version=False),
    )
    if isinstance(strict, PackageIdentity):
        assert lenient == strict
    if isinstance(lenient, PackageIdentity) and not lenient.version:
        assert isinstance(strict, PurlRefusal)
        assert strict.reason == "it names no version"
