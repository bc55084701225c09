r"""Cargo's version order (the semver crate) as bytes.

The order and the bytes are those of ``semver``, and what is a version is the specification's word, with the crate's
limit: the three numbers are below 2^64.

The crate gives versions that differ only in build metadata an order of its own, so that a set of them can be sorted;
Cargo's requirements and RustSec's ranges do not look at it, and neither does the key: ``1.0.0+a`` equals ``1.0.0+b``.
"""

from __future__ import annotations

from typing import Final

from oakum.core.versions import semver
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "cargo.1"  # the scheme and the revision of semver's layout; another layout needs another number

NUMBER_MAX: Final = 2**64 - 1
# Shorter digits need no look at their value.
_SAFE_LENGTH_MAX: Final = 19


def order_key(text: str) -> bytes:
    """Return the order key of a crate's version.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, or the semver crate would refuse it.

    >>> order_key("1.0.0-alpha") < order_key("1.0.0") == order_key("1.0.0+build")
    True
    """
    major, minor, patch, prerelease = semver.parse(text)
    if len(text) > _SAFE_LENGTH_MAX and max(int(major), int(minor), int(patch)) > NUMBER_MAX:
        raise InvalidVersion(text, f"a number in it is above {NUMBER_MAX}")
    return semver.key_of(major, minor, patch, prerelease)
