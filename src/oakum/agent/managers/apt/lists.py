"""Say whether the repositories' lists can be relied on: each is there, and its repository confirmed it lately.

A list's modification time is the repository's own (a frozen suite's is months old the minute it is fetched), so the
change time counts: apt touches it each time that the repository answers "still current", and not when a fetch fails
(tried with apt 2.6).  A copied image gets new change times, so a Valid-Until that passed long ago counts too, unless
apt is told not to check it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path

from oakum.agent.managers import ListsRefresh
from oakum.agent.managers.apt.run import AptProblem, first_complaint, read_apt, run_apt
from oakum.agent.managers.apt.targets import RELEASE_NAMES, ReleaseSource

LISTS_AGE_MAX = timedelta(days=7)
REFRESH_TIMEOUT_SECONDS = 600.0
RELEASE_HEADER_BYTES_MAX = 4_096

REMEDY = "Run apt-get update on the host."


@dataclass(frozen=True)
class AptSettings:
    """Where apt keeps what, by its own word (``apt-config dump``)."""

    lists_dir: Path
    config_dir: Path
    status_file: Path
    valid_until_checked: bool


@dataclass(frozen=True)
class ListState:
    """One suite's list: ``confirmed_at`` is None when absent, ``valid_until`` None when the suite states none."""

    address: str
    confirmed_at: datetime | None
    valid_until: datetime | None


def read_settings() -> AptSettings:
    """Return apt's settings.

    Raises:
        AptProblem: apt-config fails, as it does when apt.conf cannot be parsed.
    """
    return parse_settings(read_apt(("apt-config", "dump")))


def parse_settings(text: str) -> AptSettings:
    """Parse ``apt-config dump``: lines of ``Name "value";``."""
    values = {}
    for line in text.splitlines():
        name, quote, rest = line.partition(' "')
        if quote:
            values[name] = rest.rstrip().rstrip(";").rstrip('"')

    def directory(*names: str) -> Path:
        # Each name is relative to the ones before it unless it is absolute, as in apt.
        return Path(values.get("RootDir") or "/").joinpath(*(values.get(name, "") for name in ("Dir", *names)))

    return AptSettings(
        lists_dir=directory("Dir::State", "Dir::State::lists"),
        config_dir=directory("Dir::Etc"),
        status_file=directory("Dir::State", "Dir::State::status"),
        valid_until_checked=values.get("Acquire::Check-Valid-Until", "true").lower() not in ("false", "no", "0"),
    )


def read_list_states(sources: tuple[ReleaseSource, ...], settings: AptSettings) -> tuple[ListState, ...]:
    """Return the state of each suite's list, in the order of ``sources``."""
    return tuple(_read_list_state(source, settings) for source in sources)


def _read_list_state(source: ReleaseSource, settings: AptSettings) -> ListState:
    confirmed, valid_until = None, None
    for name in RELEASE_NAMES:
        path = settings.lists_dir / (source.stem + name)
        try:
            changed = path.lstat().st_ctime
            confirmed = max(confirmed or 0.0, changed)
            if settings.valid_until_checked:
                valid_until = _read_valid_until(path) or valid_until
        except OSError:
            continue
    if confirmed is None:
        confirmed = _newest_packages_file(source, settings.lists_dir)
    at = None if confirmed is None else datetime.fromtimestamp(confirmed, timezone.utc)
    return ListState(address=source.address, confirmed_at=at, valid_until=valid_until)


def _newest_packages_file(source: ReleaseSource, lists_dir: Path) -> float | None:
    """Return the time of a suite that has no Release file (it is marked trusted): its list of packages counts."""
    try:
        names = [name for name in os.listdir(lists_dir) if name.startswith(source.stem) and "Packages" in name]
        return max(((lists_dir / name).lstat().st_ctime for name in names), default=None)
    except OSError:
        return None


def _read_valid_until(path: Path) -> datetime | None:
    with path.open("rb") as stream:
        header = stream.read(RELEASE_HEADER_BYTES_MAX).decode("utf-8", "replace")
    for line in header.splitlines():
        if line.startswith("Valid-Until:"):
            try:
                return parsedate_to_datetime(line.partition(":")[2].strip().replace("UTC", "+0000"))
            except (TypeError, ValueError):
                return None
    return None


def judge_lists(states: tuple[ListState, ...], *, now: datetime) -> str:
    """Return why the lists cannot be relied on, naming the remedy, or "" when each is there and recent.

    The sentence holds dates, never an age, so that it stays the same from check-in to check-in.
    """
    if not states:
        return "apt is not configured for any repository. Add one to /etc/apt/sources.list.d on the host."
    absent = [state for state in states if state.confirmed_at is None]
    if len(absent) == len(states):
        return f"apt has no package lists. {REMEDY}"
    if absent:
        return f"apt has no package list of {absent[0].address}{_and_more(absent)}. {REMEDY}"
    old = [state for state in states if state.confirmed_at and now - state.confirmed_at > LISTS_AGE_MAX]
    if old:
        day = old[0].confirmed_at
        return (
            f"The package list of {old[0].address}{_and_more(old)} was last confirmed on {day:%Y-%m-%d}, "
            f"more than {LISTS_AGE_MAX.days} days ago. {REMEDY}"
        )
    lapsed = [state for state in states if state.valid_until and now - state.valid_until > LISTS_AGE_MAX]
    if lapsed:
        day = lapsed[0].valid_until
        return (
            f"The package list of {lapsed[0].address}{_and_more(lapsed)} says that it is valid until {day:%Y-%m-%d}, "
            f"more than {LISTS_AGE_MAX.days} days ago. {REMEDY}"
        )
    return ""


def _and_more(states: list[ListState]) -> str:
    return f" and {len(states) - 1} more" if len(states) > 1 else ""


def newest_confirmation(states: tuple[ListState, ...]) -> datetime | None:
    """Return when any repository last answered, None if none ever did."""
    return max((state.confirmed_at for state in states if state.confirmed_at), default=None)


def refresh() -> ListsRefresh:
    """Run ``apt-get update``; a repository that does not answer is a problem (apt itself would exit with 0)."""
    result = run_apt(
        ("apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update"), timeout_seconds=REFRESH_TIMEOUT_SECONDS
    )
    if result.problem:
        return ListsRefresh(problem=result.problem)
    # Older apt does not know Error-Mode, and only warns.
    if result.status != 0 or "Failed to fetch" in result.error_text:
        return ListsRefresh(problem=f"apt-get update failed: {first_complaint(result)}")
    return ListsRefresh(problem="")


def settings_problem(problem: AptProblem) -> str:
    """Word apt's refusal to read its own configuration."""
    return f"apt cannot be asked: {problem}"
