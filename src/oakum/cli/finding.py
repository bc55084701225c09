"""``oakum finding``: what is vulnerable, by when it must be gone, and the reports about it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from oakum.cli.client import connect
from oakum.cli.output import json_option, print_json, print_table, since

CVE_SHOWN_COUNT = 3


@click.group()
def finding() -> None:
    """Findings: list, vulnerability, overview, export, compliance."""


@finding.command("list")
@click.option("--host", default=None, help="Only this host.")
@click.option("--group", default=None, help="Only hosts of this group.")
@click.option("--cve", default=None)
@click.option("--package", default=None)
@click.option("--severity", type=click.Choice(["critical", "high", "medium", "low", "unknown"]), default=None)
@click.option("--remedy", default=None, help="missing, pending_restart, pending_reboot, no_fix, unknown")
@click.option("--search", default=None)
@click.option("--kev", is_flag=True, default=None, help="Only what is known to be exploited.")
@click.option("--overdue", is_flag=True, default=None, help="Only what should be gone by now.")
@click.option("--limit", default=50, show_default=True)
@click.option("--fail", "fails", is_flag=True, help="Exit 1 if anything matches.")
@json_option
def list_findings(*, as_json: bool, fails: bool, **wanted: object) -> None:
    """List host findings, soonest deadline first.

    Example: oakum finding list --overdue --fail && echo "nothing is overdue"
    """
    page = connect().get("/findings", **wanted)
    if as_json:
        print_json(page)
    else:
        print_findings(page["rows"])
        _print_footing(page)
    sys.exit(1 if fails and page["total_count"] else 0)


def _print_footing(page: dict[str, Any]) -> None:
    if page["total_count"] > len(page["rows"]):
        click.echo(f"{len(page['rows'])} of {page['total_count']}; --limit shows more.")
    if page["host_unknown_count"] or page["host_silent_count"]:
        click.echo(
            f"Not known here: {page['host_unknown_count']} hosts could not tell their packages, "
            f"{page['host_silent_count']} are silent."
        )


def print_findings(rows: Sequence[dict[str, Any]]) -> None:
    """Print host findings as a table."""
    columns = ("due", "host", "package", "installed", "fixed in", "severity", "KEV", "remedy", "CVEs", "by rule")
    print_table(columns, [_row(row) for row in rows], empty="No finding matches.")


def _row(row: dict[str, Any]) -> tuple[object, ...]:
    cves = row["cves"][:CVE_SHOWN_COUNT]
    more = len(row["cves"]) - len(cves)
    due = row["deadline"]["due_at"]
    return (
        ("OVERDUE " if row["overdue"] else "") + (since(due) if due else "next upgrade"),
        row["hostname"],
        row["package"],
        row["version"],
        row["fixed_version"] or "no fix yet",
        row["severity"],
        "yes" if row["kev"] else "",
        row["remedy"],
        " ".join(cves) + (f" +{more}" if more > 0 else ""),
        row["deadline"]["rule"],
    )


@finding.command()
@click.argument("cve")
@json_option
def vulnerability(cve: str, *, as_json: bool) -> None:
    """Show one vulnerability and the hosts that have it.

    Example: oakum finding vulnerability CVE-2026-10001
    """
    found = connect().get(f"/findings/vulnerabilities/{cve}")
    if as_json:
        print_json(found)
        return
    score = found["cvss_score"]
    rated = f"CVSS {score} by {found['cvss_source']}" if score is not None else "no CVSS score known"
    known = "known to be exploited" if found["kev"] else "not in the KEV catalogue"
    click.echo(f"{found['cve']}: {rated}; {known}. {found['summary']}")
    print_findings(found["findings"]["rows"])


@finding.command()
@json_option
def overview(*, as_json: bool) -> None:
    """Say what is overdue, what waits for you, what is moving, and who is silent."""
    found = connect().get("/findings/overview")
    if as_json:
        print_json(found)
        return
    counts = found["counts"]
    click.echo(
        f"{counts['overdue']} overdue, {counts['due_soon']} due soon, {counts['open']} open "
        f"on {counts['host_affected']} of {counts['host']} hosts; {counts['kev']} known to be exploited."
    )
    click.echo(f"{counts['host_unknown']} hosts unknown, {counts['host_silent']} silent.")


@finding.command()
@click.option("--csv", "format_", flag_value="csv", default="csv", help="CSV (default).")
@click.option("--json", "format_", flag_value="json", help="JSON.")
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="A file instead of standard output.")
def export(format_: str, output: str | None) -> None:
    """Write all host findings.

    Example: oakum finding export -o findings.csv
    """
    _write("/findings/export", format_, output)


@finding.command()
@click.option("--csv", "format_", flag_value="csv", default="csv", help="CSV (default).")
@click.option("--json", "format_", flag_value="json", help="JSON.")
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="A file instead of standard output.")
def compliance(format_: str, output: str | None) -> None:
    """Write the compliance report: each host's state, as of now.

    Example: oakum finding compliance --json -o compliance.json
    """
    _write("/findings/compliance/export", format_, output)


def _write(path: str, format_: str, output: str | None) -> None:
    lines = connect().stream(path, format=format_)
    if output is None:
        for line in lines:
            click.echo(line)
        return
    with Path(output).open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(f"{line}\n")
    click.echo(f"Written to {output}.", err=True)
