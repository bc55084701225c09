"""``oakum host group``: named sets of hosts, and what they say of their hosts."""

from __future__ import annotations

from typing import Any

import click

from oakum.cli.client import address, connect
from oakum.cli.output import Column, counted, json_option, print_done, print_json, print_table

CONTEXT_OPTIONS = (
    click.option(
        "--reachability",
        type=click.Choice(["", "public", "internal", "isolated"]),
        default=None,
        help="Whether it can be reached from outside; '' says nothing any more.",
    ),
    click.option(
        "--environment",
        type=click.Choice(["", "production", "staging", "development"]),
        default=None,
        help="What it is for.",
    ),
    click.option(
        "--criticality",
        type=click.Choice(["", "low", "medium", "high", "critical"]),
        default=None,
        help="What its loss would mean.",
    ),
)
COLUMNS = (
    Column(name="group"),
    Column(name="hosts", is_number=True),
    Column(name="reachability"),
    Column(name="environment"),
    Column(name="criticality"),
    Column(name="description", rank=1, wraps=True),
)


def context_options(function: Any) -> Any:
    """Add the three options that describe a host or group; an empty value takes a description back."""
    for option in reversed(CONTEXT_OPTIONS):
        function = option(function)
    return function


def given(**values: str | None) -> dict[str, object]:
    """Return the options that were given, and at least one.

    Raises:
        UsageError: none was.
    """
    found: dict[str, object] = {name: value for name, value in values.items() if value is not None}
    if not found:
        options = ", ".join(f"--{name}" for name in values)
        message = f"Nothing to set. Give at least one of {options}."
        raise click.UsageError(message)
    return found


@click.group()
def group() -> None:
    """Groups of hosts: list, set, fill, delete."""


@group.command("list")
@json_option
def list_groups(*, as_json: bool) -> None:
    """List groups.

    Example: oakum host group list
    """
    found = connect().get("/hosts/groups")
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["name"],
            each["host_count"],
            each["reachability"],
            each["environment"],
            each["criticality"],
            each["description"],
        )
        for each in found
    ]
    print_table(COLUMNS, rows, empty="No group yet: `oakum host group set NAME` makes one.")


@group.command("set")
@click.argument("name")
@click.option("--description", default=None, help="In a sentence.")
@context_options
@json_option
def set_group(name: str, *, as_json: bool, **changes: str | None) -> None:
    """Make a group, or change what it says of its hosts.

    Example: oakum host group set dmz --reachability public
    """
    changed = {key: value for key, value in changes.items() if value is not None}
    print_done(connect().post("/hosts/groups", {"name": name, **changed}), f"{name}: set.", as_json=as_json)


@group.command("add")
@click.argument("name")
@click.argument("hosts", nargs=-1, required=True)
@json_option
def add_hosts(name: str, hosts: tuple[str, ...], *, as_json: bool) -> None:
    """Add hosts to a group.

    Example: oakum host group add dmz web01 web02
    """
    found = connect().post(address("hosts", "groups", name, "hosts"), {"add": list(hosts)})
    print_done(found, f"{name}: has {counted(found['host_count'], 'host')} now.", as_json=as_json)


@group.command("remove")
@click.argument("name")
@click.argument("hosts", nargs=-1, required=True)
@json_option
def remove_hosts(name: str, hosts: tuple[str, ...], *, as_json: bool) -> None:
    """Take hosts out of a group.

    Example: oakum host group remove dmz web02
    """
    found = connect().post(address("hosts", "groups", name, "hosts"), {"remove": list(hosts)})
    print_done(found, f"{name}: has {counted(found['host_count'], 'host')} now.", as_json=as_json)


@group.command()
@click.argument("name")
@click.confirmation_option(prompt="Delete this group? Its hosts stay.")
@json_option
def delete(name: str, *, as_json: bool) -> None:
    """Delete a group; its hosts stay.

    Example: oakum host group delete dmz --yes
    """
    done = connect().delete(address("hosts", "groups", name))
    print_done(done, f"{name}: deleted.", as_json=as_json)
