"""What is wrong with a bill of materials: where, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from oakum.scan.sbom.values import SHOWN_LENGTH_MAX

PROBLEM_COUNT_MAX: Final = 1_000
VALUE_LENGTH_MAX: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong: ``place`` is a JSON pointer (RFC 6901; "" is the whole) or a line."""

    place: str
    reason: str


def problem(place: str, reason: str) -> Problem:
    """Return a problem whose reason fits a line."""
    return Problem(place=place, reason=reason[:SHOWN_LENGTH_MAX])


def pointer(parts: Iterable[str | int]) -> str:
    """Return a JSON pointer.

    >>> pointer(["components", 5, "a/b"])
    '/components/5/a~1b'
    """
    return "".join(f"/{str(each).replace('~', '~0').replace('/', '~1')}" for each in parts)


def shown(value: object) -> str:
    """Return a value as JSON writes it, cut where it is long."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_LENGTH_MAX else f"{text[:VALUE_LENGTH_MAX]}..."
