"""``oakum feed``: advisories and risk data, on the server itself.

An import runs beside a running server: readers see the former feed until the new one is whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from oakum.cli import local
from oakum.cli.output import json_option, print_json, print_table, since

if TYPE_CHECKING:
    from oakum.intel.services import ImportReport, SyncReport

EXIT_FAULT = 4


@click.group()
def feed() -> None:
    """Feeds on this server: advisories and the catalogue of exploited vulnerabilities."""


@feed.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--kind", default=None, help="The file's format, where it is not recognised: osv, kev.")
@click.option("--name", default=None, help="The feed's name; a file of the same name replaces the former one.")
@click.option("--accept-fewer", is_flag=True, help="Take a file with less than half of the former one's records.")
@json_option
@local.prepare
def import_file(path: Path, kind: str | None, name: str | None, *, accept_fewer: bool, as_json: bool) -> None:
    """Import a feed from a file: OSV (all.zip) or CISA's KEV (JSON or CSV).

    All of it or nothing: a file that is cut or corrupt changes nothing.

    Example: oakum feed import all.zip
    """
    from oakum.intel.services import import_feed  # noqa: PLC0415 - tables exist only after set-up

    with _bars() as bar:
        report = import_feed(
            path,
            kind=kind,
            name=name,
            progress=_Step(bar, path.name),
            accept_fewer=accept_fewer,
            now=local.utc_now(),
        )
    if as_json:
        print_json(_report(report))
    else:
        _print_report(report)


@feed.command()
@click.option("--name", default=None, help="Only this feed.")
@click.option("--url", default=None, help="Fetch it from here from now on (a mirror); empty restores the publisher's.")
@json_option
@local.prepare
def sync(name: str | None, url: str | None, *, as_json: bool) -> None:
    """Fetch the feeds from their publishers and import what has changed; exit 4 if one failed.

    Example: oakum feed sync

    Example: oakum feed sync --name osv-debian --url https://mirror.example.test/debian/all.zip
    """
    from oakum.intel.services import FEED_SOURCES, set_feed_url, sync_feeds  # noqa: PLC0415 - as above

    names = ", ".join(source.name for source in FEED_SOURCES)
    sources = [source for source in FEED_SOURCES if name in {None, source.name}]
    if not sources:
        raise click.UsageError(f"No feed {name!r} can be fetched; there are: {names}.")
    if url is not None:
        if name is None:
            raise click.UsageError(f"--url needs --name (one of: {names}).")
        set_feed_url(source=sources[0], url=url)
    with _bars() as bar:
        reports = sync_feeds(now=local.utc_now(), sources=sources, progress_of=lambda each: _Step(bar, each))
    if as_json:
        print_json([_outcome(report) for report in reports])
    else:
        for report in reports:
            _print_outcome(report)
    if any(report.problem for report in reports):
        raise SystemExit(EXIT_FAULT)


@feed.command("list")
@json_option
@local.require_prepared
def list_feeds(*, as_json: bool) -> None:
    """List the feeds, how old they are, and what failed last."""
    from oakum.intel.queries import feeds  # noqa: PLC0415 - as above

    rows = [
        {
            "name": each.name,
            "kind": each.kind,
            "records": each.record_count,
            "imported_at": each.imported_at.isoformat() if each.imported_at else None,
            "checked_at": each.checked_at.isoformat() if each.checked_at else None,
            "url": each.url,
            "problem": each.problem,
        }
        for each in feeds()
    ]
    if as_json:
        print_json(rows)
        return
    cells = [(row["name"], row["kind"], row["records"], _age(row), row["problem"]) for row in rows]
    print_table(
        ("feed", "format", "records", "imported", "problem"),
        cells,
        empty="No feed has been imported. `oakum feed sync` fetches them; without internet: `oakum feed import FILE`.",
    )


def _age(row: Mapping[str, object]) -> str:
    if row["kind"] == "host":
        return "as hosts report"
    imported_at = row["imported_at"]
    return since(imported_at if isinstance(imported_at, str) else None, now=local.utc_now())


class _Step:
    """Shows how far an import is."""

    def __init__(self, bar: Progress, name: str) -> None:
        self._bar = bar
        self._task = bar.add_task(name, total=None)

    def __call__(self, done: int, total: int | None) -> None:
        self._bar.update(self._task, completed=done, total=total)


@contextmanager
def _bars() -> Iterator[Progress]:
    """Show progress on standard error, where a person looks on; a log gets none."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield bar


def _print_report(report: ImportReport) -> None:
    packages = f", {report.affected_count} packages" if report.affected_count else ""
    click.echo(f"Feed {report.feed_name}: {report.record_count} records{packages}, generation {report.generation}.")
    for reason, count in report.skipped:
        click.echo(f"  left out: {count} x {reason}")


def _print_outcome(outcome: SyncReport) -> None:
    if outcome.problem is not None:
        click.echo(f"Feed {outcome.feed_name}: {outcome.problem.sentence}", err=True)
        click.echo(f"       {outcome.problem.next_step}", err=True)
    elif outcome.report is not None:
        _print_report(outcome.report)
    else:
        click.echo(f"Feed {outcome.feed_name}: not changed at the publisher.")


def _outcome(outcome: SyncReport) -> dict[str, object]:
    return {
        "feed": outcome.feed_name,
        "imported": _report(outcome.report) if outcome.report else None,
        "problem": outcome.problem.sentence if outcome.problem else "",
        "next_step": outcome.problem.next_step if outcome.problem else "",
    }


def _report(report: ImportReport) -> dict[str, object]:
    return {
        "feed": report.feed_name,
        "format": report.kind,
        "generation": report.generation,
        "records": report.record_count,
        "packages": report.affected_count,
        "skipped": [{"reason": reason, "count": count} for reason, count in report.skipped],
    }
