"""Kernels are judged by the running one, and old code by what has replaced it: where an affected version's code is.

A kernel that is older than the running one is a leftover: it does not run and is not open.  The running one, when a
newer is installed, waits for the reboot.  Without knowing which runs, all that is installed counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from enum import StrEnum

from pyroaring import BitMap

from oakum.core.compliance import OldCode
from oakum.findings.queries.old_code import OldVersion
from oakum.findings.queries.risk import Affected, Kernel, Risk, make_group


class Whereabouts(StrEnum):
    """Where the code of an affected version is on a host."""

    INSTALLED = "installed"
    OLD_KERNEL = "old_kernel"  # a fixed one is installed, a reboot is missing
    OLD_SERVICE = "old_service"  # a fixed one is installed, a restart is missing
    OLD_UNSEEN = "old_unseen"  # a fixed one is installed, and nobody could see what runs


BY_OLD_CODE = {
    OldCode.KERNEL: Whereabouts.OLD_KERNEL,
    OldCode.SERVICE: Whereabouts.OLD_SERVICE,
    OldCode.UNKNOWN: Whereabouts.OLD_UNSEEN,
}

# Kernel packages that stand side by side carry their release in the name: linux-headers-6.1.0-28-common.
SIDE_BY_SIDE = re.compile(r"linux-[a-z-]+-\d")


def has_kernel(risk: Risk, group: Affected) -> bool:
    """Say whether kernel images are among the group's versions: it then depends on what is booted."""
    return not risk.kernels.keys().isdisjoint(group.names)


def judge_kernels(risk: Risk, installed: BitMap, kernel_running: str) -> Iterator[tuple[Affected, Whereabouts]]:
    """Yield the groups with kernel images that are open on a host with this installed, by what is booted there."""
    groups = {risk.group_of[version_id] for version_id in installed & risk.affected}
    images = [risk.kernels[version_id] for version_id in installed if version_id in risk.kernels]
    for group in groups:
        if not has_kernel(risk, group):
            continue
        own = [image for image in images if image.source_name == group.source_name]
        running = next((image for image in own if image.release == kernel_running), None)
        yield from _judge_kernel(
            risk, group, own, running, [group.names[one] for one in group.names if one in installed]
        )


def _judge_kernel(
    risk: Risk, group: Affected, images: list[Kernel], running: Kernel | None, names: list[str]
) -> Iterator[tuple[Affected, Whereabouts]]:
    if running is None or group.source_key > running.source_key:
        yield group, Whereabouts.INSTALLED
    elif group.source_key < running.source_key:
        if any(not SIDE_BY_SIDE.match(name) for name in names):
            yield group, Whereabouts.INSTALLED
    else:
        newest = max(images, key=lambda image: image.source_key)
        if newest.source_key == running.source_key:
            yield group, Whereabouts.INSTALLED
        else:
            cured = without(group, risk.group_of.get(newest.package_version_id))
            if cured is not None:
                yield cured, Whereabouts.OLD_KERNEL


# Binary packages of one source may differ in what runs of them: what is known outweighs, and a reboot ends it all.
_WEIGHT = (Whereabouts.OLD_UNSEEN, Whereabouts.OLD_SERVICE, Whereabouts.OLD_KERNEL)


def old_findings(
    risk: Risk, olds: Collection[OldVersion], installed: Collection[Affected]
) -> tuple[tuple[Affected, Whereabouts], ...]:
    """Return what still runs of versions that the host has replaced, less what the replacements have as well."""
    found: dict[Affected, Whereabouts] = {}
    for old in olds:
        group = risk.group_of[old.package_version_id]
        cured = without(group, risk.group_of.get(old.installed_id))
        # Another binary package of the same source may still be installed at the old version: that says it already.
        if cured is not None and group not in installed:
            found[cured] = max(found.get(cured, Whereabouts.OLD_UNSEEN), BY_OLD_CODE[old.old_code], key=_WEIGHT.index)
    return tuple(found.items())


def without(group: Affected, other: Affected | None) -> Affected | None:
    """Return ``group`` with only those advisories that do not apply to ``other``; None if there are none."""
    if other is None:
        return group
    key = ("without", other)
    if key not in group.memo:
        theirs = {hit.key for hit in other.hits}
        hits = tuple(hit for hit in group.hits if hit.key not in theirs)
        group.memo[key] = make_group(group, group.names, hits) if hits else None
    found = group.memo[key]
    assert found is None or isinstance(found, Affected)
    return found
