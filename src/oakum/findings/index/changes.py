"""The log of which package versions' findings moved, so that readers need not read all findings again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from oakum.findings.models import FindingChange
from oakum.fleet.sets import dump_set

KEPT_COUNT = 5_000  # rows; a reader that has fallen behind reads everything again


def note_finding_changes(package_version_ids: Iterable[int], *, now: datetime) -> None:
    """Say, in the transaction that changes findings, of which package versions they are."""
    raw = dump_set(package_version_ids)
    FindingChange.objects.create(at=now, package_versions=raw)


def forget_old_changes() -> None:
    """Remove all but the newest KEPT_COUNT rows."""
    former = FindingChange.objects.order_by("-id").values_list("id", flat=True)[KEPT_COUNT : KEPT_COUNT + 1]
    for change_id in former:
        FindingChange.objects.filter(id__lte=change_id).delete()
