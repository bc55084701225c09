"""Turn found packages into distinct package versions, with the keys that matching compares.

A package whose version its scheme refuses, or that names no coordinates, cannot be compared: it stays in the report,
with the reason.  It reads no database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from oakum.core.matching import VersionFacts, left_out_reason
from oakum.core.matching.targets import UNKNOWN_MODULE
from oakum.core.purls import is_word, purl_of
from oakum.core.streams import STREAM_LENGTH_MAX, module_stream, normal_name, scheme_of_stream
from oakum.core.versions import InvalidVersion, UnknownStream, order_key
from oakum.scan.report import NO_CODE, OWNED, UNCOMPARABLE, ScannedPackage, Unassessed
from oakum.scan.values import DISTRIBUTION_TYPES, MAVEN, RPM, FoundPackage

PLACE_COUNT_MAX: Final = 20  # kept of one package version

_OWNED: Final = "it belongs to the distribution's package {owner}, of which its feed speaks"
_NO_GROUP: Final = "its archive does not tell the group of its Maven coordinates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The distinct package versions of a scan.

    ``versions`` are what can be matched, by the package's id: once for each name that an advisory may use of it.
    """

    packages: tuple[ScannedPackage, ...]
    found: tuple[FoundPackage, ...]
    versions: tuple[VersionFacts, ...]
    unassessed: tuple[Unassessed, ...]


@dataclass(slots=True)
class _Group:
    """One package version, and everything that was found of it."""

    stream: str
    found: list[FoundPackage]


def facts_of(found: Iterable[FoundPackage], *, stream: str) -> Facts:
    """Return the package versions, each once; ``stream`` is the distribution's, "" where the root names none."""
    groups: dict[tuple[object, ...], _Group] = {}
    refused: dict[tuple[str, str], int] = {}
    for each in found:
        own, refusal = _stream_of(each, stream)
        if refusal:
            refused[refusal] = refused.get(refusal, 0) + 1
        identity = (each.kind, own, normal_name(own, each.name), each.version, each.architecture, each.owner)
        groups.setdefault((*identity, each.other_names), _Group(stream=own, found=[])).found.append(each)
    packages: list[ScannedPackage] = []
    versions: list[VersionFacts] = []
    for id_, group in enumerate(groups.values()):
        package, own_versions = _package(id_, group)
        packages.append(package)
        versions.extend(own_versions)
    return Facts(
        packages=tuple(packages),
        found=tuple(group.found[0] for group in groups.values()),
        versions=tuple(versions),
        unassessed=tuple(
            Unassessed(subject=subject, package_count=count, reason=reason)
            for (subject, reason), count in refused.items()
        ),
    )


def _stream_of(package: FoundPackage, stream: str) -> tuple[str, tuple[str, str] | None]:
    """Return a package's stream; where it has none that can be compared "", with what it is and why."""
    if package.stream:
        return package.stream, None
    if package.kind not in DISTRIBUTION_TYPES:
        return package.kind, None
    if not stream:
        return "", (f"{package.kind} packages", "the root names no distribution (os-release)")
    try:
        scheme = scheme_of_stream(stream)
    except UnknownStream:
        return "", (stream, "no order of its versions is known")
    if scheme.partition(".")[0] != package.kind:
        return "", (f"{package.kind} packages", f"the root's distribution, {stream}, has none of these")
    return (module_stream(stream, package.module) if package.kind == RPM else stream), None


def _package(id_: int, group: _Group) -> tuple[ScannedPackage, tuple[VersionFacts, ...]]:
    first, stream = group.found[0], group.stream
    versions, reason = _versions(id_, first, stream)
    kind = UNCOMPARABLE if reason and stream else ""
    if first.owner:
        versions, reason, kind = (), _OWNED.format(owner=first.owner), OWNED
    elif versions and (reason := left_out_reason(versions[0])):
        kind = UNCOMPARABLE if reason == UNKNOWN_MODULE else NO_CODE
    return (
        ScannedPackage(
            id=id_,
            kind=first.kind,
            stream=stream,
            name=normal_name(stream, first.name),
            version=first.version,
            architecture=first.architecture,
            source_name=first.source_name,
            source_version=_source_version(first),
            purl=_purl(first, stream),
            places=tuple(each.place for each in group.found[:PLACE_COUNT_MAX]),
            owner=first.owner,
            vendor=first.vendor,
            is_held=first.is_held,
            left_out=reason,
            left_out_kind=kind,
        ),
        versions,
    )


def _versions(id_: int, package: FoundPackage, stream: str) -> tuple[tuple[VersionFacts, ...], str]:
    """Return what can be matched of a package, or why nothing can."""
    if not stream:
        return (), "nothing is known of its stream"
    names = package.other_names or (package.name,)
    if package.kind == MAVEN and ":" not in names[0]:
        return (), _NO_GROUP
    scheme = scheme_of_stream(stream)
    source_version = _source_version(package) or package.version
    try:
        key = order_key(scheme, package.version)
        source_key = key if source_version == package.version else order_key(scheme, source_version)
    except InvalidVersion as error:
        return (), str(error)
    return (
        tuple(
            VersionFacts(
                id=id_,
                stream=stream,
                scheme=scheme,
                name=name,
                version=package.version,
                key=key,
                source_name=package.source_name or name,
                source_version=source_version,
                source_key=source_key,
                architecture=package.architecture,
            )
            for name in (normal_name(stream, each) for each in names)
        ),
        "",
    )


def _source_version(package: FoundPackage) -> str:
    """Return the source's version; a source rpm's name has no epoch, so that the package's own stands in."""
    epoch, colon, _ = package.version.partition(":")
    if package.kind == RPM and colon and package.source_version and ":" not in package.source_version:
        return f"{epoch}:{package.source_version}"
    return package.source_version


def _purl(package: FoundPackage, stream: str) -> str:
    """Return the package URL, "" for what none can name."""
    name = normal_name(stream, package.name)
    if not stream or len(stream) > STREAM_LENGTH_MAX or not is_word(name, stream=stream):
        return ""
    if package.kind == MAVEN and ":" not in name:
        return ""
    return purl_of(
        stream=stream,
        name=name,
        version=package.version,
        architecture=package.architecture,
        source_name=package.source_name,
        source_version=_source_version(package),
    )
