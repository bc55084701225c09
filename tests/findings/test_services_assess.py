"""Findings: they appear, keep their date, and go with their advisory; a host's word touches no feed's finding."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from oakum.catalogue.models import PackageVersion, Update
from oakum.catalogue.services import Ask, VersionRow, ask_for_notes, record_notes, see_updates, upsert_versions
from oakum.findings.loops import assess_step
from oakum.findings.models import Assessed, Finding
from oakum.findings.services import assess, assessing, writing
from oakum.findings.services.scope import read_intel
from oakum.fleet.models import Host
from oakum.identity.models import Organisation
from oakum.intel.models import Advisory
from oakum.intel.services import import_feed, withdraw_vex
from oakum.journal.models import Entry
from oakum.protocol.inventory import Offer, Origin
from oakum.protocol.messages import ChangelogEntry, NotesUpload
from tests.factories import make_host, make_organisation, make_version
from tests.intel import feeds as files
from tests.intel import vex_documents as documents

pytestmark = pytest.mark.django_db

OPENSSL = ("libssl3", "3.0-1", "openssl", "3.0-1")
SECURE = Origin(
    origin="Debian", label="Debian-Security", suite="oldstable-security", codename="bookworm-security", component="main"
)


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's database is a new one: what this process remembers of others does not hold."""
    monkeypatch.setattr(assessing, "_taken_marks", {})


def feed(path: Path, now: datetime, *records: object, name: str = "osv-debian") -> None:
    import_feed(files.write_zip(path / "all.zip", *records), name=name, now=now)  # type: ignore[arg-type]


def record(ref: str = "DSA-1-1", fixed: str = "3.0-2", source: str = "openssl", **more: object) -> dict[str, object]:
    return files.osv_record(ref, files.osv_package(source, fixed)) | more


def found() -> list[tuple[str, str, str, str]]:
    rows = Finding.objects.order_by("package_version__name", "feed_name", "advisory_ref")
    return list(rows.values_list("package_version__name", "feed_name", "advisory_ref", "fixed_version"))


def test_a_finding_appears_with_its_evidence(tmp_path: Path, now: datetime) -> None:
    make_version(OPENSSL, now=now)
    make_version(("libssl-doc", "3.0-1", "openssl", "3.0-1"), now=now)
    make_version(("libssl3", "3.0-2", "openssl", "3.0-2"), now=now)
    feed(tmp_path, now, record("DSA-5999-1"))
    report = assess(now=now)
    (finding,) = Finding.objects.all()
    assert (
        finding.evidence
        == "openssl 3.0-1 is older than 3.0-2, fixed by DSA-5999-1 (feed osv-debian, range vers:deb/<3.0-2)"
    )
    assert (finding.organisation_id, finding.state, finding.fixed_version, finding.since) == (
        None,
        "affected",
        "3.0-2",
        now,
    )
    assert (report.version_count, report.appeared_count, report.gone_count) == (3, 1, 0)
    entry = Entry.objects.get(kind="findings.assessed")
    assert (entry.actor, entry.subject, entry.chain) == ("loop:assess", "stream:debian:12", "installation")


def test_running_it_again_matches_nothing_and_changes_nothing(tmp_path: Path, now: datetime) -> None:
    make_version(OPENSSL, now=now)
    feed(tmp_path, now, record())
    assess(now=now)
    before = (list(Finding.objects.values()), Entry.objects.count(), list(Assessed.objects.values()))
    report = assess(now=now + timedelta(hours=1))
    assert report.version_count == 0
    assert (list(Finding.objects.values()), Entry.objects.count(), list(Assessed.objects.values())) == before


def test_only_new_package_versions_are_matched(tmp_path: Path, now: datetime) -> None:
    for number in range(5):
        make_version((f"package-{number}", "1", "openssl", "3.0-1"), now=now)
    feed(tmp_path, now, record())
    assess(now=now)
    make_version(OPENSSL, now=now)
    assert assess(now=now).version_count == 1
    assert len(found()) == 6


def test_a_lower_id_that_was_committed_late_is_not_missed(tmp_path: Path, now: datetime) -> None:
    """Two processes insert at once: the higher id may be seen first."""
    late = make_version(OPENSSL, now=now)
    row = PackageVersion.objects.values().get(id=late.id)
    early = make_version(("openssl", "3.0-1", "openssl", "3.0-1"), now=now)
    late.delete()
    feed(tmp_path, now, record())
    assess(now=now)
    assert [name for name, *_ in found()] == ["openssl"]
    PackageVersion.objects.create(**row)
    assert row["id"] < early.id
    assess(now=now)
    assert [name for name, *_ in found()] == ["libssl3", "openssl"]


def test_a_new_generation_that_says_the_same_keeps_the_date(tmp_path: Path, now: datetime) -> None:
    make_version(OPENSSL, now=now)
    feed(tmp_path, now, record())
    assess(now=now)
    later = now + timedelta(days=3)
    feed(tmp_path, later, record(fixed="3.0-5"), record("DSA-2-1"))
    report = assess(now=later)
    kept, new = Finding.objects.order_by("advisory_ref")
    assert (kept.since, kept.fixed_version, kept.advisory.generation) == (now, "3.0-5", 2)
    assert kept.evidence.startswith("openssl 3.0-1 is older than 3.0-5")
    assert new.since == later
    assert (report.appeared_count, report.changed_count, report.gone_count) == (1, 1, 0)


def vex(path: Path, now: datetime, *statements: dict[str, object], author: str = "Acme") -> str:
    document = documents.openvex(*statements, author=author)
    return import_feed(documents.write(path / "acme.vex.json", document), name=f"vex-{author}", now=now).feed_name


SOURCE_PURL = "pkg:deb/debian/openssl?arch=source&distro=debian-12"


def test_a_vex_statement_closes_a_finding_and_taking_it_back_opens_it(tmp_path: Path, now: datetime) -> None:
    make_version(OPENSSL, now=now)
    make_version(("curl", "1", "curl", "1"), now=now)
    feed(tmp_path, now, record(upstream=["CVE-2024-0001"]), record("DSA-2-1", "2", "curl", upstream=["CVE-2024-0009"]))
    assess(now=now)
    before = list(Finding.objects.order_by("id").values())
    name = vex(tmp_path, now, documents.statement(SOURCE_PURL))
    assert assess(now=now).changed_count == 1
    closed = Finding.objects.get(advisory_ref="DSA-1-1")
    assert (closed.state, closed.state_author, closed.since) == ("not_affected", "Acme", now)
    assert closed.evidence.endswith("; Acme says not affected (vulnerable_code_not_present)")
    # Again, and with the advisory's next generation: nothing moves.
    assert assess(now=now).version_count == 0
    withdraw_vex(feed_name=name, now=now)
    assert assess(now=now).changed_count == 1
    assert list(Finding.objects.order_by("id").values()) == before
    assert assess(now=now).version_count == 0


def test_a_vex_statement_that_came_first_counts_for_what_comes_later(tmp_path: Path, now: datetime) -> None:
    vex(tmp_path, now, documents.statement(SOURCE_PURL))
    assess(now=now)
    feed(tmp_path, now, record(upstream=["CVE-2024-0001"]))
    assess(now=now)
    make_version(OPENSSL, now=now)
    assess(now=now)
    assert [(each.state, each.state_author) for each in Finding.objects.all()] == [("not_affected", "Acme")]


def test_a_notice_is_closed_by_the_records_of_its_flaws(tmp_path: Path, now: datetime) -> None:
    make_version(OPENSSL, now=now)
    feed(tmp_path, now, record(upstream=["CVE-2024-0001", "CVE-2024-0002"]))
    assess(now=now)
    assert Finding.objects.get().state == "affected"
    records = [
        record("DEBIAN-CVE-2024-0001", "3.0-1", upstream=["CVE-2024-0001"]),
        record("DEBIAN-CVE-2024-0002", "2.9-1", upstream=["CVE-2024-0002"]),
    ]
    feed(tmp_path, now, *records, name="osv-records")
    assess(now=now)
    finding = Finding.objects.get()
    assert (finding.state, finding.state_author) == ("not_affected", "feed osv-records")
    feed(tmp_path, now, record("DEBIAN-CVE-2024-0001", "3.0-9", upstream=["CVE-2024-0001"]), name="osv-records")
    assess(now=now)
    states = dict(Finding.objects.values_list("advisory_ref", "state"))
    assert states == {"DSA-1-1": "affected", "DEBIAN-CVE-2024-0001": "affected"}


def test_one_changed_advisory_of_a_feed_rewrites_its_own_findings_alone(tmp_path: Path, now: datetime) -> None:
    for number in range(30):
        make_version((f"package-{number}", "1", f"source-{number}", "1"), now=now)
    records = [record(f"DSA-{number}-1", "2", f"source-{number}") for number in range(30)]
    feed(tmp_path, now, *records)
    assert assess(now=now).appeared_count == 30
    before = {row["advisory_ref"]: row for row in Finding.objects.values()}
    later = now + timedelta(days=1)
    feed(tmp_path, later, *records[:-1], record("DSA-29-1", "3", "source-29"))
    report = assess(now=later)
    assert (report.version_count, report.appeared_count, report.changed_count, report.gone_count) == (1, 0, 1, 0)
    after = {row["advisory_ref"]: row for row in Finding.objects.values()}
    assert after.pop("DSA-29-1")["fixed_version"] == "3"
    assert after == {ref: before[ref] for ref in after}
    assert Advisory.objects.filter(generation=1).count() == 29
    entries = Entry.objects.filter(kind="findings.assessed")
    assert entries.count() == 1  # the first one: nothing appeared or went since


def test_another_feed_touches_no_finding_of_this_one(tmp_path: Path, now: datetime) -> None:
    make_version(OPENSSL, now=now)
    make_version(("curl", "1", "curl", "1"), now=now)
    feed(tmp_path, now, record())
    assess(now=now)
    feed(tmp_path, now, record("DSA-2-1", "2", "curl"), name="mine")
    assert assess(now=now).version_count == 1
    assert [row[2] for row in found()] == ["DSA-2-1", "DSA-1-1"]


def test_former_advisories_go_only_after_findings_have_left_them(tmp_path: Path, now: datetime) -> None:
    make_version(OPENSSL, now=now)
    feed(tmp_path, now, record())
    assess(now=now)
    feed(tmp_path, now, record(details="Other words."))
    assessing._remove_former(read_intel())
    assert Advisory.objects.count() == 2
    assert len(found()) == 1
    assess(now=now)
    assert list(Advisory.objects.values_list("generation", flat=True)) == [2]
    assert len(found()) == 1


def test_findings_go_with_their_advisory(tmp_path: Path, now: datetime) -> None:
    make_version(OPENSSL, now=now)
    feed(tmp_path, now, record("DSA-1-1"), record("DSA-2-1"), record("DSA-3-1"))
    assess(now=now)
    feed(tmp_path, now, record("DSA-1-1"), record("DSA-2-1", withdrawn="2026-11-01T00:00:00Z"))
    report = assess(now=now)
    assert [ref for _, _, ref, _ in found()] == ["DSA-1-1"]
    assert report.gone_count == 2


def test_a_failed_import_changes_no_finding(tmp_path: Path, now: datetime) -> None:
    make_version(OPENSSL, now=now)
    feed(tmp_path, now, record())
    assess(now=now)
    before = list(Finding.objects.values())
    with pytest.raises(Exception, match="nothing was changed"):
        feed(tmp_path, now, record("DSA-2-1"), record("") | {"id": ""})
    assess(now=now)
    assert list(Finding.objects.values()) == before


def test_streams_do_not_mix(tmp_path: Path, now: datetime) -> None:
    make_version(OPENSSL, now=now, stream="debian:11")
    feed(tmp_path, now, record())
    assess(now=now)
    assert found() == []


def test_a_killed_run_is_finished_by_the_next(tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(400):
        make_version((f"package-{number:03}", "1", f"source-{number:03}", "1"), now=now)
    feed(tmp_path, now, *(record(f"DSA-{number}-1", "2", f"source-{number:03}") for number in range(400)))

    steps = iter(range(3))
    journal = writing._journal

    def killed_at_the_third(stream: str, counts: list[int], at: datetime) -> None:
        journal(stream, counts, at)
        if next(steps) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(writing, "ROW_COUNT_MAX", 100)
        patch.setattr(writing, "_journal", killed_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            assess(now=now)
    # The third transaction went with the kill, its journal entry too.
    written = Finding.objects.count()
    assert written == 200
    assert Entry.objects.filter(kind="findings.assessed").count() == 2
    later = now + timedelta(minutes=5)
    assess(now=later)
    assert Finding.objects.count() == 400
    assert Finding.objects.filter(since=now).count() == written


def test_many_findings_are_written_in_short_transactions(tmp_path: Path, now: datetime) -> None:
    for number in range(120):
        make_version((f"package-{number:03}", "1", "openssl", "3.0-1"), now=now)
    feed(tmp_path, now, *(record(f"DSA-{number}-1") for number in range(20)))
    assess(now=now)
    assert Finding.objects.count() == 2_400
    payloads = list(Entry.objects.filter(kind="findings.assessed").values_list("payload", flat=True))
    counts = [payload["appeared_count"] for payload in payloads if payload]
    assert sum(counts) == 2_400
    assert max(counts) <= writing.ROW_COUNT_MAX


def test_the_loop_says_what_it_waits_for(tmp_path: Path, now: datetime) -> None:
    assert assess_step(now) == "new package versions, advisories or release notes"
    make_version(OPENSSL, now=now)
    feed(tmp_path, now, record())
    assert "1 package versions matched last: 1 findings appeared, 0 went" in assess_step(now)


def offer(version: str = "3.0-2", source: str = "openssl", origin: Origin = SECURE) -> Offer:
    return Offer(
        name="libssl3",
        architecture="amd64",
        installed_version="3.0-1",
        candidate_version=version,
        source_name=source,
        source_version=version,
        origins=(origin,),
    )


def tell(
    organisation: Organisation, host: Host, now: datetime, offers: list[Offer], entries: list[ChangelogEntry]
) -> None:
    """Let a host say all that a host can say of updates."""
    see_updates(organisation_id=organisation.id, host_id=host.id, stream="debian:12", offers=offers, now=now)
    for update in Update.objects.filter(organisation=organisation):
        ask = Ask(
            update_id=update.id,
            host_id=host.id,
            package_name="libssl3",
            package_version="1",
            architecture="amd64",
            since_version="",
        )
        ask_for_notes(organisation_id=organisation.id, asks=(ask,), now=now)
        upload = NotesUpload(
            protocol=1,
            source_name=update.source_name,
            source_version=update.source_version,
            problem="",
            entries=tuple(entries),
        )
        record_notes(organisation_id=organisation.id, host_id=host.id, upload=upload, now=now)


def entry(version: str, text: str) -> ChangelogEntry:
    return ChangelogEntry(version=version, distribution="bookworm-security", urgency="high", date="", text=text)


def test_what_hosts_tell_is_a_finding_of_their_organisation_alone(now: datetime) -> None:
    organisation = make_organisation(now=now)
    host = make_host(organisation, now=now, packages=[OPENSSL])
    tell(organisation, host, now, [offer()], [])
    assess(now=now)
    (finding,) = Finding.objects.all()
    assert (finding.organisation_id, finding.feed_name, finding.advisory_ref) == (
        organisation.id,
        "host-notes",
        "openssl 3.0-2",
    )
    later = now + timedelta(hours=1)
    tell(organisation, host, later, [offer()], [entry("3.0-2", "* CVE-2024-0001"), entry("3.0-1.5", "* CVE-2024-0002")])
    assert assess(now=later).version_count == 1
    assert [ref for _, _, ref, _ in found()] == ["openssl 3.0-1.5", "openssl 3.0-2"]
    assert Finding.objects.get(advisory_ref="openssl 3.0-2").since == now


def test_notes_are_matched_without_matching_everything_anew(now: datetime) -> None:
    organisation = make_organisation(now=now)
    host = make_host(organisation, now=now, packages=[OPENSSL])
    for number in range(50):
        make_version((f"package-{number}", "1", f"source-{number}", "1"), now=now)
    assert assess(now=now).version_count == 51
    tell(organisation, host, now, [offer()], [entry("3.0-2", "* CVE-2024-0001")])
    assert assess(now=now + timedelta(seconds=1)).version_count == 1
    assert len(found()) == 1


def test_notes_are_matched_even_if_the_clock_was_set_back(now: datetime) -> None:
    organisation = make_organisation(now=now)
    host = make_host(organisation, now=now, packages=[OPENSSL])
    tell(organisation, host, now, [offer()], [])
    assess(now=now)
    before = now - timedelta(days=1)
    tell(organisation, host, before, [offer("3.0-3")], [])
    assess(now=before)
    assert [ref for _, _, ref, _ in found()] == ["openssl 3.0-2", "openssl 3.0-3"]


def test_a_note_on_the_kernels_source_reaches_the_signed_images(now: datetime) -> None:
    organisation = make_organisation(now=now)
    image = ("linux-image-6.1.0-36-amd64", "6.1.139-1", "linux-signed-amd64", "6.1.139+1")
    host = make_host(organisation, now=now, packages=[image])
    assess(now=now)
    tell(organisation, host, now, [offer("6.1.140-1", "linux")], [])
    assess(now=now + timedelta(seconds=1))
    assert [(name, ref) for name, _, ref, _ in found()] == [("linux-image-6.1.0-36-amd64", "linux 6.1.140-1")]


WORDS = [
    "* Fix CVE-2024-0001",
    "* Not affected by CVE-2024-0001",
    "* Revert the fix for CVE-2024-0001",
    "* DSA-1-1 is withdrawn",
    "",
]
versions = st.sampled_from(["0", "1:0", "3.0-0", "3.0-1", "3.0-2", "3.0-9", "nonsense", "1:"])
origins = st.builds(
    lambda label, suite, trusted: Origin(
        origin="Debian", label=label, suite=suite, codename=suite, component="main", trusted=trusted
    ),
    st.sampled_from(["Debian", "Debian-Security", ""]),
    st.sampled_from(["oldstable-security", "bookworm-backports", ""]),
    st.booleans(),
)
sources = st.sampled_from(["openssl", "openssl ", "other", "OpenSSL"])


class TestAHostsWordAndAFeedsFinding(TestCase):
    """design.md: findings go with their advisory, never because a host says so."""

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        offers=st.lists(st.builds(offer, versions, sources, origins), max_size=4),
        entries=st.lists(st.builds(entry, versions, st.sampled_from(WORDS)), max_size=4),
        package=st.tuples(st.just("libssl3"), versions, sources, versions),
    )
    def test_it_neither_removes_nor_changes_it(
        self, offers: list[Offer], entries: list[ChangelogEntry], package: tuple[str, str, str, str]
    ) -> None:
        now = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
        assessing._taken_marks.clear()
        path = Path(os.environ["OAKUM_DATA_DIR"])
        organisation, other = make_organisation(now=now), make_organisation(now=now, name="Other")
        host = make_host(organisation, now=now, packages=[OPENSSL])
        feed(path, now, record(), record("DSA-2-1", fixed=""))
        assess(now=now)
        before = list(Finding.objects.filter(organisation_id=None).order_by("id").values())
        assert len(before) == 2

        later = now + timedelta(hours=1)
        name, version, source, source_version = package
        row = VersionRow("debian:12", name, version, "amd64", source, source_version)
        upsert_versions(rows=[row], now=later)
        tell(organisation, host, later, offers, entries)
        tell(other, host, later, [], [])
        Host.objects.filter(id=host.id).update(offers=[], offers_status="known")
        assess(now=later)

        after = list(Finding.objects.filter(organisation_id=None).order_by("id").values())
        assert after[:2] == before
        assert {each["feed_name"] for each in after} == {"osv-debian"}
        assert set(Finding.objects.exclude(organisation_id=None).values_list("feed_name", "organisation_id")) <= {
            ("host-notes", organisation.id)
        }


REAL = os.environ.get("OAKUM_TEST_DATA", "")


@pytest.mark.skipif(not REAL, reason="OAKUM_TEST_DATA names no folder with published feeds")
def test_known_advisories_are_found_on_debian_11_and_12(now: datetime) -> None:
    """From the security team's own list: what each advisory fixed, and where."""
    import_feed(Path(REAL) / "osv-debian-dsa-dla-all.zip", now=now)
    eleven = [
        ("openssl", "1.1.1n-0+deb11u3", "openssl", "1.1.1n-0+deb11u3"),
        ("libssl1.1", "1.1.1n-0+deb11u3", "openssl", "1.1.1n-0+deb11u3"),
        ("libssl-doc", "1.1.1n-0+deb11u3", "openssl", "1.1.1n-0+deb11u3"),
        ("curl", "7.74.0-1.3+deb11u7", "curl", "7.74.0-1.3+deb11u7"),
        ("linux-image-5.10.0-20-amd64", "5.10.158-2", "linux-signed-amd64", "5.10.158+2"),
        ("linux-libc-dev", "5.10.158-2", "linux", "5.10.158-2"),
    ]
    twelve = [("openssl", "3.0.8-1", "openssl", "3.0.8-1")]
    for stream, packages in (("debian:11", eleven), ("debian:12", twelve)):
        for package in packages:
            make_version(package, now=now, stream=stream)
    assess(now=now)
    expected = {
        "openssl": {"DSA-5343-1"},
        "libssl1.1": {"DSA-5343-1"},
        "linux-image-5.10.0-20-amd64": {"DSA-5324-1"},
    }
    by_name: dict[str, set[str]] = {}
    for name, _, ref, _ in found():
        by_name.setdefault(name, set()).add(ref)
    assert by_name == expected
