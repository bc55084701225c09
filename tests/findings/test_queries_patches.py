"""Patches and vulnerabilities: what an update cures, where, by when, and what its notes say."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pyroaring import BitMap

from oakum.catalogue.models import NotesState, Update, UpdateKind
from oakum.core.compliance import Remedy
from oakum.core.errors import NotFoundError, OperatorError
from oakum.findings.queries import PatchFilter, VulnerabilityRow, patch, patches, vulnerabilities, vulnerability
from oakum.fleet.models import Host
from oakum.identity.models import Organisation
from tests.factories import make_host, make_organisation, make_version
from tests.findings.world import (
    BOD,
    CURL,
    FIX,
    NEW_SSL,
    NEW_SSL_TOOL,
    OLD_SSL,
    OLD_SSL_TOOL,
    SIMPLE,
    list_in_kev,
    make_advisory,
    make_feed,
    make_finding,
    make_note,
    make_update,
    rate,
    replace_packages,
)

pytestmark = pytest.mark.django_db

FETCHED = "Release notes will be fetched by the next host that has this update pending."


@pytest.fixture
def organisation(now: datetime) -> Organisation:
    return make_organisation(now=now)


@pytest.fixture
def web(now: datetime, organisation: Organisation) -> Host:
    """Return a host with an old openssl that is offered the fixed one."""
    return make_host(
        organisation,
        now=now,
        packages=[OLD_SSL, OLD_SSL_TOOL, CURL],
        offers=[(NEW_SSL, OLD_SSL[1]), (NEW_SSL_TOOL, OLD_SSL[1])],
    )


@pytest.fixture
def update(now: datetime, organisation: Organisation, web: Host) -> Update:
    return make_update(organisation, "openssl", FIX, now=now, host=web)


def affect(now: datetime, ref: str = "DSA-6000-1", *, cve: str = "CVE-2026-1", fixed: str = FIX) -> None:
    rows = [make_version(package, now=now) for package in (OLD_SSL, OLD_SSL_TOOL)]
    make_finding(make_advisory(ref, now=now, cves=[cve]), rows, since=now - timedelta(days=20), fixed=fixed)


def test_a_patch_says_what_it_cures_where_and_by_when(
    now: datetime, organisation: Organisation, web: Host, update: Update
) -> None:
    affect(now)
    affect(now, "DSA-6001-1", cve="CVE-2026-2", fixed="3.0.18-1")  # newer than the update: not cured by it
    page = patches(organisation_id=organisation.id, rules=SIMPLE, now=now)
    (row,) = page.rows
    assert (row.id, row.source_name, row.source_version, row.kind) == (update.id, "openssl", FIX, "security")
    assert row.packages == ("libssl3", "openssl")
    assert row.origins == ("Debian-Security stable-security",)
    assert (row.host_pending_count, row.finding_count, row.cves) == (1, 1, ("CVE-2026-1",))
    assert row.due_at == now + timedelta(days=14)
    assert (row.overdue_count, row.severity) == (0, "unknown")
    later = patches(organisation_id=organisation.id, rules=SIMPLE, now=now + timedelta(days=15)).rows[0]
    assert later.overdue_count == 1
    assert web.hostname in row.notes.sentence or row.notes.state == "wanted"


def test_release_notes_add_cves_between_installed_and_candidate(
    now: datetime, organisation: Organisation, web: Host, update: Update
) -> None:
    make_note(organisation, "openssl", FIX, now=now, host=web, cves=["CVE-2026-11"])
    make_note(organisation, "openssl", "3.0.16-1~deb12u1", now=now, host=web, cves=["CVE-2026-10"])
    make_note(organisation, "openssl", OLD_SSL[3], now=now, host=web, cves=["CVE-2025-1"])  # installed already
    make_note(organisation, "openssl", "3.0.18-1", now=now, host=web, cves=["CVE-2026-12"])  # newer than the update
    list_in_kev("CVE-2026-10", on=date(2026, 11, 1), now=now)
    found = patch(organisation_id=organisation.id, update_id=update.id, rules=BOD, now=now)
    assert found.row.cves == ("CVE-2026-10", "CVE-2026-11")
    assert found.row.kev_cves == ("CVE-2026-10",)
    assert [note.version for note in found.release_notes] == [FIX, "3.0.16-1~deb12u1"]
    assert {note.told_by for note in found.release_notes} == {"web01"}


@pytest.mark.parametrize(
    ("state", "problem", "sentence"),
    [
        (NotesState.WANTED, "", FETCHED),
        (
            NotesState.WANTED,
            "web01: no room",
            f"{FETCHED} The last try failed: web01: no room.",
        ),
        (NotesState.ASKED, "", "Release notes are being fetched: web01 was asked on 2026-11-22 12:00 UTC."),
        (NotesState.KNOWN, "", "Told by web01 on 2026-11-22 12:00 UTC."),
        (
            NotesState.ABSENT,
            "The package has no changelog.",
            "There are no release notes: The package has no changelog.",
        ),
    ],
)
def test_where_the_notes_stand_is_said_in_words(
    now: datetime,
    organisation: Organisation,
    web: Host,
    update: Update,
    *,
    state: NotesState,
    problem: str,
    sentence: str,
) -> None:
    asked = state in {NotesState.ASKED, NotesState.KNOWN}
    Update.objects.filter(id=update.id).update(
        notes_state=state,
        notes_problem=problem,
        notes_host_id=web.id if asked else None,
        notes_asked_at=now if asked else None,
        notes_at=now if state is NotesState.KNOWN else None,
    )
    (row,) = patches(organisation_id=organisation.id, rules=BOD, now=now).rows
    assert (row.notes.state, row.notes.sentence) == (state, sentence)


def test_filters(now: datetime, organisation: Organisation, web: Host, update: Update) -> None:
    affect(now)
    make_note(organisation, "openssl", FIX, now=now, host=web, cves=["CVE-2026-11"])
    idle = make_update(organisation, "zlib", "1:1.2.14-1", now=now, host=web, kind=UpdateKind.BUGFIX)

    def found(wanted: PatchFilter, *, at: datetime = now) -> list[int]:
        return [row.id for row in patches(organisation_id=organisation.id, rules=SIMPLE, now=at, wanted=wanted).rows]

    assert found(PatchFilter()) == [update.id]
    assert found(PatchFilter(pending=None)) == [update.id, idle.id]
    assert found(PatchFilter(pending=False)) == [idle.id]
    assert found(PatchFilter(kind="bugfix", pending=None)) == [idle.id]
    assert found(PatchFilter(search="libssl3")) == [update.id]
    assert found(PatchFilter(search="nothing such")) == []
    assert found(PatchFilter(cve="CVE-2026-1")) == [update.id]
    assert found(PatchFilter(cve="cve-2026-11")) == [update.id]
    assert found(PatchFilter(cve="CVE-2026-12")) == []
    assert found(PatchFilter(host_ids=(web.id,))) == [update.id]
    assert found(PatchFilter(overdue=True)) == []
    assert found(PatchFilter(overdue=True), at=now + timedelta(days=15)) == [update.id]
    with pytest.raises(OperatorError):
        found(PatchFilter(kind="important"))


def test_a_patch_lists_every_host_worst_first(
    now: datetime, organisation: Organisation, web: Host, update: Update
) -> None:
    affect(now)
    done = make_host(organisation, now=now, hostname="done", packages=[NEW_SSL])
    restart = make_host(organisation, now=now, hostname="restart", packages=[NEW_SSL])
    restart.running_old_set = BitMap([make_version(NEW_SSL, now=now).id]).serialize()
    restart.save()
    reboot = make_host(organisation, now=now, hostname="reboot", packages=[NEW_SSL])
    reboot.running_old_set, reboot.facts = restart.running_old_set, {"reboot_required_packages": ["libssl3"]}
    reboot.save()
    unseen = make_host(organisation, now=now, hostname="unseen", packages=[NEW_SSL])
    Host.objects.filter(id=unseen.id).update(stale_status="unknown")
    make_host(organisation, now=now, hostname="without", packages=[CURL])
    found = patch(organisation_id=organisation.id, update_id=update.id, rules=SIMPLE, now=now)
    assert [(row.hostname, row.remedy) for row in found.hosts] == [
        ("web01", Remedy.MISSING),
        ("unseen", Remedy.UNKNOWN),
        ("reboot", Remedy.PENDING_REBOOT),
        ("restart", Remedy.PENDING_RESTART),
        ("done", Remedy.VERIFIED),
    ]
    assert found.host_count == 5
    assert (found.hosts[0].from_version, found.hosts[0].due_at) == (OLD_SSL[1], now + timedelta(days=14))
    assert found.deadline is not None
    assert found.deadline.cve == "CVE-2026-1"
    assert [view.ref for view in found.advisories] == ["DSA-6000-1"]
    assert done.hostname == found.hosts[-1].hostname
    assert web.hostname == found.hosts[0].hostname


def test_a_half_upgraded_host_is_listed_once_as_missing(
    now: datetime, organisation: Organisation, web: Host, update: Update
) -> None:
    replace_packages(web, [make_version(OLD_SSL, now=now)], [make_version(NEW_SSL, now=now)], at=now)
    found = patch(organisation_id=organisation.id, update_id=update.id, rules=BOD, now=now)
    assert [(row.hostname, row.remedy) for row in found.hosts] == [("web01", Remedy.MISSING)]


def test_the_signing_source_of_a_kernel_cures_what_the_kernels_own_source_fixes(
    now: datetime, organisation: Organisation
) -> None:
    old = ("linux-image-6.1.0-28-amd64", "6.1.119+1", "linux-signed-amd64", "6.1.119+1")
    meta = ("linux-image-amd64", "6.1.140+1", "linux-signed-amd64", "6.1.140+1")
    host = make_host(organisation, now=now, packages=[old], offers=[(meta, "6.1.119+1")])
    make_update(organisation, "linux-signed-amd64", "6.1.140+1", now=now, host=host)
    for number, fixed in enumerate(("6.1.140-1", "6.1.140-2")):
        advisory = make_advisory(f"DSA-590{number}-1", now=now, cves=[f"CVE-2026-{number}"])
        make_finding(advisory, [make_version(old, now=now)], since=now, fixed=fixed)
    own = make_feed("host-notes", kind="host", now=now)
    told = make_advisory(
        "linux-signed-amd64 6.1.140+1", now=now, cves=["CVE-2026-7"], feed=own, organisation=organisation
    )
    make_finding(told, [make_version(old, now=now)], since=now, fixed="6.1.140+1")
    (row,) = patches(organisation_id=organisation.id, rules=BOD, now=now).rows
    assert row.cves == ("CVE-2026-0", "CVE-2026-7")


def test_hosts_whose_offers_are_unknown_are_counted(
    now: datetime, organisation: Organisation, web: Host, update: Update
) -> None:
    other = make_host(organisation, now=now, hostname="silent", packages=[OLD_SSL])
    Host.objects.filter(id=other.id).update(offers_status="unknown")
    assert patches(organisation_id=organisation.id, rules=BOD, now=now).host_offers_unknown_count == 1
    found = patch(organisation_id=organisation.id, update_id=update.id, rules=BOD, now=now)
    assert found.host_offers_unknown_count == 1
    assert found.hosts[0].hostname == web.hostname


def test_another_organisation_has_no_such_patch(now: datetime, update: Update) -> None:
    other = make_organisation(now=now, name="Other")
    assert patches(organisation_id=other.id, rules=BOD, now=now, wanted=PatchFilter(pending=None)).rows == ()
    with pytest.raises(NotFoundError):
        patch(organisation_id=other.id, update_id=update.id, rules=BOD, now=now)


def test_the_number_of_queries_does_not_grow(now: datetime, organisation: Organisation, update: Update) -> None:
    affect(now)
    with CaptureQueriesContext(connection) as few:
        patches(organisation_id=organisation.id, rules=BOD, now=now)
    for number in range(30):
        old = (f"p{number}", "1", f"source{number}", "1")
        new = (f"p{number}", "2", f"source{number}", "2")
        host = make_host(organisation, now=now, hostname=f"h{number}", packages=[old], offers=[(new, "1")])
        make_update(organisation, f"source{number}", "2", now=now, host=host)
    with CaptureQueriesContext(connection) as many:
        assert len(patches(organisation_id=organisation.id, rules=BOD, now=now, limit=100).rows) == 31
    assert len(many) <= len(few) <= 24
    with CaptureQueriesContext(connection) as one:
        patch(organisation_id=organisation.id, update_id=update.id, rules=BOD, now=now)
    assert len(one) <= 20


def test_vulnerabilities_by_their_own_deadline(now: datetime, organisation: Organisation, web: Host) -> None:
    affect(now)
    affect(now, "DSA-6001-1", cve="CVE-2026-2")
    rate("CVE-2026-2", score=9.8)
    page = vulnerabilities(organisation_id=organisation.id, rules=SIMPLE, now=now)
    assert [(row.cve, row.severity, row.due_at) for row in page.rows] == [
        ("CVE-2026-2", "critical", now + timedelta(days=7)),
        ("CVE-2026-1", "unknown", now + timedelta(days=14)),
    ]
    assert page.rows[0].severity_source == "CVSS 9.8 by NVD"
    assert [row.cve for row in _search(organisation, now, "2026-2")] == ["CVE-2026-2"]
    assert [row.cve for row in _search(organisation, now, "dsa-6000")] == ["CVE-2026-1"]
    assert len(_search(organisation, now, "libssl3")) == 2
    assert _search(organisation, now, web.hostname) == ()


def _search(organisation: Organisation, now: datetime, text: str) -> tuple[VulnerabilityRow, ...]:
    return vulnerabilities(organisation_id=organisation.id, rules=SIMPLE, now=now, search=text).rows


def test_one_vulnerability_with_every_rating_and_its_source(
    now: datetime, organisation: Organisation, web: Host
) -> None:
    affect(now)
    rate("CVE-2026-1", automatable="yes", impact="total", score=9.8)
    list_in_kev("CVE-2026-1", on=date(2026, 11, 20), now=now)
    found = vulnerability(organisation_id=organisation.id, cve="cve-2026-1", rules=BOD, now=now)
    assert (found.cvss_score, found.cvss_source, found.ssvc_source) == (9.8, "NVD", "CISA")
    assert found.kev is not None
    assert f"{found.kev.listed_at:%Y-%m-%d}" == "2026-11-20"
    assert [view.ref for view in found.advisories] == ["DSA-6000-1"]
    assert (found.host_count, found.findings.total_count) == (1, 1)
    assert found.findings.rows[0].host_id == web.id


def test_a_vulnerability_that_nobody_knows_is_no_fault(now: datetime, organisation: Organisation) -> None:
    found = vulnerability(organisation_id=organisation.id, cve="CVE-1999-1", rules=BOD, now=now)
    assert (found.cve, found.kev, found.advisories, found.host_count) == ("CVE-1999-1", None, (), 0)


def test_a_vulnerability_does_not_show_another_organisations_advisory(
    now: datetime, organisation: Organisation
) -> None:
    other = make_organisation(now=now, name="Other")
    own = make_feed("host-notes", kind="host", now=now)
    make_advisory("openssl 3", now=now, cves=["CVE-2026-1"], feed=own, organisation=other)
    found = vulnerability(organisation_id=organisation.id, cve="CVE-2026-1", rules=BOD, now=now)
    assert found.advisories == ()
    theirs = vulnerability(organisation_id=other.id, cve="CVE-2026-1", rules=BOD, now=now)
    assert [view.told_by_hosts for view in theirs.advisories] == [True]


def test_an_upgraded_host_has_the_patch_no_more_pending(
    now: datetime, organisation: Organisation, web: Host, update: Update
) -> None:
    affect(now)
    replace_packages(
        web,
        [make_version(package, now=now) for package in (OLD_SSL, OLD_SSL_TOOL)],
        [make_version(package, now=now) for package in (NEW_SSL, NEW_SSL_TOOL)],
        at=now,
    )
    Host.objects.filter(id=web.id).update(offers=[])
    found = patch(organisation_id=organisation.id, update_id=update.id, rules=BOD, now=now)
    assert [(row.hostname, row.remedy) for row in found.hosts] == [("web01", Remedy.VERIFIED)]
    assert (found.row.host_pending_count, found.row.due_at, found.deadline) == (0, None, None)
