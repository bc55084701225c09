"""From a wish to a spec: who is covered, with what, when; and what is refused, with its reason."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from oakum.catalogue.models import ReleaseNote, Update
from oakum.core.errors import NotAllowedError, NotFoundError, OperatorError
from oakum.fleet.models import Group, Host
from oakum.identity.models import Role
from oakum.policy.models import Freeze, Settings, Window
from oakum.rollout.queries import rollout
from oakum.rollout.requests import (
    AllHosts,
    AnyTime,
    CuresFor,
    GroupHosts,
    HostsById,
    OpenNow,
    RingsByCover,
    RingsByName,
    RingsBySize,
    SourcesByName,
    StoredWindow,
    UpdatesById,
)
from tests.factories import make_host, make_organisation, make_person
from tests.rollout.world import NEW, OLD, World, make_world, see_update

pytestmark = pytest.mark.django_db
CURL = ("curl", "8.1-1", "curl", "8.1-1")


def offer(world: World, number: int, *offers: tuple[tuple[str, str, str, str], str], **fields: Any) -> Host:
    made = make_host(world.organisation, now=world.now, hostname=f"h{number}", packages=(OLD,), offers=offers)
    Host.objects.filter(id=made.id).update(**fields)
    return made


def covered(world: World, **changes: Any) -> dict[str, list[str]]:
    """Plan for all hosts and return which packages each host gets."""
    rollout_id = world.plan(**{"hosts": AllHosts(), **changes})
    view = rollout(organisation_id=world.organisation.id, ref=rollout_id)
    return {host.hostname: [each["name"] for each in host.changes] for ring in view.rings for host in ring.hosts}


def test_a_spec_says_all_that_people_approve(now: datetime) -> None:
    world = make_world(now)
    view = rollout(organisation_id=world.organisation.id, ref=world.plan(window=OpenNow(timedelta(hours=4)), name="  "))
    assert view.row.name == "all pending security updates"
    assert [(pin.package, pin.version, pin.stream) for pin in view.pins] == [("openssl", NEW[1], "debian:12")]
    assert [ring.host_count for ring in view.rings] == [1, 2]
    assert [(span.starts_at, span.ends_at) for span in view.windows] == [(now, now + timedelta(hours=4))]
    assert view.row.state == "awaiting_approval"
    assert view.row.report == "Waits for approval: 0 of 1 given. Rings of 1, 2 hosts."
    assert (view.failure_percent_max, view.wave_count_max) == (5, 500)
    (entry,) = world.entries("rollout.requested")
    assert entry.payload is not None
    assert entry.payload["spec_hash"] == view.spec_hash
    assert entry.payload["pins"] == [["debian:12", "amd64", "openssl", NEW[1]]]


def test_a_new_package_of_the_same_source_comes_along_and_other_sources_do_not(now: datetime) -> None:
    world = make_world(now, host_count=0, offers=())
    meta = ("linux-image-amd64", "6.1.9-1", "linux", "6.1.9-1")
    kernel = ("linux-image-6.1.9-amd64", "6.1.9-1", "linux", "6.1.9-1")
    for package in (meta, CURL):
        see_update(world.organisation, package, now=now, kind="security" if package is meta else "bugfix")
    offer(world, 0, (meta, "6.1.8-1"), (kernel, ""), (CURL, "8.0-1"))
    assert covered(world) == {"h0": ["linux-image-6.1.9-amd64", "linux-image-amd64"]}


def test_everybody_who_is_left_out_is_told_with_the_reason(now: datetime) -> None:
    world = make_world(now, host_count=1)
    pending = (NEW, OLD[1])
    offer(world, 1, pending, last_seen_at=now - timedelta(days=2))
    offer(world, 2, pending, policy_mode="report_only")
    offer(world, 3, pending, state="quarantined")
    offer(world, 4, pending, packages_status="unknown")
    offer(world, 5, pending, is_local=True)
    offer(world, 6)
    held = offer(world, 7, pending)
    held.offers[0]["kept_back"] = "held"
    held.save(update_fields=["offers"])
    rollout_id = world.plan(hosts=AllHosts())
    view = rollout(organisation_id=world.organisation.id, ref=rollout_id)
    assert {each.name: each.reason for each in view.left_out} == {
        "h1": "silent", "h2": "report_only", "h3": "quarantined", "h4": "inventory_unknown", "h5": "local",
        "h7": "held",
    }  # fmt: skip
    assert all(each.sentence for each in view.left_out)
    assert view.row.report == (
        "Waits for approval: 0 of 1 given. One ring of 1 host. 5 hosts left out: 1 inventory unknown, 1 local, "
        "1 quarantined, 1 report only, 1 silent. Single updates left out on a host: 1 held. "
        "Nothing of it is pending on 1 host of those asked for."
    )


def test_nothing_to_do_is_an_error_that_says_why(now: datetime) -> None:
    world = make_world(now, host_count=0)
    offer(world, 0)
    offer(world, 1, (NEW, OLD[1]), policy_mode="report_only")
    with pytest.raises(OperatorError, match="nothing of it is pending on 1 host; left out: 1 report only") as caught:
        world.plan(hosts=AllHosts())
    assert caught.value.code == "nothing_to_do"


def test_what_another_rollout_is_bringing_is_left_to_it(now: datetime) -> None:
    world = make_world(now)
    world.begin()
    with pytest.raises(OperatorError, match="3 in other rollout"):
        world.plan()


def test_the_selection_by_id_name_and_vulnerability(now: datetime) -> None:
    world = make_world(now, host_count=0, offers=())
    for package in (NEW, CURL):
        see_update(world.organisation, package, now=now, kind="security" if package is NEW else "bugfix")
    offer(world, 0, (NEW, OLD[1]), (CURL, "8.0-1"))
    curl = Update.objects.get(source_name="curl")
    assert covered(world, selection=UpdatesById((curl.id,))) == {"h0": ["curl"]}
    assert covered(world, selection=SourcesByName(("curl", "openssl"))) == {"h0": ["curl", "openssl"]}
    ReleaseNote.objects.create(
        organisation=world.organisation, stream="debian:12", source_name="curl", version="8.1-1",
        order_key=bytes(curl.source_order_key), distribution="bookworm", urgency="high", dated="", text="",
        cves=["CVE-2026-0001"], told_by_host_id=uuid4(), told_at=now,
    )  # fmt: skip
    assert covered(world, selection=CuresFor("CVE-2026-0001")) == {"h0": ["curl"]}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"selection": UpdatesById((999,))}, "patch_unknown"),
        ({"selection": UpdatesById(())}, "no_update"),
        ({"selection": SourcesByName(("nothing",))}, "patch_unknown"),
        ({"selection": CuresFor("CVE-1999-0001")}, "no_update"),
        ({"hosts": GroupHosts("nobody")}, "group_unknown"),
        ({"hosts": HostsById((uuid4(),))}, "host_unknown"),
        ({"window": StoredWindow(uuid4())}, "window_unknown"),
        ({"window": OpenNow(timedelta(days=9))}, "window_invalid"),
        ({"rings": RingsBySize(())}, "rings_invalid"),
        ({"rings": RingsBySize((1, 0))}, "rings_invalid"),
        ({"soak": timedelta(days=31)}, "soak_invalid"),
        ({"health_delay": timedelta(0)}, "health_delay_invalid"),
        ({"lost_after": timedelta(seconds=1)}, "lost_after_invalid"),
        ({"failure_percent_max": 101}, "failure_percent_max_invalid"),
        ({"wave_count_max": 0}, "wave_count_max_invalid"),
        ({"reboot": "maybe"}, "reboot_invalid"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(now: datetime, changes: dict[str, Any], code: str) -> None:
    world = make_world(now)
    with pytest.raises(OperatorError) as caught:
        world.plan(**changes)
    assert caught.value.code == code
    assert not world.entries("rollout.requested")


def test_rings_by_name_are_kept_and_ring_zero_is_never_skipped(now: datetime) -> None:
    world = make_world(now)
    a, b, c = (host.id for host in world.hosts)
    view = rollout(organisation_id=world.organisation.id, ref=world.plan(rings=RingsByName(((c,), (b, a)))))
    assert [[host.host_id for host in ring.hosts] for ring in view.rings] == [[c], [a, b]]
    Host.objects.filter(id=c).update(policy_mode="report_only")
    with pytest.raises(OperatorError, match="h2: The host's own policy is report-only") as caught:
        world.plan(rings=RingsByName(((c,), (b, a))))
    assert caught.value.code == "ring_zero_empty"
    with pytest.raises(OperatorError, match="each host in one of them only"):
        world.plan(rings=RingsByName(((a,), (a, b))))


def test_less_risky_hosts_go_first_and_groups_count(now: datetime) -> None:
    world = make_world(now, host_count=4)
    group = Group.objects.create(organisation=world.organisation, name="lab", environment="development")
    group.hosts.add(world.hosts[3])
    Host.objects.filter(id=world.hosts[0].id).update(criticality="critical")
    view = rollout(organisation_id=world.organisation.id, ref=world.plan(rings=RingsByCover()))
    assert [[host.hostname for host in ring.hosts] for ring in view.rings] == [["h3"], ["h1"], ["h0", "h2"]]


def test_the_settings_of_the_organisation_hold_where_nothing_is_said(now: datetime) -> None:
    world = make_world(now, host_count=10)
    Settings.objects.create(
        organisation=world.organisation, soak_seconds=77, failure_percent_max=3, wave_count_max=9,
        ring_zero_count_max=2, ring_percents=[50, 100],
    )  # fmt: skip
    view = rollout(organisation_id=world.organisation.id, ref=world.plan(soak=None, rings=RingsByCover()))
    assert (view.soak.total_seconds(), view.failure_percent_max, view.wave_count_max) == (77, 3, 9)
    assert [ring.host_count for ring in view.rings] == [1, 4, 5]


def test_a_window_is_worked_out_with_freezes_taken_out(now: datetime) -> None:
    world = make_world(now)
    window = Window.objects.create(
        organisation=world.organisation, name="nights", starts_local="2026-11-23T02:00:00", rrule="FREQ=DAILY",
        timezone="Europe/Berlin", duration_seconds=7200,
    )  # fmt: skip
    frozen_from = datetime.fromisoformat("2026-11-25T00:30:00+00:00")
    Freeze.objects.create(
        organisation=world.organisation, name="sale", starts_at=frozen_from - timedelta(days=1, hours=1),
        ends_at=frozen_from + timedelta(hours=1),
    )  # fmt: skip
    view = rollout(organisation_id=world.organisation.id, ref=world.plan(window=StoredWindow(window.id)))
    starts = [span.starts_at.strftime("%d %H:%M") for span in view.windows]
    assert starts[:3] == ["23 01:00", "25 01:30", "26 01:00"]
    assert len(view.windows) == 29
    assert "nights" in view.window_text
    assert "Europe/Berlin" in view.window_text
    Freeze.objects.update(ends_at=now + timedelta(days=60), starts_at=now - timedelta(days=1))
    for choice in (StoredWindow(window.id), AnyTime(), OpenNow(timedelta(hours=1))):
        with pytest.raises(OperatorError) as caught:
            world.plan(window=choice)
        assert caught.value.code == "window_never_open"


def test_an_organisation_of_one_needs_no_approval_and_says_so(now: datetime) -> None:
    world = make_world(now, approvals_required=0)
    rollout_id = world.plan()
    view = rollout(organisation_id=world.organisation.id, ref=rollout_id)
    assert view.row.state == "approved"
    assert "approvals_required to 0" in view.row.report
    (entry,) = world.entries("rollout.requested")
    assert entry.payload is not None
    assert entry.payload["approvals_required"] == 0


def test_other_organisations_do_not_exist(now: datetime) -> None:
    world = make_world(now)
    other = make_organisation(now=now, name="Other")
    stranger = make_host(other, now=now, hostname="theirs", packages=(OLD,), offers=[(NEW, OLD[1])])
    with pytest.raises(NotFoundError):
        world.plan(hosts=HostsById((stranger.id,)))
    assert set(covered(world)) == {"h0", "h1", "h2"}
    with pytest.raises(NotFoundError):
        rollout(organisation_id=other.id, ref=1)
    world.ann = make_person(other, now=now, name="eve")
    with pytest.raises(NotAllowedError) as caught:
        world.plan()
    assert caught.value.code == "not_a_member"


def test_a_viewer_plans_nothing(now: datetime) -> None:
    world = make_world(now)
    world.ann = make_person(world.organisation, now=now, name="vic", role=Role.VIEWER)
    with pytest.raises(NotAllowedError) as caught:
        world.plan()
    assert caught.value.code == "role_too_low"
