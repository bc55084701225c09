"""``oakum feed``: advisories and risk data, on the server itself.

An import runs beside a running server: readers see the former feed until the new one is whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from oakum.cli import local
from oakum.cli.output import Column, json_option, print_json, print_table, say, since
from oakum.core.errors import FeedError, OakumError, StoreError

if TYPE_CHECKING:
    from oakum.intel.queries import FeedView
    from oakum.intel.services import ImportReport, SyncReport

EXIT_FAULT = 4


@click.group()
def feed() -> None:
    """Feeds on this server: advisories, and how likely and how grave their exploitation is."""


@feed.command("import")
@click.argument("paths", type=click.Path(exists=True, path_type=Path), nargs=-1, required=True)
@click.option("--kind", default=None, help="The format, where it is not recognised; a wrong one lists them all.")
@click.option("--name", default=None, help="The feed's name; a file of the same name replaces the former one.")
@click.option("--stream", default="", help="What the packages are for, such as rhel:9, where the format does not tell.")
@click.option("--accept-fewer", is_flag=True, help="Take a file with less than half of the former one's records.")
@click.option("--force", is_flag=True, help="Read once more what was imported already; take an older bundle.")
@click.option(
    "--trust-key", default=None, help="Trust bundles of this key from now on (`oakum feed bundle --show-key`)."
)
@json_option
@local.prepare
def import_files(
    paths: tuple[Path, ...],
    kind: str | None,
    name: str | None,
    stream: str,
    *,
    accept_fewer: bool,
    force: bool,
    trust_key: str | None,
    as_json: bool,
) -> None:
    """Import feeds from files, archives, folders or bundles; the format is recognised.

    A folder or archive is one feed of many documents. All of a feed or nothing: what is cut or corrupt changes nothing;
    a record that is merely odd is left out and counted. An import that was killed goes on when it is started again, and
    content that is there already is not read again. Of several paths one that fails does not hold up the others; exit 4
    if one failed.

    Example: oakum feed import all.zip

    A bundle (`oakum feed bundle`) brings all feeds of another server. Only one signed by a key that this server trusts
    is taken; exit 3 if it is not, or was altered.

    Example: oakum feed import kev.csv epss_scores-current.csv.gz

    Example: oakum feed import feeds.bundle --trust-key 5f3a...
    """
    from oakum.intel.services import import_feed, is_bundle  # noqa: PLC0415 - tables exist only after set-up

    if name is not None and len(paths) > 1:
        raise click.UsageError("--name is for one path: feeds of one name replace each other.")
    if is_bundle(paths[0]):
        if len(paths) > 1 or kind or name or stream:
            raise click.UsageError("A bundle is imported alone, and says itself what its feeds are.")
        _take_bundle(paths[0], trust_key, force=force, accept_fewer=accept_fewer, as_json=as_json)
        return
    if trust_key is not None:
        raise click.UsageError("--trust-key is for a bundle; this is none.")
    outcomes: list[ImportReport | tuple[Path, OakumError]] = []
    with _bars() as bar:
        for path in paths:
            try:
                outcomes.append(
                    import_feed(
                        path,
                        kind=kind,
                        name=name,
                        stream=stream,
                        progress=_Step(bar, path.name),
                        accept_fewer=accept_fewer,
                        force=force,
                        now=local.utc_now(),
                    )
                )
            except (FeedError, StoreError) as error:
                if len(paths) == 1:
                    raise
                outcomes.append((path, error))
    _print_imports(outcomes, as_json=as_json)


def _take_bundle(path: Path, trust_key: str | None, *, force: bool, accept_fewer: bool, as_json: bool) -> None:
    from oakum.intel.services import import_bundle  # noqa: PLC0415 - as above

    with _bars() as bar:
        reports = import_bundle(
            path,
            trust=trust_key,
            force=force,
            accept_fewer=accept_fewer,
            progress_of=lambda each: _Step(bar, each),
            now=local.utc_now(),
        )
    _print_outcomes(reports, as_json=as_json)


def _print_outcomes(reports: Sequence[SyncReport], *, as_json: bool) -> None:
    """Print what came of each feed; exit 4 if one failed."""
    if as_json:
        print_json([_outcome(report) for report in reports])
    else:
        for report in reports:
            _print_outcome(report)
    if any(report.problem for report in reports):
        raise SystemExit(EXIT_FAULT)


def _print_imports(outcomes: Sequence[ImportReport | tuple[Path, OakumError]], *, as_json: bool) -> None:
    """Print what came of each path; exit 4 if one failed."""
    if as_json:
        rows = [
            {"path": str(each[0]), "problem": each[1].sentence, "next_step": each[1].next_step}
            if isinstance(each, tuple)
            else _report(each)
            for each in outcomes
        ]
        print_json(rows if len(rows) > 1 else rows[0])
    else:
        for each in outcomes:
            if isinstance(each, tuple):
                say(f"{each[0]}: {each[1].sentence}", err=True)
                say(f"       {each[1].next_step}", err=True)
            else:
                _print_report(each)
    if any(isinstance(each, tuple) for each in outcomes):
        raise SystemExit(EXIT_FAULT)


@feed.command()
@click.option("--name", "names", multiple=True, help="Only this feed; may be repeated. A wrong name lists them all.")
@click.option("--url", default=None, help="Fetch it from here from now on (a mirror); empty restores the publisher's.")
@json_option
@local.require_prepared
def sync(names: tuple[str, ...], url: str | None, *, as_json: bool) -> None:
    """Fetch feeds from their publishers and import what has changed; exit 4 if one failed.

    Without --name: Debian's advisories, KEV and EPSS, and every other feed that this server has already. Another
    ecosystem is fetched for the first time when it is named: osv-ubuntu, osv-almalinux, osv-rocky-linux, osv-red-hat,
    osv-suse, osv-opensuse, osv-alpine, osv-pypi, osv-npm, osv-go, osv-crates.io, osv-rubygems, osv-maven,
    osv-packagist, osv-nuget; so is vulnrichment. Other formats are files: `oakum feed import`.

    Example: oakum feed sync

    Example: oakum feed sync --name osv-almalinux --name osv-npm

    Example: oakum feed sync --name osv-debian --url https://mirror.example.test/debian/all.zip
    """
    from oakum.intel.services import chosen_sources, set_feed_url, sync_feeds  # noqa: PLC0415 - as above

    sources = chosen_sources(names)
    if url is not None:
        if len(names) != 1:
            raise click.UsageError("--url needs one --name.")
        set_feed_url(source=sources[0], url=url)
    with _bars() as bar:
        reports = sync_feeds(now=local.utc_now(), sources=sources, progress_of=lambda each: _Step(bar, each))
    _print_outcomes(reports, as_json=as_json)


@feed.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--show-key", is_flag=True, help="Print the public key that signs this server's bundles.")
@json_option
@local.require_prepared
def bundle(path: Path | None, *, show_key: bool, as_json: bool) -> None:
    """Write all feeds into one signed file, for a server that nothing is fetched by.

    The other server takes it with `oakum feed import FILE --trust-key KEY`; once it trusts the key, without.

    Example: oakum feed bundle --show-key

    Example: oakum feed bundle feeds.bundle
    """
    from oakum.intel.services import own_key, write_bundle  # noqa: PLC0415 - as above

    if path is None and not show_key:
        raise click.UsageError("Name the file to write, or ask for --show-key.")
    key = own_key().public.hex()
    feeds = write_bundle(path, now=local.utc_now()) if path is not None else ()
    if as_json:
        rows = [{"name": each.name, "format": each.kind, "records": each.record_count} for each in feeds]
        print_json({"key": key, "file": str(path) if path else None, "feeds": rows})
        return
    if show_key:
        click.echo(key)
    for each in feeds:
        say(f"{each.name}: {each.record_count} records, {each.size} bytes")
    if path is not None:
        say(f"Written to {path}, signed by {key}.", err=True)


@feed.command()
@click.option("--remove", default=None, help="Trust this key no longer.")
@json_option
@local.require_prepared
def keys(remove: str | None, *, as_json: bool) -> None:
    """List the keys whose bundles this server takes.

    Example: oakum feed keys --remove 5f3a...
    """
    from oakum.intel.services import distrust_key, trusted_keys  # noqa: PLC0415 - as above

    if remove is not None:
        distrust_key(remove, now=local.utc_now())
    found = trusted_keys()
    if as_json:
        print_json(
            [
                {
                    "key": each.key,
                    "trusted_at": each.trusted_at.isoformat(),
                    "newest_bundle_made_at": each.made_at.isoformat() if each.made_at else None,
                }
                for each in found
            ]
        )
        return
    print_table(
        ("key", Column(name="trusted", rank=1), Column(name="newest bundle", rank=2)),  # a key that is cut is none
        [
            (
                each.key,
                since(each.trusted_at.isoformat(), now=local.utc_now()),
                since(each.made_at.isoformat() if each.made_at else None, now=local.utc_now()),
            )
            for each in found
        ],
        empty="No key is trusted. `oakum feed import BUNDLE --trust-key KEY` trusts one.",
    )


@feed.command()
@click.argument("name")
@json_option
@local.require_prepared
def withdraw(name: str, *, as_json: bool) -> None:
    """Take back what a feed of VEX statements says: findings are as they were without it with the next assessment.

    Example: oakum feed withdraw vex-example-ltd-3f59b4df
    """
    from oakum.intel.services import withdraw_vex  # noqa: PLC0415 - as above

    count = withdraw_vex(feed_name=name, now=local.utc_now())
    if as_json:
        print_json({"feed": name, "withdrawn": count})
        return
    say(f"Feed {name}: {count} statements withdrawn.")


@feed.command("list")
@json_option
@local.require_prepared
def list_feeds(*, as_json: bool) -> None:
    """List the feeds: their generation, how old they are, and what failed last."""
    from oakum.intel.queries import feeds  # noqa: PLC0415 - as above

    found = feeds()
    if as_json:
        print_json([_row(each) for each in found])
        return
    cells = [
        (each.name, each.kind, each.record_count, each.generation or "", _age(each), _model(each), each.problem)
        for each in found
    ]
    columns = (
        Column(name="feed"),
        Column(name="format"),
        Column(name="records", is_number=True),
        Column(name="generation", rank=2, is_number=True),
        Column(name="imported"),
        Column(name="model", rank=1),
        Column(name="problem", wraps=True),
    )
    print_table(
        columns,
        cells,
        empty="No feed has been imported. `oakum feed sync` fetches them; without internet: `oakum feed import FILE`.",
    )


def _row(each: FeedView) -> dict[str, object]:
    return {
        "name": each.name,
        "kind": each.kind,
        "records": each.record_count,
        "generation": each.generation,
        "imported_at": each.imported_at.isoformat() if each.imported_at else None,
        "checked_at": each.checked_at.isoformat() if each.checked_at else None,
        "model_version": each.model_version,
        "scored_on": each.scored_on.isoformat() if each.scored_on else None,
        "url": each.url,
        "problem": each.problem,
    }


def _age(each: FeedView) -> str:
    if each.kind == "host":
        return "as hosts report"
    return since(each.imported_at.isoformat() if each.imported_at else None, now=local.utc_now())


def _model(each: FeedView) -> str:
    """Return which model made the scores, and of which day they are."""
    return " ".join(filter(None, (each.model_version, each.scored_on.isoformat() if each.scored_on else "")))


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
    if report.is_unchanged:
        click.echo(
            f"Feed {report.feed_name}: unchanged, {report.record_count} records, generation {report.generation}."
        )
        return
    packages = f", {report.affected_count} packages" if report.affected_count else ""
    click.echo(f"Feed {report.feed_name}: {report.record_count} records{packages}, generation {report.generation}.")
    for reason, count in report.skipped:
        say(f"  left out: {count} x {reason}")


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
        "unchanged": report.is_unchanged,
        "records": report.record_count,
        "packages": report.affected_count,
        "skipped": [{"reason": reason, "count": count} for reason, count in report.skipped],
    }
