"""How commands print: a table for people, JSON for programs; short words for times.

Whatever a host or a person wrote is printed without control characters: a terminal obeys them.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oakum.core.errors import OperatorError

GAP = 2  # blanks between columns
WIDTH_MIN = 20
WRAPPED_WIDTH = 24  # below that a sentence is no longer read
ROW_COUNT_MAX = 100_000  # of one command; an export has no limit

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def limit_option(default: int) -> Callable[[Any], Any]:
    """Return the option that says how many rows are printed."""
    return click.option(
        "--limit", type=click.IntRange(1, ROW_COUNT_MAX), default=default, show_default=True, help="Rows at most."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's head.

    Where a line has not enough room, columns of the highest ``rank`` go first; 0 stays.  A column that ``wraps`` holds
    sentences: it takes the room that is left, and several lines.
    """

    name: str
    rank: int = 0
    is_number: bool = False
    wraps: bool = False


def print_json(value: Any) -> None:
    """Print a value as indented JSON; what a terminal would obey is escaped, which changes no value."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    click.echo("".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text))


def print_done(answer: Any, words: str, *, as_json: bool) -> None:
    """Print what a verb answered, or that it was done."""
    if as_json:
        print_json(answer)
    else:
        say(words)


def say(text: object, *, err: bool = False) -> None:
    """Print text that may hold what a host or person wrote, line by line."""
    click.echo("\n".join(printable(line) for line in str(text).split("\n")), err=err)


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Print labels and values, one a line; what is empty is left out."""
    shown = [(label, printable(value)) for label, value in pairs if value not in ("", None)]
    width = max((len(label) for label, _ in shown), default=0)
    for label, value in shown:
        click.echo(f"{label.ljust(width)}  {value}")


def print_table(columns: Sequence[Column | str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print a table, or ``empty`` (which says the next step) when there is nothing."""
    if not rows:
        click.echo(empty)
        return
    heads = [Column(name=each) if isinstance(each, str) else each for each in columns]
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(cell_len(head.name), *(cell_len(row[index]) for row in cells)) for index, head in enumerate(heads)]
    room = _room()
    kept = _kept(heads, widths, room)
    needed = sum(widths[index] + GAP for index in kept)
    _print_grid([heads[index] for index in kept], [[row[index] for index in kept] for row in cells], room or needed)
    hidden = [head.name for index, head in enumerate(heads) if index not in kept]
    if hidden:
        click.echo(f"(no room for: {', '.join(hidden)}; --json has everything)", err=True)


def _print_grid(heads: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    has_sentences = any(head.wraps for head in heads)
    for head in heads:
        table.add_column(
            head.name,
            overflow="fold",
            no_wrap=has_sentences and not head.wraps,
            justify="right" if head.is_number else "left",
        )
    for row in cells:
        table.add_row(*map(Text, row))
    console = Console(width=width, highlight=False, emoji=False, markup=False)
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def _room() -> int | None:
    """Return how many cells a line has; None where it has no end: a table for `grep` must not wrap."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return max(WIDTH_MIN, int(told))
    return max(WIDTH_MIN, Console().width) if sys.stdout.isatty() else None


def _kept(heads: Sequence[Column], widths: Sequence[int], room: int | None) -> list[int]:
    kept = list(range(len(heads)))
    least = [min(width, WRAPPED_WIDTH) if head.wraps else width for head, width in zip(heads, widths, strict=True)]
    while room is not None and sum(least[index] + GAP for index in kept) - GAP > room:
        last = max(kept, key=lambda index: (heads[index].rank, index))
        if heads[last].rank == 0:
            break
        kept.remove(last)
    return kept


def print_lines(lines: Iterable[str], output: str | None) -> None:
    """Write an export's lines to a file, whole or not at all, or to standard output as they come."""
    if output is None:
        is_terminal = sys.stdout.isatty()
        for line in lines:
            click.echo(printable(line) if is_terminal else line)
        return
    path = Path(output)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            for line in lines:
                file.write(f"{line}\n")
        part.replace(path)
    except OSError as error:
        raise OperatorError(
            code="file_unwritable",
            sentence=f"{output} cannot be written: {error.strerror}.",
            next_step="Choose another file with --output, or make room.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    click.echo(f"Written to {output}.", err=True)


def print_footing(shown_count: int, total_count: int) -> None:
    """Say that there is more than was printed."""
    if total_count > shown_count:
        click.echo(f"{shown_count} of {total_count}; --limit {min(total_count, ROW_COUNT_MAX)} shows all.", err=True)


def printable(value: object) -> str:
    """Return one line of text without what a terminal would obey: controls, and marks of direction."""
    text = "" if value is None else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def listed(values: Sequence[object], count_max: int) -> str:
    """Return the first values, and how many more there are."""
    more = len(values) - count_max
    return ", ".join(map(str, values[:count_max])) + (f" and {more} more" if more > 0 else "")


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


def due(text: str | None, *, overdue: bool) -> str:
    """Render a deadline: when, and whether it is over; without one it is the host's next upgrade."""
    return f"{'OVERDUE ' if overdue else ''}{since(text)}" if text else "next upgrade"


def counted(count: int, noun: str) -> str:
    """Render a number of things: ``1 host``, ``2 hosts``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def instant(text: str | None) -> str:
    """Render an instant from the API to the minute: ``2026-11-22 02:00 UTC``."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC" if text else "never"


def words(name: str) -> str:
    """Render a code as words: ``awaiting_approval`` is ``awaiting approval``."""
    return re.sub(r"_+", " ", name)
