"""Under which source packages a publisher speaks of a binary package, and which binaries hold no code.

Data with reasons, and the two functions that read it.  Feeds of Debian and Ubuntu speak of source packages; most
binaries are spoken of under the source they were built from, and these are the exceptions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A source package and version under which a publisher speaks of a package."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _SignedSource:
    """A source that only signs what another one has built: advisories name the other one."""

    name: re.Pattern[str]
    name_then: str
    version: re.Pattern[str]
    version_then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Codeless:
    """Binaries that hold nothing that runs, and why."""

    name: re.Pattern[str]
    reason: str


# Without these no installed kernel of Debian or Ubuntu ever matches an advisory: the images come from the signing
# source, the advisories name the kernel's own.
_SIGNED_SOURCES: Final = (
    # Debian: linux-signed-amd64 6.1.140+1 signs linux 6.1.140-1.
    _SignedSource(
        name=re.compile(r"linux-signed-(?:amd64|arm64|i386)\Z"),
        name_then="linux",
        version=re.compile(r"([^+]+)\+(.+)\Z"),
        version_then=r"\1-\2",
    ),
    # Debian: linux-signed-6.12-amd64 (backports of another release's kernel) signs linux-6.12.
    _SignedSource(
        name=re.compile(r"linux-signed-([0-9][0-9.]*)-(?:amd64|arm64|i386)\Z"),
        name_then=r"linux-\1",
        version=re.compile(r"([^+]+)\+(.+)\Z"),
        version_then=r"\1-\2",
    ),
    # Debian: grub-efi-amd64-signed 1+2.06+13+deb12u1 signs grub2 2.06-13+deb12u1.
    _SignedSource(
        name=re.compile(r"grub-efi-(?:amd64|arm64|ia32)-signed\Z"),
        name_then="grub2",
        version=re.compile(r"1\+([^+]+)\+(.+)\Z"),
        version_then=r"\1-\2",
    ),
    # Ubuntu: linux-signed-hwe-6.8 has the version of the linux-hwe-6.8 that it signs.
    _SignedSource(
        name=re.compile(r"linux-signed(-[a-z].*)?\Z"),
        name_then=r"linux\1",
        version=re.compile(r"(.+)\Z"),
        version_then=r"\1",
    ),
)

# What is not here may run: -common, -data, -examples and -dev hold scripts or static libraries in many sources, and
# kernels' metapackages are how a new kernel comes.
CODELESS: Final = (
    Codeless(
        name=re.compile(r"linux-(?:[a-z0-9.-]+-)?headers(?:-.+)?\Z"), reason="kernel headers are read by compilers only"
    ),
    Codeless(name=re.compile(r"linux-libc-dev(?:-.+)?\Z"), reason="the kernel's interface headers for the C library"),
    Codeless(
        name=re.compile(r"linux-(?:doc|source|config|support|buildinfo)(?:-.+)?\Z"),
        reason="documents, or sources not built",
    ),
    Codeless(
        name=re.compile(r"linux-(?:kbuild|compiler)-.+\Z"), reason="tools that build modules, none of the kernel's code"
    ),
    Codeless(name=re.compile(r".+-headers\Z"), reason="headers are read by compilers only"),
    # perl-doc brings perldoc, which runs.
    Codeless(name=re.compile(r"(?!perl-doc\Z).+-docs?(?:-[0-9.]+)?\Z"), reason="documents"),
    Codeless(name=re.compile(r".+-dbgsym\Z|linux-image-.+-dbg\Z"), reason="debug symbols, read by debuggers only"),
    Codeless(
        name=re.compile(r".+-(?:l10n|locale)(?:-.+)?\Z|.+-i18n\Z|language-pack-.+\Z"),
        reason="translations",
    ),
    Codeless(name=re.compile(r".+-filesystem\Z"), reason="directories and nothing in them"),
    Codeless(
        name=re.compile(r".+-(?:icon-theme|wallpapers?|backgrounds?)\Z|x?fonts-.+\Z"), reason="pictures and fonts"
    ),
    # A kernel of the RHEL family, where a publisher speaks of it by its source (a flaw without a fix).
    Codeless(name=re.compile(r"kernel(?:-rt|-uek)?-(?:doc|headers)\Z"), reason="documents and headers of the kernel"),
    Codeless(name=re.compile(r".+-debug(?:info|source)(?:-.+)?\Z"), reason="debug symbols, read by debuggers only"),
)


def published_sources(source_name: str, source_version: str) -> tuple[Published, ...]:
    """Return the sources under which advisories may speak of a binary of this source, its own first.

    >>> [f"{each.name} {each.version}" for each in published_sources("linux-signed-amd64", "6.1.140+1")]
    ['linux-signed-amd64 6.1.140+1', 'linux 6.1.140-1']
    """
    found = [Published(name=source_name, version=source_version)]
    for signed in _SIGNED_SOURCES:
        version = signed.version.match(source_version)
        name = signed.name.match(source_name)
        if name and version:
            # expand() of an optional group that took no part is empty, as wanted.
            found.append(Published(name=name.expand(signed.name_then), version=version.expand(signed.version_then)))
            break
    return tuple(found)


def published_names(source_name: str) -> tuple[str, ...]:
    """Return the source names under which advisories may speak of a source, its own first, whatever its version."""
    signed = next((each for each in _SIGNED_SOURCES if each.name.match(source_name)), None)
    if signed is None:
        return (source_name,)
    return (source_name, signed.name.sub(signed.name_then, source_name))


def codeless_reason(name: str) -> str:
    """Return why a binary package cannot be vulnerable, empty where it can.

    >>> codeless_reason("linux-headers-6.1.0-37-amd64"), codeless_reason("openssl")
    ('kernel headers are read by compilers only', '')
    """
    return next((each.reason for each in CODELESS if each.name.match(name)), "")
