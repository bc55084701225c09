"""Where in a list a page begins, as the address says it.  Garbage in the address is the beginning, never a fault."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest

ROW_COUNT = 40  # rows of one page: with the frame, well under 50 kB
OFFSET_MAX = 10_000_000
TEXT_LENGTH_MAX = 200


def offset_of(request: HttpRequest, key: str = "from") -> int:
    """Return how many rows to leave out, at most OFFSET_MAX."""
    return min(whole_number(request.GET.get(key, "")) or 0, OFFSET_MAX)


def whole_number(text: str) -> int | None:
    """Return the whole number in ``text``, None if it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None  # noqa: PLR2004 - fits 64 bits


def text_of(request: HttpRequest, key: str) -> str:
    """Return one value of the address, without blanks around it and cut at TEXT_LENGTH_MAX."""
    return request.GET.get(key, "").strip().replace("\x00", "")[:TEXT_LENGTH_MAX]


def choice_of(request: HttpRequest, key: str, choices: tuple[str, ...]) -> str:
    """Return one value of the address if it is one of ``choices``, else an empty one: no filter."""
    value = request.GET.get(key, "")
    return value if value in choices else ""


def answer_of(request: HttpRequest, key: str) -> bool | None:
    """Return yes or no as a filter, None when the address says neither."""
    return {"yes": True, "no": False}.get(request.GET.get(key, ""))


def id_of(request: HttpRequest, key: str) -> UUID | None:
    """Return an id of the address, None if there is none or it is none."""
    try:
        return UUID(request.GET.get(key, ""))
    except ValueError:
        return None
