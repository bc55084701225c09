"""Who is covered, with which versions, and who is told why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from oakum.core.planning.scope import SENTENCES, Candidate, Offer, Scope, Standing, choose_scope, obstacle_of
from tests.core.planning.building import HOUR, NOW, host_id

DAY = timedelta(days=1)


def offer(package: str, version: str, *, source: str = "", old: str = "1.0", kept_back: str = "") -> Offer:
    return Offer(
        package=package, architecture="amd64", from_version=old, to_version=version, order_key=version.encode(),
        source=source or package, source_version=version.partition("+b")[0],
        source_order_key=version.partition("+b")[0].encode(), kept_back=kept_back,
    )  # fmt: skip


def candidate(number: int, *offers: Offer, stream: str = "debian:12", obstacle: str = "", risk: int = 0) -> Candidate:
    return Candidate(
        host_id=host_id(number), name=f"h{number}", stream=stream, risk=risk, obstacle=obstacle, offers=offers
    )


def versions(scope: Scope) -> dict[int, dict[str, str]]:
    return {
        target.host_id.int: {c.name: c.to_version for c in scope.change_sets[target.change_set].changes}
        for target in scope.targets
    }


def told(scope: Scope) -> list[tuple[int, str, str]]:
    return [(each.host_id.int, each.source, each.reason) for each in scope.left_out]


def test_hosts_of_one_kind_share_a_change_set_and_streams_do_not() -> None:
    hosts = [candidate(1, offer("openssl", "2.0")), candidate(2, offer("openssl", "2.0")),
             candidate(3, offer("openssl", "2.0"), stream="ubuntu:22.04")]  # fmt: skip
    scope = choose_scope(hosts)
    assert [target.change_set for target in scope.targets] == [0, 0, 1]
    assert versions(scope) == {1: {"openssl": "2.0"}, 2: {"openssl": "2.0"}, 3: {"openssl": "2.0"}}


def test_a_package_that_the_update_adds_comes_along() -> None:
    scope = choose_scope(
        [candidate(1, offer("linux-image-amd64", "6.1.2", source="linux", old="6.1.1"),
                   offer("linux-image-6.1.2-amd64", "6.1.2", source="linux", old=""))]
    )  # fmt: skip
    assert [(c.name, c.from_version) for c in scope.change_sets[0].changes] == [
        ("linux-image-6.1.2-amd64", ""), ("linux-image-amd64", "6.1.1"),
    ]  # fmt: skip


def test_what_more_hosts_are_offered_wins_and_the_others_are_told() -> None:
    hosts = [candidate(1, offer("openssl", "2.0"), offer("curl", "8.1")), candidate(2, offer("openssl", "2.0")),
             candidate(3, offer("openssl", "9.9"), offer("curl", "8.1"))]  # fmt: skip
    scope = choose_scope(hosts)
    assert versions(scope) == {1: {"openssl": "2.0", "curl": "8.1"}, 2: {"openssl": "2.0"}, 3: {"curl": "8.1"}}
    assert told(scope) == [(3, "openssl", "other_version")]
    assert "Offered: 9.9; the rollout's: 2.0." in scope.left_out[0].sentence


def test_of_as_many_votes_the_newer_wins_and_ring_zero_outvotes_everybody() -> None:
    hosts = [candidate(1, offer("openssl", "2.0")), candidate(2, offer("openssl", "2.1"))]
    assert versions(choose_scope(hosts)) == {2: {"openssl": "2.1"}}
    crowd = [candidate(number, offer("openssl", "2.1")) for number in range(2, 9)]
    assert versions(choose_scope([hosts[0], *crowd], first=frozenset({host_id(1)}))) == {1: {"openssl": "2.0"}}


def test_packages_of_one_source_stay_together() -> None:
    """More hosts have openssl at 3.1, more have libssl at 3.0: pinned apart, no host could install both."""
    hosts = [
        *(candidate(n, offer("openssl", "3.1"), offer("libssl", "3.1", source="openssl")) for n in range(3)),
        *(candidate(n, offer("libssl", "3.0", source="openssl")) for n in range(3, 7)),
    ]
    scope = choose_scope(hosts)
    assert {frozenset(each.items()) for each in versions(scope).values()} == {frozenset({("libssl", "3.0")})}
    assert len([each for each in told(scope) if each[2] == "other_version"]) == 3


def test_a_rebuilt_binary_of_the_same_source_version_is_another_version() -> None:
    hosts = [
        candidate(1, offer("curl", "8.1")),
        candidate(2, offer("curl", "8.1")),
        candidate(3, offer("curl", "8.1+b1")),
    ]
    scope = choose_scope(hosts)
    assert sorted(versions(scope)) == [1, 2]
    assert told(scope) == [(3, "curl", "other_version")]


def test_a_held_package_keeps_its_whole_source_out_and_is_told() -> None:
    held = candidate(1, offer("libssl", "2.0", source="openssl", kept_back="held"),
                     offer("openssl", "2.0"), offer("curl", "8.1"))  # fmt: skip
    scope = choose_scope([held])
    assert versions(scope) == {1: {"curl": "8.1"}}
    assert told(scope) == [(1, "openssl", "held")]
    assert "libssl: held." in scope.left_out[0].sentence


def test_a_host_in_the_way_is_left_out_and_does_not_vote() -> None:
    crowd = [candidate(number, offer("openssl", "9.9"), obstacle="silent") for number in range(2, 9)]
    scope = choose_scope([candidate(1, offer("openssl", "2.0")), *crowd, candidate(20)])
    assert versions(scope) == {1: {"openssl": "2.0"}}
    assert {reason for _, _, reason in told(scope)} == {"silent"}
    assert scope.untouched_count == 1


def test_what_another_rollout_brings_is_left_to_it() -> None:
    host = replace(candidate(1, offer("openssl", "2.0"), offer("curl", "8.1")), taken=frozenset({("curl", "amd64")}))
    scope = choose_scope([host])
    assert versions(scope) == {1: {"openssl": "2.0"}}
    assert told(scope) == [(1, "curl", "in_other_rollout")]


KNOWN = Standing(
    state="active",
    is_local=False,
    policy_mode="apply",
    packages_status="known",
    offers_status="known",
    last_seen_at=NOW,
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"state": "quarantined"}, "quarantined"),
        ({"state": "retired"}, "retired"),
        ({"is_local": True}, "local"),
        ({"last_seen_at": None}, "never_seen"),
        ({"last_seen_at": NOW - DAY}, ""),
        ({"last_seen_at": NOW - DAY - HOUR}, "silent"),
        ({"policy_mode": "report_only"}, "report_only"),
        ({"policy_mode": ""}, "report_only"),
        ({"packages_status": "unknown"}, "inventory_unknown"),
        ({"offers_status": "unknown"}, "offers_unknown"),
    ],
)
def test_who_a_rollout_cannot_count_on(changes: dict[str, str | bool | datetime | None], reason: str) -> None:
    found = obstacle_of(replace(KNOWN, **changes), stale_after=DAY, now=NOW)  # type: ignore[arg-type]
    assert found == reason
    assert not reason or SENTENCES[reason]
