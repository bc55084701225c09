"""The literal SQL of matching: which ranges hold which package versions, what a feed says otherwise than before.

Runs on SQLite and PostgreSQL.  Names, levels and keys are compared in the database, by one index on either side;
architectures too.  What follows from a pair, and what is written, is ``assessing``'s matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from django.db import connection, transaction
from pyroaring import BitMap

SLICE_COUNT: Final = 2_000  # package versions looked at together: an old kernel's have thousands of findings each
_CLOSE_FACTOR: Final = 2
FOLLOW_COUNT: Final = 900  # findings of one write transaction
_ADVISORY_COUNT: Final = 5_000  # advisories whose ranges are read together

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

# Advisories that readers do not see: of another generation than their feed's, or withdrawn.
_HIDDEN: Final = """
SELECT advisory.id
  FROM intel_advisory advisory
  JOIN intel_feed feed ON feed.id = advisory.feed_id
 WHERE advisory.generation <> feed.generation OR advisory.withdrawn_at IS NOT NULL
"""

# All that a feed says in a generation of what decides a match, a slice of its advisories at a time.
_ADVISORY_IDS: Final = """
SELECT advisory.id
  FROM intel_advisory advisory
  JOIN intel_feed feed ON feed.id = advisory.feed_id
 WHERE feed.name = %s AND advisory.generation = %s AND advisory.organisation_id IS NULL
   AND advisory.withdrawn_at IS NULL
 ORDER BY advisory.id
"""
_SAID: Final = """
SELECT range_.stream, range_.name, range_.advisory_id, range_.level, range_.scheme, range_.architectures,
       range_.low_key, range_.high_key, range_.fixed_version, range_.state
  FROM intel_affectedrange range_
 WHERE range_.advisory_id >= %s AND range_.advisory_id <= %s
"""
_ADVISORIES: Final = """
SELECT advisory.id, advisory.ref, advisory.cves FROM intel_advisory advisory
 WHERE advisory.id >= %s AND advisory.id <= %s
"""
_INSTALLED: Final = "SELECT DISTINCT stream, name FROM findings_matchtarget"

# The next findings by id, and those of them that follow to the advisory of their ref that stands now.
_WINDOW: Final = """
SELECT MAX(id) FROM (SELECT id FROM findings_finding WHERE id > %s ORDER BY id LIMIT %s) nearest
"""
_FOLLOW: Final = """
UPDATE findings_finding
   SET advisory_id = standing.id
  FROM intel_advisory standing
 WHERE findings_finding.id > %s AND findings_finding.id <= %s
   AND findings_finding.feed_name = %s AND findings_finding.organisation_id IS NULL
   AND standing.feed_id = (SELECT id FROM intel_feed WHERE name = %s) AND standing.generation = %s
   AND standing.organisation_id IS NULL AND standing.ref = findings_finding.advisory_ref
   AND findings_finding.advisory_id <> standing.id
"""


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

    Of names that nobody has installed nothing is said.
    """
    with connection.cursor() as cursor:
        cursor.execute(_INSTALLED)
        installed = dict.fromkeys(cursor.fetchall(), 0)
    now = _said(feed_name, generation, installed)
    then = _said(feed_name, before, installed) if before else installed
    return frozenset(name for name, sum_ in now.items() if sum_ != then[name])


def _said(feed_name: str, generation: int, installed: Mapping[Name, int]) -> dict[Name, int]:
    """Return for each installed name the sum of the hashes of all that is said of it.

    Summed here and not compared by EXCEPT, which takes five times as long.  Python's hashes are keyed with a secret of
    the process, so that nobody can make a feed whose sums hide what has moved.
    """
    sums = dict(installed)
    with connection.cursor() as cursor:
        cursor.execute(_ADVISORY_IDS, [feed_name, generation])
        ids = [row[0] for row in cursor.fetchall()]
        for start in range(0, len(ids), _ADVISORY_COUNT):
            window = ids[start : start + _ADVISORY_COUNT]
            bounds, own = [window[0], window[-1]], set(window)
            cursor.execute(_ADVISORIES, bounds)
            told = {row[0]: hash((row[1], str(row[2]))) for row in cursor.fetchall() if row[0] in own}
            cursor.execute(_SAID, bounds)
            for row in cursor.fetchall():
                if row[:2] in sums and row[2] in told:
                    sums[row[:2]] += hash((told[row[2]], row[3:]))
    return sums


def follow(*, feed_name: str, generation: int) -> None:
    """Let the findings of a feed point at the advisories of a generation: what they say has not changed."""
    id_above = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_WINDOW, [id_above, FOLLOW_COUNT])
            (id_max,) = cursor.fetchone()
            if id_max is None:
                return
            # A transaction of its own each time: whoever waits to write gets in between.
            cursor.execute(_FOLLOW, [id_above, id_max, feed_name, feed_name, generation])
            id_above = id_max
