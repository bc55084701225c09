"""``oakum host``: what the fleet is and how it is described; enrolment."""

from __future__ import annotations

from typing import Any

import click

from oakum.cli.client import address, connect
from oakum.cli.finding import print_findings
from oakum.cli.host_enrol import add, token
from oakum.cli.host_group import context_options, given, group
from oakum.cli.output import (
    Column,
    counted,
    instant,
    json_option,
    limit_option,
    listed,
    print_done,
    print_footing,
    print_json,
    print_lines,
    print_pairs,
    print_table,
    since,
)

CHANGE_NAMED_COUNT = 6
COLUMNS = (
    Column(name="host"),
    Column(name="state"),
    Column(name="seen"),
    Column(name="pending", is_number=True),
    Column(name="reboot"),
    Column(name="reachability", rank=2),
    Column(name="criticality", rank=3),
    Column(name="groups", rank=1),
    Column(name="system", rank=4),
)
UPDATE_COLUMNS = (
    Column(name="kind"),
    Column(name="package"),
    Column(name="installed", rank=1),
    Column(name="pending"),
    Column(name="kept back", rank=2, wraps=True),
)
PACKAGE_COLUMNS = (
    Column(name="package"),
    Column(name="version"),
    Column(name="arch", rank=2),
    Column(name="source", rank=1),
    Column(name="", rank=0),
)


@click.group()
def host() -> None:
    """Hosts: list, show, describe, enrol; groups."""


host.add_command(group)
host.add_command(add)
host.add_command(token)


@host.command("list")
@click.option("--search", default=None, help="Part of the name or of the system's name.")
@click.option("--group", default=None, help="Only hosts of this group.")
@click.option(
    "--state",
    type=click.Choice(["active", "quarantined", "retired", "silent", "never", "unknown", "reboot", "all"]),
    default=None,
    help="Only these; without it all that are not retired.",
)
@limit_option(200)
@json_option
def list_hosts(limit: int, *, as_json: bool, **wanted: Any) -> None:
    """List hosts by name.  A question mark is what a host could not tell.

    Example: oakum host list --state silent
    """
    page = connect().rows("/hosts", limit=limit, **wanted)
    if as_json:
        print_json(page)
        return
    rows = [
        (
            row["hostname"],
            _state_words(row),
            since(row["last_seen_at"]),
            "?" if row["offer_count"] is None else row["offer_count"],
            "?" if row["reboot_required"] == "unknown" else row["reboot_required"],
            row["context"]["reachability"],
            row["context"]["criticality"],
            ", ".join(row["groups"]),
            row["os_name"],
        )
        for row in page["rows"]
    ]
    print_table(COLUMNS, rows, empty="No host matches. `oakum host add` prints the line that enrols one.")
    print_footing(len(rows), page["total_count"])


def _state_words(row: dict[str, Any]) -> str:
    if row["state"] != "active":
        return str(row["state"])
    if row["presence"] != "seen":
        return "never heard" if row["presence"] == "never" else str(row["presence"])
    return "ok" if row["packages_status"] == "known" else "unknown"


@host.command()
@click.argument("ref", metavar="HOST")
@json_option
def show(ref: str, *, as_json: bool) -> None:
    """Show one host, by name or id: what it is, what is open, what is pending.

    Example: oakum host show web01
    """
    found = connect().get(address("hosts", ref))
    if as_json:
        print_json(found)
        return
    _print_host(found["host"])
    click.echo()
    if found["findings"] is not None:
        _print_findings(found["findings"])
        click.echo()
    updates = [
        (each["kind"], each["name"], each["installed_version"] or "new", each["candidate_version"], each["kept_back"])
        for each in found["updates"]
    ]
    empty = "No update is pending." if found["host"]["row"]["offer_count"] == 0 else "Pending updates are not known."
    print_table(UPDATE_COLUMNS, updates, empty=empty)


def _print_host(view: dict[str, Any]) -> None:
    row, context = view["row"], view["row"]["context"]
    packages = f"{row['package_count']}, as of {since(row['inventory_at'])}"
    orders = [f"{each['phase']} order {each['order_id']}" for each in view["active_orders"]]
    print_pairs(
        (
            ("host", f"{row['hostname']}  ({row['id']})"),
            ("state", f"{_state_words(row)}. {row['state_reason']}" if row["state_reason"] else _state_words(row)),
            ("system", f"{row['os_name'] or 'not told yet'}, {row['architecture']}, kernel {row['kernel_running']}"),
            ("addresses", ", ".join(view["facts"]["addresses"]) if view["facts"] else ""),
            ("seen", f"{since(row['last_seen_at'])}, agent {row['agent_version']}, mode {row['policy_mode']}"),
            ("packages", row["packages_reason"] or packages),
            ("updates", row["offers_reason"] or f"{row['offer_count']} pending"),
            ("reboot", {"yes": "required", "no": "not required"}.get(row["reboot_required"], "unknown")),
            ("groups", ", ".join(row["groups"])),
            ("reachability", f"{context['reachability']} (from: {context['reachability_source']})"),
            ("environment", f"{context['environment']} (from: {context['environment_source']})"),
            ("criticality", f"{context['criticality']} (from: {context['criticality_source']})"),
            ("at work", "; ".join(orders)),
        )
    )


def _print_findings(found: dict[str, Any]) -> None:
    numbers = found["summary"]
    if numbers["packages_status"] != "known":
        click.echo("Its packages are not known, so neither is what is vulnerable on it now.")
    if found["rows"] or numbers["packages_status"] == "known":
        click.echo(
            f"{counted(numbers['open'], 'open finding')}, {numbers['overdue']} overdue, "
            f"{numbers['kev']} known to be exploited."
        )
    if found["rows"]:
        print_findings(found["rows"], of_one_host=True)


@host.command()
@click.argument("ref", metavar="HOST")
@click.option("--search", default=None, help="Part of a package's or source's name.")
@limit_option(1_000)
@json_option
def packages(ref: str, search: str | None, limit: int, *, as_json: bool) -> None:
    """List what is installed on a host.

    Example: oakum host packages web01 --search ssl
    """
    page = connect().rows(address("hosts", ref, "packages"), limit=limit, search=search)
    if as_json:
        print_json(page)
        return
    rows = [
        (
            row["name"],
            row["version"],
            row["architecture"],
            row["source_name"],
            "older code runs" if row["running_old"] else "held" if row["held"] else "",
        )
        for row in page["rows"]
    ]
    print_table(PACKAGE_COLUMNS, rows, empty="No package matches, or the host has not told: `oakum host show`.")
    print_footing(len(rows), page["total_count"])


@host.command()
@click.argument("ref", metavar="HOST")
@click.option("--output", type=click.Path(dir_okay=False), help="Write to this file instead of printing.")
def sbom(ref: str, output: str | None) -> None:
    """Write what is installed on a host as a bill of materials: CycloneDX 1.6, JSON.

    Example: oakum host sbom web01 --output web01.cdx.json
    """
    print_lines(connect().stream(address("hosts", ref, "sbom")), output)


@host.command()
@click.argument("ref", metavar="HOST")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="Rows at most.")
@json_option
def changes(ref: str, limit: int, *, as_json: bool) -> None:
    """List what a host's packages gained and lost, newest first.

    Example: oakum host changes web01
    """
    found = connect().get(address("hosts", ref, "changes"), limit=limit)
    if as_json:
        print_json(found)
        return
    rows = [
        (instant(each["at"]), listed(each["added"], CHANGE_NAMED_COUNT), listed(each["removed"], CHANGE_NAMED_COUNT))
        for each in found
    ]
    columns = (Column(name="at"), Column(name="added", wraps=True), Column(name="removed", wraps=True))
    print_table(columns, rows, empty="Its packages have not changed since it was enrolled.")


@host.command("set")
@click.argument("ref", metavar="HOST")
@context_options
@json_option
def set_host(ref: str, *, as_json: bool, **changed: str | None) -> None:
    """Say how a host can be reached, what it is for and how much it matters: deadlines follow.

    Example: oakum host set web01 --reachability public --criticality high
    """
    done = connect().patch(address("hosts", ref), given(**changed))
    print_done(done, f"{ref}: set.", as_json=as_json)


@host.command()
@click.argument("ref", metavar="HOST")
@json_option
def release(ref: str, *, as_json: bool) -> None:
    """Let a quarantined host speak again; enrol its clone anew first.

    Example: oakum host release web01
    """
    done = connect().post(address("hosts", ref, "release"))
    words = f"{ref}: released. A clone of it must be enrolled anew, or both are quarantined again."
    print_done(done, words, as_json=as_json)


@host.command()
@click.argument("ref", metavar="HOST")
@click.confirmation_option(prompt="End this host's enrolment?")
@json_option
def retire(ref: str, *, as_json: bool) -> None:
    """End a host's enrolment; its history stays.

    Example: oakum host retire web01 --yes
    """
    done = connect().post(address("hosts", ref, "retire"))
    print_done(done, f"{ref}: retired.", as_json=as_json)
