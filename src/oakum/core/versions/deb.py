r"""dpkg's version order (deb-version(7)) as bytes.

``a`` comes before ``b`` for ``dpkg --compare-versions`` exactly when ``order_key(a) < order_key(b)``.

The order: epoch, then upstream version, then revision.  A part is an endless row of pairs (text, number): the digits
that follow a text count as a number, and a part that ends goes on with empty texts and zeroes, so an absent revision
equals ``0``.  In a text ``~`` comes before the end, the end before letters, letters before everything else.

The bytes::

    key    = number(epoch) part(upstream) part(revision)
    part   = pair+ END                      END is 2: above "~", below every letter, and never begins a later pair,
    pair   = (table byte)* END number       because after a number a part either ends or goes on with a text
    number = as encoding.number

Nothing is a prefix of anything else, so keys are self-delimiting: they may be concatenated, and no other key lies
between a key and the key followed by any byte.

What dpkg itself refuses is refused here, and so are blanks around a version (dpkg trims them) and characters outside
printable ASCII (dpkg warns).  What else dpkg warns of, a first character that is no digit or a ``_``, it also compares;
such packages exist on hosts, and so they have keys.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.versions.encoding import TokenKeys, check_length, digits, number, table
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "deb.1"  # the scheme and the revision of the layout above; another layout needs another number

# dpkg keeps the epoch in a C int.
EPOCH_MAX: Final = 2**31 - 1

_TILDE: Final = 1
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_OTHERS: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}"
_BYTES: Final = bytes(map(max, table("~", _TILDE), table(_LETTERS + _OTHERS, _TILDE + 2)))

_DIGITS: Final = "0123456789"
_END: Final = b"\x02"
_END_OF_TEXT: Final = b"\x02\x00\x02"  # a last text is followed by the number 0, then by the end
_NO_REVISION: Final = "0"
_DOT: Final = b".".translate(_BYTES)

_EPOCH = re.compile(r"\+?[0-9]+\Z")  # strtol, which dpkg uses, takes a sign
_PIECE = re.compile(r"[0-9]+|[^0-9]+")


def order_key(text: str) -> bytes:
    """Return the order key of a Debian version.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, or dpkg would refuse it.

    >>> order_key("1.0~rc1-1") < order_key("1.0") == order_key("0:1.0-0") < order_key("1.0a") < order_key("1:0.1")
    True
    """
    epoch, upstream, revision = _split(text)
    try:
        # The join is _part's, written out: this line is most of what an import costs.
        return (
            _epochs[epoch]
            + _DOT.join([_runs[run] for run in upstream.split(".")])
            + (_END if upstream[-1] in _DIGITS else _END_OF_TEXT)
            + _revisions[revision]
        )
    except InvalidVersion as error:
        raise InvalidVersion(text, error.reason) from None


def upstream_version(text: str) -> str:
    """Return the upstream part of a Debian version.

    Raises:
        InvalidVersion: as for ``order_key``.

    >>> upstream_version("2:1.0-rc1-3+b1")
    '1.0-rc1'
    """
    return split(text)[1]


def split(text: str) -> tuple[int, str, str]:
    """Return epoch, upstream version and revision, the last one empty where there is none.

    Raises:
        InvalidVersion: as for ``order_key``.
    """
    order_key(text)
    epoch, upstream, revision = _split(text)
    return int(epoch), upstream, revision


def _split(text: str) -> tuple[str, str, str]:
    """Return the three parts as text, each of which may still hold what no version has."""
    check_length(text)
    epoch, rest = "0", text
    if ":" in text:
        epoch, _, rest = text.partition(":")
        if not rest:
            raise InvalidVersion(text, "nothing follows the colon")
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        return epoch, rest, ""
    if not revision:
        raise InvalidVersion(text, "nothing follows the last hyphen")
    if not upstream:
        raise InvalidVersion(text, "there is no version before the revision")
    return epoch, upstream, revision


def _epoch(text: str) -> bytes:
    if not _EPOCH.match(text):
        raise InvalidVersion(text, "what stands before the colon is not a number")
    epoch = int(text)
    if epoch > EPOCH_MAX:
        raise InvalidVersion(text, f"the epoch is above {EPOCH_MAX}")
    return number(epoch)


def _part(text: str) -> bytes:
    # An absent part is the pair ("", 0), or "1.0" and "1.0-0" would differ.
    text = text or _NO_REVISION
    return _DOT.join([_runs[run] for run in text.split(".")]) + (_END if text[-1] in _DIGITS else _END_OF_TEXT)


def _run(run: str) -> bytes:
    """Return the bytes of what stands between two dots.

    A dot never splits a number, so the bytes of a part are those of its runs with the dot's own byte between them.
    """
    if not run.isascii() or not run.isprintable() or " " in run:
        raise InvalidVersion(run, "it has a character that is not printable ASCII")
    if run.isdecimal():
        return _END + digits(run)
    return b"".join([_pieces[piece] for piece in _PIECE.findall(run)])


def _piece(piece: str) -> bytes:
    return _END + digits(piece) if piece.isdecimal() else piece.encode("ascii").translate(_BYTES)


_epochs: Final = TokenKeys(_epoch)
_pieces: Final = TokenKeys(_piece)
_runs: Final = TokenKeys(_run)
_revisions: Final = TokenKeys(_part)
