"""Package URLs (purl-spec): a package's identity as one text, and the identity behind a text that others wrote.

Every ecosystem whose versions have an order (``core.streams``).  What other tools are known to write is read: syft's
and trivy's names of distributions, releases with a point release or as a codename, ``upstream`` and ``epoch``, the two
spellings of an rpm's module.  What is not told is not guessed: a distribution's package without a release is refused.

It does not look anything up, and does not say what is vulnerable (``core.matching``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from oakum.core.streams import (
    ROLLING,
    STREAM_LENGTH_MAX,
    base_stream,
    module_stream,
    normal_name,
    scheme_of_stream,
    stream_of,
)
from oakum.core.versions import ALPM, APK, DEB, RPM, UnknownStream

PURL_LENGTH_MAX: Final = 2_000
NAME_LENGTH_MAX: Final = 200  # of names and versions: as the catalogue keeps them
ARCHITECTURE_LENGTH_MAX: Final = 30

# Types whose packages belong to a distribution's release.
_TYPES: Final = {DEB: "deb", RPM: "rpm", APK: "apk", ALPM: "alpm"}
_DISTRIBUTION_TYPES: Final = frozenset(_TYPES.values())
# Types that are a stream by themselves, by what joins namespace and name in their ecosystem's own spelling.
_JOINS: Final = {
    **dict.fromkeys(("pypi", "npm", "cargo", "golang", "gem", "nuget", "composer"), "/"),
    "maven": ":",
}
_WINDOWS: Final = "windows"  # has no type of its own: pkg:generic/windows/NAME

# Namespaces and distro names of other tools, and os-release(5)'s ID for them.
_DISTRIBUTION_NAMES: Final = {
    "redhat": "rhel",
    "red-hat": "rhel",
    "oracle": "ol",
    "oraclelinux": "ol",
    "alma": "almalinux",
    "rockylinux": "rocky",
    "amazon": "amzn",
    "amazonlinux": "amzn",
    "suse": "sles",
    "suse-linux-enterprise-server": "sles",
    "suse.linux-enterprise-server": "sles",
    "opensuse.leap": "opensuse-leap",
    "opensuse.tumbleweed": "opensuse-tumbleweed",
    "cbl-mariner": "mariner",
    "archlinux": "arch",
    "arch-linux": "arch",
}
# Their packages have no release at all: none told is nothing left out.
_WITHOUT_RELEASE: Final = frozenset({"arch", "archarm", "manjaro", "endeavouros", "opensuse-tumbleweed"})
_CODENAMES: Final = {
    "debian": {
        "jessie": "8",
        "stretch": "9",
        "buster": "10",
        "bullseye": "11",
        "bookworm": "12",
        "trixie": "13",
        "forky": "14",
        "sid": ROLLING,
    },
    "ubuntu": {
        "trusty": "14.04",
        "xenial": "16.04",
        "bionic": "18.04",
        "focal": "20.04",
        "jammy": "22.04",
        "noble": "24.04",
        "oracular": "24.10",
        "plucky": "25.04",
        "questing": "25.10",
    },
}

_DISTRO: Final = re.compile(r"(?P<id>[a-z][a-z0-9._-]*?)-(?P<release>[0-9][^-]*|rolling)\Z")
_EPOCH: Final = re.compile(r"[0-9]{1,10}\Z")
_SOURCE_RPM: Final = re.compile(r"(?P<name>.+)-(?P<version>[^-]+-[^-]+)\.(?:src|nosrc)\.rpm\Z")
_WORD: Final = re.compile(r"[!-~]+\Z")
_WORDS: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageIdentity:
    """What a package URL names.  The source is the package itself where none is told; an architecture may be empty."""

    stream: str
    scheme: str
    name: str
    version: str
    architecture: str
    source_name: str
    source_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurlRefusal:
    """Why a text names no package that can be assessed."""

    purl: str
    reason: str


def purl_of(
    *, stream: str, name: str, version: str, architecture: str, source_name: str = "", source_version: str = ""
) -> str:
    """Return the package URL of a package version.

    An rpm's epoch and module, the source a binary was built from (where told and another), architecture and release
    are qualifiers.

    Raises:
        UnknownStream: the stream is of no known ecosystem.

    >>> purl_of(stream="debian:12", name="libssl3", version="3.0.20-1~deb12u2", architecture="amd64")
    'pkg:deb/debian/libssl3@3.0.20-1~deb12u2?arch=amd64&distro=debian-12'
    >>> purl_of(stream="almalinux:8+nodejs:18", name="nodejs", version="1:18.9.1-1.el8", architecture="x86_64")
    'pkg:rpm/almalinux/nodejs@18.9.1-1.el8?arch=x86_64&distro=almalinux-8&epoch=1&rpmmod=nodejs:18'
    >>> purl_of(stream="maven", name="org.apache.logging.log4j:log4j-core", version="2.14.1", architecture="")
    'pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1'
    """
    scheme = scheme_of_stream(stream)
    qualifiers = {"arch": architecture, "upstream": _other_source(name, version, source_name, source_version)}
    type_ = _TYPES.get(scheme, stream)
    if scheme in _TYPES:
        base = base_stream(stream)
        distribution, _, release = base.partition(":")
        path = f"{_quoted(distribution)}/{_quoted(name)}"
        qualifiers["distro"] = f"{distribution}-{release}"
        qualifiers["rpmmod"] = stream[len(base) + 1 :]
        if scheme == RPM:
            qualifiers["epoch"], version = _split_epoch(version)
    elif stream == _WINDOWS:
        type_, path = "generic", f"{_WINDOWS}/{_quoted(name)}"
    else:
        path = "/".join(_quoted(part) for part in name.split(_JOINS[stream]))
    told = "&".join(f"{key}={quote(qualifiers[key], safe=':/')}" for key in sorted(qualifiers) if qualifiers[key])
    return f"pkg:{type_}/{path}@{_quoted(version)}{'?' if told else ''}{told}"


def is_word(text: str, *, stream: str) -> bool:
    """Say whether a text can be a name or a version: printable ASCII, and no blank but within Windows programs' names.

    >>> is_word("libssl3", stream="debian:12"), is_word("Some Editor", stream="windows"), is_word("a b", stream="npm")
    (True, True, False)
    """
    return bool((_WORDS if stream == _WINDOWS else _WORD).match(text))


def _other_source(name: str, version: str, source_name: str, source_version: str) -> str:
    is_told = source_name and (source_name, source_version or version) != (name, version)
    return f"{source_name}@{source_version or version}" if is_told else ""


def _quoted(text: str) -> str:
    return quote(text, safe=":")


def _split_epoch(version: str) -> tuple[str, str]:
    epoch, colon, rest = version.partition(":")
    return (epoch, rest) if colon and rest and _EPOCH.match(epoch) else ("", version)


def parse_package(purl: str, *, stream: str = "", needs_version: bool = True) -> PackageIdentity | PurlRefusal:
    """Return the package that a package URL names, or why it names none that can be assessed.

    ``stream`` stands in where a distribution's package tells no release of its own: an SBOM may tell it once for all.
    A version is not checked against its scheme: whoever orders it does.  Without ``needs_version`` it may be empty:
    who speaks of a package and not of one that is installed names none.

    >>> parse_package("pkg:npm/%40angular/core@16.0.1").name
    '@angular/core'
    >>> parse_package("pkg:deb/debian/libssl3@3.0.1-1?arch=amd64&distro=debian-12.5&upstream=openssl").source_name
    'openssl'
    >>> parse_package("pkg:deb/debian/libssl3@3.0.1-1").reason
    'it does not say of which release the package is (qualifier distro)'
    """
    try:
        return _parse(purl, stream, needs_version=needs_version)
    except _RefusedError as refused:
        return PurlRefusal(purl=purl[:PURL_LENGTH_MAX], reason=str(refused))


class _RefusedError(Exception):
    """The text names no package, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """A package URL taken apart, decoded."""

    type_: str
    path: tuple[str, ...]
    version: str
    qualifiers: Mapping[str, str]


def _parse(purl: str, stream: str, *, needs_version: bool) -> PackageIdentity:
    parts = _parts(purl)
    namespace, name = parts.path[:-1], parts.path[-1]
    architecture = parts.qualifiers.get("arch", "")
    if parts.type_ in _DISTRIBUTION_TYPES:
        own = _distribution_stream(parts, namespace, stream)
        version = _with_epoch(parts) if parts.type_ in {"rpm", "deb"} else parts.version
    else:
        own, name, architecture = *_ecosystem_name(parts), ""
        version = parts.version
    if not version and needs_version:
        raise _RefusedError("it names no version")
    source_name, source_version = _upstream(parts, name, version)
    # Without a version of its own the source's is none either, unless it is told.
    versions = (each for each in (version, source_version) if each or needs_version)
    for value, length in (
        *((each, NAME_LENGTH_MAX) for each in (name, source_name, *versions)),
        (architecture or "-", ARCHITECTURE_LENGTH_MAX),
        (own, STREAM_LENGTH_MAX),
    ):
        if len(value) > length or not is_word(value, stream=own):
            raise _RefusedError(f"{value[:60]!r} is too long, or holds what no package manager takes")
    return PackageIdentity(
        stream=own,
        scheme=scheme_of_stream(own),
        name=normal_name(own, name),
        version=version,
        architecture=architecture,
        source_name=normal_name(own, source_name),
        source_version=source_version,
    )


def _parts(purl: str) -> _Parts:
    """Take a package URL apart from its right end, as purl-spec says; a subpath names no package and is dropped."""
    if len(purl) > PURL_LENGTH_MAX:
        raise _RefusedError(f"it is longer than {PURL_LENGTH_MAX} characters")
    scheme, colon, rest = purl.strip().partition(":")
    if scheme.lower() != "pkg" or not colon:
        raise _RefusedError("it does not begin with pkg:")
    rest, _, told = rest.partition("#")[0].partition("?")
    type_, slash, path = rest.strip("/").partition("/")
    # A scope's "@" may stand unencoded in front: the version's is the last, in the last segment.
    head, _, last = path.strip("/").rpartition("/")
    name, at, version = last.rpartition("@")
    if not at or not name:
        name, version = last, ""
    segments = tuple(unquote(each) for each in (*head.split("/"), name) if each)
    if not type_ or not slash or not segments or not name:
        raise _RefusedError("it names no type or no name")
    return _Parts(type_=type_.lower(), path=segments, version=unquote(version), qualifiers=_qualifiers(told))


def _qualifiers(told: str) -> dict[str, str]:
    pairs = (each.partition("=") for each in told.split("&") if each)
    return {key.strip().lower(): unquote(value) for key, _, value in pairs if value}


def _ecosystem_name(parts: _Parts) -> tuple[str, str]:
    """Return stream and name of a package of an ecosystem without releases."""
    if parts.type_ == "generic" and parts.path[0].lower() == _WINDOWS and len(parts.path) > 1:
        return _WINDOWS, "/".join(parts.path[1:])
    join = _JOINS.get(parts.type_)
    if join is None:
        raise _RefusedError(f"packages of the type {parts.type_[:40]!r} are none that Oakum assesses")
    return parts.type_, join.join(parts.path)


def _distribution_stream(parts: _Parts, namespace: tuple[str, ...], fallback: str) -> str:
    told = _distro(parts.qualifiers.get("distro", ""), namespace[0].lower() if namespace else "")
    stream = stream_of(*told) if told else base_stream(fallback)
    try:
        scheme = scheme_of_stream(stream) if stream else ""
    except UnknownStream:
        raise _RefusedError(f"{stream[:60]!r} is no distribution that Oakum assesses") from None
    if not scheme:
        raise _RefusedError("it does not say of which release the package is (qualifier distro)")
    if _TYPES.get(scheme) != parts.type_:
        raise _RefusedError(f"{stream} has no packages of the type {parts.type_}")
    module = parts.qualifiers.get("rpmmod") or parts.qualifiers.get("modularitylabel") or ""
    return module_stream(stream, module) if scheme == RPM else stream


def distribution_stream(name: str, release: str) -> str:
    """Return the stream of a distribution by any tool's name of it, "" where it is none that Oakum assesses.

    >>> distribution_stream("redhat", "9.4"), distribution_stream("debian", "bookworm")
    ('rhel:9', 'debian:12')
    >>> distribution_stream("beos", "5")
    ''
    """
    told = _distro(f"{name}-{release}" if release[:1].isdigit() else release or name, name.strip().lower())
    stream = stream_of(*told) if told else ""
    try:
        return stream if not stream or scheme_of_stream(stream) in _TYPES else ""
    except UnknownStream:
        return ""


def _distro(distro: str, namespace: str) -> tuple[str, str] | None:
    """Return ID and VERSION_ID of os-release(5), None where the release is not told.

    ``debian-12.5``, ``opensuse-leap-15.5``; ``3.17.1`` (the namespace names the rest); ``bookworm``; ``arch``.
    """
    namespace = _DISTRIBUTION_NAMES.get(namespace, namespace)
    text = distro.strip().lower().replace(" ", "-")
    found = _DISTRO.match(text)
    if found:
        name = _DISTRIBUTION_NAMES.get(found["id"], found["id"])
        return (name, "" if found["release"] == ROLLING else found["release"])
    if text[:1].isdigit() and namespace:
        return (namespace, text)
    name = _DISTRIBUTION_NAMES.get(text, text) or namespace
    if name in _WITHOUT_RELEASE:
        return (name, "")
    release = _CODENAMES.get(namespace, {}).get(text.rpartition("-")[2])
    return (namespace, "" if release == ROLLING else release) if release else None


def _with_epoch(parts: _Parts) -> str:
    epoch = parts.qualifiers.get("epoch", "").strip()
    if not epoch or _split_epoch(parts.version)[0]:
        return parts.version
    if not _EPOCH.match(epoch):
        raise _RefusedError(f"the epoch {epoch[:40]!r} is not a number")
    return f"{epoch}:{parts.version}" if parts.version else ""


def _upstream(parts: _Parts, name: str, version: str) -> tuple[str, str]:
    """Return the source package: ``openssl``, ``openssl@3.0.1-1`` or ``openssl-3.0.1-1.el9.src.rpm``."""
    upstream = parts.qualifiers.get("upstream", "")
    if not upstream or parts.type_ not in _DISTRIBUTION_TYPES:
        return name, version
    file = _SOURCE_RPM.match(upstream)
    if file:
        # The file's name has no epoch; a package has its source's unless its own recipe sets another.
        return file["name"], f"{epoch}:{file['version']}" if (epoch := _split_epoch(version)[0]) else file["version"]
    source, at, told = upstream.rpartition("@")
    return (source, told) if at and source and told else (upstream, version)
