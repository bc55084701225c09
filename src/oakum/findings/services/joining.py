"""The literal SQL of matching: which ranges hold which package versions, what a feed says otherwise than before.

Runs on SQLite and PostgreSQL.  Names, levels and keys are compared in the database, by one index on either side;
architectures too.  What follows from a pair, and what is written, is ``assessing``'s matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from pyroaring import BitMap

from oakum.findings.index import note_finding_changes

SLICE_COUNT: Final = 2_000  # package versions looked at together: an old kernel's have thousands of findings each
_CLOSE_FACTOR: Final = 2
FOLLOW_COUNT: Final = 900  # findings of one write transaction
_ADVISORY_COUNT: Final = 5_000  # advisories whose ranges are read together
_FORMER_COUNT: Final = 500  # advisories whose findings are looked for together

Name = tuple[str, str]  # stream, package

# The ranges that hold a package version under one of its targets.  Keys are order-preserving bytes, so this is the
# whole comparison.  Two halves, because a range without an upper end is found by another place in the same index.
_PAIRS: Final = """
SELECT target.package_version_id, range_.id, range_.advisory_id
  FROM findings_matchtarget target
  JOIN intel_affectedrange range_
    ON range_.stream = target.stream AND range_.name = target.name AND range_.level = target.level
   AND range_.high_key > target.order_key AND range_.low_key <= target.order_key AND range_.scheme = target.scheme
   AND {architecture}
 WHERE target.package_version_id {among}
UNION ALL
SELECT target.package_version_id, range_.id, range_.advisory_id
  FROM findings_matchtarget target
  JOIN intel_affectedrange range_
    ON range_.stream = target.stream AND range_.name = target.name AND range_.level = target.level
   AND range_.high_key IS NULL AND range_.low_key <= target.order_key AND range_.scheme = target.scheme
   AND {architecture}
 WHERE target.package_version_id {among}
"""
# A range's architectures stand in one text with a blank between them; empty: it speaks of all.
_ARCHITECTURE: Final = """(
       range_.architectures = '' OR target.architecture = ''
       OR ' ' || range_.architectures || ' ' LIKE '%% ' || target.architecture || ' %%')"""

# Advisories that readers do not see: those that do not stand in their feed's generation, or are withdrawn.
_HIDDEN: Final = """
SELECT advisory.id
  FROM intel_advisory advisory
  JOIN intel_feed feed ON feed.id = advisory.feed_id
 WHERE advisory.generation > feed.generation OR advisory.generation_end <= feed.generation
    OR advisory.withdrawn_at IS NOT NULL
"""

# The advisories that a feed has in one generation and had not in an earlier one, and those that it had and has not.
_BEGUN: Final = """
SELECT advisory.id
  FROM intel_advisory advisory
  JOIN intel_feed feed ON feed.id = advisory.feed_id
 WHERE feed.name = %s AND advisory.organisation_id IS NULL AND advisory.withdrawn_at IS NULL
   AND advisory.generation > %s AND advisory.generation <= %s
   AND (advisory.generation_end IS NULL OR advisory.generation_end > %s)
 ORDER BY advisory.id
"""
_ENDED: Final = """
SELECT advisory.id
  FROM intel_advisory advisory
  JOIN intel_feed feed ON feed.id = advisory.feed_id
 WHERE feed.name = %s AND advisory.organisation_id IS NULL AND advisory.withdrawn_at IS NULL
   AND advisory.generation <= %s AND advisory.generation_end > %s AND advisory.generation_end <= %s
 ORDER BY advisory.id
"""
# All that decides a match, a slice of the advisories at a time.
_SAID: Final = """
SELECT range_.stream, range_.name, range_.advisory_id, range_.level, range_.scheme, range_.architectures,
       range_.low_key, range_.high_key, range_.fixed_version, range_.state
  FROM intel_affectedrange range_
 WHERE range_.advisory_id {among}
"""
_ADVISORIES: Final = """
SELECT advisory.id, advisory.ref, advisory.cves FROM intel_advisory advisory
 WHERE advisory.id {among}
"""
_INSTALLED: Final = "SELECT DISTINCT stream, name FROM findings_matchtarget"

# The advisories of a feed that have ended, and the findings that still point at some of them where another advisory of
# the same ref stands.
_FORMER: Final = """
SELECT advisory.id
  FROM intel_advisory advisory
  JOIN intel_feed feed ON feed.id = advisory.feed_id
 WHERE feed.name = %s AND advisory.organisation_id IS NULL AND advisory.generation_end <= %s
 ORDER BY advisory.id
"""
# In this order of tables: SQLite would begin with all that stands.
_LEFT: Final = """
SELECT finding.id, finding.package_version_id, standing.id
  FROM intel_advisory former
 CROSS JOIN intel_advisory standing
 CROSS JOIN findings_finding finding
 WHERE former.id {among} AND former.feed_id = (SELECT id FROM intel_feed WHERE name = %s)
   AND former.organisation_id IS NULL AND former.generation_end <= %s
   AND standing.feed_id = former.feed_id AND standing.ref = former.ref AND standing.organisation_id IS NULL
   AND standing.generation <= %s AND (standing.generation_end IS NULL OR standing.generation_end > %s)
   AND finding.advisory_id = former.id
 LIMIT %s
"""
_FOLLOW: Final = "UPDATE findings_finding SET advisory_id = %s WHERE id = %s"


def slices(ids: BitMap) -> Iterator[Sequence[int]]:
    """Yield package version ids in slices of SLICE_COUNT."""
    found: list[int] = []
    for each in ids:
        found.append(each)
        if len(found) == SLICE_COUNT:
            yield found
            found = []
    if found:
        yield found


def pairs(ids: Sequence[int], hidden: BitMap) -> list[tuple[int, int]]:
    """Return each of these package versions with the id of each range that holds it.

    ``hidden`` are the advisories to leave out (``hidden_advisories``): compared here and not in SQL, where each pair
    would have to read its advisory's row.
    """
    among, values = _among(ids)
    own = frozenset(ids)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Starting workers takes longer than what they would save.
            cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        cursor.execute(_PAIRS.format(among=among, architecture=_ARCHITECTURE), [*values, *values])
        return [
            (version_id, range_id)
            for version_id, range_id, advisory_id in cursor.fetchall()
            if advisory_id not in hidden and version_id in own
        ]


def _among(ids: Sequence[int]) -> tuple[str, list[int]]:
    """Return the condition that holds for these ids, in ascending order, and for few others.

    Bounds where they lie close together, as all of a stream's do: PostgreSQL plans a list ten times as long.
    """
    if ids[-1] - ids[0] < _CLOSE_FACTOR * len(ids):
        return "BETWEEN %s AND %s", [ids[0], ids[-1]]
    return f"IN ({', '.join(['%s'] * len(ids))})", list(ids)


def hidden_advisories() -> BitMap:
    """Return the advisories that readers do not see now."""
    with connection.cursor() as cursor:
        cursor.execute(_HIDDEN)
        return BitMap([row[0] for row in cursor.fetchall()])


def moved_names(*, feed_name: str, generation: int, before: int) -> frozenset[Name]:
    """Return stream and name of what the feed speaks of otherwise in ``generation`` than in ``before`` (0: nothing).

    Only what began or ended in between is read.  Of names that nobody has installed nothing is said.
    """
    with connection.cursor() as cursor:
        cursor.execute(_INSTALLED)
        sums = dict.fromkeys(cursor.fetchall(), 0)
        cursor.execute(_BEGUN, [feed_name, before, generation, generation])
        begun = [row[0] for row in cursor.fetchall()]
        cursor.execute(_ENDED, [feed_name, before, before, generation])
        ended = [row[0] for row in cursor.fetchall()]
    _add_said(sums, begun, 1)
    _add_said(sums, ended, -1)
    return frozenset(name for name, sum_ in sums.items() if sum_)


def _add_said(sums: dict[Name, int], ids: Sequence[int], factor: int) -> None:
    """Add for each installed name the hashes of all that these advisories say of it, so many times.

    Summed here and not compared by EXCEPT, which takes five times as long.  Python's hashes are keyed with a secret of
    the process, so that nobody can make a feed whose sums hide what has moved.
    """
    with connection.cursor() as cursor:
        for start in range(0, len(ids), _ADVISORY_COUNT):
            window = ids[start : start + _ADVISORY_COUNT]
            among, values = _among(window)
            own = set(window)
            cursor.execute(_ADVISORIES.format(among=among), values)
            told = {row[0]: hash((row[1], str(row[2]))) for row in cursor.fetchall() if row[0] in own}
            cursor.execute(_SAID.format(among=among), values)
            for row in cursor.fetchall():
                if row[:2] in sums and row[2] in told:
                    sums[row[:2]] += factor * hash((told[row[2]], row[3:]))


def follow(*, feed_name: str, generation: int, now: datetime) -> None:
    """Let the findings of advisories that have ended point at those that stand: what decides a match has not changed.

    What else the advisories say has, so the findings are noted as changed: whoever shows them reads them again.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FORMER, [feed_name, generation])
        former = [row[0] for row in cursor.fetchall()]
    for start in range(0, len(former), _FORMER_COUNT):
        among, values = _among(former[start : start + _FORMER_COUNT])
        while _follow(_LEFT.format(among=among), [*values, feed_name, generation, generation, generation], now):
            pass


def _follow(left_sql: str, values: Sequence[int | str], now: datetime) -> int:
    """Let the next of these findings follow, and return how many did."""
    # A transaction of its own each time: whoever waits to write gets in between.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(left_sql, [*values, FOLLOW_COUNT])
        left = cursor.fetchall()
        if left:
            cursor.executemany(_FOLLOW, [(standing_id, id_) for id_, _, standing_id in left])
            note_finding_changes({version_id for _, version_id, _ in left}, now=now)
    return len(left)
