r"""Composer's version order (``VersionParser::normalize``, then PHP's ``version_compare``) as bytes.

``a`` comes before ``b`` for ``Composer\Semver\Comparator`` exactly when ``order_key(a) < order_key(b)``.

A version is first brought into Composer's normal form: an ``as`` alias, an ``@stability`` flag, a leading ``v`` and
build metadata are dropped; one to four numbers become four; dates (``2010-01-02``) keep as many as they have; then a
stability word with its numbers, and ``dev``.  ``1.x-dev`` is the head of a branch: its missing numbers are 9999999.
What has no normal form is refused.

The order: parts from left to right.  In one place come ``dev``, ``alpha``, ``beta``, ``RC``, the end, numbers,
``patch``; so ``1.0-dev`` < ``1.0-RC1`` < ``1.0`` < ``1.0-patch1``.

A named branch (``dev-main``, also ``master``, ``trunk``, ``default``) is no version.  ``version_compare`` puts it below
every version, and so do its keys.  Composer calls two different branches neither lower nor higher; that is no order, so
their keys go by the name's characters: they are different, and nothing more can be read from them.  For
Composer a branch is in no range of versions: ``core.ranges.native.composer`` holds its ranges to that.

The bytes::

    key  = 00 name 00                           a named branch
         | part* 05
    part = 01 | 02 | 03 | 04                    dev, alpha, beta, RC
         | number(n + 6)
         | FF                                   patch

Nothing is a prefix of anything else.  Numbers above 2**63 - 1 are equal, as PHP's are.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.versions.encoding import TokenKeys, check_length, number
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "composer.1"  # the scheme and the revision of the layout above; another layout needs another number

NUMBER_MAX: Final = 2**63 - 1  # what C's strtol, which PHP reads numbers with, stops at
BRANCH_HEAD: Final = 9999999  # Composer's number for the x in 1.x-dev
_NUMBER_COUNT: Final = 4

_BRANCH: Final = b"\x00"
_DEV: Final = b"\x01"
_END: Final = b"\x05"
_NUMBER_OFFSET: Final = 6
_STABILITIES: Final = {
    "alpha": b"\x02",
    "a": b"\x02",
    "beta": b"\x03",
    "b": b"\x03",
    "rc": b"\x04",
    "patch": b"\xff",
    "pl": b"\xff",
    "p": b"\xff",
}

_number_keys = TokenKeys(lambda digits: number(min(int(digits), NUMBER_MAX) + _NUMBER_OFFSET))
_ZEROES: Final = tuple(_number_keys["0"] * (_NUMBER_COUNT - count) for count in range(_NUMBER_COUNT + 1))

_BLANKS: Final = " \t\n\r\0\v"  # what PHP's trim takes off
_FLAGS = re.ASCII | re.IGNORECASE
# Each digit has one way to match: nested repetition would take exponential time on a long row of digits.
_MODIFIER: Final = r"[._-]?(?:(stable|beta|b|rc|alpha|a|patch|pl|p)([.-]?\d+(?:[.-]\d+)*)?)?([.-]?dev)?"
_ALIAS = re.compile(r"([^,\s]+) +as +[^,\s]+", re.ASCII)
_STABILITY_FLAG = re.compile(r"@(?:stable|rc|beta|alpha|dev)\Z", _FLAGS)
_BUILD = re.compile(r"([^,\s+]+)\+\S+", re.ASCII)
_CLASSICAL = re.compile(rf"v?(\d{{1,5}}(?:\.\d+){{0,3}}){_MODIFIER}", _FLAGS)
_DATE = re.compile(rf"v?(\d{{4}}(?:[.:-]?\d{{2}}){{1,6}}(?:[.:-]?\d{{1,3}})?){_MODIFIER}", _FLAGS)
_BRANCH_HEAD_OF = re.compile(r"\s*v?(\d+(?:\.(?:\d+|[x*])){0,3})\s*[.-]?dev", _FLAGS)
_DIGITS = re.compile(r"\d+", re.ASCII)
_DEFAULT_BRANCHES: Final = frozenset({"master", "trunk", "default"})


def order_key(text: str) -> bytes:
    """Return the order key of a Composer version.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, Composer would refuse it, or it is a branch whose name
            has a character that cannot be printed.

    >>> order_key("dev-main") < order_key("v1-dev") < order_key("1.0-RC.1") < order_key("1.0.0.0") == order_key("1+b2")
    True
    """
    check_length(text)
    match = _CLASSICAL.fullmatch(text)  # so most versions are, and then there is nothing to drop
    if match is None:
        version = _bare(text)
        branch = _branch_name(version)
        if branch is not None:
            return _branch(text, branch)
        build = _BUILD.fullmatch(version)
        version = build[1] if build else version
        match = _CLASSICAL.fullmatch(version)
        if match is None:
            return _other_key(text, version)
    numbers = match[1].split(".")
    return _numbers(numbers) + _ZEROES[len(numbers)] + _modifier(match)


def _other_key(text: str, version: str) -> bytes:
    """Return the key of what is no classical version: a date, or the head of a branch of versions."""
    match = _DATE.fullmatch(version)
    if match:
        return _numbers(_DIGITS.findall(match[1])) + _modifier(match)
    head = _BRANCH_HEAD_OF.fullmatch(version)
    if head is None:
        raise InvalidVersion(text, "Composer knows no such form of a version or a branch")
    parts = [part if part.isdecimal() else str(BRANCH_HEAD) for part in head[1].split(".")]
    parts += [str(BRANCH_HEAD)] * (_NUMBER_COUNT - len(parts))
    return _numbers(parts) + _DEV + _END


def _bare(text: str) -> str:
    """Return a version without its alias and its stability flag."""
    version = text.strip(_BLANKS)
    alias = _ALIAS.fullmatch(version)
    if alias:
        version = alias[1]
    return _STABILITY_FLAG.sub("", version)


def _branch_name(version: str) -> str | None:
    if version in _DEFAULT_BRANCHES:
        return version
    return version[4:] if version[:4].lower() == "dev-" else None


def _branch(text: str, name: str) -> bytes:
    if not name.isprintable():
        raise InvalidVersion(text, "the branch's name has a character that cannot be printed")
    return _BRANCH + name.encode("utf-8") + b"\x00"


def _numbers(digits: list[str]) -> bytes:
    return b"".join(map(_number_keys.__getitem__, digits))


def _modifier(match: re.Match[str]) -> bytes:
    """Return the bytes of what follows the numbers: a stability word, its own numbers, and dev."""
    if match.lastindex == 1:
        return _END
    word, numbers, dev = match[2], match[3], match[4]
    key = b""
    if word:
        if word.lower() == "stable":
            return _END  # and Composer forgets what follows it
        key = _STABILITIES[word.lower()] + _numbers(_DIGITS.findall(numbers or ""))
    return key + _DEV + _END if dev else key + _END
