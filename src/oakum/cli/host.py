"""``oakum host``: what the fleet is and how it is described; enrolment."""

from __future__ import annotations

from typing import Any

import click

from oakum.cli.client import connect
from oakum.cli.output import json_option, print_json, print_table, since

CONTEXT_OPTIONS = (
    click.option("--reachability", type=click.Choice(["", "public", "internal", "isolated"]), default=None),
    click.option("--environment", type=click.Choice(["", "production", "staging", "development"]), default=None),
    click.option("--criticality", type=click.Choice(["", "low", "medium", "high", "critical"]), default=None),
)


def context_options(function: Any) -> Any:
    """Add the three options that describe a host or group; an empty value takes a description back."""
    for option in reversed(CONTEXT_OPTIONS):
        function = option(function)
    return function


def given(**values: str | None) -> dict[str, object]:
    """Return the options that were given."""
    return {name: value for name, value in values.items() if value is not None}


@click.group()
def host() -> None:
    """Hosts: list, show, set, groups, enrolment."""


@host.command("list")
@click.option("--search", default=None, help="Part of the name or of the system's name.")
@click.option("--group", default=None, help="Only hosts of this group.")
@click.option(
    "--state",
    type=click.Choice(["active", "quarantined", "retired", "silent", "never", "unknown", "reboot", "all"]),
    default=None,
)
@click.option("--limit", default=100, show_default=True)
@json_option
def list_hosts(search: str | None, group: str | None, state: str | None, limit: int, *, as_json: bool) -> None:
    """List hosts by name.

    Example: oakum host list --state silent
    """
    page = connect().get("/hosts", search=search, group=group, state=state, limit=limit)
    if as_json:
        print_json(page)
        return
    rows = [
        (
            row["hostname"],
            _state_words(row),
            row["os_name"],
            since(row["last_seen_at"]),
            "?" if row["offer_count"] is None else row["offer_count"],
            row["reboot_required"],
            row["context"]["reachability"],
            row["context"]["criticality"],
            ", ".join(row["groups"]),
        )
        for row in page["rows"]
    ]
    columns = ("host", "state", "system", "seen", "pending", "reboot", "reachability", "criticality", "groups")
    print_table(columns, rows, empty="No host matches. `oakum host add` prints the line that enrols one.")
    if page["total_count"] > len(rows):
        click.echo(f"{len(rows)} of {page['total_count']}; --limit shows more.")


def _state_words(row: dict[str, Any]) -> str:
    if row["state"] != "active":
        return str(row["state"])
    if row["presence"] != "seen":
        return str(row["presence"])
    return "ok" if row["packages_status"] == "known" else "unknown"


@host.command()
@click.argument("ref", metavar="HOST")
@json_option
def show(ref: str, *, as_json: bool) -> None:
    """Show one host, by name or id: what it is, what is open, what is pending.

    Example: oakum host show web01
    """
    found = connect().get(f"/hosts/{ref}")
    if as_json:
        print_json(found)
        return
    row, context = found["host"]["row"], found["host"]["row"]["context"]
    print_table(
        ("", ""),
        [
            ("host", f"{row['hostname']}  ({row['id']})"),
            ("state", f"{_state_words(row)} {row['state_reason']}".strip()),
            ("system", f"{row['os_name']}, {row['architecture']}, kernel {row['kernel_running']}"),
            ("seen", f"{since(row['last_seen_at'])}, agent {row['agent_version']}, {row['policy_mode']}"),
            ("packages", row["packages_reason"] or f"{row['package_count']}, as of {since(row['inventory_at'])}"),
            ("updates", row["offers_reason"] or f"{row['offer_count']} pending"),
            ("reboot", row["reboot_required"]),
            ("reachability", f"{context['reachability']} ({context['reachability_source']})"),
            ("environment", f"{context['environment']} ({context['environment_source']})"),
            ("criticality", f"{context['criticality']} ({context['criticality_source']})"),
        ],
        empty="",
    )
    click.echo()
    from oakum.cli.finding import print_findings  # noqa: PLC0415 - only this branch prints findings

    print_findings(found["findings"]["rows"])
    click.echo()
    updates = [
        (each["kind"], each["name"], each["installed_version"] or "new", each["candidate_version"], each["kept_back"])
        for each in found["updates"]
    ]
    print_table(("kind", "package", "installed", "pending", "kept back"), updates, empty="No update is pending.")


@host.command("set")
@click.argument("ref", metavar="HOST")
@context_options
def set_host(ref: str, **changes: str | None) -> None:
    """Say how a host can be reached, what it is for and how much it matters: deadlines follow.

    Example: oakum host set web01 --reachability public --criticality high
    """
    connect().patch(f"/hosts/{ref}", given(**changes))
    click.echo(f"{ref}: set.")


@host.command()
@click.option("--mode", type=click.Choice(["apply", "report_only"]), default="apply", show_default=True)
@click.option("--hours", default=24, show_default=True, help="How long the token lives.")
@click.option("--uses", default=100, show_default=True, help="For how many hosts.")
@click.option("--group", default="", help="Hosts that enrol with it join this group.")
@click.option("--note", default="")
@json_option
def add(*, as_json: bool, **wanted: object) -> None:
    """Print the line to paste, as root, on each host that shall join.

    Example: oakum host add --mode report_only --group web
    """
    answer = connect().post("/hosts/enrolment-tokens", dict(wanted))
    if as_json:
        print_json(answer)
        return
    click.echo(f"Paste this as root on each host (valid until {answer['expires_at']}):\n", err=True)
    click.echo(answer["line"])


@host.command()
@click.argument("ref", metavar="HOST")
def release(ref: str) -> None:
    """Let a quarantined host speak again; enrol its clone anew first."""
    connect().post(f"/hosts/{ref}/release")
    click.echo(f"{ref}: released. A clone of it must be enrolled anew, or both are quarantined again.")


@host.command()
@click.argument("ref", metavar="HOST")
@click.confirmation_option(prompt="End this host's enrolment?")
def retire(ref: str) -> None:
    """End a host's enrolment; its history stays."""
    connect().post(f"/hosts/{ref}/retire")
    click.echo(f"{ref}: retired.")


@host.group()
def group() -> None:
    """Groups of hosts."""


@group.command("list")
@json_option
def list_groups(*, as_json: bool) -> None:
    """List groups."""
    found = connect().get("/hosts/groups")
    if as_json:
        print_json(found)
        return
    rows = [
        (each["name"], each["host_count"], each["reachability"], each["environment"], each["criticality"])
        for each in found
    ]
    columns = ("group", "hosts", "reachability", "environment", "criticality")
    print_table(columns, rows, empty="No group yet: `oakum host group set NAME` makes one.")


@group.command("set")
@click.argument("name")
@click.option("--description", default=None)
@context_options
def set_group(name: str, **changes: str | None) -> None:
    """Make a group, or change what it says of its hosts.

    Example: oakum host group set dmz --reachability public
    """
    connect().post("/hosts/groups", {"name": name, **given(**changes)})
    click.echo(f"{name}: set.")


@group.command("add")
@click.argument("name")
@click.argument("hosts", nargs=-1, required=True)
def add_hosts(name: str, hosts: tuple[str, ...]) -> None:
    """Add hosts to a group."""
    connect().post(f"/hosts/groups/{name}/hosts", {"add": list(hosts)})
    click.echo(f"{name}: {len(hosts)} added.")


@group.command("remove")
@click.argument("name")
@click.argument("hosts", nargs=-1, required=True)
def remove_hosts(name: str, hosts: tuple[str, ...]) -> None:
    """Take hosts out of a group."""
    connect().post(f"/hosts/groups/{name}/hosts", {"remove": list(hosts)})
    click.echo(f"{name}: {len(hosts)} removed.")


@group.command()
@click.argument("name")
@click.confirmation_option(prompt="Delete this group? Its hosts stay.")
def delete(name: str) -> None:
    """Delete a group."""
    connect().delete(f"/hosts/groups/{name}")
    click.echo(f"{name}: deleted.")
