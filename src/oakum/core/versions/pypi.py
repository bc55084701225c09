r"""Python's version order (PEP 440) as bytes, with the older setuptools order for what PEP 440 refuses.

``a`` comes before ``b`` for ``packaging.version.Version`` exactly when ``order_key(a) < order_key(b)``; what PEP 440
normalises (letter case, a leading ``v``, separators, other spellings, ``1.0-1`` for ``1.0.post1``, blanks around) makes
no difference.

The order: epoch; release numbers, where missing ones are zeroes; then, for one release: development releases, ``a``,
``b`` and ``rc`` pre-releases, the release itself, its post-releases.  A development release comes before what it leads
to, a local version after what it is of; local segments that are text come before numbers.

The bytes::

    key    = epoch release ending                      a PEP 440 version
           | 00 part (01 part)* 00                     a legacy one: below all of PEP 440, as setuptools had it
    epoch  = number(epoch + 1)
    release = number(n + 8)*                           without trailing zeroes
    ending = 01 number ending                          a development release
           | 02|03|04 number ending                    alpha, beta, release candidate; followed by 01, 05, 06 or 07
           | 05                                        the end
           | 06 (number(n + 0x80) | text 01)* 00       a local version
           | 07 number ending                          a post-release

Nothing is a prefix of anything else.  Release numbers lie above every tag, so a longer release is a later one.

The legacy class (``0.1dev-r1716``, ``2004d``) is ordered as packaging before 22 and setuptools' ``pkg_resources`` did:
letters and digits apart; digits padded to eight, and compared as text; ``pre``, ``preview``, ``rc`` and ``c`` alike;
``dev`` first.  Such versions exist in lists of affected versions and on old hosts, so they are refused only when they
are empty, longer than the longest version we keep, or hold what cannot be printed.

It knows nothing of specifiers (``~=``, ``==1.*``): those are ``core.ranges``' to read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from oakum.core.versions.encoding import TokenKeys, check_length, number
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "pypi.1"  # the scheme and the revision of the layout above; another layout needs another number

_LEGACY: Final = b"\x00"
_DEV: Final = b"\x01"
_PRE: Final = {"a": b"\x02", "b": b"\x03", "c": b"\x04", "r": b"\x04", "p": b"\x04"}  # by the word's first letter
_PRE_WORDS: Final = {"a": "a", "b": "b", "c": "rc", "r": "rc", "p": "rc"}
_END: Final = b"\x05"
_LOCAL: Final = b"\x06"
_POST: Final = b"\x07"
_RELEASE_OFFSET: Final = 8
_RELEASE_ZERO: Final = number(_RELEASE_OFFSET)
_EPOCH_ZERO: Final = number(1)
_LOCAL_NUMBER_OFFSET: Final = 0x80  # above every letter and digit, so that numbers come after text

_SEPARATED = r"[-_.]?(?:{})[-_.]?([0-9]*)"
_VERSION = re.compile(
    r"v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)"
    r"(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]*))?"
    rf"(?:-([0-9]+)|{_SEPARATED.format('post|rev|r')})?"
    rf"(?:{_SEPARATED.format('dev')})?"
    r"(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.IGNORECASE | re.ASCII,
)
_RELEASE_GROUP: Final = 2
_release_numbers = TokenKeys(lambda digits: number(int(digits) + _RELEASE_OFFSET))
_LOCAL_SEPARATOR = re.compile(r"[-_.]")

_LEGACY_PART = re.compile(r"(\d+|[a-z]+|\.|-)")
_LEGACY_WORDS: Final = {"pre": "c", "preview": "c", "-": "final-", "rc": "c", "dev": "@"}
_LEGACY_FINAL: Final = "*final"
_LEGACY_HYPHEN: Final = "*final-"
_LEGACY_ZERO: Final = "00000000"
_DIGITS: Final = frozenset("0123456789")


@dataclass(frozen=True, slots=True, kw_only=True)
class PypiVersion:
    """The parts of a version as PEP 440 names them; None is a part that is not there."""

    epoch: int
    release: tuple[int, ...]
    pre: tuple[str, int] | None
    post: int | None
    dev: int | None
    local: tuple[str | int, ...] | None


def order_key(text: str) -> bytes:
    """Return the order key of a Python version, of PEP 440 or older.

    Raises:
        InvalidVersion: it is empty, longer than VERSION_LENGTH_MAX, or has a character that cannot be printed.

    >>> order_key("0.1dev-r1716") < order_key("0.dev3") < order_key("v1.0-RC.1") < order_key("1.0") < order_key("1.0-1")
    True
    """
    match = _matched(text)
    if match is None:
        return _legacy_key(text)
    if match.lastindex == _RELEASE_GROUP and match[1] is None:  # most versions are but numbers
        return _EPOCH_ZERO + _release(match[_RELEASE_GROUP]) + _END
    epoch, release, pre, pre_number, post_short, post, dev, local = match.groups()
    parts = [number(int(epoch) + 1) if epoch else _EPOCH_ZERO, _release(release)]
    if pre:
        parts += _PRE[pre[0].lower()], number(int(pre_number or 0))
    if post_short or post is not None:
        parts += _POST, number(int(post_short or post or 0))
    if dev is not None:
        parts += _DEV, number(int(dev or 0))
    parts.append(_LOCAL + _local(local) if local else _END)
    return b"".join(parts)


def parse(text: str) -> PypiVersion:
    """Return the parts of a PEP 440 version.

    Raises:
        InvalidVersion: PEP 440 refuses it, or ``order_key`` does.

    >>> parse("1!2.0RC1.post-3+Ab.7")
    PypiVersion(epoch=1, release=(2, 0), pre=('rc', 1), post=3, dev=None, local=('ab', 7))
    """
    match = _matched(text)
    if match is None:
        raise InvalidVersion(text, "PEP 440 has no such version")
    epoch, release, pre, pre_number, post_short, post, dev, local = match.groups()
    return PypiVersion(
        epoch=int(epoch or 0),
        release=tuple(map(int, release.split("."))),
        pre=(_PRE_WORDS[pre[0].lower()], int(pre_number or 0)) if pre else None,
        post=int(post_short or post or 0) if post_short or post is not None else None,
        dev=int(dev or 0) if dev is not None else None,
        local=tuple(int(part) if part.isdecimal() else part.lower() for part in _LOCAL_SEPARATOR.split(local))
        if local
        else None,
    )


def _matched(text: str) -> re.Match[str] | None:
    check_length(text)
    match = _VERSION.fullmatch(text.strip())
    if match is None and not (text.isprintable() and text.strip()):
        raise InvalidVersion(text, "it has a character that cannot be printed" if text.strip() else "it is blank")
    return match


def _release(text: str) -> bytes:
    keys = list(map(_release_numbers.__getitem__, text.split(".")))
    while keys and keys[-1] == _RELEASE_ZERO:
        keys.pop()
    return b"".join(keys)


def _local(text: str) -> bytes:
    segments = [
        number(int(part) + _LOCAL_NUMBER_OFFSET) if part.isdecimal() else part.encode("ascii") + b"\x01"
        for part in _LOCAL_SEPARATOR.split(text.lower())
    ]
    return b"".join(segments) + b"\x00"


def _legacy_key(text: str) -> bytes:
    """Return the key of a legacy version; setuptools' rules, which nothing but its own code documents."""
    parts: list[str] = []
    for part in _LEGACY_PART.split(text.lower()):
        word = _LEGACY_WORDS.get(part, part)
        if word and word != ".":
            _add_legacy_part(parts, word.zfill(len(_LEGACY_ZERO)) if word[0] in _DIGITS else f"*{word}")
    _add_legacy_part(parts, _LEGACY_FINAL)
    return _LEGACY + b"\x01".join([part.encode("utf-8") for part in parts]) + b"\x00"


def _add_legacy_part(parts: list[str], part: str) -> None:
    """Add a part; a text takes back the zeroes before it, and one below a release the hyphens before it too."""
    if part[0] == "*":
        if part < _LEGACY_FINAL:
            while parts and parts[-1] == _LEGACY_HYPHEN:
                parts.pop()
        while parts and parts[-1] == _LEGACY_ZERO:
            parts.pop()
    parts.append(part)
