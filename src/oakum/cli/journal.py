"""``oakum journal``: list and export by the API; verify here, without trusting the server that wrote it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from oakum.cli.client import connect
from oakum.cli.output import Column, json_option, print_json, print_lines, print_table, say, since
from oakum.core.errors import OperatorError
from oakum.journal.signature import signature_holds
from oakum.journal.verify import LINE_LENGTH_MAX, Verdict, verify

KEY_LENGTH = 64
PAGE_COUNT_MAX = 200
COLUMNS = (
    Column(name="#", is_number=True),
    Column(name="when"),
    Column(name="kind"),
    Column(name="actor", rank=1),
    Column(name="subject", rank=2),
    Column(name="why", rank=3, wraps=True),
)


@click.group()
def journal() -> None:
    """The journal: who decided what, what came of it, and whether it holds."""


@journal.command("list")
@click.option("--kind", default=None, help="A room (rollout) or a whole kind (rollout.halted).")
@click.option("--subject", default=None, help="Exactly this subject, like host:UUID.")
@click.option("--before", type=click.IntRange(min=1), default=None, help="Only entries before this number.")
@click.option("--limit", type=click.IntRange(1, PAGE_COUNT_MAX), default=30, show_default=True, help="Rows at most.")
@json_option
def list_entries(kind: str | None, subject: str | None, before: int | None, limit: int, *, as_json: bool) -> None:
    """List entries, newest first.  One without a number is not sealed yet.

    Example: oakum journal list --kind rollout
    """
    page = connect().get("/journal", kind=kind, subject=subject, before=before, limit=limit)
    if as_json:
        print_json(page)
        return
    rows = [_row(entry) for entry in page["entries"]]
    print_table(COLUMNS, rows, empty="No entry matches.")
    if page["before_position"]:
        click.echo(f"There are older ones: --before {page['before_position']}.", err=True)


def _row(entry: dict[str, Any]) -> tuple[object, ...]:
    number = entry["position"] or "-"
    return (number, since(entry["at"]), entry["kind"], _short(entry["actor"]), _subject(entry), _why(entry))


def _subject(entry: dict[str, Any]) -> str:
    """Return what the entry is about, by the name that it had then."""
    room, _, _ = str(entry["subject"]).partition(":")
    name = entry["payload"].get({"host": "hostname", "rollout": "number"}.get(room, ""))
    return _short(entry["subject"]) if name is None else f"{room} {name}"


def _why(entry: dict[str, Any]) -> str:
    told = entry["payload"]
    return " ".join(str(told[name]) for name in ("reason", "comment", "sentence") if told.get(name))


def _short(text: str) -> str:
    """Cut an id to what tells it apart; --json has it whole."""
    return re.sub(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f-]{22}", r"\1", text)


@journal.command()
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="A file instead of standard output.")
@click.option("--installation", is_flag=True, help="The installation's own chain (administrators).")
def export(output: str | None, *, installation: bool) -> None:
    """Write the whole journal as JSON lines (format: docs/journal.md).

    Example: oakum journal export -o journal.jsonl
    """
    print_lines(connect().stream("/journal/export", installation=installation), output)


@journal.command("verify")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--key", default="", help="The signer's public key in hex, as you noted it when you set Oakum up.")
@json_option
def verify_journal(file: str | None, key: str, *, as_json: bool) -> None:
    """Check that nothing was changed: FILE, or the server's journal when no file is given.

    Exits 0 if it holds, 1 and names the first bad entry if not.

    Example: oakum journal verify journal.jsonl --key 5f3a...
    """
    if key and (len(key) != KEY_LENGTH or not all(letter in "0123456789abcdefABCDEF" for letter in key)):
        raise OperatorError(
            code="key_invalid",
            sentence=f"--key takes {KEY_LENGTH} hexadecimal digits; this has {len(key)} characters.",
            next_step="It is on the page System, and in what `oakum host add --json` prints as server_key.",
        )
    lines = _lines_of(file) if file else connect().stream("/journal/export")
    verdict = verify(lines, public_key=bytes.fromhex(key) if key else None, verify_signature=signature_holds)
    if as_json:
        print_json({**_plain(verdict), "key_given": bool(key)})
    else:
        say(_words(verdict, key))
    sys.exit(0 if verdict.holds else 1)


def _lines_of(file: str) -> Iterator[str]:
    """Yield the lines; a line that is longer than any can be is cut, and so found out."""
    try:
        with Path(file).open(encoding="utf-8", errors="replace", newline="\n") as content:
            while line := content.readline(LINE_LENGTH_MAX + 2):
                yield line
    except OSError as error:
        raise OperatorError(
            code="file_unreadable",
            sentence=f"{file} cannot be read: {error.strerror}.",
            next_step="Check its name and its permissions.",
        ) from error


def _plain(verdict: Verdict) -> dict[str, object]:
    return {
        "holds": verdict.holds,
        "chain": verdict.chain,
        "entry_count": verdict.entry_count,
        "signed_count": verdict.signed_count,
        "unsealed_count": verdict.unsealed_count,
        "problem": verdict.problem,
        "position": verdict.position,
        "entry_id": verdict.entry_id,
    }


def _words(verdict: Verdict, key: str) -> str:
    if not verdict.holds:
        where = f"entry {verdict.position}: " if verdict.position else ""
        named = f" ({verdict.entry_id})" if verdict.entry_id else ""
        return f"The journal does NOT hold: {where}{verdict.problem}{named}.\nKeep this file: it is evidence."
    text = (
        f"The journal holds: {verdict.entry_count} entries, {verdict.signed_count} of them under a signed "
        f"checkpoint, {verdict.unsealed_count} not sealed yet."
    )
    if not verdict.signed_count:
        text += "\nNo checkpoint is signed yet: whoever can write the database could have made this journal."
    elif not key:
        text += "\nThe signer's key was taken from the export itself; give --key to prove whose it is."
    return text
