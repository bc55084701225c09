"""Log lines: the event's name first, then key=value, one line per unit of work, to standard error (the journal's door).

It keeps no file and has no levels; what matters to the server goes there as values.
"""

from __future__ import annotations

import sys

VALUE_LENGTH_MAX = 600


def log(event: str, **fields: object) -> None:
    """Print one line.  Values with spaces are quoted; line breaks and long values are tamed."""
    parts = [event]
    for name, value in fields.items():
        parts.append(f"{name}={render_value(value)}")
    print(" ".join(parts), file=sys.stderr, flush=True)


def render_value(value: object) -> str:
    """Return ``value`` as one word, or quoted, at most VALUE_LENGTH_MAX characters."""
    text = str(value)
    if len(text) > VALUE_LENGTH_MAX:
        text = text[:VALUE_LENGTH_MAX] + "..."
    plain = all(character.isprintable() and character not in ' "=' for character in text)
    return text if text and plain else '"' + text.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
