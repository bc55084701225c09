"""Host findings: what is open where, by when, and what is never shown."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pyroaring import BitMap

from oakum.core.compliance import Remedy
from oakum.core.errors import NotFoundError, OperatorError
from oakum.findings.queries import FindingFilter, counts, findings, host_findings, host_summaries
from oakum.fleet.models import Group, Host, HostState
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
    rate,
    replace_packages,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation(now: datetime) -> Organisation:
    return make_organisation(now=now)


def affect_ssl(now: datetime, *, since: datetime | None = None, cves: tuple[str, ...] = ("CVE-2026-1",)) -> None:
    advisory = make_advisory("DSA-6000-1", now=now, cves=cves)
    versions = [make_version(package, now=now) for package in (OLD_SSL, OLD_SSL_TOOL)]
    make_finding(advisory, versions, since=since or now - timedelta(days=1), fixed=FIX)


def test_binaries_of_one_source_are_one_row_with_its_reasons(now: datetime, organisation: Organisation) -> None:
    host = make_host(organisation, now=now, packages=[OLD_SSL, OLD_SSL_TOOL, CURL])
    affect_ssl(now)
    page = findings(organisation_id=organisation.id, rules=BOD, now=now)
    assert page.total_count == 1
    (row,) = page.rows
    assert (row.host_id, row.hostname) == (host.id, "web01")
    assert (row.package, row.version, row.packages) == ("openssl", "3.0.15-1~deb12u1", ("libssl3", "openssl"))
    assert (row.cves, row.fixed_version, row.remedy) == (("CVE-2026-1",), FIX, Remedy.MISSING)
    assert row.advisories[0].evidence == f"3.0.15-1~deb12u1 is below {FIX}"
    assert row.deadline.rule == "KEV=N PE=N A=N TI=T"
    assert row.deadline.due_at is None
    assert {one.name: one.defaulted for one in row.deadline.inputs}["technical_impact"]
    assert (page.as_of.at, page.as_of.inventory_oldest_at) == (now, now)


def test_a_host_without_the_affected_version_is_not_listed(now: datetime, organisation: Organisation) -> None:
    make_host(organisation, now=now, packages=[NEW_SSL, CURL])
    affect_ssl(now)
    assert findings(organisation_id=organisation.id, rules=BOD, now=now).total_count == 0


def test_detection_is_the_later_of_knowing_and_enrolling(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now, since=now - timedelta(days=40))
    old = make_host(organisation, now=now, hostname="old", packages=[OLD_SSL])
    Host.objects.filter(id=old.id).update(enrolled_at=now - timedelta(days=90))
    make_host(organisation, now=now, hostname="new", packages=[OLD_SSL])
    rows = findings(organisation_id=organisation.id, rules=SIMPLE, now=now).rows
    assert [(row.hostname, row.detected_at, row.overdue) for row in rows] == [
        ("old", now - timedelta(days=40), True),
        ("new", now, False),
    ]
    assert rows[0].deadline.due_at == now - timedelta(days=26)


def test_a_public_host_comes_first_and_says_who_says_so(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now)
    inner = make_host(organisation, now=now, hostname="inner", packages=[OLD_SSL])
    outer = make_host(organisation, now=now, hostname="outer", packages=[OLD_SSL])
    dmz = Group.objects.create(organisation=organisation, name="DMZ", reachability="public")
    dmz.hosts.add(outer)
    rows = findings(organisation_id=organisation.id, rules=BOD, now=now).rows
    assert [row.host_id for row in rows] == [outer.id, inner.id]
    assert rows[0].deadline.due_at == now + timedelta(days=14)
    exposed = {one.name: one for one in rows[0].deadline.inputs}["publicly_exposed"]
    assert (exposed.value, exposed.source, exposed.defaulted) == ("yes", "reachability public, by group DMZ", False)
    inside = {one.name: one for one in rows[1].deadline.inputs}["publicly_exposed"]
    assert (inside.value, inside.defaulted) == ("no", True)


def test_the_earliest_of_several_advisories_wins_and_is_named(now: datetime, organisation: Organisation) -> None:
    make_host(organisation, now=now, packages=[OLD_SSL])
    affect_ssl(now, cves=("CVE-2026-1", "CVE-2026-2"))
    version = make_version(OLD_SSL, now=now)
    make_finding(make_advisory("DSA-6001-1", now=now, cves=["CVE-2026-3"]), [version], since=now, fixed="3.0.18-1")
    rate("CVE-2026-2", automatable="yes", impact="total")
    list_in_kev("CVE-2026-3", on=date(2026, 11, 20), now=now)
    (row,) = findings(organisation_id=organisation.id, rules=BOD, now=now).rows
    assert row.cves == ("CVE-2026-1", "CVE-2026-2", "CVE-2026-3")
    assert (row.deadline.cve, row.deadline.advisory) == ("CVE-2026-3", "DSA-6001-1")
    assert row.deadline.due_at == datetime(2026, 12, 4, tzinfo=now.tzinfo)
    assert row.kev
    assert row.fixed_version == "3.0.18-1"


def test_a_hosts_word_never_lengthens_what_a_feed_says(now: datetime, organisation: Organisation) -> None:
    make_host(organisation, now=now, packages=[OLD_SSL])
    version = make_version(OLD_SSL, now=now)
    make_finding(
        make_advisory("DSA-6000-1", now=now, cves=["CVE-2026-1"], severity="critical"), [version], since=now, fixed=FIX
    )
    before = findings(organisation_id=organisation.id, rules=SIMPLE, now=now).rows[0].deadline.due_at
    own = make_feed("host-notes", kind="host", now=now)
    told = make_advisory(
        f"openssl {FIX}", now=now, cves=["CVE-2026-1"], severity="low", feed=own, organisation=organisation
    )
    make_finding(told, [version], since=now, fixed=FIX)
    (row,) = findings(organisation_id=organisation.id, rules=SIMPLE, now=now).rows
    assert row.deadline.due_at == before == now + timedelta(days=7)
    assert row.feeds == ("host-notes", "osv-debian")
    assert [view.told_by_hosts for view in row.advisories] == [False, True]


def test_another_organisation_never_sees_what_hosts_told(now: datetime, organisation: Organisation) -> None:
    other = make_organisation(now=now, name="Other")
    make_host(organisation, now=now, packages=[OLD_SSL])
    make_host(other, now=now, packages=[OLD_SSL])
    own = make_feed("host-notes", kind="host", now=now)
    told = make_advisory(f"openssl {FIX}", now=now, cves=["CVE-2026-9"], feed=own, organisation=organisation)
    make_finding(told, [make_version(OLD_SSL, now=now)], since=now, fixed=FIX)
    assert findings(organisation_id=organisation.id, rules=BOD, now=now).total_count == 1
    assert findings(organisation_id=other.id, rules=BOD, now=now).total_count == 0
    assert counts(organisation_id=other.id, rules=BOD, now=now).open == 0


def test_what_is_withdrawn_or_not_affected_is_no_finding(now: datetime, organisation: Organisation) -> None:
    make_host(organisation, now=now, packages=[OLD_SSL, CURL])
    affect_ssl(now)
    withdrawn = make_advisory("DSA-6002-1", now=now, cves=["CVE-2026-5"])
    withdrawn.withdrawn_at = now
    withdrawn.save()
    make_finding(withdrawn, [make_version(CURL, now=now)], since=now, fixed="8")
    not_affected = make_advisory("DSA-6003-1", now=now, cves=["CVE-2026-6"])
    make_finding(not_affected, [make_version(CURL, now=now)], since=now, state="not_affected")
    assert [row.package for row in findings(organisation_id=organisation.id, rules=BOD, now=now).rows] == ["openssl"]


def test_without_a_fix_is_a_state_of_its_own(now: datetime, organisation: Organisation) -> None:
    make_host(organisation, now=now, packages=[CURL])
    advisory = make_advisory("DEBIAN-CVE-2026-7", now=now, cves=["CVE-2026-7"])
    make_finding(advisory, [make_version(CURL, now=now)], since=now, state="will_not_fix")
    (row,) = findings(organisation_id=organisation.id, rules=SIMPLE, now=now).rows
    assert (row.remedy, row.fixed_version, row.is_installable) == (Remedy.NO_FIX, "", "no")
    assert row.advisories[0].state == "will_not_fix"
    assert row.deadline.due_at == now + timedelta(days=14)


@pytest.mark.parametrize(
    ("offered", "status", "kept_back", "answer"),
    [
        (NEW_SSL, "known", "", "yes"),
        (NEW_SSL, "known", "held", "no"),
        (("libssl3", "3.0.16-1", "openssl", "3.0.16-1"), "known", "", "no"),
        (None, "known", "", "no"),
        (NEW_SSL, "unknown", "", "unknown"),
    ],
)
def test_installable_is_what_the_hosts_own_repositories_say(
    now: datetime,
    organisation: Organisation,
    *,
    offered: tuple[str, str, str, str] | None,
    status: str,
    kept_back: str,
    answer: str,
) -> None:
    affect_ssl(now)
    offers = [(offered, OLD_SSL[1])] if offered else []
    host = make_host(organisation, now=now, packages=[OLD_SSL], offers=offers)
    host.offers = [{**offer, "kept_back": kept_back} for offer in host.offers]
    host.offers_status = status
    host.save()
    (row,) = findings(organisation_id=organisation.id, rules=BOD, now=now).rows
    assert row.is_installable == answer
    assert row.kept_back == kept_back


def test_a_silent_host_keeps_its_findings_and_is_flagged(now: datetime, organisation: Organisation) -> None:
    host = make_host(organisation, now=now, packages=[OLD_SSL])
    Host.objects.filter(id=host.id).update(last_seen_at=now - timedelta(days=9), inventory_at=now - timedelta(days=9))
    affect_ssl(now)
    page = findings(organisation_id=organisation.id, rules=BOD, now=now)
    assert [(row.presence, row.remedy) for row in page.rows] == [("silent", Remedy.MISSING)]
    assert page.host_silent_count == 1
    assert page.as_of.inventory_oldest_at == now - timedelta(days=9)


def test_an_unknown_inventory_is_unknown_and_never_clean(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now, since=now - timedelta(days=90))
    told_once = make_host(organisation, now=now, hostname="told-once", packages=[OLD_SSL])
    never_told = make_host(organisation, now=now, hostname="never-told")
    Host.objects.update(packages_status="unknown", enrolled_at=now - timedelta(days=90))
    page = findings(organisation_id=organisation.id, rules=SIMPLE, now=now)
    assert [(row.host_id, row.remedy, row.overdue) for row in page.rows] == [(told_once.id, Remedy.UNKNOWN, True)]
    assert page.host_unknown_count == 2
    summary = {row.host_id: row for row in host_summaries(organisation_id=organisation.id, rules=SIMPLE, now=now)}
    assert summary[never_told.id].packages_status == "unknown"
    assert counts(organisation_id=organisation.id, rules=SIMPLE, now=now).host_unknown == 2


def test_retired_hosts_are_gone_and_quarantined_ones_stay(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now)
    make_host(organisation, now=now, hostname="retired", packages=[OLD_SSL])
    Host.objects.update(state=HostState.RETIRED)
    kept = make_host(organisation, now=now, hostname="cloned", packages=[OLD_SSL])
    Host.objects.filter(id=kept.id).update(state=HostState.QUARANTINED)
    assert [row.hostname for row in findings(organisation_id=organisation.id, rules=BOD, now=now).rows] == ["cloned"]


def upgraded(organisation: Organisation, now: datetime, *, stale_status: str = "known") -> Host:
    """Return a host that has replaced the affected version on disk."""
    host = make_host(organisation, now=now, packages=[OLD_SSL, OLD_SSL_TOOL])
    host.stale_status = stale_status
    old = [make_version(package, now=now) for package in (OLD_SSL, OLD_SSL_TOOL)]
    new = [make_version(package, now=now) for package in (NEW_SSL, NEW_SSL_TOOL)]
    replace_packages(host, old, new, at=now)
    return host


def test_replaced_and_nothing_old_running_is_closed(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now)
    upgraded(organisation, now)
    assert findings(organisation_id=organisation.id, rules=BOD, now=now).total_count == 0


def test_old_code_still_running_keeps_the_finding_open(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now)
    host = upgraded(organisation, now)
    host.running_old_set = BitMap([make_version(NEW_SSL, now=now).id]).serialize()
    host.save()
    (row,) = findings(organisation_id=organisation.id, rules=BOD, now=now).rows
    assert (row.package, row.version, row.remedy) == ("openssl", "3.0.15-1~deb12u1", Remedy.PENDING_RESTART)
    assert counts(organisation_id=organisation.id, rules=BOD, now=now).pending_restart == 1


def test_what_the_distribution_wants_a_reboot_for_waits_for_it(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now)
    host = upgraded(organisation, now)
    host.running_old_set = BitMap([make_version(NEW_SSL, now=now).id]).serialize()
    host.facts = {"reboot_required_packages": ["libssl3"]}
    host.save()
    (row,) = findings(organisation_id=organisation.id, rules=BOD, now=now).rows
    assert row.remedy is Remedy.PENDING_REBOOT


def test_replaced_where_nobody_can_see_what_runs_is_unknown_not_overdue(
    now: datetime, organisation: Organisation
) -> None:
    affect_ssl(now, since=now - timedelta(days=90))
    host = upgraded(organisation, now, stale_status="unknown")
    Host.objects.filter(id=host.id).update(enrolled_at=now - timedelta(days=90))
    (row,) = findings(organisation_id=organisation.id, rules=SIMPLE, now=now).rows
    assert (row.remedy, row.overdue) == (Remedy.UNKNOWN, False)
    numbers = counts(organisation_id=organisation.id, rules=SIMPLE, now=now)
    assert (numbers.open, numbers.overdue, numbers.unverified) == (1, 0, 1)


def test_old_code_of_an_equally_affected_version_is_one_row_not_two(now: datetime, organisation: Organisation) -> None:
    advisory = make_advisory("DSA-6000-1", now=now, cves=["CVE-2026-1"])
    versions = [make_version(package, now=now) for package in (OLD_SSL, NEW_SSL)]
    make_finding(advisory, versions, since=now, fixed="3.0.18-1")
    host = upgraded(organisation, now)
    host.running_old_set = BitMap([make_version(NEW_SSL, now=now).id]).serialize()
    host.save()
    (row,) = findings(organisation_id=organisation.id, rules=BOD, now=now).rows
    assert (row.version, row.remedy) == (NEW_SSL[3], Remedy.MISSING)


def test_a_half_upgraded_source_is_missing_and_told_once(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now)
    host = make_host(organisation, now=now, packages=[OLD_SSL, OLD_SSL_TOOL])
    new = make_version(NEW_SSL, now=now)
    replace_packages(host, [make_version(OLD_SSL, now=now)], [new], at=now)
    Host.objects.filter(id=host.id).update(running_old_set=BitMap([new.id]).serialize())
    (row,) = findings(organisation_id=organisation.id, rules=BOD, now=now).rows
    assert (row.packages, row.remedy) == (("openssl",), Remedy.MISSING)


def test_old_code_of_a_version_never_reported_is_named(now: datetime, organisation: Organisation) -> None:
    host = make_host(organisation, now=now, packages=[NEW_SSL])
    host.running_old_set = BitMap([make_version(NEW_SSL, now=now).id]).serialize()
    host.save()
    found = host_findings(organisation_id=organisation.id, host_id=host.id, rules=BOD, now=now)
    assert [(one.package, one.version) for one in found.old_code_of_unknown_version] == [("libssl3", NEW_SSL[1])]


def kernel(release: str, version: str) -> tuple[str, str, str, str]:
    return (f"linux-image-{release}-amd64", version, "linux-signed-amd64", version)


OLD_KERNEL, NEW_KERNEL = kernel("6.1.0-28", "6.1.119+1"), kernel("6.1.0-37", "6.1.140+1")


@pytest.mark.parametrize(
    ("running", "packages", "remedy"),
    [
        ("6.1.0-28-amd64", [OLD_KERNEL], Remedy.MISSING),
        ("6.1.0-28-amd64", [OLD_KERNEL, NEW_KERNEL], Remedy.PENDING_REBOOT),
        ("6.1.0-37-amd64", [OLD_KERNEL, NEW_KERNEL], None),  # a leftover that does not run
        ("6.1.0-37-amd64", [NEW_KERNEL], None),
        ("6.6.6-custom", [OLD_KERNEL, NEW_KERNEL], Remedy.MISSING),  # nobody knows what runs: what is there counts
    ],
)
def test_kernels_stand_side_by_side(
    now: datetime,
    organisation: Organisation,
    *,
    running: str,
    packages: list[tuple[str, str, str, str]],
    remedy: Remedy | None,
) -> None:
    advisory = make_advisory("DSA-5900-1", now=now, cves=["CVE-2026-8"])
    make_finding(advisory, [make_version(OLD_KERNEL, now=now)], since=now, fixed="6.1.140-1")
    host = make_host(organisation, now=now, packages=packages)
    Host.objects.filter(id=host.id).update(kernel_running=running)
    rows = findings(organisation_id=organisation.id, rules=BOD, now=now).rows
    assert [row.remedy for row in rows] == ([remedy] if remedy else [])


def test_filters(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now, since=now - timedelta(days=90))
    curl_advisory = make_advisory("DSA-7000-1", now=now, cves=["CVE-2026-4"], severity="low")
    make_finding(curl_advisory, [make_version(CURL, now=now)], since=now)
    list_in_kev("CVE-2026-1", on=date(2026, 1, 1), now=now)
    web = make_host(organisation, now=now, hostname="web01", packages=[OLD_SSL, CURL])
    make_host(organisation, now=now, hostname="db01", packages=[CURL])
    Host.objects.update(enrolled_at=now - timedelta(days=90))
    Group.objects.create(organisation=organisation, name="Web").hosts.add(web)

    def found(wanted: FindingFilter) -> list[tuple[str, str]]:
        page = findings(organisation_id=organisation.id, rules=SIMPLE, now=now, wanted=wanted)
        assert page.total_count == len(page.rows)
        return [(row.hostname, row.package) for row in page.rows]

    ssl, web_curl, db_curl = ("web01", "openssl"), ("web01", "curl"), ("db01", "curl")
    assert found(FindingFilter()) == [ssl, db_curl, web_curl]
    assert found(FindingFilter(host_ids=(web.id,))) == [ssl, web_curl]
    assert found(FindingFilter(host_ids=(uuid4(),))) == []
    assert found(FindingFilter(group="Web")) == [ssl, web_curl]
    assert found(FindingFilter(cve="CVE-2026-1")) == [ssl]
    assert found(FindingFilter(package="libssl3")) == [ssl]
    assert found(FindingFilter(package="openssl")) == [ssl]
    assert found(FindingFilter(severity="low")) == [db_curl, web_curl]
    assert found(FindingFilter(kev=True)) == [ssl]
    assert found(FindingFilter(kev=False)) == [db_curl, web_curl]
    assert found(FindingFilter(overdue=True)) == [ssl]
    assert found(FindingFilter(overdue=False)) == [db_curl, web_curl]
    assert found(FindingFilter(remedy="no_fix")) == [db_curl, web_curl]
    assert found(FindingFilter(search="DB0")) == [db_curl]
    assert found(FindingFilter(search="dsa-7000")) == [db_curl, web_curl]
    assert found(FindingFilter(search="cve-2026-1")) == [ssl]
    assert found(FindingFilter(search="nothing such")) == []


@pytest.mark.parametrize("wanted", [FindingFilter(severity="awful"), FindingFilter(remedy="verified")])
def test_a_filter_that_cannot_match_is_refused(
    now: datetime, organisation: Organisation, wanted: FindingFilter
) -> None:
    with pytest.raises(OperatorError) as refused:
        findings(organisation_id=organisation.id, rules=BOD, now=now, wanted=wanted)
    assert refused.value.code == "filter_invalid"


def test_one_hosts_findings_and_its_numbers(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now, since=now - timedelta(days=90))
    host = make_host(organisation, now=now, packages=[OLD_SSL, CURL])
    make_host(organisation, now=now, hostname="other", packages=[OLD_SSL])
    Host.objects.update(enrolled_at=now - timedelta(days=90))
    found = host_findings(organisation_id=organisation.id, host_id=host.id, rules=SIMPLE, now=now)
    assert [row.host_id for row in found.rows] == [host.id]
    assert (found.summary.open, found.summary.overdue, found.summary.worst_package) == (1, 1, "openssl")
    assert found.summary.worst_due_at == found.rows[0].deadline.due_at


def test_another_organisations_host_does_not_exist(now: datetime, organisation: Organisation) -> None:
    host = make_host(organisation, now=now)
    other = make_organisation(now=now, name="Other")
    with pytest.raises(NotFoundError):
        host_findings(organisation_id=other.id, host_id=host.id, rules=BOD, now=now)


def test_the_number_of_queries_does_not_grow_with_hosts_or_findings(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now)
    for number in range(3):
        make_host(organisation, now=now, hostname=f"few{number}", packages=[OLD_SSL, OLD_SSL_TOOL])
    with CaptureQueriesContext(connection) as few:
        assert len(findings(organisation_id=organisation.id, rules=BOD, now=now).rows) == 3
    for number in range(40):
        make_host(organisation, now=now, hostname=f"many{number}", packages=[OLD_SSL, OLD_SSL_TOOL, CURL])
    make_finding(make_advisory("DSA-7001-1", now=now, cves=["CVE-2026-4"]), [make_version(CURL, now=now)], since=now)
    with CaptureQueriesContext(connection) as many:
        assert len(findings(organisation_id=organisation.id, rules=BOD, now=now, limit=100).rows) == 83
    with CaptureQueriesContext(connection) as warm:
        findings(organisation_id=organisation.id, rules=BOD, now=now, limit=100)
    assert len(many) <= len(few) <= 20
    assert len(warm) <= 10


def test_pages_are_bounded_and_meet_without_gap(now: datetime, organisation: Organisation) -> None:
    affect_ssl(now)
    for number in range(7):
        make_host(organisation, now=now, hostname=f"host{number}", packages=[OLD_SSL])
    pages = [
        findings(organisation_id=organisation.id, rules=BOD, now=now, limit=3, offset=offset) for offset in (0, 3, 6)
    ]
    names = [row.hostname for page in pages for row in page.rows]
    assert names == [f"host{number}" for number in range(7)]
    assert findings(organisation_id=organisation.id, rules=BOD, now=now, limit=10_000).limit == 500


def test_a_host_that_went_back_still_runs_what_it_went_back_from(now: datetime, organisation: Organisation) -> None:
    bad = make_version(NEW_SSL, now=now)
    make_finding(make_advisory("DSA-6004-1", now=now, cves=["CVE-2026-6"]), [bad], since=now)
    host = make_host(organisation, now=now, packages=[OLD_SSL])
    good = make_version(OLD_SSL, now=now)
    host.running_old_set = BitMap([good.id]).serialize()
    host.save()
    assert findings(organisation_id=organisation.id, rules=BOD, now=now).total_count == 0
    replace_packages(host, [good], [bad], at=now)
    assert [row.remedy for row in findings(organisation_id=organisation.id, rules=BOD, now=now).rows] == [Remedy.NO_FIX]
    replace_packages(host, [bad], [good], at=now)
    (row,) = findings(organisation_id=organisation.id, rules=BOD, now=now).rows
    assert (row.version, row.remedy) == (NEW_SSL[3], Remedy.PENDING_RESTART)


def test_too_many_hosts_by_id_are_refused_not_cut(now: datetime, organisation: Organisation) -> None:
    wanted = FindingFilter(host_ids=tuple(uuid4() for _ in range(5_001)))
    with pytest.raises(OperatorError) as refused:
        findings(organisation_id=organisation.id, rules=BOD, now=now, wanted=wanted)
    assert refused.value.code == "too_many_hosts"


def test_asking_for_a_few_hosts_does_not_spoil_what_is_remembered_of_all(
    now: datetime, organisation: Organisation
) -> None:
    affect_ssl(now)
    make_finding(make_advisory("DSA-7000-1", now=now, cves=["CVE-2026-4"]), [make_version(CURL, now=now)], since=now)
    one = make_host(organisation, now=now, hostname="one", packages=[OLD_SSL])
    make_host(organisation, now=now, hostname="two", packages=[CURL])
    few = FindingFilter(host_ids=(one.id,))
    for _ in range(2):
        page = findings(organisation_id=organisation.id, rules=BOD, now=now, wanted=few)
        assert [row.package for row in page.rows] == ["openssl"]
        assert findings(organisation_id=organisation.id, rules=BOD, now=now).total_count == 2
