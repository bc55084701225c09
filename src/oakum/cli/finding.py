"""``oakum finding``: what is vulnerable, by when it must be gone, and the reports about it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from oakum.cli.client import address, connect
from oakum.cli.options import FILTER_OPTIONS, FORMAT_OPTIONS, SEVERITIES, chosen_format, with_options
from oakum.cli.output import (
    Column,
    counted,
    due,
    instant,
    json_option,
    limit_option,
    print_footing,
    print_json,
    print_lines,
    print_pairs,
    print_table,
    say,
    words,
)

CVE_SHOWN_COUNT = 2
COLUMNS = (
    Column(name="due"),
    Column(name="host"),
    Column(name="package"),
    Column(name="installed", rank=4),
    Column(name="fixed in"),
    Column(name="severity", rank=1),
    Column(name="KEV", rank=2),
    Column(name="remedy"),
    Column(name="CVEs", rank=3),
    Column(name="by rule", rank=5),
)
VULNERABILITY_COLUMNS = (
    Column(name="due"),
    Column(name="CVE"),
    Column(name="severity"),
    Column(name="KEV"),
    Column(name="hosts", is_number=True),
    Column(name="overdue", is_number=True),
    Column(name="packages", rank=1),
    Column(name="summary", rank=2, wraps=True),
)
COMPLIANCE_COLUMNS = (
    Column(name="host"),
    Column(name="verdict"),
    Column(name="overdue", rank=2, is_number=True),
    Column(name="open", rank=1, is_number=True),
    Column(name="groups", rank=3),
    Column(name="reason", wraps=True),
)


@click.group()
def finding() -> None:
    """Findings: what is vulnerable, by when it must be gone, and the reports."""


@finding.command("list")
@with_options(FILTER_OPTIONS)
@limit_option(100)
@click.option("--fail", "fails", is_flag=True, help="Exit 1 if anything matches.")
@json_option
def list_findings(limit: int, *, as_json: bool, fails: bool, **wanted: Any) -> None:
    """List host findings, soonest deadline first.

    Example: oakum finding list --overdue --fail
    """
    page = connect().rows("/findings", limit=limit, **wanted)
    if as_json:
        print_json(page)
    else:
        print_findings(page["rows"])
        print_footing(len(page["rows"]), page["total_count"])
        _warn_of_unknown(page)
    sys.exit(1 if fails and page["total_count"] else 0)


def _warn_of_unknown(page: dict[str, Any]) -> None:
    if page["host_unknown_count"] or page["host_silent_count"]:
        click.echo(
            f"Not known here: {counted(page['host_unknown_count'], 'host')} could not tell the packages, "
            f"{page['host_silent_count']} silent: `oakum host list` names them.",
            err=True,
        )


def print_findings(rows: Sequence[dict[str, Any]], *, of_one_host: bool = False) -> None:
    """Print host findings as a table."""
    left_out = 1 if of_one_host else len(COLUMNS)
    columns = [column for index, column in enumerate(COLUMNS) if index != left_out]
    cells = [[cell for index, cell in enumerate(_row(row)) if index != left_out] for row in rows]
    print_table(columns, cells, empty="No finding matches.")


def _row(row: dict[str, Any]) -> tuple[object, ...]:
    return (
        due(row["deadline"]["due_at"], overdue=row["overdue"]),
        row["hostname"],
        row["package"],
        row["version"],
        row["fixed_version"] or "no fix yet",
        row["severity"],
        "yes" if row["kev"] else "",
        words(row["remedy"]),
        _cve_words(row["cves"]),
        row["deadline"]["rule"],
    )


def _cve_words(cves: Sequence[str]) -> str:
    more = len(cves) - CVE_SHOWN_COUNT
    return " ".join(cves[:CVE_SHOWN_COUNT]) + (f" +{more}" if more > 0 else "")


@finding.command()
@click.option("--search", default=None, help="Part of a CVE's, package's or advisory's name.")
@click.option("--severity", type=click.Choice(SEVERITIES), default=None)
@click.option("--kev", is_flag=True, default=None, help="Only what is known to be exploited.")
@limit_option(100)
@json_option
def vulnerabilities(limit: int, *, as_json: bool, **wanted: Any) -> None:
    """List the vulnerabilities that are open on some host, soonest deadline first.

    Example: oakum finding vulnerabilities --kev
    """
    page = connect().rows("/findings/vulnerabilities", limit=limit, **wanted)
    if as_json:
        print_json(page)
        return
    rows = [
        (
            due(row["due_at"], overdue=row["host_overdue_count"] > 0),
            row["cve"],
            row["severity"],
            "yes" if row["kev"] else "",
            row["host_count"],
            row["host_overdue_count"],
            ", ".join(row["packages"]),
            row["summary"],
        )
        for row in page["rows"]
    ]
    print_table(VULNERABILITY_COLUMNS, rows, empty="No vulnerability that matches is open on any host.")
    print_footing(len(rows), page["total_count"])


@finding.command()
@click.argument("cve")
@json_option
def vulnerability(cve: str, *, as_json: bool) -> None:
    """Show one vulnerability and the hosts that have it.

    Example: oakum finding vulnerability CVE-2026-10001
    """
    found = connect().get(address("findings", "vulnerabilities", cve), limit=500)
    if as_json:
        print_json(found)
        return
    score, kev, epss = found["cvss_score"], found["kev"], found["epss"]
    print_pairs(
        (
            ("vulnerability", f"{found['cve']} {found['summary']}".strip()),
            ("CVSS", f"{score} by {found['cvss_source']}" if score is not None else "no score known"),
            ("exploited", f"known since {kev['listed_at'][:10]} (KEV)" if kev else "not in the KEV catalogue"),
            ("EPSS", f"{epss['score']:.4f} ({epss['model_version']})" if epss else "no score known"),
            ("automatable", found["automatable"]),
            ("advisories", ", ".join(f"{each['ref']} ({each['feed']})" for each in found["advisories"])),
        )
    )
    click.echo()
    rows = found["findings"]["rows"]
    if rows or found["advisories"]:
        print_findings(rows)
        print_footing(len(rows), found["findings"]["total_count"])
    else:
        click.echo("No feed here speaks of it, and no host's release notes do: nothing is known, not that all is well.")
    closed = [each for each in found["said"] if each["state"] != "affected"]
    if closed:
        click.echo()
        rows = [
            (f"{each['package']} {each['version']}", each["state"].replace("_", " "), each["author"] or each["ref"])
            for each in closed
        ]
        print_table(("package", "said to be", "by"), rows, empty="")


@finding.command()
@json_option
def overview(*, as_json: bool) -> None:
    """Say what is overdue, what waits for you, what is moving, and who is silent.

    Example: oakum finding overview
    """
    found = connect().get("/findings/overview")
    if as_json:
        print_json(found)
        return
    counts = found["counts"]
    click.echo(
        f"{counts['overdue']} overdue, {counts['due_soon']} due soon, {counts['open']} open on "
        f"{counts['host_affected']} of {counted(counts['host'], 'host')}; {counts['kev']} known to be exploited."
    )
    click.echo(
        f"{counted(counts['host_unknown'], 'host')} unknown, {counts['host_silent']} silent, "
        f"{found['reboot_host_count']} waiting for a reboot."
    )
    for row in found["waiting"]:
        say(f"Waits for you: rollout {row['number']} ({row['name']}): {row['sentence']} oakum rollout {row['verb']} "
            f"{row['number']}")  # fmt: skip
    for row in found["moving"]:
        say(f"Moving: rollout {row['number']} ({row['name']}): {row['report']}")
    for row in found["silent"] + found["unknown"]:
        say(f"{row['hostname']}: {row['sentence']}")
    if found["soonest"]:
        click.echo()
        print_findings(found["soonest"])
    click.echo(f"As of {instant(found['as_of']['at'])}, by {found['pack']['id']} {found['pack']['version']}.", err=True)


@finding.command()
@with_options(FILTER_OPTIONS)
@with_options(FORMAT_OPTIONS)
def export(format_: str | None, output: str | None, **wanted: Any) -> None:
    """Write all host findings, as CSV unless told otherwise.

    Example: oakum finding export --group web -o findings.csv
    """
    lines = connect().stream("/findings/export", format=chosen_format(format_, output), **wanted)
    print_lines(lines, output)


@finding.command()
@with_options(FORMAT_OPTIONS)
@click.option("--fail", "fails", is_flag=True, help="Exit 1 unless every host is compliant; not for --csv and --json.")
def compliance(format_: str | None, output: str | None, *, fails: bool) -> None:
    """Say which hosts are compliant, and why; or write the report as CSV or JSON.

    Example: oakum finding compliance --json -o compliance.json
    """
    if format_ or output:
        print_lines(connect().stream("/findings/compliance/export", format=chosen_format(format_, output)), output)
        return
    found = connect().get("/findings/compliance")
    rows = [
        (
            row["host"]["hostname"],
            row["verdict"],
            _known(row["host"], "overdue"),
            _known(row["host"], "open"),
            ", ".join(row["host"]["groups"]),
            row["sentence"],
        )
        for row in found["rows"]
    ]
    print_table(
        COMPLIANCE_COLUMNS, rows, empty="There is no host yet: `oakum host add` prints the line that enrols one."
    )
    total = found["total"]
    click.echo(
        f"\n{total['compliant_count']} of {total['host_count']} hosts compliant, {total['overdue_count']} overdue, "
        f"{total['unknown_count']} unknown; by {found['pack']['title']}, as of {instant(found['as_of']['at'])}."
    )
    sys.exit(1 if fails and total["compliant_count"] < total["host_count"] else 0)


def _known(host: dict[str, Any], name: str) -> object:
    """Return a host's number; none open on a host that cannot tell its packages is no number."""
    return host[name] if host[name] or host["packages_status"] == "known" else "?"
