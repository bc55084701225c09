"""``oakum scan``: assess this machine, or an offline root, without a server.

It reads the feeds that ``oakum feed import`` has put into the database here, and changes nothing: neither the root nor
the database.  Nothing from the root is executed.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from oakum.cli.output import print_lines, say
from oakum.cli.scan_table import print_report
from oakum.config import read_config
from oakum.core.advisories import DEFERRED, END_OF_LIFE, NOT_AFFECTED, UNDER_INVESTIGATION, WILL_NOT_FIX
from oakum.core.errors import OperatorError, StoreError
from oakum.scan.assess import assess
from oakum.scan.inventory import Inventory, take_inventory
from oakum.scan.outputs import OUTPUTS
from oakum.scan.report import ANY, FAIL_ON, NO_UPDATE, ScanReport, counting
from oakum.scan.root import Root
from oakum.scan.sbom.reading import read_sbom
from oakum.scan.store import open_store
from oakum.scan.walk import Progress

EXIT_NOT_IN_ORDER: Final = 1
EXIT_FAULT: Final = 4
TABLE: Final = "table"
THIS_HOST: Final = Path("/")
TELLS_NOT_AFFECTED: Final = frozenset({"cyclonedx"})  # VEX is read for what does not apply as well
IGNORABLE_STATES: Final = (DEFERRED, WILL_NOT_FIX, END_OF_LIFE, UNDER_INVESTIGATION)


@click.command()
@click.option(
    "--root",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=THIS_HOST,
    help="Assess what is installed under this directory (a mounted disk, an unpacked image) instead of here.",
)
@click.option(
    "--sbom",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Assess what this bill of materials lists: CycloneDX (JSON, XML) or SPDX 2 (JSON, tag-value); - reads a pipe.",
)
@click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    default=ANY,
    show_default=True,
    help="Exit 1 for findings at or above this severity; one that nobody has rated always counts.",
)
@click.option(
    "--output-format", type=click.Choice([TABLE, *OUTPUTS]), default=TABLE, show_default=True, help="How to print it."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --output-format json.")
@click.option("--output", type=click.Path(dir_okay=False), help="Write to this file instead of printing.")
@click.option("--ignore-unfixed", is_flag=True, help="Leave out findings for which there is no update yet.")
@click.option(
    "--ignore-state",
    "ignored_states",
    type=click.Choice(IGNORABLE_STATES),
    multiple=True,
    help="Leave out findings in this state; may be repeated.",
)
@click.option("--details", is_flag=True, help="Print every advisory with its evidence, not one line a package.")
@click.option(
    "--allow-unassessed",
    is_flag=True,
    help="Exit 0 also where no feed speaks of some packages, or some are unreadable.",
)
def scan(
    directory: Path,
    sbom: str | None,
    fail_on: str,
    output_format: str,
    output: str | None,
    ignored_states: tuple[str, ...],
    *,
    as_json: bool,
    ignore_unfixed: bool,
    details: bool,
    allow_unassessed: bool,
) -> None:
    """Say which advisories apply to what is installed here, without a server.

    Reads package databases (dpkg, rpm, apk, pacman) and language packages (Python, npm, Ruby, Rust, Go, Java), and
    compares them with the feeds imported on this machine (`oakum feed import FILE`, `oakum feed sync`).

    Exit codes: 0 in order, 1 findings that count (--fail-on), 2 misuse, 4 no answer for some of what is installed.

    Example: oakum scan

    Example: oakum scan --root /mnt/disk --fail-on high --json

    Example: oakum scan --sbom image.cdx.json --output-format sarif --output findings.sarif
    """
    output_format = "json" if as_json else output_format
    if sbom is not None and directory != THIS_HOST:
        raise click.UsageError("--root and --sbom are two scans: give one of them.")
    inventory = read_sbom(sbom) if sbom is not None else _inventory(directory)
    is_this_host = sbom is None and _is_this_host(directory)
    report = _assessed(inventory, sbom if sbom is not None else str(directory), is_this_host=is_this_host)
    left_out = ignored_states if output_format in TELLS_NOT_AFFECTED else (NOT_AFFECTED, *ignored_states)
    shown = _without(report, left_out=left_out, ignore_unfixed=ignore_unfixed)
    if output_format != TABLE:
        print_lines(OUTPUTS[output_format](shown), output)
    elif output is not None:
        raise click.UsageError("--output needs --output-format (one that is no table).")
    else:
        print_report(shown, details=details)
    if counting(shown.findings, fail_on):
        raise SystemExit(EXIT_NOT_IN_ORDER)
    if not shown.is_assessed and not allow_unassessed:
        if output_format != TABLE:
            say("oakum: Of some packages nothing can be said (see unassessed and notes).", err=True)
        raise SystemExit(EXIT_FAULT)


def _inventory(directory: Path) -> Inventory:
    try:
        root = Root(directory)
    except OSError as error:
        raise OperatorError(
            code="root_unreadable",
            sentence=f"{directory} cannot be entered: {error.strerror}.",
            next_step="Run as a user who may, or name another directory with --root.",
        ) from error
    with closing(root), _progress() as progress:
        return take_inventory(root, is_this_host=_is_this_host(directory), progress=progress)


def _is_this_host(directory: Path) -> bool:
    return directory.resolve() == THIS_HOST


def _assessed(inventory: Inventory, subject: str, *, is_this_host: bool) -> ScanReport:
    store = open_store(read_config().database_url)
    try:
        return assess(
            inventory,
            store,
            subject=subject,
            running_kernel=platform.release() if is_this_host else "",
            now=datetime.now(tz=UTC),
        )
    except Exception as error:
        # Of either driver, which need not both be loaded.
        if type(error).__module__.partition(".")[0] not in {"sqlite3", "psycopg"}:
            raise
        raise StoreError(
            code="database_behind",
            sentence=f"The feeds cannot be read from the database: {str(error).strip()}.",
            next_step="It may be of another version of Oakum: run `oakum db migrate`, then try again.",
        ) from error
    finally:
        if store is not None:
            store.close()


def _without(report: ScanReport, *, left_out: tuple[str, ...], ignore_unfixed: bool) -> ScanReport:
    kept = (
        each
        for each in report.findings
        if each.state not in left_out and not (ignore_unfixed and each.remedy == NO_UPDATE)
    )
    return replace(report, findings=tuple(kept))


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """Show on standard error where a long walk is, where a person looks on; a log gets nothing."""
    if not sys.stderr.isatty():
        yield None
        return

    def show(directory_count: int, name_count: int, place: str) -> None:
        words = f"{directory_count:,} directories, {name_count:,} files: /{place}"
        sys.stderr.write(f"\r\x1b[K{''.join(each if each.isprintable() else '?' for each in words)[:78]}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
