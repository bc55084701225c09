"""``oakum window``: when work may start, and when it must not."""

from __future__ import annotations

import click

from oakum.cli.client import connect
from oakum.cli.duration import Duration
from oakum.cli.output import json_option, print_json, print_table, since


@click.group()
def window() -> None:
    """Maintenance windows and freezes."""


@window.command("list")
@json_option
def list_windows(*, as_json: bool) -> None:
    """List maintenance windows with their next opening."""
    found = connect().get("/policy/windows")
    if as_json:
        print_json(found)
        return
    rows = []
    for each in found:
        span = each["next_span"]
        opens = f"{span['starts_at']} to {span['ends_at']} ({since(span['starts_at'])})" if span else "never again"
        rows.append((each["name"], each["starts_local"], each["rrule"] or "once", each["timezone"], opens))
    columns = ("window", "starts (local)", "rule", "zone", "next opening")
    print_table(columns, rows, empty="No maintenance window yet: `oakum window add` makes one.")


@window.command()
@click.argument("name")
@click.option("--start", required=True, help="Wall-clock time of the first opening, 2026-11-28T02:00:00.")
@click.option("--rrule", default="", help="RFC 5545 rule, FREQ=WEEKLY;BYDAY=SA. Without it: once.")
@click.option("--zone", default="UTC", show_default=True, help="IANA zone, like Europe/Berlin.")
@click.option("--duration", type=Duration(), required=True, help="4h: elapsed time, also over a clock change.")
def add(name: str, start: str, rrule: str, zone: str, duration: int) -> None:
    """Make a maintenance window, or change the one of that name.

    Example: oakum window add nights --start 2026-11-28T02:00:00 --rrule "FREQ=WEEKLY;BYDAY=SA" --duration 4h
    """
    body: dict[str, object] = {
        "name": name,
        "starts_local": start,
        "rrule": rrule,
        "timezone": zone,
        "duration_seconds": duration,
    }
    span = connect().post("/policy/windows", body)["next_span"]
    click.echo(f"{name}: next opens {span['starts_at']}." if span else f"{name}: never opens again.")


@window.command()
@click.argument("name")
def remove(name: str) -> None:
    """Delete a maintenance window; rollouts planned with it keep their instants."""
    connect().delete(f"/policy/windows/{name}")
    click.echo(f"{name}: removed.")


@window.group()
def freeze() -> None:
    """Freezes: spans in which no work starts, whatever the windows say."""


@freeze.command("list")
@json_option
def list_freezes(*, as_json: bool) -> None:
    """List the freezes that hold now or will."""
    found = connect().get("/policy/freezes")
    if as_json:
        print_json(found)
        return
    rows = [(each["id"], each["name"], each["starts_at"], each["ends_at"], each["reason"]) for each in found]
    print_table(("id", "freeze", "starts", "ends", "reason"), rows, empty="No freeze holds or is planned.")


@freeze.command("add")
@click.argument("name")
@click.option("--start", required=True, help="An instant with its offset, 2026-12-20T00:00:00+01:00.")
@click.option("--end", required=True)
@click.option("--reason", default="")
def add_freeze(name: str, start: str, end: str, reason: str) -> None:
    """Declare a freeze.

    Example: oakum window freeze add holidays --start 2026-12-20T00:00:00Z --end 2027-01-04T00:00:00Z
    """
    connect().post("/policy/freezes", {"name": name, "starts_at": start, "ends_at": end, "reason": reason})
    click.echo(f"{name}: declared.")


@freeze.command("remove")
@click.argument("freeze_id", metavar="ID")
def remove_freeze(freeze_id: str) -> None:
    """End a freeze."""
    connect().delete(f"/policy/freezes/{freeze_id}")
    click.echo("Ended.")
