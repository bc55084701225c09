"""Say of matches what others say of them: VEX statements, and the distribution's own records of single flaws.

What is said is read here by names, ``core.vex`` decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from oakum.core.matching import Match, RangeFacts, VersionFacts, targets_of
from oakum.core.vex import Statement, StatementIndex, judged, may_be_closed
from oakum.intel.queries import names_in_vex, ranges_of_records, vex_statements

RECORD_COUNT_MAX: Final = 100_000  # ranges of records held in memory

Name = tuple[str, str]  # stream, package


@dataclass(slots=True, kw_only=True)
class Judge:
    """What stood when the run began; records are read once for each name as long as they fit."""

    names_with_vex: frozenset[Name] = field(default_factory=names_in_vex)
    records: dict[Name, tuple[RangeFacts, ...]] = field(default_factory=dict)
    record_count: int = 0

    def judge(self, versions: Mapping[int, VersionFacts], found: Mapping[int, Sequence[Match]]) -> Iterator[Match]:
        """Yield the matches of these package versions, all of one stream, with the states that count."""
        statements = self._statements(versions.values())
        self._read_records(versions, found)
        for version_id, matches in found.items():
            version = versions[version_id]
            records = self._records_of(version) if any(map(may_be_closed, matches)) else ()
            yield from judged(version, matches, statements=statements, records=records)

    def _statements(self, versions: Iterable[VersionFacts]) -> StatementIndex:
        wanted = {name for version in versions for name in _names(version)} & self.names_with_vex
        told = vex_statements(streams={stream for stream, _ in wanted}, names={name for _, name in wanted})
        return StatementIndex(
            Statement(
                number=each.id,
                author=each.author,
                vulnerability=each.vulnerability,
                aliases=each.aliases,
                stream=each.stream,
                name=each.name,
                level=each.level,
                architecture=each.architecture,
                product=each.product,
                versions=each.versions,
                status=each.status,
                justification=each.justification,
                said_at=each.said_at,
            )
            for each in (told if wanted else ())
        )

    def _read_records(self, versions: Mapping[int, VersionFacts], found: Mapping[int, Sequence[Match]]) -> None:
        """Read what is recorded of the packages of notices, as far as it has not been read."""
        with_notices = [versions[id_] for id_, own in found.items() if any(map(may_be_closed, own))]
        wanted = {name for version in with_notices for name in _names(version)}
        if self.record_count > RECORD_COUNT_MAX:
            self.records.clear()
            self.record_count = 0
        missing = wanted - self.records.keys()
        by_name: dict[Name, list[RangeFacts]] = {name: [] for name in missing}
        for stream in {stream for stream, _ in missing}:
            names = [name for own, name in missing if own == stream]
            for each in ranges_of_records(stream=stream, names=names):
                by_name[each.stream, each.name].append(each)
                self.record_count += 1
        self.records.update((name, tuple(own)) for name, own in by_name.items())

    def _records_of(self, version: VersionFacts) -> Collection[RangeFacts]:
        return [each for name in _names(version) for each in self.records[name]]


def _names(version: VersionFacts) -> set[Name]:
    return {(version.stream, target.name) for target in targets_of(version)}
