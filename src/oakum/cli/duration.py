"""Durations as people type them: ``90s``, ``15m``, ``4h``, ``2d``."""

from __future__ import annotations

import re

import click

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Duration(click.ParamType[int]):
    """A duration in whole seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse ``4h`` into 14,400."""
        found = re.fullmatch(r"(\d{1,9})([smhd])", str(value))
        if isinstance(value, int):
            return value
        if found is None:
            self.fail(f"{value!r} is no duration; write 90s, 15m, 4h or 2d", param, ctx)
        return int(found[1]) * UNITS[found[2]]
