r"""npm's version order (node-semver, loose) as bytes.

The order and the bytes are those of ``semver``.  What is a version is node-semver's loose word, because that is what
npm's registry and lock files hold: blanks around, any run of ``v``, ``=`` and blanks before, leading zeroes, and a
pre-release that follows without hyphen (``1.2.3beta``).  Build metadata does not count.

Refused is what node-semver refuses: fewer or more than three numbers, one above 2^53 - 1, and anything else that does
not match.  It compares the numbers of a pre-release as floating-point values, so it calls some above 2^53 equal; here
they go by value.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.versions import semver
from oakum.core.versions.encoding import check_length
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "npm.1"  # the scheme and the revision of semver's layout; another layout needs another number

NUMBER_MAX: Final = 2**53 - 1
# Shorter digits need no look at their value.
_SAFE_LENGTH_MAX: Final = 15

# What JavaScript's trim() and \s take for blank.
_BLANKS: Final = "\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_IDENTIFIER: Final = r"(?:[0-9]*[A-Za-z-][0-9A-Za-z-]*|[0-9]+)"
_VERSION = re.compile(
    rf"[{_BLANKS}]*[v={_BLANKS}]*"
    r"([0-9]+)\.([0-9]+)\.([0-9]+)"
    rf"(?:-?({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
    rf"[{_BLANKS}]*\Z"
)


def order_key(text: str) -> bytes:
    """Return the order key of an npm version.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, or node-semver would refuse it.

    >>> order_key("v1.2.3-beta.2") < order_key(" =1.2.3") == order_key("1.2.03+build") < order_key("1.2.4-0")
    True
    """
    return semver.key_of(*parse(text))


def parse(text: str) -> tuple[str, str, str, str | None]:
    """Return major, minor, patch and pre-release, None where there is none.

    Raises:
        InvalidVersion: as for ``order_key``.
    """
    check_length(text)
    match = _VERSION.match(text)
    if match is None:
        raise InvalidVersion(text, "it is not major.minor.patch with an optional pre-release and build")
    major, minor, patch, prerelease = match.groups()
    if len(text) > _SAFE_LENGTH_MAX and max(int(major), int(minor), int(patch)) > NUMBER_MAX:
        raise InvalidVersion(text, f"a number in it is above {NUMBER_MAX}")
    return major, minor, patch, prerelease
