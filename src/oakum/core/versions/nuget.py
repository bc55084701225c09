r"""NuGet's version order (SemVer 2.0.0 with a fourth number, letter case ignored) as bytes.

``a`` comes before ``b`` for NuGetVersion's comparison exactly when ``order_key(a) < order_key(b)``.

The order: one to four numbers, where missing ones are zeroes; a pre-release before the release; pre-release labels from
left to right, numbers before text, text without regard to case, fewer labels first.  Build metadata (``+...``) makes no
difference.

The bytes::

    key   = number(n + 2)* 01                   without trailing zeroes, 01 for a release
          | number(n + 2)* 00 label* 00         a pre-release
    label = 01 four bytes of n + 2**31          a negative number, which NuGet takes "-1" for
          | 02 number                           a number
          | 03 text in lower case               ends with the next label's first byte, or the end's

Nothing is a prefix of anything else.

Two things where NuGet departs from SemVer are followed, because NuGet is who installs: a label is a number only where
it fits in 32 bits (a longer row of digits is text), and blanks may stand around the whole and around the numbers.  What
NuGet refuses is refused: a leading ``v``, a number above 2**31 - 1, empty labels, numeric labels with leading zeroes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from oakum.core.versions.encoding import TokenKeys, check_length, number
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "nuget.1"  # the scheme and the revision of the layout above; another layout needs another number

NUMBER_MAX: Final = 2**31 - 1  # .NET keeps numbers and numeric labels in an Int32
_LONG_LENGTH: Final = len(str(NUMBER_MAX))  # what is shorter cannot hold a larger number

_PRERELEASE: Final = b"\x00"
_RELEASE: Final = b"\x01"
_OFFSET: Final = 2
_LABELS_END: Final = b"\x00"
_NEGATIVE: Final = b"\x01"
_NUMBER: Final = b"\x02"
_TEXT: Final = b"\x03"

_NUMBERS = r"[\t-\r ]*[0-9]+[\t-\r ]*"
_VERSION = re.compile(rf"({_NUMBERS}(?:\.{_NUMBERS}){{0,3}})(?:-([0-9A-Za-z.-]*))?(?:\+([0-9A-Za-z.-]*))?")
_NUMERIC_LABEL = re.compile(r"-?[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class NugetVersion:
    """The four numbers, and the pre-release labels in lower case: none for a release."""

    numbers: tuple[int, int, int, int]
    labels: tuple[str, ...]


def order_key(text: str) -> bytes:
    """Return the order key of a NuGet version.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, or NuGet would refuse it.

    >>> order_key("1.0-BETA.2") == order_key("1.0.0.0-beta.2+b7") < order_key("1.0-beta.11") < order_key("1.0")
    True
    """
    numbers, labels = _parts(text)
    keys = list(map(_number_keys.__getitem__, numbers))
    while keys and keys[-1] == _ZERO:
        keys.pop()
    if not labels:
        return b"".join(keys) + _RELEASE
    return b"".join(keys) + _PRERELEASE + b"".join(map(_label_keys.__getitem__, labels)) + _LABELS_END


def parse(text: str) -> NugetVersion:
    """Return the parts of a NuGet version.

    Raises:
        InvalidVersion: as for ``order_key``.

    >>> parse("1.2-Beta.1+sha")
    NugetVersion(numbers=(1, 2, 0, 0), labels=('beta', '1'))
    """
    numbers, labels = _parts(text)
    major, minor, patch, revision = (*map(int, numbers), 0, 0, 0)[:4]
    return NugetVersion(numbers=(major, minor, patch, revision), labels=tuple(labels))


def _parts(text: str) -> tuple[list[str], list[str]]:
    """Return the numbers as digits, and the labels in lower case, all of them valid."""
    check_length(text)
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        raise InvalidVersion(text, "NuGet takes one to four numbers, then -labels, then +metadata")
    numbers = match[1].split(".")
    if len(match[1]) >= _LONG_LENGTH and max(map(int, numbers)) > NUMBER_MAX:
        raise InvalidVersion(text, f"a number is above {NUMBER_MAX}")
    if match[3] is not None and not all(match[3].split(".")):
        raise InvalidVersion(text, "a part of the build metadata is empty")
    if match[2] is None:
        return numbers, []
    labels = match[2].lower().split(".")
    for label in labels:
        if not label:
            raise InvalidVersion(text, "a pre-release label is empty")
        if label[0] == "0" and len(label) > 1 and label.isdecimal():
            raise InvalidVersion(text, "a numeric pre-release label has a leading zero")
    return numbers, labels


def _number(digits: str) -> bytes:
    return number(int(digits) + _OFFSET)


def _label(label: str) -> bytes:
    if _NUMERIC_LABEL.fullmatch(label):
        value = int(label)
        if 0 <= value <= NUMBER_MAX:
            return _NUMBER + number(value)
        if -NUMBER_MAX - 1 <= value < 0:
            return _NEGATIVE + (value + NUMBER_MAX + 1).to_bytes(4, "big")
    return _TEXT + label.encode("ascii")


_number_keys = TokenKeys(_number)
_label_keys = TokenKeys(_label)
_ZERO: Final = _number("0")
