"""A scan's report for people: what to do first, one line a package, and what nobody can say anything of.

It decides nothing; ``scan.report`` has the order and the counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import click

from oakum.cli.output import Column, counted, listed, print_table, say, since, words
from oakum.core.advisories import AFFECTED
from oakum.core.streams import scheme_of_stream
from oakum.core.versions import InvalidVersion, order_key
from oakum.scan.assess import NO_FEED
from oakum.scan.report import (
    MISSING,
    NO_CODE,
    NO_UPDATE,
    OTHER_KERNEL,
    OWNED,
    PENDING_REBOOT,
    UNCOMPARABLE,
    ScanFinding,
    ScannedPackage,
    ScanReport,
)
from oakum.scan.values import (
    ALPM,
    APK,
    DAMAGED,
    DEB,
    DISTRIBUTION_TYPES,
    GEM,
    INCOMPLETE,
    LEFT_OUT,
    NPM,
    PYPI,
    RPM,
    Note,
)

NAME_COUNT_MAX: Final = 3  # binaries, or states, in a cell
COMMAND_NAME_COUNT_MAX: Final = 40
NOTE_COUNT_MAX: Final = 10

_COMMANDS: Final = {
    DEB: ("apt-get install --only-upgrade {names}", "apt-get upgrade"),
    RPM: ("dnf upgrade {names}", "dnf upgrade"),
    APK: ("apk add --upgrade {names}", "apk upgrade"),
    ALPM: ("pacman -Syu", "pacman -Syu"),
}
_LEFT_OUT_WORDS: Final = {
    OWNED: "in files of distribution packages, whose feed speaks for them",
    NO_CODE: "without code of their own (headers, documents)",
    OTHER_KERNEL: "of kernels that are not judged",
    UNCOMPARABLE: "that cannot be compared (no coordinates, or a version in no order)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """Everything found on the packages of one source version, with one remedy."""

    findings: tuple[ScanFinding, ...]
    packages: tuple[ScannedPackage, ...]

    @property
    def first(self) -> ScanFinding:
        return self.findings[0]


def print_report(report: ScanReport, *, details: bool) -> None:
    """Print what was found (or every finding with its evidence), the remedy, what is left out, and the verdict last."""
    own = [each for each in report.findings if each.package.kind in DISTRIBUTION_TYPES]
    language = [each for each in report.findings if each.package.kind not in DISTRIBUTION_TYPES]
    rows = _rows(own)
    if details:
        _print_details(report.findings)
    else:
        if rows:
            print_table(_COLUMNS, [_cells(row) for row in rows], empty="")
        _print_by_holder(language, subject=report.subject)
    if report.findings:
        click.echo("")
    _print_commands(rows)
    _print_left_out(report.packages)
    for remark in report.remarks:
        say(remark)
    _print_notes(report.notes)
    for each in report.unassessed:
        say(f"NOT ASSESSED: {each.subject} ({counted(each.package_count, 'package')}): {each.reason}.", err=True)
    if any(each.reason == NO_FEED for each in report.unassessed):
        say("Import the feeds that speak of them: `oakum feed sync`, or `oakum feed import FILE`.", err=True)
    say(_verdict(report, [*rows, *_rows(language)]))


_COLUMNS: Final = (
    Column(name="risk"),
    Column(name="package"),
    Column(name="installed", rank=1),
    Column(name="update to"),
    Column(name="advisories", rank=3),
    Column(name="vulnerabilities", rank=2),
)


def _rows(findings: Iterable[ScanFinding]) -> list[_Row]:
    """Group the findings by what one update would cure, in the order of the worst of each."""
    groups: dict[tuple[str, ...], list[ScanFinding]] = {}
    for each in findings:
        package = each.package
        name = package.source_name or package.name
        version = package.source_version or package.version
        groups.setdefault((package.stream, name, version, each.remedy), []).append(each)
    return [
        _Row(findings=tuple(own), packages=tuple({each.package.id: each.package for each in own}.values()))
        for own in groups.values()
    ]


def _print_by_holder(findings: Iterable[ScanFinding], *, subject: str) -> None:
    """Print what was found on language packages under the program, environment or archive that holds them.

    That is what a person can update: a module inside a program has no update of its own.
    """
    by_holder: dict[tuple[str, str], list[ScanFinding]] = {}
    for each in findings:
        for holder in dict.fromkeys(holder_of(place, each.package.kind) for place in each.package.places):
            by_holder.setdefault((holder, each.package.kind), []).append(each)
    for (holder, kind), own in by_holder.items():
        say(f"{f'/{holder}' if holder else subject} ({kind})")
        for row in _rows(own):
            risk, name, installed, update, _, cves = _cells(row)
            say(f"  {risk:<9}  {name} {installed} -> {update}  {cves}".rstrip())


def holder_of(place: str, kind: str) -> str:
    """Return what holds a language package: a program, an archive, or the directory it is installed in.

    >>> holder_of("opt/app/lib/python3.11/site-packages/rsa-4.0.dist-info/METADATA", "pypi")
    'opt/app/lib/python3.11/site-packages'
    >>> holder_of("srv/app/node_modules/a/node_modules/b/package.json", "npm")
    'srv/app/node_modules'
    """
    if kind == PYPI:
        parent = place.rpartition("/")[0]
        return parent.rpartition("/")[0] if parent.endswith((".dist-info", ".egg-info", "EGG-INFO")) else parent
    if kind == NPM:
        return f"{place.partition('/node_modules/')[0]}/node_modules"
    return place.partition("/specifications/")[0] if kind == GEM else place.partition("!")[0]


def _cells(row: _Row) -> Sequence[object]:
    first = row.first
    refs = tuple(dict.fromkeys(each.ref for each in row.findings))
    threats = sorted(
        (threat for each in row.findings for threat in each.threats),
        key=lambda threat: (threat.kev_listed_on is None, -(threat.epss or 0.0)),
    )
    cves = tuple(dict.fromkeys(each.cve for each in threats))
    risk = "EXPLOITED" if any(each.is_exploited for each in row.findings) else first.severity
    return (
        risk,
        _name(row),
        first.package.version,
        _update(row),
        _first_of(refs),
        _first_of(cves),
    )


def _first_of(texts: Sequence[str]) -> str:
    """Return the first text and how many more there are, in as little room as can be."""
    return f"{texts[0]} +{len(texts) - 1}" if len(texts) > 1 else "".join(texts)


def _name(row: _Row) -> str:
    names = tuple(dict.fromkeys(each.name for each in row.packages))
    source = row.first.package.source_name
    held = " (held)" if any(each.is_held for each in row.packages) else ""
    if not source or names == (source,):
        return f"{names[0]}{held}"
    return f"{source}: {listed(names, NAME_COUNT_MAX)}{held}"


def _update(row: _Row) -> str:
    if row.first.remedy == PENDING_REBOOT:
        return "installed: reboot"
    if row.first.remedy == NO_UPDATE:
        states = tuple(dict.fromkeys(words(each.state) for each in row.findings if each.state != AFFECTED))
        return f"none ({listed(states, NAME_COUNT_MAX)})" if states else "none yet"
    return max((each.fixed_version for each in row.findings), key=lambda text: _key(row.first.package.stream, text))


def _key(stream: str, version: str) -> bytes:
    try:
        return order_key(scheme_of_stream(stream), version)
    except InvalidVersion:
        return b""


def _print_details(findings: Iterable[ScanFinding]) -> None:
    for each in findings:
        say(f"{each.package.name} {each.package.version}: {each.ref} {each.title}".rstrip())
        exploited = ", exploited (KEV)" if each.is_exploited else ""
        epss = f", EPSS {each.epss:.1%}" if each.epss is not None else ""
        say(f"  {each.severity} ({each.severity_source}){exploited}{epss}; {_state(each)}; {words(each.remedy)}")
        say(f"  {each.evidence}")
        for place in each.package.places[:NAME_COUNT_MAX]:
            say(f"  at {place}")


def _state(finding: ScanFinding) -> str:
    return f"{words(finding.state)}, says {finding.state_author}" if finding.state_author else words(finding.state)


def _print_commands(rows: Iterable[_Row]) -> None:
    """Print what installs the updates, for the distribution's own packages; a held one needs a person first."""
    names: dict[str, list[str]] = {}
    held: list[str] = []
    for row in rows:
        if row.first.remedy != MISSING:
            continue
        for package in row.packages:
            (held if package.is_held else names.setdefault(package.kind, [])).append(package.name)
    for kind, own in names.items():
        if kind in _COMMANDS:
            few, many = _COMMANDS[kind]
            wanted = tuple(dict.fromkeys(own))
            line = few.format(names=" ".join(wanted)) if len(wanted) <= COMMAND_NAME_COUNT_MAX else many
            say(f"To update: {line}")
    if held:
        say(f"Held, so no update comes by itself: {listed(tuple(dict.fromkeys(held)), COMMAND_NAME_COUNT_MAX)}")


def _print_left_out(packages: Iterable[ScannedPackage]) -> None:
    counts: dict[str, int] = {}
    for each in packages:
        if each.left_out_kind:
            counts[each.left_out_kind] = counts.get(each.left_out_kind, 0) + 1
    for kind, phrase in _LEFT_OUT_WORDS.items():
        if kind in counts:
            say(f"Left out: {counted(counts[kind], 'package')} {phrase}.")


def _print_notes(notes: Iterable[Note]) -> None:
    for kind, head in ((DAMAGED, "DAMAGED"), (INCOMPLETE, "INCOMPLETE"), (LEFT_OUT, "Not looked into")):
        own = [each for each in notes if each.kind == kind]
        for each in own[:NOTE_COUNT_MAX]:
            say(f"{head}: /{each.place}: {each.reason}", err=kind != LEFT_OUT)
        if len(own) > NOTE_COUNT_MAX:
            say(f"{head}: and {len(own) - NOTE_COUNT_MAX} more (--json has all)", err=kind != LEFT_OUT)


def _verdict(report: ScanReport, rows: Sequence[_Row]) -> str:
    what = report.title or report.stream or "no distribution"
    feeds = ", ".join(
        f"{each.name} (imported {since(instant_text, now=report.scanned_at)})"
        for each in report.feeds
        if (instant_text := each.imported_at.isoformat() if each.imported_at else "")
    )
    head = f"{report.subject}: {what}, {counted(len(report.packages), 'package')}. Feeds: {feeds or 'none'}."
    if not report.packages:
        return f"{head} Nothing is installed there that Oakum can read: no answer."
    exploited = sum(1 for row in rows if any(each.is_exploited for each in row.findings))
    found = f"{counted(len(rows), 'package')} affected" + (f", {exploited} EXPLOITED in the wild" if exploited else "")
    if rows:
        return f"{head} {found}."
    return f"{head} Nothing known." if report.is_assessed else f"{head} No finding, but NOT ALL WAS ASSESSED."
