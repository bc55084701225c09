"""Say whether a bill of materials is valid, and all that is wrong with it: one door for every format.

What cannot be judged (unreadable, beyond a limit) is a fault and no verdict.  It assesses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from oakum.scan.sbom import cyclonedx_json, cyclonedx_xml, spdx_tag_value
from oakum.scan.sbom.documents import CYCLONEDX, JSON, SPDX, TAG_VALUE, XML, format_of_json, json_of, load, syntax_of
from oakum.scan.sbom.problems import PROBLEM_COUNT_MAX, Problem, problem, shown
from oakum.scan.sbom.spdx_checking import problems as spdx_problems
from oakum.scan.sbom.values import INVALID, SbomError, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was checked, and what is wrong; ``is_all`` says that no further problems were left out.

    ``format`` is "" where not even that can be told.
    """

    format: str
    problems: tuple[Problem, ...]
    is_all: bool

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def check_sbom(path: str) -> Verdict:
    """Check a file, or standard input for ``-``.

    Raises:
        SbomError: it cannot be read, or is beyond a limit, so that nothing can be said.
    """
    source = load(path)
    try:
        format_, found = _problems(source)
        problems = tuple(islice(found, PROBLEM_COUNT_MAX + 1))
    except SbomError as error:
        if error.code != INVALID:
            raise
        return Verdict(format="", problems=(Problem(place=error.place, reason=error.reason),), is_all=True)
    return Verdict(format=format_, problems=problems[:PROBLEM_COUNT_MAX], is_all=len(problems) <= PROBLEM_COUNT_MAX)


def _problems(source: Source) -> tuple[str, Iterator[Problem]]:
    # Loads the libraries of the schemas, which SPDX does without.
    syntax = syntax_of(source)
    if syntax == TAG_VALUE:
        parsed = spdx_tag_value.parse(source)
        found = spdx_problems(parsed.document)
        return _named(parsed.document, TAG_VALUE), (_with_line(each, parsed.lines) for each in found)
    from oakum.scan.sbom import cyclonedx_checking  # noqa: PLC0415 - as above

    if syntax == XML:
        version = cyclonedx_xml.version_of(source)
        return f"{CYCLONEDX} {version} ({XML})", cyclonedx_checking.xml_problems(source, version)
    document = json_of(source)
    if format_of_json(source, document) == SPDX:
        return _named(document, JSON), spdx_problems(document)
    told = document.get("specVersion")
    if told not in cyclonedx_json.VERSIONS:
        known = ", ".join(cyclonedx_json.VERSIONS)
        return CYCLONEDX, iter([problem("/specVersion", f"{shown(told)} is no version known here ({known})")])
    count = sum(source.data.count(mark) for mark in (b"{", b"[", b","))
    problems = cyclonedx_checking.json_problems(document, str(told), value_count=count)
    return f"{CYCLONEDX} {told} ({JSON})", problems


def _named(document: object, syntax: str) -> str:
    version = document.get("spdxVersion") if isinstance(document, dict) else None
    return f"{SPDX} {str(version).removeprefix('SPDX-')} ({syntax})"[:60]


def _with_line(found: Problem, lines: dict[str, int] | object) -> Problem:
    """Return a problem with the line of what it is about, or of the element that lacks it."""
    assert isinstance(lines, dict)
    place = found.place
    while place and place not in lines:
        place = place.rpartition("/")[0]
    missing = found.place.removeprefix(place).lstrip("/")
    where = f"line {lines[place]}" if place else "line 1"
    return Problem(place=where, reason=f"{missing}: {found.reason}" if missing else found.reason)
