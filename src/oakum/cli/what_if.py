"""``oakum what-if``: what would be, before it is.  Nothing is imported or changed."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import click

from oakum.cli.client import connect
from oakum.cli.finding import print_findings
from oakum.cli.output import (
    Column,
    counted,
    json_option,
    limit_option,
    listed,
    print_footing,
    print_json,
    print_table,
    say,
    words,
)
from oakum.core.errors import OperatorError

NAME_COUNT = 5  # shown of a list of names
PAGE_COUNT = 500  # rows of one call
FILE_BYTES_MAX = 700_000  # the server's own bound: what is larger is not even sent
VERSION_COLUMNS = (
    Column(name="advisory"),
    Column(name="package"),
    Column(name="installed"),
    Column(name="fixed in"),
    Column(name="state", rank=1),
    Column(name="because", rank=2, wraps=True),
)


@click.group("what-if")
def what_if() -> None:
    """What would be, before it is: try an advisory out."""


@what_if.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--kind", default="", help="The file's format, where it is not recognised: as for `oakum feed import`.")
@click.option("--fail", "fails", is_flag=True, help="Exit 1 if any host would be reached.")
@limit_option(100)
@json_option
def advisory(file: Path, kind: str, limit: int, *, as_json: bool, fails: bool) -> None:
    """Say which hosts the advisories in FILE would reach, before it is imported; nothing is.

    FILE is in any of the formats that feeds are imported from.

    Example: oakum what-if advisory DSA-6012-1.json --limit 20
    """
    found = _ask({"name": file.name, "kind": kind, "content_base64": _content(file)}, limit)
    if as_json:
        print_json(found)
    else:
        _print(found)
    sys.exit(1 if fails and found["host_count"] else 0)


def _content(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise OperatorError(
            code="file_unreadable",
            sentence=f"{file} cannot be read: {error.strerror or error}.",
            next_step="Check the path and its permissions.",
        ) from error
    if len(content) > FILE_BYTES_MAX:
        raise OperatorError(
            code="advisory_too_large",
            sentence=f"{file} is larger than {FILE_BYTES_MAX:,} bytes, which is the most that can be tried out.",
            next_step="Give the advisory alone, or import the whole feed with `oakum feed import`.",
        )
    return base64.b64encode(content).decode("ascii")


def _ask(body: dict[str, object], limit: int) -> dict[str, Any]:
    """Return the answer with at most ``limit`` findings, fetched in as many calls as that takes."""
    client = connect()
    found: dict[str, Any] = client.post("/what-if/advisory", body | {"limit": min(limit, PAGE_COUNT)})
    page = found["findings"]
    while len(page["rows"]) < min(limit, page["total_count"]):
        left = {"limit": min(limit - len(page["rows"]), PAGE_COUNT), "offset": len(page["rows"])}
        more = client.post("/what-if/advisory", body | left)["findings"]["rows"]
        if not more:
            break
        page["rows"] += more
    return found


def _print(found: dict[str, Any]) -> None:
    for each in found["advisories"]:
        mark = " (withdrawn)" if each["is_withdrawn"] else " (imported already)" if each["is_imported"] else ""
        title = each["title"] or listed(each["cves"], NAME_COUNT) or "no title"
        say(f"{each['ref']}{mark}: {title}; {listed(each['packages'], NAME_COUNT) or 'no package known here'}")
    for reason, count in found["skipped"]:
        say(f"Left out: {reason} ({count} times)", err=True)
    say(f"It would reach {counted(found['host_count'], 'host')}.")
    for title, pairs in (("By group", found["by_group"]), ("By environment", found["by_environment"])):
        if pairs:
            say(f"{title}: {', '.join(f'{name} {count:,}' for name, count in pairs)}")
    if found["versions"]:
        print_table(VERSION_COLUMNS, [_version(each) for each in found["versions"]], empty="")
        print_footing(len(found["versions"]), max(found["version_count"], len(found["versions"])))
    print_findings(found["findings"]["rows"])
    print_footing(len(found["findings"]["rows"]), found["findings"]["total_count"])


def _version(each: dict[str, Any]) -> tuple[object, ...]:
    return (
        each["ref"],
        each["package"],
        each["version"],
        each["fixed_version"] or "no fix yet",
        words(each["state"]),
        each["evidence"],
    )
