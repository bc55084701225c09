"""What an inventory report amounts to: its fingerprint, and which old code still runs.

Pure.  It does not look at a host (``agent.observer``), does not store (``fleet``) and does not say what is vulnerable
(``core.matching``).  Where a host cannot know something the answer is "unknown", never "nothing".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from oakum.core.versions import InvalidVersion, order_key
from oakum.protocol.inventory import UNKNOWN, FactsSection, InstalledKernel

KNOWN = "known"

PackageKey = tuple[str, str]  # name, architecture


def fingerprint(section: object) -> str:
    """Return ``protocol.inventory.section_hash(section)``, ten times faster.

    The protocol's function walks the value in Python, so that it can run anywhere and refuse what has no place on the
    wire; here the value has just come off the wire, and json's C encoder may walk it.
    """
    text = json.dumps(section, default=vars, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningOld:
    """Installed packages of which older code still runs, by what would end that.

    A status is KNOWN or UNKNOWN.  UNKNOWN means that the host could not look everywhere: what is listed holds, but
    absence from the list proves nothing.
    """

    pending_restart: frozenset[PackageKey]
    pending_reboot: frozenset[PackageKey]
    restart_status: str
    reboot_status: str

    @property
    def packages(self) -> frozenset[PackageKey]:
        """Everything of which older code runs, whatever would end it."""
        return self.pending_restart | self.pending_reboot


def running_old(installed: Collection[PackageKey], facts: FactsSection, *, scheme: str) -> RunningOld:
    """Say of which installed packages older code still runs.

    A restart is pending for the owners of files that are deleted but still mapped.  A reboot is pending for kernels
    newer than the running one, and for what the distribution itself lists as needing one.  A package in both waits
    for the reboot, which ends both.
    """
    reboot_names = {*facts.reboot_required_packages, *_newer_kernels(facts, scheme)}
    pending_reboot = _matching(installed, reboot_names)
    stale_names = {name for service in facts.stale_services for name in service.packages}
    return RunningOld(
        pending_restart=_matching(installed, stale_names) - pending_reboot,
        pending_reboot=pending_reboot,
        restart_status=KNOWN if facts.stale_status == KNOWN else UNKNOWN,
        reboot_status=UNKNOWN if facts.reboot_required == UNKNOWN else KNOWN,
    )


def _newer_kernels(facts: FactsSection, scheme: str) -> set[str]:
    """Return the packages of kernels newer than the running one; none when the running one is not installed."""
    running = [
        key for kernel in facts.kernels if kernel.release == facts.kernel_running for key in _keys(kernel, scheme)
    ]
    if not running:
        return set()
    return {kernel.package for kernel in facts.kernels for key in _keys(kernel, scheme) if key > max(running)}


def _keys(kernel: InstalledKernel, scheme: str) -> tuple[bytes, ...]:
    # A locally built kernel may have a version that the scheme refuses: it takes no part in the order.
    try:
        return (order_key(scheme, kernel.version),)
    except InvalidVersion:
        return ()


def _matching(installed: Iterable[PackageKey], names: set[str]) -> frozenset[PackageKey]:
    """Return the installed packages that ``names`` names, as ``name`` or as dpkg's ``name:architecture``."""
    # Most names are plain, and to word each installed package anew for them would take longer than all the rest.
    qualified = {name for name in names if ":" in name}
    if not qualified:
        return frozenset(key for key in installed if key[0] in names)
    return frozenset(key for key in installed if key[0] in names or f"{key[0]}:{key[1]}" in qualified)
