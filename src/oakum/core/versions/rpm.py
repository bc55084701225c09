r"""rpm's version order (rpm-version(7), ``rpmvercmp`` of rpm 4.15 and later) as bytes.

The order of ``[epoch:]version[-release]``: epoch, where none is 0, then version, then release.  A version or release is
a row of segments: ``~``, ``^``, a run of ASCII digits, a run of ASCII letters; everything else, which includes every
character outside ASCII, only separates.  At the first difference ``~`` is lowest, then the end, ``^``, letters (by
their ASCII codes) and numbers (by value).

The bytes::

    key     = number(epoch) label(version) [label(release)]
    label   = segment* END
    segment = TILDE | CARET | LETTERS letter+ | NUMBER number
    TILDE 1, END 2, CARET 3, LETTERS 4, NUMBER 5; a letter is its ASCII code, so the byte after letters, which begins a
    segment or is END, is below them;  number as encoding.number

**A version without release.**  rpm compares releases only where both sides have one: ``1.0`` equals ``1.0-1`` and
``1.0-2``, of which one is lower, so its relation is no equivalence and no key can follow it.  Here such a key is a
*prefix* of the keys of the same version with any release.  So ``1.0`` stands below ``1.0-1``; and a range that ends
before ``1.0`` leaves all its releases out, one that ends with it takes them all in, as rpm's does, if the range ends at
``key + b"\xff"``: no label begins with 0xFF.  Keys with a release are self-delimiting.

Refused is what rpm refuses in a dependency: an epoch that is not an unsigned integer, a second ``:`` or ``-``; and what
rpm would take for an empty part, blanks, and characters that do not print.  An epoch that an advisory leaves out is 0
here; whoever knows better says so before.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.versions.encoding import VERSION_LENGTH_MAX, TokenKeys, check_length, digits, number
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "rpm.1"  # the scheme and the revision of the layout above; another layout needs another number

# The header keeps the epoch in 32 bits.
EPOCH_MAX: Final = 2**32 - 1

_END: Final = b"\x02"
_LETTERS: Final = b"\x04"
_NUMBER: Final = b"\x05"
_SIGNS: Final = {"~": b"\x01", "^": b"\x03"}

_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+|[~^]")
_EPOCH = re.compile(r"[0-9]*\Z")  # none: 0


def order_key(text: str) -> bytes:
    r"""Return the order key of an rpm version, ``[epoch:]version[-release]``.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, or no version as said above.

    >>> order_key("1.0~rc1-1") < order_key("1.0-1") == order_key("0:1.00-1") < order_key("1.0^git1-1")
    True
    >>> order_key("1.0^git1-1") < order_key("1.0a-1") < order_key("1.0.1-1") < order_key("1:0.1-1")
    True
    >>> order_key("1.0") < order_key("1.0-1") < order_key("1.0") + b"\xff" < order_key("1.0^a")
    True
    """
    # Everything is written out rather than called, and characters are looked at when a run is new: this is most of what
    # an import costs.  Runs between dots need nothing between them, because a dot only separates and the bytes of a
    # segment say where it ends.
    if len(text) > VERSION_LENGTH_MAX:
        check_length(text)
    epoch, colon, rest = text.rpartition(":")
    version, hyphen, release = rest.partition("-")
    if not version or (hyphen and not release) or (colon and not epoch):
        raise InvalidVersion(text, _what_is_missing(text, version))
    try:
        key = _epochs[epoch] + b"".join([_runs[run] for run in version.split(".")]) + _END
        return key + b"".join([_runs[run] for run in release.split(".")]) + _END if release else key
    except InvalidVersion as error:
        raise InvalidVersion(text, error.reason) from None


def _what_is_missing(text: str, version: str) -> str:
    if not text:
        return "it is empty"
    if text.startswith(":"):
        return "nothing stands before the colon"
    if not version:
        return "nothing follows the colon" if text.endswith(":") else "there is no version before the release"
    return "nothing follows the hyphen"


def _epoch(text: str) -> bytes:
    if not _EPOCH.match(text):
        has_more = ":" in text
        reason = "it has more than one colon" if has_more else "what stands before the colon is not an unsigned integer"
        raise InvalidVersion(text, reason)
    epoch = int(text or "0")
    if epoch > EPOCH_MAX:
        raise InvalidVersion(text, f"the epoch is above {EPOCH_MAX}")
    return number(epoch)


def _run(run: str) -> bytes:
    """Return the bytes of what stands between two dots."""
    if not run.isprintable() or " " in run:
        raise InvalidVersion(run, "it has a blank or a character that does not print")
    if "-" in run:
        raise InvalidVersion(run, "it has more than one hyphen, which neither version nor release may hold")
    return b"".join([_segments[segment] for segment in _SEGMENT.findall(run)])


def _segment(segment: str) -> bytes:
    sign = _SIGNS.get(segment)
    if sign is not None:
        return sign
    return _NUMBER + digits(segment) if segment.isdecimal() else _LETTERS + segment.encode("ascii")


_epochs: Final = TokenKeys(_epoch)
_segments: Final = TokenKeys(_segment)
_runs: Final = TokenKeys(_run)
