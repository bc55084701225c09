"""Put right the risk of some package versions, and leave the rest as it stands.

Everything that is known of the others is shared with the former value: groups that nothing touched are the same
objects, so whatever was made of them still holds.
"""

from __future__ import annotations

from dataclasses import replace

from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion
from oakum.findings.queries.risk import Risk, chunks
from oakum.findings.queries.risk_load import kernels_of, load_risk

# What was read once of rows that never change, or judged of values alone, outlives a change; what follows from a group
# lives and goes with it; what follows from many groups does not last.
_LASTING = ("rulings", "source_key")


def patch_risk(risk: Risk, *, moved: BitMap, new: BitMap) -> tuple[Risk, BitMap]:
    """Return the risk with the findings of ``moved`` and ``new`` package versions read again, and which were reached.

    Versions of the same source version share a group with those that moved, so they are read with them.
    """
    wanted = _with_kin(risk, moved) | new
    part = load_risk(organisation_id=risk.organisation_id, package_version_ids=wanted)
    dropped = {risk.group_of[each] for each in wanted if each in risk.group_of}
    if not dropped and not part.groups:
        return replace(risk, covered=risk.covered | new, intel_at=part.intel_at), BitMap()
    group_of = dict(risk.group_of)
    for each in wanted:
        group_of.pop(each, None)
    group_of.update(part.group_of)
    groups = tuple(group for group in risk.groups if group not in dropped) + part.groups
    covered = risk.covered | new
    has_kernels = part.kernels or any(each in risk.kernels for group in dropped for each in group.names)
    return (
        replace(
            risk,
            covered=covered,
            affected=(risk.affected - wanted) | part.affected,
            group_of=group_of,
            groups=groups,
            intel_at=part.intel_at,
            kernels=kernels_of(groups, covered) if has_kernels else risk.kernels,
            groups_by_digest={},
            memo={key: value for key, value in risk.memo.items() if _lasts(key)},
        ),
        wanted,
    )


def _lasts(key: object) -> bool:
    return isinstance(key, tuple) and key[0] in _LASTING


def _with_kin(risk: Risk, moved: BitMap) -> BitMap:
    """Return the versions with all others that were built from the same source version and have findings."""
    sources = set()
    for chunk in chunks(moved):
        rows = PackageVersion.objects.filter(id__in=chunk)
        sources |= set(rows.values_list("stream", "source_name", "source_version"))
    names = {name for _, name, _ in sources}
    kin = [
        version_id
        for group in risk.groups
        if group.source_name in names and (group.stream, group.source_name, group.source_version) in sources
        for version_id in group.names
    ]
    return (moved & risk.covered) | BitMap(kin)
