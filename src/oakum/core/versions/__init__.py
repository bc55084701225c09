"""Version text to order-preserving bytes, one module a scheme.

``a`` comes before ``b`` in the scheme exactly when ``order_key(a) < order_key(b)`` bytewise, so that an index of the
database knows the order of every scheme.  Keys of different schemes, or of different revisions of one, are never
compared: whoever stores a key stores the scheme's stamp (``deb.1``) beside it.  Equal keys are equal versions, not
equal texts (``1.0`` and ``1.0-0``), so the text is stored too.

It does not say which versions are affected (``core.ranges``) and knows neither packages nor streams
(``core.streams``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from oakum.core.versions import (
    alpm,
    apk,
    cargo,
    composer,
    deb,
    gem,
    generic,
    golang,
    maven,
    npm,
    nuget,
    pypi,
    rpm,
    semver,
    windows,
)
from oakum.core.versions.invalid import InvalidVersion, UnknownScheme, UnknownStream

__all__ = [
    "ALPM",
    "APK",
    "CARGO",
    "COMPOSER",
    "DEB",
    "GEM",
    "GENERIC",
    "GOLANG",
    "MAVEN",
    "NPM",
    "NUGET",
    "PYPI",
    "RPM",
    "SEMVER",
    "WINDOWS",
    "InvalidVersion",
    "UnknownScheme",
    "UnknownStream",
    "order_key",
    "scheme_of_name",
    "upstream_version",
]

# The stamp of each scheme: its name and the revision of its keys' layout.
DEB: Final = deb.SCHEME
RPM: Final = rpm.SCHEME
APK: Final = apk.SCHEME
ALPM: Final = alpm.SCHEME
SEMVER: Final = semver.SCHEME
NPM: Final = npm.SCHEME
CARGO: Final = cargo.SCHEME
GOLANG: Final = golang.SCHEME
WINDOWS: Final = windows.SCHEME
GENERIC: Final = generic.SCHEME
PYPI: Final = pypi.SCHEME
MAVEN: Final = maven.SCHEME
GEM: Final = gem.SCHEME
NUGET: Final = nuget.SCHEME
COMPOSER: Final = composer.SCHEME

_KEYS: Final[dict[str, Callable[[str], bytes]]] = {
    deb.SCHEME: deb.order_key,
    rpm.SCHEME: rpm.order_key,
    apk.SCHEME: apk.order_key,
    alpm.SCHEME: alpm.order_key,
    semver.SCHEME: semver.order_key,
    npm.SCHEME: npm.order_key,
    cargo.SCHEME: cargo.order_key,
    golang.SCHEME: golang.order_key,
    windows.SCHEME: windows.order_key,
    generic.SCHEME: generic.order_key,
    pypi.SCHEME: pypi.order_key,
    maven.SCHEME: maven.order_key,
    gem.SCHEME: gem.order_key,
    nuget.SCHEME: nuget.order_key,
    composer.SCHEME: composer.order_key,
}
_UPSTREAMS: Final[dict[str, Callable[[str], str]]] = {deb.SCHEME: deb.upstream_version}

# What people and other formats (VERS, OSV, purl) call the schemes, beside the stamps' own names.
_ALIASES: Final = {
    "dpkg": DEB,
    "debian": DEB,
    "pacman": ALPM,
    "arch": ALPM,
    "alpine": APK,
    "pep440": PYPI,
    "crates": CARGO,
    "crates.io": CARGO,
    "go": GOLANG,
    "rubygems": GEM,
    "packagist": COMPOSER,
    "winget": WINDOWS,
}


def order_key(scheme: str, text: str) -> bytes:
    """Return the order key of a version.

    Raises:
        InvalidVersion: the text is no version of the scheme.
    """
    return _KEYS[scheme](text)


def scheme_of_name(name: str) -> str:
    """Return the stamp of a scheme by the name people know it by.

    Raises:
        UnknownScheme: there is no such scheme.

    >>> scheme_of_name("deb"), scheme_of_name("winget")
    ('deb.1', 'windows.1')
    """
    known = {stamp.partition(".")[0]: stamp for stamp in _KEYS} | _ALIASES
    found = known.get(name.lower())
    if found is None:
        raise UnknownScheme(name, tuple(sorted(known)))
    return found


def upstream_version(scheme: str, text: str) -> str:
    """Return the part of a version that the software's own authors gave it, without epoch and packaging revision.

    Raises:
        InvalidVersion: the text is no version of the scheme.
    """
    return _UPSTREAMS[scheme](text)
