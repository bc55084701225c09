"""Durations as people type them: ``90s``, ``15m``, ``4h``, ``2d``, ``1h30m``."""

from __future__ import annotations

import re

import click

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Duration(click.ParamType[int]):
    """A duration in whole seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse ``4h`` into 14,400."""
        if isinstance(value, int):
            return value
        if re.fullmatch(r"(\d{1,6}[smhd]){1,4}", str(value)) is None:
            self.fail(f"{value!r} is no duration; write 90s, 15m, 4h, 2d or 1h30m", param, ctx)
        return sum(int(count) * UNITS[unit] for count, unit in re.findall(r"(\d+)([smhd])", str(value)))


def render_duration(seconds: int) -> str:
    """Render seconds as people type them.

    >>> render_duration(5_400), render_duration(0)
    ('1h30m', '0s')
    """
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(seconds, UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
