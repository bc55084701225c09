"""``oakum journal``: list and export by the API; verify here, without trusting the server that wrote it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from oakum.cli.client import connect
from oakum.cli.output import json_option, print_json, print_table, since
from oakum.core.errors import OperatorError
from oakum.journal.signature import signature_holds
from oakum.journal.verify import Verdict, verify

KEY_LENGTH = 64


@click.group()
def journal() -> None:
    """The journal: who decided what, what came of it, and whether it holds."""


@journal.command("list")
@click.option("--kind", default="", help="A room (rollout) or a whole kind (rollout.halted).")
@click.option("--subject", default="", help="Exactly this subject, like host:UUID.")
@click.option("--limit", default=30, show_default=True)
@json_option
def list_entries(kind: str, subject: str, limit: int, *, as_json: bool) -> None:
    """List entries, newest first.

    Example: oakum journal list --kind rollout
    """
    page = connect().get("/journal", kind=kind or None, subject=subject or None, limit=limit)
    if as_json:
        print_json(page)
        return
    rows = [
        (entry["position"] or "-", since(entry["at"]), entry["kind"], entry["actor"], entry["subject"])
        for entry in page["entries"]
    ]
    print_table(("#", "when", "kind", "actor", "subject"), rows, empty="No entry matches.")


@journal.command()
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="A file instead of standard output.")
@click.option("--installation", is_flag=True, help="The installation's own chain (administrators).")
def export(output: str | None, *, installation: bool) -> None:
    """Write the whole journal as JSON lines (format: docs/journal.md).

    Example: oakum journal export -o journal.jsonl && oakum journal verify journal.jsonl
    """
    lines = connect().stream("/journal/export", installation=installation)
    if output is None:
        for line in lines:
            click.echo(line)
        return
    with Path(output).open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(f"{line}\n")
    click.echo(f"Written to {output}.", err=True)


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
        raise OperatorError(code="key_invalid", sentence="--key takes 64 hexadecimal digits.")
    lines = _lines_of(file) if file else connect().stream("/journal/export")
    verdict = verify(lines, public_key=bytes.fromhex(key) if key else None, verify_signature=signature_holds)
    if as_json:
        print_json({**_plain(verdict), "key_given": bool(key)})
    else:
        click.echo(_words(verdict, key))
    sys.exit(0 if verdict.holds else 1)


def _lines_of(file: str) -> Iterator[str]:
    with Path(file).open(encoding="utf-8") as lines:
        yield from lines


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
        return (
            f"The journal does NOT hold: entry {verdict.position} ({verdict.entry_id or 'no id'}): {verdict.problem}."
        )
    text = (
        f"The journal holds: {verdict.entry_count} entries, {verdict.signed_count} of them under a signed "
        f"checkpoint, {verdict.unsealed_count} not sealed yet."
    )
    if not key:
        text += "\nThe signer's key was taken from the export itself; give --key to prove whose it is."
    return text
