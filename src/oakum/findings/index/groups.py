"""Groups as bitmaps of ordinals: one row a group, written again only where its memberships have moved."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Count, Max
from pyroaring import BitMap

from oakum.findings.models import GroupHosts
from oakum.fleet.models import Group
from oakum.fleet.sets import dump_set


def take_groups() -> int:
    """Bring every group's bitmap up to its memberships; return how many rows were written or removed.

    The mark is the number of memberships and their highest id: ids are never reused, so each change moves it.  A host
    that is retired keeps its memberships and its bit; it is in no other bitmap.
    """
    through = Group.hosts.through
    counted = through.objects.order_by().values_list("group_id").annotate(count=Count("id"), newest=Max("id"))
    marks = {group_id: f"{count}:{newest}" for group_id, count, newest in counted}
    owners = dict(Group.objects.values_list("id", "organisation_id"))
    known = {(row[0], row[1]): row[2] for row in GroupHosts.objects.values_list("organisation_id", "group_id", "mark")}
    written = 0
    for group_id, organisation_id in owners.items():
        mark = marks.get(group_id, "0:0")
        if known.pop((organisation_id, group_id), None) == mark:
            continue
        # Read after the mark: what comes in between is written now and once more, never lost.
        members = through.objects.filter(group_id=group_id).values_list("host__ordinal", flat=True)
        with transaction.atomic():
            GroupHosts.objects.update_or_create(
                organisation_id=organisation_id,
                group_id=group_id,
                defaults={"mark": mark, "hosts": dump_set(BitMap(members))},
            )
        written += 1
    for organisation_id, group_id in known:
        written += GroupHosts.objects.filter(organisation_id=organisation_id, group_id=group_id).delete()[0]
    return written
