"""Parse a Debian changelog (deb-changelog(5)), newest entry first.

It reads text alone: fetching is ``release_notes``, and which CVEs an entry names is the server's matter.
"""

from __future__ import annotations

import re
from typing import Iterable, Iterator

from oakum.protocol.messages import NOTES_TEXT_BYTES_MAX, ChangelogEntry

CUT_NOTE = "\n(cut: the entry is longer)"

_HEADER = re.compile(
    r"^(?P<source>[a-z0-9][^\s(]*) \((?P<version>[^()\s]+)\)(?P<distributions>[^;]*);(?P<options>.*)$",
    re.IGNORECASE,
)
_TRAILER = re.compile(r"^ -- .*?  ?(?P<date>[A-Z][a-z]{2}, .*)$")
_URGENCY = re.compile(r"\burgency\s*=\s*(?P<urgency>[A-Za-z]+)", re.IGNORECASE)


def parse_changelog(lines: Iterable[str]) -> Iterator[ChangelogEntry]:
    """Yield the entries in the order of the file; an entry without a trailer (a cut file's last) is left out.

    Text between entries, comments and editor settings belong to no entry, as the format says.
    """
    header: re.Match[str] | None = None
    body: list[str] = []
    for line in lines:
        text = line.rstrip()
        begins, ends = _HEADER.match(text), _TRAILER.match(text)
        if begins:
            header, body = begins, []
        elif ends and header:
            yield _render_entry(header, body, ends["date"])
            header = None
        elif header:
            body.append(text)


def _render_entry(header: re.Match[str], body: list[str], date: str) -> ChangelogEntry:
    urgency = _URGENCY.search(header["options"])
    return ChangelogEntry(
        version=header["version"],
        distribution=header["distributions"].strip(),
        urgency=urgency["urgency"].lower() if urgency else "",
        date=date.strip(),
        text=cut_text("\n".join(body).strip("\n")),
    )


def cut_text(text: str, bytes_max: int = NOTES_TEXT_BYTES_MAX) -> str:
    """Return ``text`` if its UTF-8 form fits into ``bytes_max``, else its beginning and CUT_NOTE, which then fit."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= bytes_max:
        return text
    kept = raw[: bytes_max - len(CUT_NOTE.encode())].decode("utf-8", "ignore")
    return kept + CUT_NOTE
