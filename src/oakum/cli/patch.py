"""``oakum patch``: the catalogue of pending updates."""

from __future__ import annotations

from typing import Any

import click

from oakum.cli.client import Client, address, connect
from oakum.cli.options import FORMAT_OPTIONS, chosen_format, with_options
from oakum.cli.output import (
    Column,
    counted,
    due,
    json_option,
    limit_option,
    listed,
    print_footing,
    print_json,
    print_lines,
    print_pairs,
    print_table,
    say,
    words,
)
from oakum.core.errors import NotFoundError, OperatorError

CVE_SHOWN_COUNT = 2
CVE_NAMED_COUNT = 20
NOTE_LINES_MAX = 40
COLUMNS = (
    Column(name="id", is_number=True),
    Column(name="due"),
    Column(name="kind"),
    Column(name="package"),
    Column(name="version"),
    Column(name="hosts", is_number=True),
    Column(name="severity", rank=1),
    Column(name="CVEs", rank=2),
    Column(name="stream", rank=3),
)
HOST_COLUMNS = (
    Column(name="host"),
    Column(name="remedy"),
    Column(name="installed"),
    Column(name="due"),
    Column(name="kept back", rank=1, wraps=True),
)
KIND_OPTION = click.option("--kind", type=click.Choice(["security", "bugfix", "feature"]), default=None)


@click.group()
def patch() -> None:
    """Patches: list and show the catalogue of pending updates."""


@patch.command("list")
@KIND_OPTION
@click.option("--search", default=None, help="Part of a package's name or of a CVE.")
@click.option("--cve", default=None, help="Only what cures this CVE.")
@click.option("--host", default=None, help="Only what this host has pending.")
@click.option("--group", default=None, help="Only what hosts of this group have pending.")
@click.option("--overdue", is_flag=True, default=None, help="Only what should be installed by now.")
@limit_option(200)
@json_option
def list_patches(limit: int, *, as_json: bool, **wanted: Any) -> None:
    """List pending updates, soonest deadline first.

    Example: oakum patch list --kind security
    """
    page = connect().rows("/patches", limit=limit, **wanted)
    if as_json:
        print_json(page)
        return
    rows = [_row(row) for row in page["rows"]]
    print_table(COLUMNS, rows, empty="No update that matches is pending on any host that could tell.")
    print_footing(len(rows), page["total_count"])
    if page["host_offers_unknown_count"]:
        click.echo(
            f"Not known here: {counted(page['host_offers_unknown_count'], 'host')} could not tell what is pending: "
            "`oakum host list` shows a question mark.",
            err=True,
        )


def _row(row: dict[str, Any]) -> tuple[object, ...]:
    more = len(row["cves"]) - CVE_SHOWN_COUNT
    return (
        row["id"],
        due(row["due_at"], overdue=row["overdue_count"] > 0) if row["due_at"] else "-",
        row["kind"],
        row["source_name"],
        row["source_version"],
        row["host_pending_count"],
        row["severity"],
        " ".join(row["cves"][:CVE_SHOWN_COUNT]) + (f" +{more}" if more > 0 else ""),
        row["stream"],
    )


@patch.command()
@click.argument("ref", metavar="ID|PACKAGE")
@json_option
def show(ref: str, *, as_json: bool) -> None:
    """Show one update: its release notes, who told them, and its hosts.

    Example: oakum patch show openssl
    """
    client = connect()
    found = client.get(address("patches", ref if ref.isdecimal() else _id_of(client, ref)))
    if as_json:
        print_json(found)
        return
    row, deadline = found["row"], found["deadline"]
    print_pairs(
        (
            ("patch", f"{row['source_name']} {row['source_version']} ({row['kind']}, {row['stream']}, id {row['id']})"),
            ("packages", ", ".join(row["packages"])),
            ("hosts", f"{row['host_pending_count']} have it pending, {row['host_kept_back_count']} of them kept back"),
            ("due", due(row["due_at"], overdue=row["overdue_count"] > 0) if row["due_at"] else "at no date"),
            ("because", deadline["sentence"] if deadline else ""),
            ("cures", listed(row["cves"], CVE_NAMED_COUNT) or "no CVE that anybody has told"),
            ("notes", row["notes"]["sentence"]),
        )
    )
    click.echo()
    rows = [
        (
            each["hostname"],
            words(each["remedy"]),
            each["from_version"],
            due(each["due_at"], overdue=each["overdue"]) if each["due_at"] else "-",
            each["kept_back"],
        )
        for each in found["hosts"]
    ]
    print_table(HOST_COLUMNS, rows, empty="No host has it pending or installed.")
    for note in found["release_notes"]:
        say(f"\n{note['version']} ({note['dated']}, {note['urgency']}; told by {note['told_by']})")
        _print_note(note["text"].splitlines())


def _print_note(lines: list[str]) -> None:
    say("\n".join(lines[:NOTE_LINES_MAX]))
    if len(lines) > NOTE_LINES_MAX:
        click.echo(f"({len(lines) - NOTE_LINES_MAX} more lines; --json has everything)")


def _id_of(client: Client, name: str) -> int:
    """Return the id of the pending update of that source or binary package."""
    rows = client.get("/patches", search=name, limit=500)["rows"]
    found = [row for row in rows if name == row["source_name"] or name in row["packages"]]
    if not found:
        raise NotFoundError(
            code="patch_unknown",
            sentence=f"No update of {name} is pending.",
            next_step="`oakum patch list` shows what is.",
        )
    if len(found) > 1:
        ids = ", ".join(f"{row['id']} ({row['source_version']}, {row['stream']})" for row in found)
        raise OperatorError(
            code="patch_ambiguous",
            sentence=f"{len(found)} updates of {name} are pending.",
            next_step=f"Use the id of one: {ids}.",
        )
    return int(found[0]["id"])


@patch.command()
@KIND_OPTION
@with_options(FORMAT_OPTIONS)
def export(format_: str | None, output: str | None, kind: str | None) -> None:
    """Write every patch on every host that it concerns, in compliance states.

    Example: oakum patch export --kind security -o patches.csv
    """
    lines = connect().stream("/patches/export", format=chosen_format(format_, output), kind=kind)
    print_lines(lines, output)
