"""``oakum window``: when work may start, and when it must not."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click

from oakum.cli.client import Client, address, connect
from oakum.cli.duration import Duration, render_duration
from oakum.cli.output import Column, instant, json_option, print_done, print_json, print_table, since
from oakum.core.errors import NotFoundError, OperatorError

COLUMNS = (
    Column(name="window"),
    Column(name="next opening"),
    Column(name="for"),
    Column(name="starts (local)", rank=2),
    Column(name="zone", rank=1),
    Column(name="rule", rank=3),
)
FREEZE_COLUMNS = (
    Column(name="freeze"),
    Column(name="starts"),
    Column(name="ends"),
    Column(name="reason", rank=1),
    Column(name="id", rank=2),
)


@click.group()
def window() -> None:
    """Maintenance windows and freezes."""


@window.command("list")
@json_option
def list_windows(*, as_json: bool) -> None:
    """List maintenance windows with their next opening.

    Example: oakum window list
    """
    found = connect().get("/policy/windows")
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["name"],
            _opening(each),
            render_duration(each["duration_seconds"]),
            each["starts_local"],
            each["timezone"],
            each["rrule"] or "once",
        )
        for each in found
    ]
    print_table(COLUMNS, rows, empty="No maintenance window yet: `oakum window add` makes one.")


def _opening(window: dict[str, Any]) -> str:
    span = window["next_span"]
    if span is None:
        return "never again"
    opens = since(span["starts_at"])
    return (
        f"OPEN until {instant(span['ends_at'])}" if opens.endswith("ago") else f"{instant(span['starts_at'])}, {opens}"
    )


@window.command()
@click.argument("name")
@click.option("--start", required=True, help="Wall-clock time of the first opening, 2026-11-28T02:00.")
@click.option("--rrule", default="", help="RFC 5545 rule, FREQ=WEEKLY;BYDAY=SA. Without it: once.")
@click.option("--zone", default="UTC", show_default=True, help="IANA zone, like Europe/Berlin.")
@click.option("--duration", type=Duration(), required=True, help="4h: elapsed time, also over a clock change.")
@json_option
def add(name: str, start: str, rrule: str, zone: str, duration: int, *, as_json: bool) -> None:
    """Make a maintenance window, or change the one of that name.

    \b
    Example: oakum window add nights --start 2026-11-28T02:00 --duration 4h \\
             --rrule "FREQ=WEEKLY;BYDAY=SA" --zone Europe/Berlin
    """  # noqa: D301 - click's mark against rewrapping
    body: dict[str, object] = {
        "name": name,
        "starts_local": start,
        "rrule": rrule,
        "timezone": zone,
        "duration_seconds": duration,
    }
    made = connect().post("/policy/windows", body)
    print_done(made, f"{name}: opens {_opening(made)}, for {render_duration(duration)}.", as_json=as_json)


@window.command()
@click.argument("name")
@json_option
def remove(name: str, *, as_json: bool) -> None:
    """Delete a maintenance window; rollouts planned with it keep their instants.

    Example: oakum window remove nights
    """
    done = connect().delete(address("policy", "windows", name))
    print_done(done, f"{name}: removed.", as_json=as_json)


@window.group()
def freeze() -> None:
    """Freezes: spans in which no work starts, whatever the windows say."""


@freeze.command("list")
@json_option
def list_freezes(*, as_json: bool) -> None:
    """List the freezes that hold now or will.

    Example: oakum window freeze list
    """
    found = connect().get("/policy/freezes")
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["name"],
            f"{instant(each['starts_at'])}, {since(each['starts_at'])}",
            f"{instant(each['ends_at'])}, {since(each['ends_at'])}",
            each["reason"],
            each["id"],
        )
        for each in found
    ]
    print_table(FREEZE_COLUMNS, rows, empty="No freeze holds or is planned.")


@freeze.command("add")
@click.argument("name")
@click.option("--start", required=True, help="An instant with its offset, 2026-12-20T00:00:00+01:00.")
@click.option("--end", required=True, help="The same; at most a year later.")
@click.option("--reason", default="", help="Shown wherever work waits for it.")
@json_option
def add_freeze(name: str, start: str, end: str, reason: str, *, as_json: bool) -> None:
    """Declare a freeze.

    \b
    Example: oakum window freeze add holidays --reason "nobody is here" \\
             --start 2026-12-20T00:00:00Z --end 2027-01-04T00:00:00Z
    """  # noqa: D301 - click's mark against rewrapping
    made = connect().post("/policy/freezes", {"name": name, "starts_at": start, "ends_at": end, "reason": reason})
    words = f"{name}: no work starts from {instant(made['starts_at'])} until {instant(made['ends_at'])}."
    print_done(made, words, as_json=as_json)


@freeze.command("remove")
@click.argument("ref", metavar="NAME|ID")
@json_option
def remove_freeze(ref: str, *, as_json: bool) -> None:
    """End a freeze: work may start again.

    Example: oakum window freeze remove holidays
    """
    client = connect()
    done = client.delete(address("policy", "freezes", _freeze_id(client, ref)))
    print_done(done, f"{ref}: ended.", as_json=as_json)


def _freeze_id(client: Client, ref: str) -> str:
    try:
        return str(UUID(ref))
    except ValueError:
        found = [each for each in client.get("/policy/freezes") if each["name"] == ref]
    if not found:
        raise NotFoundError(
            code="freeze_unknown",
            sentence=f"No freeze named {ref} holds or is planned.",
            next_step="`oakum window freeze list` shows them.",
        )
    if len(found) > 1:
        raise OperatorError(
            code="freeze_ambiguous",
            sentence=f"{len(found)} freezes are named {ref}.",
            next_step=f"Use the id of one: {', '.join(each['id'] for each in found)}.",
        )
    return str(found[0]["id"])
