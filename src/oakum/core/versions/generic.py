r"""An order for versions of which no scheme is known (vendors' products, VERS ``generic``), as bytes.

No tool defines it; this does.  A version is read as a row of tokens, each a run of digits, a run of letters or a ``~``;
all other characters only separate.  A leading ``v`` before a digit is dropped, and letter case does not count.  At the
first difference::

    ~ < dev, nightly, snapshot < alpha < beta < pre, preview < cr, rc < end < other letters < digits

Digits go by value, other letters as text (Unicode's code points, lower case), a shorter text first.  Zeroes count only
where a greater number follows them: ``1``, ``1.0`` and ``1.0.0`` are equal, ``1.0.1`` is above them and ``1.0-rc1``
below.  So ``1.0rc1 < 1.0 = 1.0.0 < 1.0a < 1.0.1 < 1.1``.

The bytes::

    key   = token* END
    token = TILDE | the word's byte | TEXT utf-8 NUL | NUMBER 0xFF-zeroes number
    TILDE 1, dev 2, alpha 3, beta 4, pre 5, rc 6, END 7, TEXT 8, NUMBER 9; zeroes is the count of zeroes before the
    number, in one byte: the more there are, the lower it is;  number as encoding.number

Keys are self-delimiting.  Every text has its place but those that are empty, too long, without any digit or letter, or
with characters that do not print.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.versions.encoding import TokenKeys, check_length, number
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "generic.1"  # the scheme and the revision of the layout above; another layout needs another number

_WORDS: Final = {
    "~": b"\x01",
    "dev": b"\x02",
    "nightly": b"\x02",
    "snapshot": b"\x02",
    "alpha": b"\x03",
    "beta": b"\x04",
    "pre": b"\x05",
    "preview": b"\x05",
    "cr": b"\x06",
    "rc": b"\x06",
}
_END: Final = b"\x07"
_TEXT: Final = b"\x08"
_TEXT_END: Final = b"\x00"
_NUMBER: Final = b"\x09"
_ZEROES_END: Final = 0xFF  # more than a version of VERSION_LENGTH_MAX characters can hold

_TOKEN = re.compile(r"[0-9]+|[^\W0-9_]+|~")
_PREAMBLE = re.compile(r"\W*v(?=[0-9])")


def order_key(text: str) -> bytes:
    """Return the order key of a version of no known scheme.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX or empty, holds neither digit nor letter, or a character
            that does not print.

    >>> order_key("1.0-RC.1") < order_key("1.0") == order_key("v1") < order_key("1.0a") < order_key("1.0.1")
    True
    """
    check_length(text)
    if not text.isprintable():
        raise InvalidVersion(text, "it has a character that does not print")
    lowered = text.lower()
    preamble = _PREAMBLE.match(lowered)
    tokens = _TOKEN.findall(lowered, preamble.end() if preamble else 0)
    if not tokens or set(tokens) == {"~"}:
        raise InvalidVersion(text, "it has neither digit nor letter")
    return _joined([_tokens[token] for token in tokens]) + _END


def _joined(keys: list[bytes]) -> bytes:
    """Return the tokens' bytes with the zeroes, whose bytes are empty, counted into the number that follows them."""
    if b"" not in keys:
        return b"".join(keys)
    joined: list[bytes] = []
    zeroes = 0
    for key in keys:
        if not key:
            zeroes += 1
            continue
        joined.append(_NUMBER + bytes((_ZEROES_END - zeroes,)) + key[2:] if key[:1] == _NUMBER else key)
        zeroes = 0
    return b"".join(joined)


def _token(token: str) -> bytes:
    """Return the bytes of a token with no zeroes before it; of a zero, none."""
    if token.isascii() and token.isdecimal():
        value = int(token)
        return _NUMBER + bytes((_ZEROES_END,)) + number(value) if value else b""
    return _WORDS.get(token) or _TEXT + token.encode() + _TEXT_END


_tokens: Final = TokenKeys(_token)
