"""Go modules in a program, by the build information that the Go linker puts into it (since Go 1.18 in one piece).

The standard library is a module of its own, ``stdlib``, of the version of Go that built the program.  A module that was
replaced is the one that replaced it; one without a version (built from a working copy) cannot be compared, and is left
out.  Format: Go's source, debug/buildinfo.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from oakum.scan.values import GOLANG, INCOMPLETE, Found, FoundPackage, Note

SECTION: Final = b".go.buildinfo"
MAGIC: Final = b"\xff Go buildinf:"
SECTION_BYTES_MAX: Final = 4 * 1024 * 1024
STDLIB: Final = "stdlib"

_HEAD_BYTES: Final = 32
_FLAGS_AT: Final = 15
_FLAG_INLINE: Final = 2
_SENTINEL_BYTES: Final = 16
_VARINT_BYTES_MAX: Final = 9
_GO_VERSION: Final = re.compile(r"go([0-9]+(?:\.[0-9]+)*(?:(?:rc|beta)[0-9]+)?)")
_NO_VERSIONS: Final = frozenset({"", "(devel)"})


def read_section(content: bytes, place: str) -> Iterator[Found]:
    """Yield the modules of a program; ``content`` begins at MAGIC."""
    if len(content) < _HEAD_BYTES or not content.startswith(MAGIC):
        yield Note(kind=INCOMPLETE, place=place, reason="Go's build information is damaged")
        return
    if not content[_FLAGS_AT] & _FLAG_INLINE:
        yield Note(kind=INCOMPLETE, place=place, reason="built by Go older than 1.18: its modules cannot be told")
        return
    try:
        go_version, end = _text(content, _HEAD_BYTES)
        modules, _ = _text(content, end)
    except ValueError as error:
        yield Note(kind=INCOMPLETE, place=place, reason=f"Go's build information is damaged: {error}")
        return
    found = _GO_VERSION.match(go_version.decode("utf-8", "replace"))
    if found:
        yield FoundPackage(kind=GOLANG, name=STDLIB, version=_stdlib_version(found[1]), place=place)
    yield from _modules(modules[_SENTINEL_BYTES:-_SENTINEL_BYTES].decode("utf-8", "replace"), place)


def _stdlib_version(text: str) -> str:
    """Return Go's own version as Go's vulnerability database writes it, which is semver.

    >>> _stdlib_version("1.21"), _stdlib_version("1.21.3"), _stdlib_version("1.22rc2")
    ('1.21.0', '1.21.3', '1.22.0-rc.2')
    """
    numbers, mark, count = re.match(r"([0-9.]+)([a-z]*)([0-9]*)", text).groups()  # type: ignore[union-attr]
    padded = ".".join((*numbers.split("."), "0", "0")[:3])
    return f"{padded}-{mark}.{count}" if mark else padded


def _text(content: bytes, start: int) -> tuple[bytes, int]:
    """Return the text at a place, whose length stands before it as a varint, and where it ends."""
    length = shift = 0
    for index in range(start, min(start + _VARINT_BYTES_MAX, len(content))):
        length |= (content[index] & 0x7F) << shift
        shift += 7
        if content[index] < 0x80:  # noqa: PLR2004 - the last byte of a varint
            end = index + 1 + length
            if end > len(content):
                raise ValueError("it is cut")
            return content[index + 1 : end], end
    raise ValueError("a length has no end")


def _modules(text: str, place: str) -> Iterator[Found]:
    last: FoundPackage | None = None
    for line in text.split("\n"):
        word, *fields = line.split("\t")
        if word in {"mod", "dep"}:
            if last is not None:
                yield last
            last = _module(fields, place)
        elif word == "=>":
            last = _module(fields, place)
    if last is not None:
        yield last


def _module(fields: list[str], place: str) -> FoundPackage | None:
    name, version = (*fields, "", "")[:2]
    if not name or version in _NO_VERSIONS:
        return None
    return FoundPackage(kind=GOLANG, name=name, version=version, place=place)
