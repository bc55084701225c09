r"""Semantic Versioning 2.0.0 as bytes, strictly as the specification has it; npm, cargo and golang build on it.

The order (clause 11): major, minor and patch by value; a version with a pre-release below the one without; pre-releases
by their identifiers: those of digits by value, others by their ASCII codes, digits below others, and where all are
equal the shorter one below.  Build metadata does not count, so ``1.0.0+a`` and ``1.0.0+b`` are one key.

The bytes::

    key         = number(major) number(minor) number(patch) (RELEASE | pre-release)
    pre-release = identifier+ END
    identifier  = NUMERIC number | TEXT character+
    END 0, NUMERIC 1, TEXT 2, RELEASE 3; a character is its ASCII code, so the byte that follows a text is below it
    number as encoding.number, of any size

Keys are self-delimiting.  Refused is what the specification's grammar does not derive: a leading ``v``, a missing part,
leading zeroes, an empty identifier.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.versions.encoding import TokenKeys, check_length, digits
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "semver.1"  # the scheme and the revision of the layout above; another layout needs another number

LOWEST_PRERELEASE: Final = b"\x00"  # no identifiers, then the end: below every pre-release that can be written
_END: Final = b"\x00"
_NUMERIC: Final = b"\x01"
_TEXT: Final = b"\x02"
_RELEASE: Final = b"\x03"

_NUMBER: Final = r"(0|[1-9][0-9]*)"
_IDENTIFIER: Final = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
PRERELEASE_AND_BUILD: Final = (
    rf"(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?"  # one line a part of the grammar
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}{PRERELEASE_AND_BUILD}\Z")


def order_key(text: str) -> bytes:
    """Return the order key of a semantic version.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, or no semantic version.

    >>> order_key("1.0.0-alpha.1") < order_key("1.0.0-alpha.beta") < order_key("1.0.0-rc.1") < order_key("1.0.0")
    True
    >>> order_key("1.0.0+build.1") == order_key("1.0.0") < order_key("1.0.1-0")
    True
    """
    return key_of(*parse(text))


def parse(text: str) -> tuple[str, str, str, str | None]:
    """Return major, minor, patch and pre-release, None where there is none.

    Raises:
        InvalidVersion: as for ``order_key``.
    """
    check_length(text)
    match = _VERSION.match(text)
    if match is None:
        raise InvalidVersion(text, "it is not major.minor.patch[-pre-release][+build], without leading zeroes")
    major, minor, patch, prerelease = match.groups()
    return major, minor, patch, prerelease


def key_of(major: str, minor: str, patch: str, prerelease: str | None) -> bytes:
    """Return the key of a version whose parts are known: digits, and identifiers between dots."""
    end = _RELEASE if prerelease is None else _prereleases[prerelease]
    return numbers[major] + numbers[minor] + numbers[patch] + end


def _prerelease(text: str) -> bytes:
    return b"".join(map(_identifier, text.split("."))) + _END


def _identifier(text: str) -> bytes:
    return _NUMERIC + digits(text) if text.isdecimal() else _TEXT + text.encode("ascii")


numbers: Final = TokenKeys(digits)
_prereleases: Final = TokenKeys(_prerelease)
