"""Read paragraphs of ``Field: value`` lines, as apt's programs print them (deb822(5)).

It gives back text alone; which fields must be there is the caller's matter.
"""

from __future__ import annotations

from typing import Iterator

STANZA_COUNT_MAX = 200_000


def parse_stanzas(text: str) -> Iterator[dict[str, str]]:
    r"""Yield each paragraph as a dict; continuation lines are left out, a repeated field's last value wins.

    >>> list(parse_stanzas("Package: a\nSource: b (1)\n more\n\nPackage: c\n"))
    [{'Package': 'a', 'Source': 'b (1)'}, {'Package': 'c'}]
    """
    fields: dict[str, str] = {}
    count = 0
    for line in text.splitlines():
        if not line.strip():
            if fields:
                yield fields
                count += 1
                fields = {}
            if count >= STANZA_COUNT_MAX:
                return
        elif line[0] not in " \t":
            name, colon, value = line.partition(":")
            if colon:
                fields[name] = value.strip()
    if fields:
        yield fields
