"""The literal SQL of matching: which ranges hold which package versions, what a feed says otherwise than before.

Runs on SQLite and PostgreSQL.  Names, levels and keys are compared in the database, by one index on either side;
architectures too.  What follows from a pair, and what is written, is ``assessing``'s matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from django.db import connection
from pyroaring import BitMap

SLICE_COUNT: Final = 1_000  # package versions looked at together
REPOINT_COUNT: Final = 900  # findings of one write transaction

# The ranges that hold a package version under one of its targets.  Keys are order-preserving bytes, so this is the
# whole comparison.  Two halves, because a range without an upper end is found by another place in the same index.
_PAIRS: Final = """
SELECT target.package_version_id, range_.id, range_.advisory_id
  FROM findings_matchtarget target
  JOIN intel_affectedrange range_
    ON range_.stream = target.stream AND range_.name = target.name AND range_.level = target.level
   AND range_.high_key > target.order_key AND range_.low_key <= target.order_key AND range_.scheme = target.scheme
   AND {architecture}
 WHERE target.package_version_id IN ({ids})
UNION ALL
SELECT target.package_version_id, range_.id, range_.advisory_id
  FROM findings_matchtarget target
  JOIN intel_affectedrange range_
    ON range_.stream = target.stream AND range_.name = target.name AND range_.level = target.level
   AND range_.high_key IS NULL AND range_.low_key <= target.order_key AND range_.scheme = target.scheme
   AND {architecture}
 WHERE target.package_version_id IN ({ids})
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

# Packages of which a feed says in one generation what it does not say in the other, as far as they are installed.
_MOVED: Final = """
SELECT DISTINCT stream, name FROM (
  SELECT * FROM (SELECT * FROM ({now}) one EXCEPT SELECT * FROM ({before}) two) appeared
  UNION ALL
  SELECT * FROM (SELECT * FROM ({before}) three EXCEPT SELECT * FROM ({now}) four) gone
) moved
"""
_NEW: Final = "SELECT DISTINCT stream, name FROM ({now}) said"
_SAID: Final = """
SELECT range_.stream, range_.name, range_.level, range_.scheme, range_.architectures, range_.low_key, range_.high_key,
       range_.fixed_version, range_.state, advisory.ref, advisory.cves
  FROM intel_advisory advisory
  JOIN intel_affectedrange range_ ON range_.advisory_id = advisory.id
 WHERE advisory.feed_id = (SELECT id FROM intel_feed WHERE name = %s) AND advisory.generation = %s
   AND advisory.organisation_id IS NULL AND advisory.withdrawn_at IS NULL
   AND EXISTS (SELECT 1 FROM findings_matchtarget target
                WHERE target.stream = range_.stream AND target.name = range_.name)
"""

# Findings whose advisory is of a former generation, and the advisory of the same ref that stands now.
_FORMER: Final = """
SELECT finding.id, standing.id
  FROM findings_finding finding
  JOIN intel_advisory former ON former.id = finding.advisory_id
  JOIN intel_advisory standing ON standing.feed_id = former.feed_id AND standing.generation = %s
   AND standing.organisation_id IS NULL AND standing.ref = former.ref
 WHERE finding.id > %s AND finding.feed_name = %s AND finding.organisation_id IS NULL AND former.generation <> %s
 ORDER BY finding.id
 LIMIT %s
"""
_REPOINT: Final = "UPDATE findings_finding SET advisory_id = %s WHERE id = %s"


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
    marks = ", ".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS.format(ids=marks, architecture=_ARCHITECTURE), [*ids, *ids])
        return [
            (version_id, range_id) for version_id, range_id, advisory in cursor.fetchall() if advisory not in hidden
        ]


def hidden_advisories() -> BitMap:
    """Return the advisories that readers do not see now."""
    with connection.cursor() as cursor:
        cursor.execute(_HIDDEN)
        return BitMap([row[0] for row in cursor.fetchall()])


def moved_names(*, feed_name: str, generation: int, before: int) -> frozenset[tuple[str, str]]:
    """Return stream and name of what the feed speaks of otherwise in ``generation`` than in ``before`` (0: nothing).

    Of names that nobody has installed nothing is said.
    """
    now: list[str | int] = [feed_name, generation]
    then: list[str | int] = [feed_name, before]
    with connection.cursor() as cursor:
        if before:
            cursor.execute(_MOVED.format(now=_SAID, before=_SAID), [*now, *then, *then, *now])
        else:
            cursor.execute(_NEW.format(now=_SAID), now)
        return frozenset((stream, name) for stream, name in cursor.fetchall())


def former_findings(*, feed_name: str, generation: int, id_above: int) -> list[tuple[int, int]]:
    """Return findings of the feed whose advisory is of another generation, with the one that stands, by id.

    At most REPOINT_COUNT, those with an id above ``id_above``.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FORMER, [generation, id_above, feed_name, generation, REPOINT_COUNT])
        return [(finding_id, advisory_id) for finding_id, advisory_id in cursor.fetchall()]


def repoint(found: Sequence[tuple[int, int]]) -> None:
    """Let findings point at these advisories: what they say has not changed."""
    with connection.cursor() as cursor:
        cursor.executemany(_REPOINT, [(advisory_id, finding_id) for finding_id, advisory_id in found])
