"""What publishers and authors of VEX documents say of one vulnerability in package versions that are here.

Every finding with its state, who said so and the comparison that held: those, too, that are closed, deferred or not to
be fixed, which make no work and are never silently dropped.  It counts no host and sets no deadline.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Case, IntegerField, Q, Value, When
from pyroaring import BitMap

from oakum.core.advisories import STATES
from oakum.findings.models import Finding
from oakum.findings.queries.values import SaidView

SAID_COUNT_MAX = 200  # of one vulnerability
_CANDIDATE_COUNT_MAX = 5_000  # looked at for those of packages that are here


def said_of(*, organisation_id: UUID, cve: str, covered: BitMap) -> tuple[SaidView, ...]:
    """Return what is said of a CVE in the package versions ``covered``, the states that leave the most to do first.

    Package versions that only other organisations have are left out: that somebody has them is theirs to know.  Binary
    packages of one source version of which the same is said are one line.
    """
    order = Case(
        *(When(state=state, then=Value(number)) for number, state in enumerate(STATES)),
        default=Value(len(STATES)),
        output_field=IntegerField(),
    )
    rows = (
        Finding.objects.filter(advisory__advisorycve__cve=cve)
        .filter(Q(organisation_id=None) | Q(organisation_id=organisation_id))
        .order_by(order, "package_version__source_name", "id")
        .values_list(
            "package_version_id",
            "package_version__source_name",
            "package_version__source_version",
            "package_version__stream",
            "feed_name",
            "advisory_ref",
            "state",
            "state_author",
            "fixed_version",
            "evidence",
        )
    )
    found = dict.fromkeys(SaidView(*row[1:]) for row in rows[:_CANDIDATE_COUNT_MAX] if row[0] in covered)
    return tuple(found)[:SAID_COUNT_MAX]
