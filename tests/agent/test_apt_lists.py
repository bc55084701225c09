"""When the lists can be relied on, and what is said when not."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oakum.agent.managers.apt.lists import (
    LISTS_AGE_MAX,
    AptSettings,
    ListState,
    judge_lists,
    newest_confirmation,
    parse_settings,
    read_list_states,
)
from oakum.agent.managers.apt.targets import ReleaseSource

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def state(address: str = "http://a", age: timedelta | None = timedelta(0), valid: datetime | None = None) -> ListState:
    return ListState(address=address, confirmed_at=None if age is None else NOW - age, valid_until=valid)


def test_fresh_lists_are_relied_on() -> None:
    assert judge_lists((state(), state(age=LISTS_AGE_MAX)), now=NOW) == ""


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ((), "not configured for any repository"),
        ((state(age=None),), "no package lists"),
        ((state(), state("http://b", None)), "no package list of http://b"),
        ((state("http://old", LISTS_AGE_MAX + SECOND), state()), "http://old was last confirmed on 2026-11-15"),
        ((state("u", valid=NOW - LISTS_AGE_MAX - SECOND),), "valid until 2026-11-15"),
    ],
)
def test_what_is_wrong_is_named_with_a_remedy(states: tuple[ListState, ...], words: str) -> None:
    sentence = judge_lists(states, now=NOW)
    assert words in sentence
    assert "apt-get update" in sentence or "sources.list" in sentence


def test_the_sentence_does_not_change_as_time_goes_by() -> None:
    """Its hash is part of every check-in: an age in days or hours would upload the section again and again."""
    states = (state("http://old", timedelta(days=30)),)
    assert judge_lists(states, now=NOW) == judge_lists(states, now=NOW + timedelta(days=3))


def test_the_newest_confirmation_counts_as_the_last_refresh() -> None:
    assert newest_confirmation((state(age=timedelta(days=2)), state(age=timedelta(hours=1)))) == NOW - timedelta(
        hours=1
    )
    assert newest_confirmation((state(age=None),)) is None


@pytest.fixture
def settings(tmp_path: Path) -> AptSettings:
    return AptSettings(
        lists_dir=tmp_path, config_dir=tmp_path, status_file=tmp_path / "status", valid_until_checked=True
    )


SOURCE = ReleaseSource(address="http://a x", stem="a_dists_x_")


def test_the_time_of_change_counts_not_the_repositorys_own(settings: AptSettings) -> None:
    path = settings.lists_dir / "a_dists_x_InRelease"
    path.write_text("Origin: A\nValid-Until: Fri, 27 Nov 2026 00:12:41 UTC\n")
    os.utime(path, (0, 0))
    (found,) = read_list_states((SOURCE,), settings)
    assert found.confirmed_at is not None
    assert datetime.now(UTC) - found.confirmed_at < timedelta(minutes=10)
    assert found.valid_until == datetime(2026, 11, 27, 0, 12, 41, tzinfo=UTC)


def test_a_trusted_repository_without_release_file_is_known_by_its_packages(settings: AptSettings) -> None:
    (settings.lists_dir / "a_dists_x_main_binary-amd64_Packages.lz4").write_bytes(b"")
    (found,) = read_list_states((SOURCE,), settings)
    assert found.confirmed_at is not None


def test_an_absent_list_has_no_time(settings: AptSettings) -> None:
    assert read_list_states((SOURCE,), settings) == (ListState("http://a x", None, None),)


def test_settings_are_read_from_apts_own_dump() -> None:
    text = (
        'Dir "/";\nDir::State "var/lib/apt";\nDir::State::lists "/mnt/lists/";\n'
        'Dir::State::status "/var/lib/dpkg/status";\nDir::Etc "etc/apt";\n'
        'Acquire::Check-Valid-Until "false";\nAcquire::Languages "";\nAcquire::Languages:: "none";\n'
    )
    found = parse_settings(text)
    assert (found.lists_dir, found.config_dir) == (Path("/mnt/lists"), Path("/etc/apt"))
    assert found.status_file == Path("/var/lib/dpkg/status")
    assert not found.valid_until_checked
