"""Who is asked to read release notes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from oakum.core.election import Candidate, elect

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOSTS = [UUID(int=number) for number in range(4)]


def candidate(host: int = 0, name: str = "openssl", size: int = 100, *, is_local: bool = False) -> Candidate:
    return Candidate(
        host_id=HOSTS[host],
        is_local=is_local,
        last_seen_at=NOW,
        package_name=name,
        package_version="1",
        architecture="amd64",
        download_bytes=size,
    )


def chosen(
    *candidates: Candidate, attempt_count: int = 0, failed: int | None = None, asked: dict[UUID, int] | None = None
) -> Candidate | None:
    return elect(
        candidates,
        attempt_count=attempt_count,
        asked_host_id=None if failed is None else HOSTS[failed],
        asked_counts=asked or {},
        asked_count_max=5,
    )


def test_nobody_is_asked_where_nobody_is_offered_it() -> None:
    assert chosen() is None


def test_the_smallest_download_of_the_source_is_read() -> None:
    small, big = candidate(name="libssl3", size=10), candidate(name="openssl", size=90)
    assert chosen(big, small) == small


def test_an_unknown_size_is_read_last() -> None:
    unknown, big = candidate(name="a", size=0), candidate(name="b", size=90)
    assert chosen(unknown, big) == big


def test_after_a_failure_another_package_is_read_and_then_the_first_again() -> None:
    small, big = candidate(name="libssl3", size=10), candidate(name="openssl", size=90)
    assert [chosen(small, big, attempt_count=count) for count in range(3)] == [small, big, small]


def test_a_host_of_the_fleet_is_asked_rather_than_the_server_itself() -> None:
    local, other = candidate(0, is_local=True), candidate(1)
    assert chosen(local, other) == other
    assert chosen(local) == local


def test_another_host_is_asked_than_the_one_that_failed() -> None:
    assert chosen(candidate(0), candidate(1), failed=0) == candidate(1)
    assert chosen(candidate(0), failed=0) == candidate(0)


def test_work_is_spread_and_a_host_without_room_is_left_alone() -> None:
    assert chosen(candidate(0), candidate(1), asked={HOSTS[0]: 1}) == candidate(1)
    assert chosen(candidate(0), asked={HOSTS[0]: 5}) is None


def test_of_equals_the_host_heard_last_is_asked() -> None:
    late = candidate(1)
    early = replace(candidate(0), last_seen_at=NOW - timedelta(minutes=5))
    assert chosen(early, late) == late


@given(st.permutations([candidate(host, name, 10) for host in range(3) for name in ("a", "b")]))
def test_the_choice_does_not_depend_on_the_order_of_candidates(candidates: list[Candidate]) -> None:
    assert chosen(*candidates) == candidate(0, "a", 10)
