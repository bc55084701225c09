"""What a publisher corrects in a notice stands on the pages at their next request, and nothing else is written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oakum.findings.index import keep_index
from oakum.findings.models import Finding, FindingChange
from oakum.findings.queries import FindingFilter, HostFinding, findings, indexed
from oakum.findings.services import assess
from oakum.fleet.sets import load_set
from oakum.identity.models import Organisation
from oakum.intel.models import Advisory
from oakum.intel.services import import_feed
from tests.factories import make_host, make_organisation
from tests.findings.world import SIMPLE
from tests.intel import feeds as files

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every organisation be looked at through the index, as one of thousands of hosts is."""
    monkeypatch.setattr(indexed, "PLAIN_HOST_COUNT_MAX", 0)
    indexed.forget_all()
    yield
    indexed.forget_all()


def notice(ref: str, name: str, **more: Any) -> dict[str, Any]:
    return files.osv_record(ref, files.osv_package(name, "3-1")) | more


def bring(folder: Path, *records: dict[str, Any], now: datetime) -> None:
    import_feed(files.write_zip(folder / "all.zip", *records), now=now)
    assess(now=now)


def shown(organisation: Organisation, name: str, now: datetime) -> HostFinding:
    page = findings(organisation_id=organisation.id, rules=SIMPLE, wanted=FindingFilter(), limit=10, now=now)
    (row,) = [each for each in page.rows if each.package == name]
    return row


@pytest.fixture
def organisation(tmp_path: Path, now: datetime) -> Organisation:
    organisation = make_organisation(now=now)
    make_host(organisation, packages=[(name, "1-1", name, "1-1") for name in ("curl", "openssl")], now=now)
    bring(tmp_path, *first(), now=now)
    keep_index(now=now, is_whole=True)
    return organisation


def first(**more: Any) -> list[dict[str, Any]]:
    return [
        notice("DSA-1-1", "curl", upstream=["CVE-2024-0001"]),
        notice("DSA-2-1", "openssl", **{"upstream": ["CVE-2024-0002"], "summary": "Words"} | more),
    ]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"summary": "Better words"}, ("Better words", ("CVE-2024-0002",), "unknown")),
        ({"upstream": ["CVE-2024-0007"]}, ("Words", ("CVE-2024-0007",), "unknown")),
        (
            {"upstream": ["CVE-2024-0002", "CVE-2024-0009"]},
            ("Words", ("CVE-2024-0002", "CVE-2024-0009"), "unknown"),
        ),
        ({"database_specific": {"severity": "CRITICAL"}}, ("Words", ("CVE-2024-0002",), "critical")),
    ],
)
def test_a_notice_of_which_only_the_words_change_is_shown_at_once(
    tmp_path: Path, now: datetime, organisation: Organisation, more: dict[str, Any], told: tuple[object, ...]
) -> None:
    before = shown(organisation, "openssl", now + MINUTE)
    assert (before.advisories[0].title, before.cves, before.severity) == ("Words", ("CVE-2024-0002",), "unknown")
    rows = {row["advisory_ref"]: row for row in Finding.objects.values()}
    seen = FindingChange.objects.order_by("id").values_list("id", flat=True).last() or 0

    bring(tmp_path, *first(**more), now=now + MINUTE)
    after = shown(organisation, "openssl", now + 2 * MINUTE)
    assert (after.advisories[0].title, after.cves, after.severity) == told
    assert shown(organisation, "curl", now + 2 * MINUTE).cves == ("CVE-2024-0001",)

    # It alone was touched: its finding points at its new row, and its package version is what readers read again.
    now_rows = {row["advisory_ref"]: row for row in Finding.objects.values()}
    assert now_rows["DSA-1-1"] == rows["DSA-1-1"]
    standing = Advisory.objects.get(ref="DSA-2-1", generation_end=None)
    assert now_rows["DSA-2-1"] == rows["DSA-2-1"] | {"advisory_id": standing.id}
    notes = [
        load_set(raw) for raw in FindingChange.objects.filter(id__gt=seen).values_list("package_versions", flat=True)
    ]
    assert [list(each) for each in notes] == [[rows["DSA-2-1"]["package_version_id"]]]


def test_the_same_feed_again_notes_and_touches_nothing(
    tmp_path: Path, now: datetime, organisation: Organisation
) -> None:
    before = (list(Finding.objects.order_by("id").values()), FindingChange.objects.count())
    path = files.write_zip(tmp_path / "all.zip", *first())
    assert import_feed(path, force=True, now=now + MINUTE).generation == 2
    assess(now=now + MINUTE)
    assert (list(Finding.objects.order_by("id").values()), FindingChange.objects.count()) == before
    assert shown(organisation, "openssl", now + MINUTE).advisories[0].title == "Words"


def test_what_ended_after_the_matching_is_kept_until_it_is_matched_with(
    tmp_path: Path, now: datetime, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that switches while the loop runs: its withdrawn notice must still be seen to have gone."""
    monkeypatch.setattr(
        "oakum.findings.services.assessing.follow",
        lambda **_words: import_feed(files.write_zip(tmp_path / "all.zip", *first()[1:]), now=now + MINUTE),
    )
    bring(tmp_path, *first(summary="Other words"), now=now)
    monkeypatch.undo()
    assert Advisory.objects.filter(ref="DSA-1-1").exists()
    assess(now=now + MINUTE)
    assert [row.advisory_ref for row in Finding.objects.all()] == ["DSA-2-1"]
    assess(now=now + MINUTE)
    assert [row.ref for row in Advisory.objects.all()] == ["DSA-2-1"]
    assert organisation.id
