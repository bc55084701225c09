"""``oakum patch``: the catalogue of pending updates."""

from __future__ import annotations

import click

from oakum.cli.client import connect
from oakum.cli.output import json_option, print_json, print_table, since

CVE_SHOWN_COUNT = 3
NOTE_LINES_MAX = 40


@click.group()
def patch() -> None:
    """Patches: list and show the catalogue of pending updates."""


@patch.command("list")
@click.option("--kind", type=click.Choice(["security", "bugfix", "feature"]), default=None)
@click.option("--search", default=None)
@click.option("--cve", default=None)
@click.option("--host", default=None)
@click.option("--group", default=None)
@click.option("--overdue", is_flag=True, default=None)
@click.option("--limit", default=100, show_default=True)
@json_option
def list_patches(*, as_json: bool, **wanted: object) -> None:
    """List pending updates, soonest deadline first.

    Example: oakum patch list --kind security
    """
    page = connect().get("/patches", **wanted)
    if as_json:
        print_json(page)
        return
    rows = []
    for row in page["rows"]:
        cves = row["cves"][:CVE_SHOWN_COUNT]
        more = len(row["cves"]) - len(cves)
        rows.append(
            (
                row["id"],
                row["kind"],
                row["source_name"],
                row["source_version"],
                row["stream"],
                row["host_pending_count"],
                since(row["due_at"]) if row["due_at"] else "-",
                row["severity"],
                " ".join(cves) + (f" +{more}" if more > 0 else ""),
            )
        )
    columns = ("id", "kind", "package", "version", "stream", "hosts", "due", "severity", "CVEs")
    print_table(columns, rows, empty="No update is pending on any host that could tell.")
    if page["host_offers_unknown_count"]:
        click.echo(f"{page['host_offers_unknown_count']} hosts could not tell what is pending: `oakum host list`.")


@patch.command()
@click.argument("patch_id", type=int, metavar="ID")
@json_option
def show(patch_id: int, *, as_json: bool) -> None:
    """Show one update: its release notes, who told them, and its hosts."""
    found = connect().get(f"/patches/{patch_id}")
    if as_json:
        print_json(found)
        return
    row = found["row"]
    click.echo(f"{row['source_name']} {row['source_version']} ({row['kind']}, {row['stream']})")
    click.echo(f"Packages: {', '.join(row['packages'])}")
    click.echo(f"CVEs: {', '.join(row['cves']) or 'none told'}")
    click.echo(row["notes"]["sentence"])
    for note in found["release_notes"]:
        click.echo(f"\n{note['version']} ({note['dated']}, {note['urgency']}; told by {note['told_by']})")
        click.echo("\n".join(note["text"].splitlines()[:NOTE_LINES_MAX]))
    click.echo()
    rows = [
        (each["hostname"], each["remedy"], each["from_version"], each["kept_back"], since(each["due_at"]))
        for each in found["hosts"]
    ]
    print_table(("host", "remedy", "installed", "kept back", "due"), rows, empty="No host has it pending.")
