"""Judge an order against the host: the change may be made now, later, or never.

Pure: what was found on the host goes in, a verdict with its reason comes out, worded here once.  Whether the order is
authentic, ours and timely is judged before (``protocol.trust``); what is done about a verdict is ``preparing``'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, Mapping, Optional, Sequence, Tuple

from oakum.agent.actor.system import LockHolder, Room
from oakum.agent.managers.apt.change import ALL, Wanted
from oakum.agent.managers.apt.change_parse import Transaction
from oakum.protocol.inventory import InstalledPackage
from oakum.protocol.orders import (
    REBOOT_ALWAYS,
    REBOOT_IF_REQUIRED,
    REBOOT_NEVER,
    VERB_APPLY,
    PackageChange,
    WorkOrder,
)
from oakum.protocol.trust import REFUSED_MALFORMED, Refusal, refuse

HEALTH_DELAY_SECONDS_MAX = 3_600
SOAK_SECONDS_MAX = 30 * 24 * 3_600
NAMED_COUNT_MAX = 10  # packages named in one sentence

REFUSED_STATE = "state_differs"
REFUSED_HELD = "package_held"
REFUSED_TRANSACTION = "transaction_differs"
REFUSED_DPKG = "dpkg_unclean"
REFUSED_DOWNGRADE = "downgrade_refused"
REFUSED_NO_WAY_BACK = "rollback_impossible"
DEFERRED_LOCK = "apt_locked"
DEFERRED_ROOM = "disk_full"
DEFERRED_NOT_ROOT = "not_root"

# dpkg needs room beyond apt's sums: new files lie beside the old ones for a while, and its database is copied.
ROOT_MARGIN_BYTES = 64 * 1024 * 1024
VAR_MARGIN_BYTES = 32 * 1024 * 1024
# A kernel brings itself and an initial RAM disk, which its package's sizes do not mention.
BOOT_KERNEL_BYTES = 128 * 1024 * 1024
MEGABYTE = 1_000_000

# deb-version(7) and Debian policy 5.6.1; what is no such word never reaches a command line.
_ORDER_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}\Z")
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+\Z")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+~:-]*\Z")


@dataclass(frozen=True)
class Refuse:
    """No, and never: the order is finished."""

    reason: str
    sentence: str


@dataclass(frozen=True)
class Defer:
    """Not now: the obstacle may pass by itself or by somebody's hand."""

    reason: str
    sentence: str


def judge_words(order: WorkOrder) -> Optional[Refusal]:
    """Return why ``order`` uses words that no honest order has, None when all are in order."""
    if not _ORDER_ID.match(order.order_id):
        return refuse(REFUSED_MALFORMED, detail="Its id is no id.")
    if order.verb != VERB_APPLY:
        return None
    if not 0 <= order.health_delay_seconds <= HEALTH_DELAY_SECONDS_MAX:
        return refuse(REFUSED_MALFORMED, detail="Its health delay is out of bounds.")
    if not 0 <= order.soak_seconds <= SOAK_SECONDS_MAX:
        return refuse(REFUSED_MALFORMED, detail="Its soak is out of bounds.")
    if order.reboot not in (REBOOT_NEVER, REBOOT_IF_REQUIRED, REBOOT_ALWAYS):
        return refuse(REFUSED_MALFORMED, detail="Its reboot policy is unknown.")
    for change in order.packages:
        words = _NAME.match(change.name) and _ARCHITECTURE.match(change.architecture)
        versions = _VERSION.match(change.to_version) and (
            not change.from_version or _VERSION.match(change.from_version)
        )
        if not words or not versions or change.from_version == change.to_version:
            return refuse(REFUSED_MALFORMED, detail="It names %.60r from %.60r to %.60r." % (
                change.name, change.from_version, change.to_version))  # fmt: skip
    return None


class Installed:
    """The installed packages, found as an order names them."""

    def __init__(self, packages: Iterable[InstalledPackage], native: str) -> None:
        """Index ``packages``; ``native`` is the host's own architecture."""
        self._native = native
        self._packages: Dict[Tuple[str, str], InstalledPackage] = {(p.name, p.architecture): p for p in packages}

    def find(self, name: str, architecture: str) -> Optional[InstalledPackage]:
        """Return the package in this place; ``all`` and the host's own architecture are one place (dpkg(1))."""
        for each in (architecture, ALL, self._native):
            if each == architecture or {each, architecture} <= {ALL, self._native}:
                found = self._packages.get((name, each))
                if found is not None:
                    return found
        return None

    def version(self, change: PackageChange) -> str:
        """Return the version that is there in place of ``change``, empty when none is."""
        found = self.find(change.name, change.architecture)
        return "" if found is None else found.version

    def is_in_order(self, change: PackageChange) -> bool:
        """Say whether what is there in place of ``change`` is wholly installed, or nothing is there."""
        found = self.find(change.name, change.architecture)
        return found is None or found.state == "installed"


def is_already_there(order: WorkOrder, installed: Installed) -> bool:
    """Say whether every package is wholly installed in the version that the order wants."""
    return all(
        installed.version(change) == change.to_version and installed.is_in_order(change) for change in order.packages
    )


def is_as_before(order: WorkOrder, installed: Installed) -> bool:
    """Say whether every package is wholly in the version that the order comes from, and none that it adds is there."""
    return all(
        installed.version(change) == change.from_version and installed.is_in_order(change) for change in order.packages
    )


def judge_found(order: WorkOrder, installed: Installed) -> Optional[Refuse]:
    """Compare what is installed with what the order was made for."""
    differing = [
        "%s is %s, the order expects %s"
        % (change.name, installed.version(change) or "not installed", change.from_version or "it absent")
        for change in order.packages
        if installed.version(change) != change.from_version
    ]
    if differing:
        return Refuse(REFUSED_STATE, "The host is not as the order expects: %s." % _some(differing))
    held = [change.name for change in order.packages if _is_held(installed, change)]
    if held:
        return Refuse(REFUSED_HELD, "The host's owner holds %s; the order would change it." % _some(held))
    return None


def _is_held(installed: Installed, change: PackageChange) -> bool:
    found = installed.find(change.name, change.architecture)
    return found is not None and found.held


def judge_audit(packages: Sequence[str]) -> Optional[Refuse]:
    """Refuse when dpkg's own state is in disorder: nothing may be built on it."""
    if not packages:
        return None
    words = "dpkg was interrupted before: %s. On the host, run dpkg --configure -a and see dpkg --audit."
    return Refuse(REFUSED_DPKG, words % _some(packages))


def judge_locks(holders: Mapping[str, LockHolder]) -> Optional[Defer]:
    """Wait while another program holds a lock of apt or dpkg."""
    for path in sorted(holders):
        holder = holders[path]
        who = "process %d (%s)" % (holder.pid, holder.command or "its command cannot be read")
        return Defer(DEFERRED_LOCK, "%s holds %s." % (who if holder.pid else "Another program", path))
    return None


def judge_transaction(order: WorkOrder, transaction: Transaction) -> Optional[Refuse]:
    """Compare what apt would really do with the order's list: the same packages and versions, nothing removed."""
    planned = {(step.name, step.architecture, step.old, step.new) for step in transaction.steps}
    ordered = {(c.name, c.architecture, c.from_version, c.to_version) for c in order.packages}
    troubles = []
    if transaction.removed:
        troubles.append("apt would remove %s" % _some([name for name, _version in transaction.removed]))
    more = ["%s %s" % (name, new) for name, _arch, _old, new in sorted(planned - ordered)]
    if more:
        troubles.append("apt would also install %s" % _some(more))
    less = ["%s %s" % (name, new) for name, _arch, _old, new in sorted(ordered - planned)]
    if less:
        troubles.append("apt would not install %s" % _some(less))
    if not troubles:
        return None
    return Refuse(REFUSED_TRANSACTION, "The transaction is not the order's: %s." % "; ".join(troubles))


def judge_room(needs: Mapping[str, int], rooms: Mapping[str, Room]) -> Optional[Defer]:
    """Compare the bytes needed under each path with what its file system has; paths on one file system add up."""
    totals: Dict[int, int] = {}
    paths: Dict[int, str] = {}
    for path in sorted(needs):
        device = rooms[path].device
        totals[device] = totals.get(device, 0) + needs[path]
        paths.setdefault(device, path)
    for device in sorted(totals):
        free = rooms[paths[device]].free_bytes
        if free < totals[device]:
            words = "%s has %d MB free, the change needs %d MB. Make room there, for instance with apt-get clean."
            sentence = words % (paths[device], free // MEGABYTE, -(-totals[device] // MEGABYTE))
            return Defer(DEFERRED_ROOM, sentence)
    return None


def needs_of(
    order: WorkOrder, *, download_bytes: int, old_bytes: int, growth_bytes: int, archives: str, saved: str
) -> Dict[str, int]:
    """Return the bytes that the change needs under each path, by apt's own numbers and margins.

    apt does not say on which file system a package grows, so all growth is asked of ``/usr``.
    """
    needs = {
        archives: download_bytes + old_bytes,
        saved: old_bytes,
        "/usr": max(growth_bytes, 0) + ROOT_MARGIN_BYTES,
        "/var/lib/dpkg": VAR_MARGIN_BYTES,
    }
    kernels = sum(1 for c in order.packages if c.name.startswith("linux-image-") and not c.from_version)
    if kernels:
        needs["/boot"] = kernels * BOOT_KERNEL_BYTES
    return needs


def wanted_new(order: WorkOrder) -> Tuple[Wanted, ...]:
    """Return the versions that the order brings."""
    return tuple(Wanted(c.name, c.architecture, c.to_version) for c in order.packages)


def wanted_old(order: WorkOrder) -> Tuple[Wanted, ...]:
    """Return the versions that the order comes from, without the packages that it adds."""
    return tuple(Wanted(c.name, c.architecture, c.from_version) for c in order.packages if c.from_version)


def _some(words: Sequence[str]) -> str:
    """Join words for a sentence, NAMED_COUNT_MAX of them at most."""
    shown = ", ".join(words[:NAMED_COUNT_MAX])
    return shown if len(words) <= NAMED_COUNT_MAX else "%s and %d more" % (shown, len(words) - NAMED_COUNT_MAX)
