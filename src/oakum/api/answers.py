"""The answer that many routes give: a verb was carried out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The verb was carried out."""

    done: bool = True
