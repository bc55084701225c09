"""``oakum host add`` and ``oakum host token``: how hosts join."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from oakum.cli.client import address, connect
from oakum.cli.output import Column, counted, instant, json_option, print_done, print_json, print_table, say, since

TOKEN_COLUMNS = (
    Column(name="id"),
    Column(name="note"),
    Column(name="group", rank=2),
    Column(name="by", rank=3),
    Column(name="ends"),
    Column(name="used", is_number=True),
    Column(name="usable"),
)


@click.command()
@click.option("--mode", type=click.Choice(["apply", "report_only"]), default="apply", show_default=True)
@click.option("--hours", type=click.IntRange(1, 8_784), default=24, show_default=True, help="How long it lives.")
@click.option("--uses", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="For how many hosts.")
@click.option("--group", default="", help="Hosts that enrol with it join this group.")
@click.option("--note", default="", help="What it is for; shown in lists.")
@json_option
def add(*, as_json: bool, **wanted: Any) -> None:
    """Print the line to paste, as root, on each host that shall join.

    Example: oakum host add --mode report_only --group web
    """
    answer = connect().post("/hosts/enrolment-tokens", dict(wanted))
    if as_json:
        print_json(answer)
        return
    ends = instant(answer["expires_at"])
    click.echo(
        f"Paste this as root on each host; it holds until {ends}, for {counted(wanted['uses'], 'host')}:\n", err=True
    )
    say(answer["line"])


@click.group()
def token() -> None:
    """Enrolment tokens: list them, revoke one."""


@token.command("list")
@json_option
def list_tokens(*, as_json: bool) -> None:
    """List enrolment tokens, newest first.

    Example: oakum host token list
    """
    found = connect().get("/hosts/enrolment-tokens")
    if as_json:
        print_json(found)
        return
    rows = [_token_row(each) for each in found]
    print_table(TOKEN_COLUMNS, rows, empty="No token yet: `oakum host add` makes one.")


def _token_row(row: dict[str, Any]) -> Sequence[object]:
    used = f"{row['use_count']}/{row['use_count_max']}"
    usable = "yes" if row["usable"] else "revoked" if row["revoked_at"] else "no"
    return (row["id"], row["note"], row["group"], row["created_by"], since(row["expires_at"]), used, usable)


@token.command()
@click.argument("token_id", metavar="ID", type=click.UUID)
@json_option
def revoke(token_id: object, *, as_json: bool) -> None:
    """Make an enrolment token useless; hosts that enrolled with it stay.

    Example: oakum host token revoke 7c9e6679-7425-40de-944b-e07fc1f90ae7
    """
    done = connect().delete(address("hosts", "enrolment-tokens", token_id))
    print_done(done, f"{token_id}: revoked.", as_json=as_json)
