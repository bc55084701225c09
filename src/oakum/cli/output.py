"""How commands print: a table for people, JSON for programs; short words for times."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 200  # a pipe has no width; a table for `grep` must not wrap

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print a table, or ``empty`` (which says the next step) when there is nothing."""
    if not rows:
        click.echo(empty)
        return
    console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


def printable(value: object) -> str:
    """Return text for a cell, without control characters that a hostile host could send to a terminal."""
    text = "" if value is None else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def since(text: str | None, *, now: datetime | None = None) -> str:
    """Render an instant from the API as how long ago, or how soon: ``3 h ago``, ``in 2 d``."""
    if not text:
        return "never"
    at = datetime.fromisoformat(text)
    seconds = ((now or datetime.now(tz=UTC)) - at).total_seconds()
    size = abs(seconds)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if size >= length:
            words = f"{size / length:.0f} {unit}"
            break
    else:
        words = f"{size:.0f} s"
    return f"{words} ago" if seconds >= 0 else f"in {words}"
