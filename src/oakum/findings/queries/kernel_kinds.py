"""The hosts of an index by what kernels they have and which runs: a few kinds, however many the hosts.

Kernels are judged once for each kind (``kernels``).  It reads nothing.
"""

from __future__ import annotations

from collections import defaultdict

from pyroaring import BitMap

from oakum.findings.queries.kernels import has_kernel, judge_kernels
from oakum.findings.queries.replica import Replica
from oakum.findings.queries.risk import Risk
from oakum.findings.queries.slices import Place

KernelKind = tuple[tuple[int, ...], str]  # kernel package versions that are installed, and the release that runs


class KernelKinds:
    """Which hosts are of which kind, and where each kind's findings stand."""

    def __init__(self) -> None:
        """Know of nobody yet."""
        self._ids: frozenset[int] = frozenset()
        self._kind_of: dict[int, KernelKind] = {}
        self._hosts: dict[KernelKind, BitMap] = {}

    def take(self, risk: Risk, replica: Replica, hosts: BitMap) -> None:
        """Look at these hosts anew; at everybody if there are kernels to look at that were none before."""
        ids = _ids(risk)
        if ids != self._ids:
            self._ids, self._kind_of, self._hosts = ids, {}, {}
            hosts = replica.enrolment.everyone
        installed: dict[int, list[int]] = {ordinal: [] for ordinal in hosts} if ids else {}
        for version_id in sorted(ids) if hosts else ():
            for ordinal in replica.hosts_by_version.get(version_id, BitMap()) & hosts:
                installed[ordinal].append(version_id)
        left: dict[KernelKind, list[int]] = defaultdict(list)
        joined: dict[KernelKind, list[int]] = defaultdict(list)
        for ordinal, own in installed.items():
            note = replica.notes.get(ordinal)
            kind = (tuple(own), note.kernel_running) if note is not None and own else None
            before = self._kind_of.pop(ordinal, None)
            if before is not None:
                left[before].append(ordinal)
            if kind is not None:
                self._kind_of[ordinal] = kind
                joined[kind].append(ordinal)
        for kind in left.keys() | joined.keys():
            members = (self._hosts.pop(kind, BitMap()) - BitMap(left[kind])) | BitMap(joined[kind])
            if members:
                self._hosts[kind] = members

    def places(self, risk: Risk) -> dict[Place, BitMap]:
        """Return where kernels' findings are, each with its hosts."""
        found: dict[Place, BitMap] = {}
        for kind, members in self._hosts.items():
            key = ("kernel kind", kind)
            if key not in risk.memo:
                risk.memo[key] = tuple(judge_kernels(risk, BitMap(kind[0]), kind[1]))
            judged = risk.memo[key]
            assert isinstance(judged, tuple)
            for place in judged:
                found[place] = found[place] | members if place in found else members
        return found


def _ids(risk: Risk) -> frozenset[int]:
    """Return the package versions that decide how kernels are judged."""
    groups = {risk.group_of[version_id] for version_id in risk.kernels if version_id in risk.group_of}
    return frozenset(risk.kernels).union(*(group.names for group in groups if has_kernel(risk, group)))
