"""JSON documents as lines: one for each member, and one for each element of its lists, so that long ones can be read.

What a document holds is for the outputs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping


def json_lines(members: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines of a document; what a terminal would obey is escaped, which changes no value."""
    yield "{"
    for number, (name, value) in enumerate(members.items(), start=1):
        comma = "," if number < len(members) else ""
        if isinstance(value, list) and value:
            yield f'  "{name}": ['
            for place, each in enumerate(value, start=1):
                yield f"    {json_text(each)}{',' if place < len(value) else ''}"
            yield f"  ]{comma}"
        else:
            yield f'  "{name}": {json_text(value)}{comma}'
    yield "}"


def json_text(value: object) -> str:
    """Return a value on one line."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(letter: str) -> str:
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]
