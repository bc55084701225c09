"""Is a host worse than before?  Two looks at it in, the differences out; what failed before does not count.

Pure: ``health_look`` takes the looks.  It knows units and listening sockets, nothing of packages, and does not decide
what is done about a difference: ``watching`` does, by ``is_harm`` and after a second look (``confirm_health``).

What is left out so that a good update is not taken back, each with its reason:

- units that come and go with people or with single commands (sessions, transient units), and those that fail because
  our own change holds dpkg's lock (``IGNORED_UNITS``);
- a unit that is inactive by nature: a oneshot, one whose trigger (socket, timer, path, bus) still waits, one that
  nobody enabled (statically linked helpers leave when idle);
- jobs that a timer starts: a failure shows, but as a note, for it is as often the other end's;
- UDP sockets in the range of ephemeral ports, which are clients' replies, and TCP ones there by number (their count
  for each unit is compared instead: RPC services take a new port at each start);
- a listener that another still covers: the wildcard address for a single one, IPv6's for IPv4's;
- after a reboot, listeners of what was started by hand: the reboot ended them, not the update.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from oakum.agent.actor.health_state import MANAGER_ANSWERS, MANAGER_SILENT, HealthState, Unit
from oakum.agent.actor.listening import gone_listeners
from oakum.agent.actor.system import Listener
from oakum.protocol.trust import parse_instant

UNIT_FAILED = "unit_failed"
JOB_FAILED = "job_failed"
UNIT_RESTARTING = "unit_restarting"
UNIT_STOPPED = "unit_stopped"
UNIT_STUMBLED = "unit_stumbled"
LISTENER_GONE = "listener_gone"
SYSTEMD_SILENT = "systemd_silent"

# The other kinds are shown and do not take an update back.
HARMS = (UNIT_FAILED, UNIT_RESTARTING, UNIT_STOPPED, LISTENER_GONE, SYSTEMD_SILENT)

# How long a unit must have run since it was restarted by itself to count as settled.
SETTLED_SECONDS = 600
# One restart may be the answer to another service's; of more, the last must have held twice as long as the others.
RESTARTS_TOLERATED = 1
HELD_FACTOR = 2

# (pattern, why).
IGNORED_UNITS = (
    ("session-*.scope", "a person's session"),
    ("user@*.service", "a person's own services"),
    ("user-runtime-dir@*.service", "comes and goes with sessions"),
    ("user-*.slice", "comes and goes with sessions"),
    ("user.slice", "comes and goes with sessions"),
    ("run-*", "made for a single command or mount"),
    ("oakum-*", "the agent's own"),
    ("apt-daily.service", "fails when our change holds the lock"),
    ("apt-daily-upgrade.service", "fails when our change holds the lock"),
    ("packagekit.service", "leaves when our change holds the lock"),
)

_RUNNING = ("active", "reloading")
_STOPPED = ("inactive", "deactivating", "maintenance", "")
_SERVING_TYPES = ("service", "socket", "timer", "path")
_MOUNTED_TYPES = ("mount", "swap", "automount")


@dataclass(frozen=True)
class HealthDifference:
    """Something that is worse than before: ``subject`` is the unit or socket, ``sentence`` what a person reads."""

    kind: str
    subject: str
    unit: str
    sentence: str

    @property
    def is_harm(self) -> bool:
        """Say whether it is reason enough to take an update back."""
        return self.kind in HARMS


def compare_health(before: HealthState, after: HealthState) -> Tuple[HealthDifference, ...]:
    """Return what is worse ``after``, units first, each thing once; nothing that was ill before."""
    if after.manager == MANAGER_SILENT:
        if before.manager != MANAGER_ANSWERS:
            return ()
        return (HealthDifference(SYSTEMD_SILENT, "systemd", "", "systemd does not answer any more"),)
    earlier = {unit.name: unit for unit in before.units}
    later = {unit.name: unit for unit in after.units}
    excused = {unit.name for unit in before.units if is_ignored(unit) or was_ill(unit)}
    found: List[HealthDifference] = []
    if before.manager == MANAGER_ANSWERS:
        for name in sorted(set(earlier) | set(later)):
            if name not in excused and not (name in later and is_ignored(later[name])):
                found.extend(_compare_unit(earlier.get(name), later.get(name), later))
    found.extend(
        _listener_difference(listener)
        for listener in gone_listeners(before, after)
        if listener.unit not in excused and _is_expected_back(listener, before, after, earlier)
    )
    return tuple(found)


@dataclass(frozen=True)
class SecondLook:
    """What a second look says of a first one's harm: ``confirmed`` ills of the same units, or ``fresh`` ones.

    ``notes`` are worth showing and no harm: jobs, and units that stumbled and hold.
    """

    confirmed: Tuple[HealthDifference, ...]
    fresh: Tuple[HealthDifference, ...]
    notes: Tuple[HealthDifference, ...]


def confirm_health(before: HealthState, first: HealthState, second: HealthState) -> SecondLook:
    """Sort out what a second look, some time after the first, finds.

    What starts slowly or stumbles once over another service's restart is no harm; a unit counts as restarting only if
    it was restarted between the looks, waits for its next start, or has not held longer than it did before.  An ill may
    change its form between looks (a unit that kept restarting has failed for good), so units are compared, not words.
    """
    earlier = {_owner(each) for each in compare_health(before, first) if each.is_harm}
    confirmed: List[HealthDifference] = []
    fresh: List[HealthDifference] = []
    notes: List[HealthDifference] = []
    for difference in compare_health(before, second):
        if difference.kind == UNIT_RESTARTING and _has_settled(difference.subject, before, first, second):
            words = "%s was restarted by systemd and holds since" % difference.subject
            notes.append(HealthDifference(UNIT_STUMBLED, difference.subject, difference.unit, words))
        elif not difference.is_harm:
            notes.append(difference)
        else:
            (confirmed if _owner(difference) in earlier else fresh).append(difference)
    return SecondLook(confirmed=tuple(confirmed), fresh=tuple(fresh), notes=tuple(notes))


def _owner(difference: HealthDifference) -> str:
    return difference.unit or difference.subject


def is_worse(differences: Tuple[HealthDifference, ...]) -> bool:
    """Say whether any of ``differences`` is harm."""
    return any(difference.is_harm for difference in differences)


def is_ignored(unit: Unit) -> bool:
    """Say whether nothing that becomes of ``unit`` is the update's doing."""
    return unit.transient or any(fnmatch.fnmatchcase(unit.name, pattern) for pattern, _why in IGNORED_UNITS)


def was_ill(unit: Unit) -> bool:
    """Say whether ``unit`` was failed or flapping, so that nothing about it counts later."""
    return unit.active == "failed" or unit.sub == "auto-restart" or _is_unsettled(unit)


def _is_unsettled(unit: Unit) -> bool:
    return unit.restarts > 0 and unit.active_seconds < SETTLED_SECONDS


def _compare_unit(
    before: Optional[Unit], after: Optional[Unit], later: Dict[str, Unit]
) -> Tuple[HealthDifference, ...]:
    if after is not None and after.active == "failed":
        return (_failure(after),)
    if after is not None and _restarted_by_itself(before, after):
        words = "%s keeps restarting (%d times)" % (after.name, after.restarts)
        return (HealthDifference(UNIT_RESTARTING, after.name, after.name, words),)
    if before is not None and _was_serving(before) and _is_stopped(before, after, later):
        words = "%s is no longer active" % before.name if after else "%s is gone" % before.name
        return (HealthDifference(UNIT_STOPPED, before.name, before.name, words),)
    return ()


def _failure(unit: Unit) -> HealthDifference:
    is_job = unit.oneshot and any(trigger.endswith(".timer") for trigger in unit.triggers)
    words = "%s failed%s" % (unit.name, " (%s)" % unit.result if unit.result not in ("", "success") else "")
    return HealthDifference(JOB_FAILED if is_job else UNIT_FAILED, unit.name, unit.name, words)


def _restarted_by_itself(before: Optional[Unit], after: Unit) -> bool:
    if after.sub == "auto-restart":
        return True
    if not _is_unsettled(after):
        return False
    # A start by hand or package sets the counter back, so another number than before, or the same one of another
    # start, means that the unit was restarted since.
    return before is None or (after.restarts, after.invocation) != (before.restarts, before.invocation)


def _has_settled(name: str, before: HealthState, first: HealthState, second: HealthState) -> bool:
    unit_first, unit_second = _unit(first, name), _unit(second, name)
    if unit_first is None or unit_second is None or unit_second.active not in _RUNNING:
        return False
    if (unit_first.invocation, unit_first.restarts) != (unit_second.invocation, unit_second.restarts):
        return False
    if unit_second.restarts <= RESTARTS_TOLERATED:
        return True
    elapsed = (parse_instant(second.taken_at) - parse_instant(before.taken_at)).total_seconds()
    return unit_second.active_seconds * unit_second.restarts >= HELD_FACTOR * elapsed


def _unit(state: HealthState, name: str) -> Optional[Unit]:
    return next((unit for unit in state.units if unit.name == name), None)


def _was_serving(unit: Unit) -> bool:
    """Say whether ``unit`` was active because somebody wants it so, now and after each boot."""
    kind = unit.name.rpartition(".")[2]
    if unit.active not in _RUNNING or unit.oneshot:
        return False
    if kind in _SERVING_TYPES:
        return unit.enablement in ("enabled", "enabled-runtime")
    return kind in _MOUNTED_TYPES and unit.enablement in ("enabled", "generated")


def _is_stopped(before: Unit, after: Optional[Unit], later: Dict[str, Unit]) -> bool:
    if after is not None and after.active not in _STOPPED:
        return False
    waits = (name for name in before.triggers if name in later and later[name].active in _RUNNING)
    return next(waits, None) is None


def _is_expected_back(listener: Listener, before: HealthState, after: HealthState, earlier: Dict[str, Unit]) -> bool:
    if before.boot_id == after.boot_id or listener.unit == "init.scope":
        return True
    unit = earlier.get(listener.unit)
    return unit is not None and unit.enablement in ("enabled", "enabled-runtime")


def _listener_difference(listener: Listener) -> HealthDifference:
    shown = "[%s]" % listener.address if ":" in listener.address else listener.address
    socket = "%s %s:%d" % (listener.protocol.rstrip("6"), shown, listener.port)
    owner = " (%s)" % listener.unit if listener.unit else ""
    words = "nothing listens on %s any more%s" % (socket, owner)
    return HealthDifference(LISTENER_GONE, socket, listener.unit, words)
