"""Which package each entry of a bill of materials is: by its package URL, else by what syft, trivy or Oakum tell of it.

An entry that names no package that can be assessed is counted under its reason, and named; files, operating systems and
the like are no packages.  What is not told is not guessed: a distribution's package of which neither its package URL
nor the document tells a release is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from oakum.core.purls import (
    ARCHITECTURE_LENGTH_MAX,
    NAME_LENGTH_MAX,
    PurlRefusal,
    distribution_stream,
    is_word,
    parse_package,
)
from oakum.core.streams import base_stream, module_stream, scheme_of_stream
from oakum.core.versions import UnknownStream
from oakum.scan.inventory import Inventory
from oakum.scan.readers.os_release import Distribution
from oakum.scan.report import Unassessed
from oakum.scan.sbom.spdx import SOURCE_NAME, SOURCE_VERSION
from oakum.scan.sbom.values import Bom, Entry
from oakum.scan.values import (
    ALPM,
    APK,
    CARGO,
    DEB,
    DISTRIBUTION_TYPES,
    GEM,
    GOLANG,
    LEFT_OUT,
    MAVEN,
    NPM,
    PYPI,
    RPM,
    FoundPackage,
    Note,
)

NAMED_COUNT_MAX: Final = 10  # packages named beside a reason why they are not assessed
REASON_COUNT_MAX: Final = 100
OPERATING_SYSTEM: Final = "operating-system"
# Types of entries that hold packages or describe something else; a package URL of an ecosystem says otherwise.
NO_PACKAGE_TYPES: Final = frozenset(
    {
        *("file", "container", OPERATING_SYSTEM, "platform", "device", "device-driver", "firmware", "data"),
        *("machine-learning-model", "cryptographic-asset", "archive", "install"),
    }
)
NUGET: Final = "nuget"
COMPOSER: Final = "composer"

_OAKUM: Final = "oakum:"
_SYFT: Final = "syft:"
_TRIVY: Final = "aquasecurity:trivy:"
_SYFT_KINDS: Final = {
    DEB: DEB,
    RPM: RPM,
    APK: APK,
    ALPM: ALPM,
    NPM: NPM,
    GEM: GEM,
    "python": PYPI,
    "rust-crate": CARGO,
    "go-module": GOLANG,
    "java-archive": MAVEN,
    "dotnet": NUGET,
    "php-composer": COMPOSER,
}
_TRIVY_KINDS: Final = {
    **dict.fromkeys(("debian", "ubuntu"), DEB),
    **dict.fromkeys(("alpine", "wolfi", "chainguard"), APK),
    **dict.fromkeys(("redhat", "centos", "rocky", "alma", "amazon", "fedora", "oracle", "photon"), RPM),
    **dict.fromkeys(("cbl-mariner", "azurelinux", "suse linux enterprise server", "opensuse-leap"), RPM),
    **dict.fromkeys(("opensuse.leap", "opensuse-tumbleweed", "opensuse.tumbleweed"), RPM),
    **dict.fromkeys(("python-pkg", "pip", "pipenv", "poetry", "uv"), PYPI),
    **dict.fromkeys(("node-pkg", "npm", "yarn", "pnpm", "bun"), NPM),
    **dict.fromkeys(("gemspec", "bundler"), GEM),
    **dict.fromkeys(("cargo", "rustbinary"), CARGO),
    **dict.fromkeys(("gobinary", "gomod"), GOLANG),
    **dict.fromkeys(("jar", "pom", "gradle", "gradle-lockfile", "sbt-lockfile"), MAVEN),
    **dict.fromkeys(("nuget", "dotnet-core", "nuget-config", "packages-props"), NUGET),
    **dict.fromkeys(("composer", "composer-vendor"), COMPOSER),
}
_UNTOLD: Final = "it has no package URL, and nothing else tells of which ecosystem it is"
_NO_VERSION: Final = "it names no version"
_NO_RELEASE: Final = "the document does not say of which distribution's release it is"
_NO_NAME: Final = "its name or version is missing, too long, or holds what no package manager takes"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """Why an entry names no package that can be assessed."""

    reason: str


@dataclass(slots=True)
class _Refused:
    """All entries with one reason."""

    count: int = 0
    names: list[str] = field(default_factory=list)


def inventory_of(bom: Bom) -> Inventory:
    """Return the packages of a document, its distribution, and what it lists beside them.

    What the document is of is a package of it only where it lists nothing else: a scan of one package's own document.
    """
    distribution, notes = _distribution(bom)
    entries = bom.entries or ((bom.subject,) if bom.subject is not None else ())
    packages: list[FoundPackage] = []
    others: Counter[str] = Counter()
    refused: dict[str, _Refused] = {}
    for entry in entries:
        found = package_of(entry, stream=distribution.stream)
        if isinstance(found, FoundPackage):
            packages.append(found)
        elif entry.type_ == OPERATING_SYSTEM:
            pass  # it told the release
        elif entry.type_ in NO_PACKAGE_TYPES or _is_holder(entry):
            others[entry.type_] += 1
        else:
            reason = found.reason if found.reason in refused or len(refused) < REASON_COUNT_MAX else "other reasons"
            own = refused.setdefault(reason, _Refused())
            own.count += 1
            if len(own.names) < NAMED_COUNT_MAX:
                own.names.append(_named(entry))
    notes += [
        Note(kind=LEFT_OUT, place=bom.list_name, reason=f"{count} of the type {kind!r}: no packages")
        for kind, count in sorted(others.items())
    ]
    return Inventory(
        distribution=_or_of_packages(distribution, packages, bom),
        packages=tuple(packages),
        notes=tuple(notes),
        unassessed=tuple(
            Unassessed(subject=_listed(own), package_count=own.count, reason=reason) for reason, own in refused.items()
        ),
    )


def package_of(entry: Entry, *, stream: str) -> FoundPackage | _Refusal:
    """Return the package that an entry is, or why it is none that can be assessed.

    ``stream`` is of the document's distribution, "" where it names none.
    """
    found = _by_purl(entry, stream) if entry.purl else _by_properties(entry, stream)
    if isinstance(found, _Refusal):
        return found
    told = _told(entry)
    module = told.get("module", "")
    own = found.stream
    if found.kind == RPM and module and own == base_stream(own):
        own = module_stream(own, module)
    is_sourceless = not found.source_name and found.kind in DISTRIBUTION_TYPES
    source_name = told.get("source", "") if is_sourceless else ""
    source_version = told.get("source_version", "") if source_name else ""
    if not all(_is_fit(each, own) for each in (source_name, source_version) if each):
        source_name = source_version = ""
    return replace(
        found,
        stream=own,
        source_name=source_name or found.source_name,
        source_version=source_version or found.source_version,
        place=_place(entry),
        owner=entry.properties.get(f"{_OAKUM}owner", "")[:NAME_LENGTH_MAX],
        vendor=entry.properties.get(f"{_OAKUM}vendor", "")[:NAME_LENGTH_MAX],
        is_held=entry.properties.get(f"{_OAKUM}held") == "true",
    )


def _by_purl(entry: Entry, stream: str) -> FoundPackage | _Refusal:
    identity = parse_package(entry.purl, stream=stream)
    if isinstance(identity, PurlRefusal):
        return _Refusal(reason=identity.reason)
    if not identity.version:
        return _Refusal(reason=_NO_VERSION)
    scheme = identity.scheme.partition(".")[0]
    is_source_told = (identity.source_name, identity.source_version) != (identity.name, identity.version)
    return FoundPackage(
        kind=scheme if scheme in DISTRIBUTION_TYPES else identity.stream,
        stream=identity.stream,
        name=identity.name,
        version=identity.version,
        architecture=identity.architecture,
        source_name=identity.source_name if is_source_told else "",
        source_version=identity.source_version if is_source_told else "",
        place="",
    )


def _by_properties(entry: Entry, stream: str) -> FoundPackage | _Refusal:
    told = _told(entry)
    kind = told.get("kind", "")
    if not kind:
        return _Refusal(reason=_UNTOLD)
    own = told.get("stream") or (stream if kind in DISTRIBUTION_TYPES else kind)
    try:
        scheme = scheme_of_stream(own) if own else ""
    except UnknownStream:
        return _Refusal(reason=f"{own[:60]!r} is no distribution or ecosystem that Oakum assesses")
    if not scheme or (kind in DISTRIBUTION_TYPES and scheme.partition(".")[0] != kind):
        return _Refusal(reason=_NO_RELEASE)
    joint = ":" if kind == MAVEN else "/"
    name = f"{entry.group}{joint}{entry.name}" if entry.group and kind not in DISTRIBUTION_TYPES else entry.name
    architecture = told.get("architecture", "")
    if not _is_fit(name, own) or not _is_fit(entry.version, own):
        return _Refusal(reason=_NO_NAME)
    if architecture and (len(architecture) > ARCHITECTURE_LENGTH_MAX or not is_word(architecture, stream=own)):
        architecture = ""
    return FoundPackage(kind=kind, stream=own, name=name, version=entry.version, architecture=architecture, place="")


def _is_fit(text: str, stream: str) -> bool:
    return 0 < len(text) <= NAME_LENGTH_MAX and is_word(text, stream=stream)


def _told(entry: Entry) -> dict[str, str]:
    """Return what the properties of the tool that wrote the entry tell of its package, by our words."""
    found = entry.properties
    if not found:
        return {}
    told = _told_by_trivy(found)
    for word, syft in (
        ("source", "metadata:source"),
        ("source_version", "metadata:sourceVersion"),
        ("architecture", "metadata:architecture"),
        ("module", "metadata:modularityLabel"),
    ):
        told[word] = told.get(word) or found.get(f"{_SYFT}{syft}", "")
    told["kind"] = told.get("kind") or _SYFT_KINDS.get(found.get(f"{_SYFT}package:type", ""), "")
    told["source"] = told["source"] or found.get(SOURCE_NAME, "")
    told["source_version"] = told["source_version"] or found.get(SOURCE_VERSION, "")
    told["kind"] = told["kind"] or found.get(f"{_OAKUM}kind", "")
    told["stream"] = found.get(f"{_OAKUM}stream", "")
    told["architecture"] = told["architecture"] or found.get(f"{_OAKUM}architecture", "")
    return told


def _told_by_trivy(found: Mapping[str, str]) -> dict[str, str]:
    version = found.get(f"{_TRIVY}SrcVersion", "")
    epoch, release = found.get(f"{_TRIVY}SrcEpoch", ""), found.get(f"{_TRIVY}SrcRelease", "")
    if version:
        version = f"{f'{epoch}:' if epoch not in {'', '0'} else ''}{version}{f'-{release}' if release else ''}"
    return {
        "kind": _TRIVY_KINDS.get(found.get(f"{_TRIVY}PkgType", "").lower(), ""),
        "source": found.get(f"{_TRIVY}SrcName", ""),
        "source_version": version,
        "module": found.get(f"{_TRIVY}Modularitylabel", ""),
    }


def _place(entry: Entry) -> str:
    """Return where on the scanned system the package was found, as a path from its root; "" where nobody tells."""
    found = entry.properties
    place = entry.location or found.get(f"{_SYFT}location:0:path") or found.get(f"{_TRIVY}FilePath") or ""
    return place.lstrip("/")[:NAME_LENGTH_MAX] if place.isprintable() else ""


def _is_holder(entry: Entry) -> bool:
    """Say whether an entry is a lock file or program that packages were read from: trivy lists these beside them."""
    return not entry.purl and not entry.version and f"{_TRIVY}Class" in entry.properties


def _named(entry: Entry) -> str:
    name = f"{entry.name} {entry.version}".strip() or entry.purl or entry.place
    return "".join(each if each.isprintable() else "?" for each in name[:80])


def _listed(refused: _Refused) -> str:
    more = refused.count - len(refused.names)
    return ", ".join(refused.names) + (f" and {more} more" if more else "")


def _distribution(bom: Bom) -> tuple[Distribution, list[Note]]:
    """Return the release that the document names for packages that do not tell their own."""
    systems = [each for each in bom.entries if each.type_ == OPERATING_SYSTEM]
    if not systems and bom.subject is not None and bom.subject.type_ == OPERATING_SYSTEM:
        systems = [bom.subject]
    streams: dict[str, str] = {}
    for each in systems:
        name = each.properties.get(f"{_SYFT}distro:id") or each.name
        release = each.properties.get(f"{_SYFT}distro:versionID") or each.version
        title = each.properties.get(f"{_SYFT}distro:prettyName") or f"{each.name} {each.version}".strip()
        if stream := distribution_stream(name, release):
            streams.setdefault(stream, title)
    if len(streams) > 1:
        reason = f"it names several distributions ({', '.join(sorted(streams))}): only a package's own word counts"
        return Distribution(stream="", title="", place=""), [Note(kind=LEFT_OUT, place=bom.list_name, reason=reason)]
    for stream, title in streams.items():
        return Distribution(stream=stream, title=title, place=""), []
    return Distribution(stream="", title="", place=""), []


def _or_of_packages(found: Distribution, packages: Iterable[FoundPackage], bom: Bom) -> Distribution:
    """Return the distribution, or what all of its packages say it is; its title always tells the document's format."""
    stream = found.stream
    if not stream:
        own = {base_stream(each.stream) for each in packages if each.kind in DISTRIBUTION_TYPES}
        stream = own.pop() if len(own) == 1 else ""
    title = found.title or stream
    return Distribution(stream=stream, title=f"{bom.format}, {title}" if title else bom.format, place="")
