"""The words of the evidence: which comparison held, with whose range, told by which feed.

It compares nothing (``index``).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from oakum.core.advisories import (
    AFFECTED,
    DEFERRED,
    END_OF_LIFE,
    NOT_AFFECTED,
    UNDER_INVESTIGATION,
    WILL_NOT_FIX,
)
from oakum.core.matching.values import RangeFacts, Target, VersionFacts
from oakum.core.ranges import LOWEST

EVIDENCE_LENGTH_MAX: Final = 500

_NO_FIX: Final = {
    AFFECTED: "no fixed version is known",
    DEFERRED: "the publisher has deferred the fix",
    WILL_NOT_FIX: "the publisher will not fix it",
    END_OF_LIFE: "the package gets no more fixes",
    UNDER_INVESTIGATION: "the publisher is still looking into it",
}


def evidence_of(found: RangeFacts, version: VersionFacts, target: Target) -> str:
    """Word the comparison that held, at most EVIDENCE_LENGTH_MAX characters.

    The installed version and the fixed one stand first and in full wherever they fit: they are what a reader checks.
    """
    text = f"{_comparison(found, _installed(version, target))} ({_source(found)})"
    return text if len(text) <= EVIDENCE_LENGTH_MAX else f"{text[: EVIDENCE_LENGTH_MAX - 1]}…"


def _comparison(found: RangeFacts, installed: str) -> str:
    if found.state == NOT_AFFECTED:
        return f"{installed} is not affected, says {found.ref}"
    if found.fixed_version and found.organisation_id is not None:
        return f"{installed} is older than {found.fixed_version}, which hosts tell is a security update"
    if found.fixed_version:
        return f"{installed} is older than {found.fixed_version}, fixed by {found.ref}"
    if found.high is not None:
        return f"{installed} is among the versions that {found.ref} names as affected"
    return f"{installed} is affected by {found.ref}; {_NO_FIX[found.state]}"


def _installed(version: VersionFacts, target: Target) -> str:
    """Name what was compared, and what else stands on the host if that is called otherwise."""
    own = (version.source_name, version.source_version)
    signed_as = "" if target.name in {version.name, own[0]} else f" (signed as {own[0]} {own[1]})"
    return f"{target.name} {target.version}{signed_as}"


def _source(found: RangeFacts) -> str:
    range_ = vers_of(found)
    return f"feed {found.feed_name}, range {range_}" if range_ else f"feed {found.feed_name}"


def vers_of(found: RangeFacts) -> str:
    """Return the range as VERS (vers-spec), empty where the texts of its bounds are not told.

    >>> from oakum.core.matching import RangeFacts
    >>> facts = {"advisory_id": 1, "feed_name": "f", "organisation_id": None, "ref": "r", "stream": "debian:12"}
    >>> facts |= {"scheme": "deb.1", "name": "a", "low": b"", "high": b"x", "state": "affected"}
    >>> vers_of(RangeFacts(**facts, fixed_version="1:2.0-1"))
    'vers:deb/<1:2.0-1'
    """
    if (found.low != LOWEST and not found.introduced_version) or (found.high is not None and not found.fixed_version):
        return ""
    bounds = []
    if found.low != LOWEST:
        bounds.append(f">={quote(found.introduced_version, safe=_VERS_SAFE)}")
    if found.high is not None:
        bounds.append(f"<{quote(found.fixed_version, safe=_VERS_SAFE)}")
    return f"vers:{found.scheme.partition('.')[0]}/{'|'.join(bounds) or '*'}"


_VERS_SAFE: Final = ":+~^"
