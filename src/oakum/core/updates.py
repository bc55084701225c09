"""What kind of update a pending change is.

Pure.  Whether it can be installed (``fleet``) and which vulnerabilities it fixes (``core.matching``) is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from oakum.core.versions import DEB, InvalidVersion, upstream_version
from oakum.protocol.inventory import Origin

SECURITY: Final = "security"
BUGFIX: Final = "bugfix"
FEATURE: Final = "feature"

# What a host tells later may raise what another one told, never lower it.
_RANK: Final = {FEATURE: 0, BUGFIX: 0, SECURITY: 1}

_SECURITY_LABEL: Final = "Debian-Security"
# Distributions that promise to change nothing but defects in a release's own suites: there a newer upstream version
# (time-zone data, a database's maintenance release) is a bugfix all the same.
_STABLE_ORIGINS: Final = frozenset({"Debian", "Ubuntu"})
_MOVING_SUITES: Final = frozenset({"testing", "unstable", "experimental", "devel", "sid", "rc-buggy"})
_BACKPORTS: Final = ("-backports", "-backports-sloppy")


def update_kind(origins: Iterable[Origin], installed: str, candidate: str) -> str:
    """Return SECURITY, FEATURE or BUGFIX for a change from ``installed`` (empty: newly installed) to ``candidate``.

    1. Security, where any repository that offers the candidate, and whose signature the host verifies, is a security
       repository by its own Release file: label ``Debian-Security``, or a suite or codename ending in ``-security``
       (Ubuntu, its ESM, and Debian's).  An unverified repository cannot claim it.
    2. Feature, where every repository that offers it is one of backports.
    3. Bugfix, where a release's own suite of Debian or Ubuntu offers it.
    4. Otherwise by what changes: a different upstream version is a feature, a new packaging of the same a bugfix.
    """
    known = tuple(origins)
    if any(origin.trusted and _is_security(origin) for origin in known):
        return SECURITY
    if known and all(_is_backports(origin) for origin in known):
        return FEATURE
    if any(_is_stable(origin) for origin in known):
        return BUGFIX
    return FEATURE if _upstream_differs(installed, candidate) else BUGFIX


def raised_kind(told: str, later: str) -> str:
    """Return the kind that stands after a later host's word: security wins, otherwise the first word stands."""
    return later if _RANK[later] > _RANK[told] else told


def _is_security(origin: Origin) -> bool:
    return (
        origin.label == _SECURITY_LABEL or origin.suite.endswith("-security") or origin.codename.endswith("-security")
    )


def _is_backports(origin: Origin) -> bool:
    return origin.suite.endswith(_BACKPORTS) or origin.codename.endswith(_BACKPORTS)


def _is_stable(origin: Origin) -> bool:
    is_moving = origin.suite in _MOVING_SUITES or origin.codename in _MOVING_SUITES
    return origin.origin in _STABLE_ORIGINS and not is_moving and not _is_backports(origin)


def _upstream_differs(installed: str, candidate: str) -> bool:
    if not installed:
        return False
    try:
        return upstream_version(DEB, installed) != upstream_version(DEB, candidate)
    except InvalidVersion:
        return False
