"""Programs (ELF files) that tell what they were built from: Go's modules and Rust's crates.

Programs that are a distribution's own are not looked into: the distribution's feed speaks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oakum.scan.readers import cargo, elf, golang
from oakum.scan.root import Absent, Root, Unreadable
from oakum.scan.values import INCOMPLETE, Found, Note

_SECTIONS: Final = {golang.SECTION: golang.SECTION_BYTES_MAX, cargo.SECTION: cargo.LIST_BYTES_MAX}
# Names of files that are executable by habit, and never programs.  Libraries hold no build information either.
_OTHER_SUFFIXES: Final = frozenset(
    (
        *("a", "c", "cc", "class", "cmake", "conf", "cpp", "css", "csv", "desktop", "el", "gif", "gz", "h", "hpp"),
        *("htm", "html", "ico", "ini", "java", "jpg", "js", "json", "la", "lua", "map", "md", "mo", "o", "pem", "php"),
        *("pl", "pm", "png", "po", "ps1", "py", "pyc", "pyi", "pyo", "rb", "rs", "rst", "sh", "so", "svg", "toml"),
        *("ts", "ttf", "txt", "wasm", "woff", "woff2", "xml", "xz", "yaml", "yml", "zip"),
    )
)


def wants(directory: str, name: str) -> bool:
    """Say whether a file's name leaves it open that it is a program; it is opened only if it is executable too."""
    del directory
    return name.rpartition(".")[2] not in _OTHER_SUFFIXES and ".so." not in name


def read(root: Root, place: str) -> Iterator[Found]:
    """Yield the packages that a program was built from."""
    try:
        with root.open(place) as file:
            found = elf.sections(file, _SECTIONS)
            go = found.get(golang.SECTION) or elf.search_data(file, golang.MAGIC, golang.SECTION_BYTES_MAX)
    except Absent:
        return
    except Unreadable as error:
        yield Note(kind=INCOMPLETE, place=place, reason=error.reason)
        return
    if go:
        yield from golang.read_section(go, place)
    if cargo.SECTION in found:
        yield from cargo.read_section(found[cargo.SECTION], place)
