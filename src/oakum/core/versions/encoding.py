"""What order keys are made of: numbers, texts and tokens as bytes whose order is the wanted one.

It knows no scheme: which byte a letter, a separator or an end becomes is each scheme's own module's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from oakum.core.versions.invalid import InvalidVersion

# The columns that keep a version's text are that long.  It also bounds what one version can cost.
VERSION_LENGTH_MAX: Final = 200
# A distribution's release with its sources has some 25,000 distinct versions, made of 6,000 tokens.  A full cache takes
# about 8 MB, and there are some two dozen.
TOKEN_COUNT_MAX: Final = 32_768
# Longer tokens seldom come twice, and would make the bound above mean nothing.
_KEPT_LENGTH_MAX: Final = 40

# A number below it is one byte; the bytes from it up to LONG_NUMBER say how many big-endian bytes follow.
SMALL_NUMBER_END: Final = 0xF0
LONG_NUMBER: Final = 0xFF

_SMALL_NUMBERS: Final = tuple(bytes((value,)) for value in range(SMALL_NUMBER_END))


def number(value: int) -> bytes:
    r"""Return a whole number, of any size, as self-delimiting bytes in the numbers' order.

    The layout, which also says what the first byte may be::

        value below 0xF0   that byte
        up to 15 bytes     0xEF + n, n big-endian bytes
        longer             0xFF, number(n), n big-endian bytes

    >>> number(7), number(300), number(10**40) < number(10**400) < number(10**400 + 1)
    (b'\x07', b'\xf1\x01,', True)
    """
    if value < SMALL_NUMBER_END:
        return _SMALL_NUMBERS[value]
    length = (value.bit_length() + 7) // 8
    if length <= LONG_NUMBER - SMALL_NUMBER_END:
        return bytes((SMALL_NUMBER_END + length - 1,)) + value.to_bytes(length, "big")
    return bytes((LONG_NUMBER,)) + number(length) + value.to_bytes(length, "big")


def digits(text: str) -> bytes:
    """Return ``number`` of a run of ASCII digits; leading zeroes do not count, and no digits are 0.

    >>> digits("007") == digits("7"), digits("") == digits("0")
    (True, True)
    """
    return number(int(text or "0"))


def table(order: str, first_byte: int) -> bytes:
    r"""Return a table for ``bytes.translate``: the characters of ``order`` become rising bytes from ``first_byte`` on.

    Every other character becomes 0, so a scheme's own check must have refused it before.

    >>> b"ab~".translate(table("~abc", 1))
    b'\x02\x03\x01'
    """
    assert len(set(order)) == len(order), "a character stands twice in the order"
    assert first_byte + len(order) <= 256, "the order has more characters than bytes are left"  # noqa: PLR2004
    codes = bytearray(256)
    for index, character in enumerate(order):
        codes[ord(character)] = first_byte + index
    return bytes(codes)


def check_length(text: str) -> None:
    """Refuse what no scheme takes: nothing at all, and more than VERSION_LENGTH_MAX characters.

    Raises:
        InvalidVersion: as said.
    """
    if not text:
        raise InvalidVersion(text, "it is empty")
    if len(text) > VERSION_LENGTH_MAX:
        raise InvalidVersion(text, f"it is longer than {VERSION_LENGTH_MAX} characters")


class TokenKeys(dict[str, bytes]):
    r"""The bytes of tokens, worked out when first asked for and kept: versions share most of their tokens.

    It is emptied when it holds TOKEN_COUNT_MAX tokens, so hostile input costs time, never memory.  ``encode`` may
    raise InvalidVersion; then nothing is kept.

    >>> numbers = TokenKeys(digits)
    >>> b"".join(map(numbers.__getitem__, ("1", "20")))
    b'\x01\x14'
    """

    __slots__ = ("_encode",)

    def __init__(self, encode: Callable[[str], bytes]) -> None:
        """Keep what turns one token into its bytes."""
        super().__init__()
        self._encode = encode

    def __missing__(self, token: str) -> bytes:
        """Work a token's bytes out."""
        key = self._encode(token)
        if len(token) <= _KEPT_LENGTH_MAX:
            if len(self) >= TOKEN_COUNT_MAX:
                self.clear()
            self[token] = key
        return key
