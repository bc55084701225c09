"""The packages and versions of one OSV record.

Which intervals follow from events is ``core.ranges``'s to say, which streams an ecosystem is ``osv_ecosystems``'s; this
module finds what counts.  GIT ranges never do, wherever they stand.  What is odd is left out and counted by its reason;
the bracket behind a reason is its first example.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from oakum.core.advisories import (
    AFFECTED,
    DEFERRED,
    END_OF_LIFE,
    NOT_AFFECTED,
    UNDER_INVESTIGATION,
    WILL_NOT_FIX,
    AffectedPackage,
)
from oakum.core.ranges import (
    EVENT_COUNT_MAX,
    EVENT_KINDS,
    FIXED,
    INTRODUCED,
    LAST_AFFECTED,
    LIMIT,
    LOWEST,
    Event,
    FixedInterval,
    Interval,
    contains,
    intervals_of_events,
    point,
)
from oakum.core.streams import BINARY, module_stream, normal_name, scheme_of_stream
from oakum.core.versions import InvalidVersion, order_key
from oakum.intel.importers.osv_ecosystems import Line, line_of_ecosystem
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.values import too_large

AFFECTED_COUNT_MAX: Final = 50_000  # packages of one record; a kernel of SUSE's has some thousand
VERSION_COUNT_MAX: Final = 20_000  # enumerated versions of one package
RANGE_COUNT_MAX: Final = 2_000
NAME_LENGTH_MAX: Final = 200
MODULE_COUNT_MAX: Final = 8
RANGE_CACHE_COUNT: Final = 8_192

INVALID_RANGE: Final = "ranges with a version that is none"
INVALID_VERSION: Final = "listed versions that are none"
UNTOLD_MODULE: Final = "packages of a module whose stream the advisory does not name"
NOTICE: Final = "notices about a package, not about a flaw"

# Publishers' words for a range without a fix; the rest stays "affected".
_STATES: Final = {
    "end-of-life": END_OF_LIFE,
    "eol": END_OF_LIFE,
    "ignored": WILL_NOT_FIX,
    "no-dsa": DEFERRED,
    "postponed": DEFERRED,
    "not-affected": NOT_AFFECTED,
}
# Debian's word for flaws that do not reach its binary packages, or are none in practice.
_URGENCY_OF_NO_FLAW: Final = "unimportant"
# RustSec's words for what is no known flaw.  Nobody will fix an unmaintained crate: that is what end of life means.
# "unsound" is a flaw that a program must be written a certain way to meet: affected.
_UNMAINTAINED: Final = "unmaintained"
_NOTICE: Final = "notice"
_TYPES_OF_VERSIONS: Final = frozenset({"ECOSYSTEM", "SEMVER"})
# GitHub's range where no version fixes: "<= 1.2.3" or "< 2.0.0".
_LAST_KNOWN: Final = re.compile(r"(?P<operator><=?)\s*(?P<version>\S{1,200})\Z")
# A release of the RHEL family that was built for a module: "1.module_el8.6.0+3072", "2.module+el9.4.0+20787".
_MODULAR: Final = re.compile(r"\.module[_+]el[0-9]")
# "Important: nodejs:18 security update": what has a colon inside, and a letter before it.
_MODULE: Final = re.compile(
    r"(?<![\w.:+-])(?P<module>[0-9]{0,8}[\w.+-]{0,60}[A-Za-z][\w.+-]{0,60}:[A-Za-z0-9][\w.+-]{0,60})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a record stands, and its id."""

    path: Path
    place: str
    ref: str


def read_affected(at: Place, document: Mapping[str, Any], skipped: list[str]) -> tuple[AffectedPackage, ...]:
    """Return what a record says of streams of ours; reasons for what is left out are added to ``skipped``.

    Raises:
        FeedError: the record is beyond a limit.
    """
    entries = plain_list(document.get("affected"))
    if len(entries) > AFFECTED_COUNT_MAX:
        raise too_large(at.path, at.place, f"the record names {len(entries)} packages, more than {AFFECTED_COUNT_MAX}")
    modules = modules_of_summary(plain_text(document.get("summary")))
    found: dict[AffectedPackage, None] = {}
    for entry in entries:
        for package in _of_entry(at, plain_object(entry), modules, skipped):
            if package.intervals:
                # SUSE repeats all binaries of an update under each of its sources.
                found[package] = None
        if len(found) > AFFECTED_COUNT_MAX:
            raise too_large(at.path, at.place, f"the record names more than {AFFECTED_COUNT_MAX} packages")
    return tuple(found)


def modules_of_summary(summary: str) -> tuple[str, ...]:
    """Return the module streams that the summary of a RHEL-family advisory names.

    >>> modules_of_summary("Important: nodejs:18 security update")
    ('nodejs:18',)
    >>> modules_of_summary("Moderate: python38:3.8 and python38-devel:3.8 security update")
    ('python38:3.8', 'python38-devel:3.8')
    """
    found = (told["module"].rstrip(".") for told in _MODULE.finditer(summary[:500]))
    return tuple(dict.fromkeys(found))[:MODULE_COUNT_MAX]


def _of_entry(
    at: Place, entry: Mapping[str, Any], modules: Sequence[str], skipped: list[str]
) -> Iterator[AffectedPackage]:
    package = plain_object(entry.get("package"))
    ecosystem, name = plain_text(package.get("ecosystem")), plain_text(package.get("name"))
    line = line_of_ecosystem(ecosystem)
    if line is None:
        skipped.append(f"packages of {ecosystem[:60] or 'no ecosystem'}, which is no release that Oakum matches")
        return
    if not _is_name(name):
        skipped.append(f"packages without a name ({at.ref})")
        return
    specific = specific_of(entry)
    if plain_text(specific.get("informational")).lower() == _NOTICE:
        skipped.append(NOTICE)
        return
    binaries = _suse_binaries(entry) if ecosystem.startswith(("SUSE", "openSUSE")) else ()
    if binaries:
        yield from _of_binaries(at, line, binaries, skipped)
        return
    for stream in line.streams:
        yield from _of_stream(at, entry, specific, line, stream, normal_name(stream, name), modules, skipped)


def _is_name(name: str) -> bool:
    return 0 < len(name) <= NAME_LENGTH_MAX and name.isprintable()


def _of_stream(
    at: Place,
    entry: Mapping[str, Any],
    specific: Mapping[str, Any],
    line: Line,
    stream: str,
    name: str,
    modules: Sequence[str],
    skipped: list[str],
) -> Iterator[AffectedPackage]:
    """Yield the package in one stream, or, where it was built for a module, in each of the module's streams."""
    scheme = scheme_of_stream(stream)
    intervals = _intervals(at, scheme, name, entry, skipped)
    modular = tuple(each for each in intervals if line.modular and _MODULAR.search(each.fixed_version))
    plain = tuple(each for each in intervals if each not in modular) if modular else intervals
    if modular and not modules:
        skipped.append(f"{UNTOLD_MODULE} ({at.ref}: {name})")
    parts = [(stream, plain), *((module_stream(stream, module), modular) for module in modules if modular)]
    for each_stream, each_intervals in parts:
        if each_intervals:
            yield AffectedPackage(
                stream=each_stream,
                name=name,
                scheme=scheme,
                intervals=each_intervals,
                state=_state(specific, each_intervals),
                level=line.level,
            )


def _suse_binaries(entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the installed packages of an update and the versions that it brings."""
    lists = [plain_object(each) for each in plain_list(plain_object(entry.get("ecosystem_specific")).get("binaries"))]
    return tuple((name, plain_text(version)) for each in lists for name, version in each.items() if _is_name(name))


def _of_binaries(
    at: Place, line: Line, binaries: Sequence[tuple[str, str]], skipped: list[str]
) -> Iterator[AffectedPackage]:
    for stream in line.streams:
        scheme = scheme_of_stream(stream)
        for name, version in binaries:
            try:
                intervals = _of_events(scheme, ((INTRODUCED, "0"), (FIXED, version)))
            except InvalidVersion as error:
                skipped.append(f"{INVALID_RANGE} ({at.ref}, {name}: {error})")
                continue
            yield AffectedPackage(
                stream=stream, name=name, scheme=scheme, intervals=intervals, state=AFFECTED, level=BINARY
            )


def _intervals(
    at: Place, scheme: str, name: str, entry: Mapping[str, Any], skipped: list[str]
) -> tuple[FixedInterval, ...]:
    """Return the affected versions: the ranges, and the listed versions that no range holds."""
    found: list[FixedInterval] = []
    ranges = [plain_object(each) for each in plain_list(entry.get("ranges"))]
    if len(ranges) > RANGE_COUNT_MAX:
        raise too_large(at.path, at.place, f"a package has {len(ranges)} ranges, more than {RANGE_COUNT_MAX}")
    for each in ranges:
        if plain_text(each.get("type")) in _TYPES_OF_VERSIONS:
            try:
                found += _of_events(scheme, _events(at, each, entry))
            except InvalidVersion as error:
                skipped.append(f"{INVALID_RANGE} ({at.ref}, {name}: {error})")
    found += _points(at, scheme, name, entry, tuple(each.interval for each in found), skipped)
    return tuple(dict.fromkeys(found))


def _points(
    at: Place,
    scheme: str,
    name: str,
    entry: Mapping[str, Any],
    ranged: Sequence[Interval],
    skipped: list[str],
) -> Iterator[FixedInterval]:
    versions = plain_list(entry.get("versions"))
    if not versions:
        return
    if len(versions) > VERSION_COUNT_MAX:
        raise too_large(at.path, at.place, f"a package has {len(versions)} versions, more than {VERSION_COUNT_MAX}")
    if any(each.low == LOWEST and each.high is None for each in ranged):
        return
    keys: set[bytes] = set()
    for version in versions:
        try:
            keys.add(order_key(scheme, plain_text(version)))
        except InvalidVersion as error:
            skipped.append(f"{INVALID_VERSION} ({at.ref}, {name}: {error})")
    for key in sorted(keys):
        if not contains(ranged, key):
            yield FixedInterval(interval=point(key), fixed_version="")


def _events(at: Place, each: Mapping[str, Any], entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    events = plain_list(each.get("events"))
    if len(events) >= EVENT_COUNT_MAX:
        raise too_large(at.path, at.place, f"a range has {len(events)} events, more than {EVENT_COUNT_MAX - 1}")
    found = [
        (kind, plain_text(version))
        for event in events
        for kind, version in plain_object(event).items()
        if kind in EVENT_KINDS
    ]
    if len(found) >= EVENT_COUNT_MAX:
        raise too_large(at.path, at.place, f"a range has {len(found)} events, more than {EVENT_COUNT_MAX - 1}")
    if all(kind == INTRODUCED for kind, _ in found):
        found += _last_known(each, entry)
    return tuple(found)


@lru_cache(maxsize=RANGE_CACHE_COUNT)
def _of_events(scheme: str, events: tuple[tuple[str, str], ...]) -> tuple[FixedInterval, ...]:
    """Return a range's intervals; the packages of one update mostly share one version, and so one range."""
    return intervals_of_events(scheme, [Event(kind=kind, version=version) for kind, version in events])


def _last_known(each: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the end of a range that GitHub tells beside the events where no version fixes."""
    for place in (each, entry):
        told = plain_text(plain_object(place.get("database_specific")).get("last_known_affected_version_range"))
        bound = _LAST_KNOWN.match(told.strip())
        if bound is not None:
            yield (LAST_AFFECTED if bound["operator"] == "<=" else LIMIT), bound["version"]
            return


def _state(specific: Mapping[str, Any], intervals: Sequence[FixedInterval]) -> str:
    if plain_text(specific.get("urgency")) == _URGENCY_OF_NO_FLAW:
        return NOT_AFFECTED
    if plain_text(specific.get("informational")).lower() == _UNMAINTAINED:
        return END_OF_LIFE
    if plain_list(specific.get("custom_ranges")) and not any(each.fixed_version for each in intervals):
        # Go's: the affected versions are told in numbers that are no Go versions, so which are is not known.
        return UNDER_INVESTIGATION
    return _STATES.get(plain_text(specific.get("status")).lower(), AFFECTED)


def specific_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the publisher adds to a package; publishers use either of the two places."""
    if "database_specific" not in entry:
        return plain_object(entry.get("ecosystem_specific"))
    return {**plain_object(entry.get("database_specific")), **plain_object(entry.get("ecosystem_specific"))}
