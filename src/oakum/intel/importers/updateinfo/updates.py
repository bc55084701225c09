"""One advisory of all that a feed says of one update of rpm packages.

An update stands in several repositories' files, and once an architecture.  What installed packages it patches is the
same whoever publishes: a name, an architecture, and everything below epoch, version and release.

**Epochs.**  A package whose epoch is left out keeps none here: the import, which sees all of a feed, gives it the one
that its name has by then (``intel.services.settling``).

**Rebuilds.**  Where an update brings several versions of one package for one stream and architecture, the lowest has
the patch already; the others are rebuilds for later minor releases.

It reads no format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypedDict

from oakum.core.advisories import AFFECTED, AdvisoryRecord, AffectedPackage
from oakum.core.changelog import CVE_COUNT_MAX, find_cves
from oakum.core.ranges import FixedInterval
from oakum.core.ratings import rate, severity_of_word
from oakum.core.streams import BINARY, module_stream, scheme_of_stream
from oakum.core.versions import InvalidVersion
from oakum.intel.importers.osv_affected import UNTOLD_MODULE, modules_of_summary
from oakum.intel.importers.updateinfo.distributions import lowest_of_line
from oakum.intel.importers.values import Read, parse_instant
from oakum.intel.importers.vendor import INVALID_RANGE, details_of, title_of, versions_below

SECURITY: Final = "security"
REBOOT_WORDS: Final = "The publisher advises to reboot after this update."

_MODULAR: Final = re.compile(r"\.module[_+](?:el|f)[0-9]")
_SOURCES: Final = frozenset({"src", "nosrc"})
_EVERY_ARCHITECTURE: Final = frozenset({"noarch", ""})


class ToldPackage(TypedDict):
    """A package of an update, as the file has it; ``epoch`` None where it is left out, ``module`` ``name:stream``."""

    streams: Sequence[str]
    collection: str
    name: str
    epoch: str | None
    version: str
    release: str
    architecture: str
    module: str


class ToldUpdate(TypedDict):
    """What one place of a feed says of an update."""

    title: str
    details: str
    severity: str
    published: str
    modified: str
    cves: Sequence[str]
    vector: str
    reboot: bool
    packages: Sequence[ToldPackage]


def read_update(ref: str, parts: Sequence[ToldUpdate]) -> Read:
    """Return what the parts say together."""
    skipped: list[str] = []
    affected = tuple(_affected(ref, parts, skipped))
    if not affected:
        return Read(record=None, skipped=tuple(dict.fromkeys(skipped)) or ("security updates that name no package",))
    first = parts[0]
    cves = tuple(dict.fromkeys(cve for part in parts for cve in part["cves"]))[:CVE_COUNT_MAX]
    rating = rate(first["vector"]) if first["vector"] and len(cves) == 1 else None
    record = AdvisoryRecord(
        ref=ref,
        title=title_of(first["title"], affected[0].name),
        details=details_of(first["details"], [REBOOT_WORDS] if any(part["reboot"] for part in parts) else ()),
        severity=severity_of_word(first["severity"]),
        published_at=parse_date(first["published"]),
        modified_at=parse_date(first["modified"]),
        withdrawn_at=None,
        cves=cves,
        cvss_vector=rating.vector if rating else "",
        affected=affected,
    )
    return Read(record=record, skipped=tuple(dict.fromkeys(skipped)))


def _affected(ref: str, parts: Sequence[ToldUpdate], skipped: list[str]) -> Iterator[AffectedPackage]:
    # An id in a title (RHSA-2023:1234) looks like a module stream.
    modules = modules_of_summary(parts[0]["title"].replace(ref, ""))
    lowest: dict[tuple[str, str, str], FixedInterval] = {}
    for package in (each for part in parts for each in part["packages"]):
        if package["architecture"] in _SOURCES:
            continue
        for stream in _streams(ref, package, modules, skipped):
            key = (stream, package["name"], package["architecture"])
            try:
                found = _interval(stream, package)
            except InvalidVersion as error:
                skipped.append(f"{INVALID_RANGE} ({ref}, {package['name']}: {error})")
                continue
            if key not in lowest or _end(found) < _end(lowest[key]):
                lowest[key] = found
    grouped: dict[tuple[str, str, FixedInterval], list[str]] = {}
    for (stream, name, architecture), interval in lowest.items():
        grouped.setdefault((stream, name, interval), []).append(architecture)
    for (stream, name, interval), architectures in grouped.items():
        is_for_every = not _EVERY_ARCHITECTURE.isdisjoint(architectures)
        yield AffectedPackage(
            stream=stream,
            name=name,
            scheme=scheme_of_stream(stream),
            intervals=(interval,),
            state=AFFECTED,
            level=BINARY,
            architectures=() if is_for_every else tuple(sorted(architectures)),
        )


def _end(found: FixedInterval) -> bytes:
    assert found.interval.high is not None
    return found.interval.high


def _streams(ref: str, package: ToldPackage, modules: Sequence[str], skipped: list[str]) -> Sequence[str]:
    """Return the package's streams, those of its module where it was built for one."""
    if not package["streams"]:
        skipped.append(f"packages of which the release is not told ({ref}: {package['name']})")
        return ()
    told = [package["module"]] if package["module"] else list(modules) if _MODULAR.search(package["release"]) else []
    if told:
        return [module_stream(stream, module) for stream in package["streams"] for module in told]
    if _MODULAR.search(package["release"]):
        skipped.append(f"{UNTOLD_MODULE} ({ref}: {package['name']})")
        return ()
    return package["streams"]


def _interval(stream: str, package: ToldPackage) -> FixedInterval:
    epoch = package["epoch"] or "0"
    number = epoch.lstrip("0")
    version = f"{number}:" if number else ""
    version += f"{package['version']}-{package['release']}" if package["release"] else package["version"]
    low = lowest_of_line(package["collection"], epoch, package["version"])
    return versions_below(scheme_of_stream(stream), version, low=low)


def cves_of(ids: Sequence[str], texts: Sequence[str]) -> Sequence[str]:
    """Return the CVEs that an update refers to, those of its texts where it refers to none as such (Fedora)."""
    return find_cves(" ".join(ids)) or find_cves("\n".join(texts))


def parse_date(text: str) -> datetime | None:
    """Return the instant of ISO 8601 or of seconds since 1970, None where there is none.

    >>> parse_date("2011-09-27 22:46") == parse_date("1317163560")
    True
    """
    if not text.isdecimal() or not text.isascii():
        return parse_instant(text.strip())
    try:
        return datetime.fromtimestamp(int(text[:12]), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def plain_update(**told: Any) -> ToldUpdate:
    """Return an update of which nothing but ``told`` is known."""
    empty = ToldUpdate(
        title="", details="", severity="", published="", modified="", cves=(), vector="", reboot=False, packages=()
    )
    empty.update(told)  # type: ignore[typeddict-item]
    return empty
