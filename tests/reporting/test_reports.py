"""The overview, compliance and exports: what they say, of how long ago, and what they never hide."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from types import GeneratorType

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pyroaring import BitMap

from oakum.core.compliance import ComplianceState, HostVerdict
from oakum.findings.queries import FindingFilter
from oakum.fleet.models import Group, Host, HostState
from oakum.identity.models import Organisation, Person, Role
from oakum.policy.services import set_settings
from oakum.policy.values import SettingsChange
from oakum.reporting import exports
from oakum.reporting.queries import Overview, compliance, overview, patch_compliance
from oakum.rollout.models import Rollout, RolloutHost
from tests.factories import make_host, make_organisation, make_person, make_version
from tests.findings.world import (
    CURL,
    FIX,
    NEW_SSL,
    NEW_SSL_TOOL,
    OLD_SSL,
    OLD_SSL_TOOL,
    make_advisory,
    make_finding,
    make_update,
    replace_packages,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation(now: datetime) -> Organisation:
    """Return an organisation that goes by severity: high and unrated findings have 14 days."""
    organisation = make_organisation(now=now)
    change = SettingsChange(deadline_pack="severity-simple")
    set_settings(organisation_id=organisation.id, actor="person:ann", change=change, now=now)
    return organisation


def affect_ssl(now: datetime, *, since: datetime) -> None:
    rows = [make_version(package, now=now) for package in (OLD_SSL, OLD_SSL_TOOL)]
    make_finding(make_advisory("DSA-6000-1", now=now, cves=["CVE-2026-1"]), rows, since=since, fixed=FIX)


@pytest.fixture
def fleet(now: datetime, organisation: Organisation) -> dict[str, Host]:
    """Return one host of every kind."""
    long_ago = now - timedelta(days=90)
    affect_ssl(now, since=long_ago)
    hosts = {
        "late": make_host(organisation, now=now, hostname="late", packages=[OLD_SSL, CURL]),
        "new": make_host(organisation, now=now, hostname="new", packages=[OLD_SSL]),
        "clean": make_host(organisation, now=now, hostname="clean", packages=[NEW_SSL]),
        "silent": make_host(organisation, now=now, hostname="silent", packages=[NEW_SSL]),
        "mute": make_host(organisation, now=now, hostname="mute"),
        "never": make_host(organisation, now=now, hostname="never"),
    }
    Host.objects.filter(id=hosts["late"].id).update(enrolled_at=long_ago)
    Host.objects.filter(id=hosts["silent"].id).update(last_seen_at=now - timedelta(days=5))
    Host.objects.filter(id=hosts["mute"].id).update(packages_status="unknown", packages_reason="dpkg is locked.")
    Host.objects.filter(id=hosts["never"].id).update(
        packages_status="unknown", packages_reason="", last_seen_at=None, inventory_at=None
    )
    return hosts


def test_compliance_says_why_of_every_host_worst_first(
    now: datetime, organisation: Organisation, fleet: dict[str, Host]
) -> None:
    found = compliance(organisation_id=organisation.id, now=now)
    assert len(found.rows) == len(fleet)
    assert [(row.host.hostname, row.verdict.value, row.sentence) for row in found.rows] == [
        ("late", "overdue", "1 finding is overdue, openssl since 2026-09-07."),
        ("mute", "unknown", "Its packages are not known: dpkg is locked."),
        (
            "never",
            "unknown",
            "It has never been heard of since it was enrolled. Its packages are not known: it gave no reason.",
        ),
        ("silent", "unknown", "It was last heard of on 2026-11-17 12:00 UTC, 5 days ago."),
        ("clean", "compliant", "Nothing is overdue and nothing has a date."),
        ("new", "compliant", "Nothing is overdue; next is openssl, due 2026-12-06."),
    ]
    assert (found.pack.id, found.as_of.at, found.as_of.inventory_oldest_at) == ("severity-simple", now, now)


def test_unknown_hosts_stay_in_the_denominator(
    now: datetime, organisation: Organisation, fleet: dict[str, Host]
) -> None:
    dmz = Group.objects.create(organisation=organisation, name="DMZ")
    dmz.hosts.add(fleet["late"], fleet["clean"], fleet["mute"])
    found = compliance(organisation_id=organisation.id, now=now)
    total = found.total
    assert (total.host_count, total.compliant_count, total.overdue_count, total.unknown_count) == (6, 2, 1, 3)
    assert (total.compliant_percent, total.open_finding_count, total.overdue_finding_count) == (33.3, 2, 1)
    (group,) = found.groups
    assert (group.name, group.host_count, group.compliant_percent) == ("DMZ", 3, 33.3)


def test_a_quarantined_host_is_not_believed_to_be_compliant(
    now: datetime, organisation: Organisation, fleet: dict[str, Host]
) -> None:
    Host.objects.filter(id=fleet["clean"].id).update(state=HostState.QUARANTINED)
    found = compliance(organisation_id=organisation.id, now=now)
    (row,) = [row for row in found.rows if row.host.hostname == "clean"]
    assert row.verdict is HostVerdict.UNKNOWN
    assert "quarantined" in row.sentence


def test_no_host_is_no_percentage(now: datetime, organisation: Organisation) -> None:
    found = compliance(organisation_id=organisation.id, now=now)
    assert (found.rows, found.total.compliant_percent) == ((), None)


def test_a_fix_that_nobody_could_verify_is_not_compliant(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now, since=now - timedelta(days=90))
    host = make_host(organisation, now=now, packages=[OLD_SSL])
    host.stale_status = "unknown"
    replace_packages(host, [make_version(OLD_SSL, now=now)], [make_version(NEW_SSL, now=now)], at=now)
    (row,) = compliance(organisation_id=organisation.id, now=now).rows
    assert row.verdict is HostVerdict.UNKNOWN
    assert row.sentence == "1 fix is installed, and whether older code still runs could not be seen."


def overview_of(organisation: Organisation, now: datetime) -> Overview:
    """Return the overview as somebody sees it who has no part in any rollout."""
    person, _ = Person.objects.get_or_create(name="vic", defaults={"created_at": now})
    return overview(organisation_id=organisation.id, person_id=person.id, now=now)


def test_the_overview_says_what_is_overdue_and_who_is_silent(
    now: datetime, organisation: Organisation, fleet: dict[str, Host]
) -> None:
    found = overview_of(organisation, now)
    assert (found.counts.overdue, found.counts.open, found.counts.host) == (1, 2, len(fleet))
    assert [row.hostname for row in found.soonest] == ["late", "new"]
    assert [(host.hostname, host.sentence) for host in found.silent] == [
        ("never", "It has never been heard of since it was enrolled."),
        ("silent", "Last heard of on 2026-11-17 12:00 UTC."),
    ]
    assert [(host.hostname, host.sentence) for host in found.unknown] == [
        ("mute", "dpkg is locked. Last known on 2026-11-22 12:00 UTC.")
    ]
    assert found.as_of.at == now
    assert [feed.name for feed in found.feeds] == ["osv-debian"]


def test_what_was_closed_lately_is_what_no_longer_runs(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now, since=now - timedelta(days=9))
    old = [make_version(package, now=now) for package in (OLD_SSL, OLD_SSL_TOOL)]
    new = [make_version(package, now=now) for package in (NEW_SSL, NEW_SSL_TOOL)]
    hosts = {
        name: make_host(organisation, now=now, hostname=name, packages=[OLD_SSL, OLD_SSL_TOOL])
        for name in ("done", "running", "unseen", "before", "half")
    }
    hosts["unseen"].stale_status = "unknown"
    for name, host in hosts.items():
        at = now - timedelta(days=8 if name == "before" else 1)
        replace_packages(host, old[:1] if name == "half" else old, new[:1] if name == "half" else new, at=at)
    hosts["running"].running_old_set = BitMap([new[0].id]).serialize()
    hosts["running"].save()
    closed = overview_of(organisation, now).closed
    assert [(row.hostname, row.package, row.from_version, row.cves) for row in closed.rows] == [
        ("done", "openssl", OLD_SSL[3], ("CVE-2026-1",))
    ]
    assert (closed.total_count, closed.is_whole, closed.since) == (1, True, now - timedelta(days=7))
    assert closed.rows[0].replaced_at == now - timedelta(days=1)


def test_a_package_that_was_replaced_twice_was_closed_once_by_the_newest(
    now: datetime, organisation: Organisation
) -> None:
    older = ("libssl3", "3.0.11-1", "openssl", "3.0.11-1")
    versions = [make_version(package, now=now) for package in (older, OLD_SSL, NEW_SSL)]
    advisory = make_advisory("DSA-6000-1", now=now, cves=["CVE-2026-1"])
    make_finding(advisory, versions[:2], since=now - timedelta(days=9), fixed=FIX)
    host = make_host(organisation, now=now, packages=[older])
    replace_packages(host, versions[:1], versions[1:2], at=now - timedelta(days=2))
    replace_packages(host, versions[1:2], versions[2:], at=now - timedelta(days=1))
    (row,) = overview_of(organisation, now).closed.rows
    assert (row.from_version, row.replaced_at) == (OLD_SSL[3], now - timedelta(days=1))


def test_a_host_that_cannot_tell_its_packages_has_closed_nothing(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now, since=now - timedelta(days=9))
    host = make_host(organisation, now=now, packages=[OLD_SSL])
    replace_packages(host, [make_version(OLD_SSL, now=now)], [make_version(NEW_SSL, now=now)], at=now)
    assert overview_of(organisation, now).closed.total_count == 1
    Host.objects.filter(id=host.id).update(packages_status="unknown")
    assert overview_of(organisation, now).closed.total_count == 0


def test_one_organisations_reports_say_nothing_of_anothers(
    now: datetime, organisation: Organisation, fleet: dict[str, Host]
) -> None:
    other = make_organisation(now=now, name="Other")
    assert fleet
    assert compliance(organisation_id=other.id, now=now).rows == ()
    seen = overview_of(other, now)
    assert (seen.counts.host, seen.soonest, seen.silent) == (0, (), ())
    assert list(exports.findings_csv(organisation_id=other.id, now=now))[1:] == []
    assert organisation.id != other.id


def attempt_on(organisation: Organisation, host: Host, now: datetime, *, version: str, came_of_it: str) -> None:
    """Record that a rollout was to bring this version to the host, and what came of it."""
    rollout = Rollout.objects.create(
        organisation=organisation,
        number=1,
        name="openssl",
        state="halted",
        spec={},
        spec_hash="0" * 64,
        approvals_required=1,
        requested_by=make_person(organisation, now=now),
        created_at=now,
    )
    change = {"name": "libssl3", "architecture": "amd64", "from_version": OLD_SSL[1], "to_version": version}
    RolloutHost.objects.create(
        rollout=rollout, host=host, ring=0, change_set=0, changes=[change], state=came_of_it, changed_at=now
    )


@pytest.mark.parametrize(
    ("version", "came_of_it", "state"),
    [
        (FIX, "rolled_back", ComplianceState.FAILED),
        (FIX, "failed", ComplianceState.FAILED),
        (FIX, "waiting", ComplianceState.MISSING),
        (FIX, "withdrawn", ComplianceState.MISSING),
        ("3.0.16-1", "rolled_back", ComplianceState.MISSING),
    ],
)
def test_a_missing_patch_whose_last_attempt_failed_has_failed(
    now: datetime, organisation: Organisation, *, version: str, came_of_it: str, state: ComplianceState
) -> None:
    host = make_host(organisation, now=now, packages=[OLD_SSL], offers=[(NEW_SSL, OLD_SSL[1])])
    make_host(organisation, now=now, hostname="done", packages=[NEW_SSL])
    make_host(organisation, now=now, hostname="without", packages=[CURL])
    make_update(organisation, "openssl", FIX, now=now, host=host)
    attempt_on(organisation, host, now, version=version, came_of_it=came_of_it)
    (patch,) = patch_compliance(organisation_id=organisation.id, now=now)
    assert [(row.hostname, row.state) for row in patch.hosts] == [
        ("web01", state),
        ("done", ComplianceState.INSTALLED),
    ]
    assert patch.not_applicable_count == 1
    assert list(patch_compliance(organisation_id=organisation.id, now=now, kind="bugfix")) == []


def test_the_overview_says_what_waits_for_whom_and_what_is_moving(now: datetime, organisation: Organisation) -> None:
    host = make_host(organisation, now=now, packages=[OLD_SSL])
    attempt_on(organisation, host, now, version=FIX, came_of_it="rolled_back")
    approver = make_person(organisation, now=now, name="bob", role=Role.APPROVER)
    found = overview(organisation_id=organisation.id, person_id=approver.id, now=now)
    assert [(row.number, row.verb.value) for row in found.waiting] == [(1, "resume")]
    assert [(row.number, row.state.value, row.failed_count) for row in found.moving] == [(1, "halted", 1)]
    assert found.moving_count == 1
    assert overview_of(organisation, now).waiting == ()
    Rollout.objects.update(state="completed")
    done = overview(organisation_id=organisation.id, person_id=approver.id, now=now)
    assert (done.waiting, done.moving, done.moving_count) == ((), (), 0)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_findings_leave_as_csv_and_json_alike(
    now: datetime, organisation: Organisation, fleet: dict[str, Host]
) -> None:
    Host.objects.filter(id=fleet["late"].id).update(hostname="=late")
    lines = exports.findings_csv(organisation_id=organisation.id, now=now)
    assert isinstance(lines, GeneratorType)
    rows = rows_of("".join(lines))
    assert [(row["hostname"], row["overdue"], row["due_at"]) for row in rows] == [
        ("'=late", "yes", "2026-09-07T12:00:00Z"),
        ("new", "no", "2026-12-06T12:00:00Z"),
    ]
    assert {row["pack"] for row in rows} == {"severity-simple"}
    assert {row["exported_at"] for row in rows} == {"2026-11-22T12:00:00Z"}
    assert rows[0]["defaulted_inputs"] == "kev severity"
    found = json.loads("".join(exports.findings_json(organisation_id=organisation.id, now=now)))
    assert found["meta"]["pack_version"] == "1.0.0"
    assert [row["hostname"] for row in found["rows"]] == ["=late", "new"]
    assert found["rows"][0]["cves"] == ["CVE-2026-1"]


def test_an_export_can_be_filtered_and_says_so(
    now: datetime, organisation: Organisation, fleet: dict[str, Host]
) -> None:
    wanted = FindingFilter(overdue=True, host_ids=(fleet["late"].id,))
    found = json.loads("".join(exports.findings_json(organisation_id=organisation.id, now=now, wanted=wanted)))
    assert len(found["rows"]) == 1
    assert found["meta"]["filter"] == {"overdue": True, "host_ids": [str(fleet["late"].id)]}


def test_compliance_leaves_as_csv_and_json_alike(
    now: datetime, organisation: Organisation, fleet: dict[str, Host]
) -> None:
    rows = rows_of("".join(exports.compliance_csv(organisation_id=organisation.id, now=now)))
    assert [row["hostname"] for row in rows] == ["late", "mute", "never", "silent", "clean", "new"]
    assert (rows[0]["verdict"], rows[0]["overdue_findings"], rows[0]["reachability"]) == ("overdue", "1", "internal")
    found = json.loads("".join(exports.compliance_json(organisation_id=organisation.id, now=now)))
    assert found["meta"]["total"]["unknown_count"] == 3
    assert found["meta"]["as_of"]["at"] == "2026-11-22T12:00:00Z"
    assert len(found["rows"]) == len(fleet)


def test_patches_leave_as_csv_and_json_alike(now: datetime, organisation: Organisation) -> None:
    host = make_host(organisation, now=now, packages=[OLD_SSL], offers=[(NEW_SSL, OLD_SSL[1])])
    make_host(organisation, now=now, hostname="without", packages=[CURL])
    make_update(organisation, "openssl", FIX, now=now, host=host)
    (row,) = rows_of("".join(exports.patches_csv(organisation_id=organisation.id, now=now)))
    assert (row["source_package"], row["hostname"], row["state"]) == ("openssl", "web01", "missing")
    found = json.loads("".join(exports.patches_json(organisation_id=organisation.id, now=now)))
    assert found["rows"][0]["states"] == {"missing": 1, "not_applicable": 1}
    assert found["rows"][0]["hosts"][0]["hostname"] == "web01"


def test_the_overview_does_not_ask_more_of_a_bigger_fleet(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now, since=now)
    make_host(organisation, now=now, hostname="first", packages=[OLD_SSL])
    with CaptureQueriesContext(connection) as few:
        overview_of(organisation, now)
    for number in range(30):
        host = make_host(organisation, now=now, hostname=f"host{number}", packages=[OLD_SSL])
        replace_packages(host, [make_version(OLD_SSL, now=now)], [make_version(NEW_SSL, now=now)], at=now)
    with CaptureQueriesContext(connection) as many:
        assert overview_of(organisation, now).closed.total_count == 30
    assert len(many) <= len(few) + 10  # the package versions that left: one look more, whatever their number
    assert len(many) <= 32
