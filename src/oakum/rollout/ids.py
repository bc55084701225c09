"""Ids as hosts send them: text, until proved otherwise."""

from __future__ import annotations

from uuid import UUID

ID_LENGTH = 36


def parse_id(text: str) -> UUID | None:
    """Return the UUID that ``text`` spells in its one usual form, else None.

    >>> parse_id("00000000-0000-4000-8000-000000000001") is not None, parse_id("{1}"), parse_id("a" * 32)
    (True, None, None)
    """
    if len(text) != ID_LENGTH:
        return None
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None
