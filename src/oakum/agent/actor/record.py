"""What is kept of an order on disk, and the only ways in which it may change.

Pure: values in, values out.  ``store`` writes them.  An outcome enters the record (``outbox``) in the same write as the
change that it reports, and leaves it when the spool has it, so that a crash between the two repeats the report under
the same id and never loses it.
"""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Optional, Tuple

from oakum.agent.actor.health_state import HealthState
from oakum.protocol.messages import Outcome, PackageResult
from oakum.protocol.orders import OUTCOME_DEFERRED
from oakum.protocol.trust import parse_instant, render_instant

RECEIVED = "received"
CHECKING = "checking"
WAITING = "waiting"
PERMITTED = "permitted"
INSTALLING = "installing"
WATCHING = "watching"
SOAKING = "soaking"
ROLLING_BACK = "rolling_back"
DONE = "done"

# Nothing on the host has been changed in these; an order found in one of them starts anew from its checks.
UNSTARTED_PHASES = (RECEIVED, CHECKING, WAITING, PERMITTED)
# The host is being changed, or is watched closely; no other order may begin.
BUSY_PHASES = (INSTALLING, WATCHING, ROLLING_BACK)

SENTENCE_LENGTH_MAX = 2_000
HEALTH_SENTENCE_COUNT_MAX = 50

_OUTCOME_IDS = uuid.UUID("5d0a33a2-5b0e-4f0e-8f0b-3c1c5f5d8a6e")  # ours, made at random once


@dataclass(frozen=True)
class OrderRecord:
    """How far an order is.  Instants are RFC 3339 text, empty for none.

    ``attempt`` is the last start that was asked for; ``changed`` says whether this order changed the host;
    ``due_at`` is when to look again; ``look_count`` how many looks in a row found harm that is not confirmed yet;
    ``overran`` that its program was ended for taking too long.
    ``cause`` and ``cause_health`` say why it is rolled back, ``harmed_units`` whom it harmed, ``settling`` that the
    previous versions are back; ``cut_short_by`` is the order that ended the soak; ``note`` what a person should know.
    ``boot_id`` is the boot of the last look; ``refreshed_at`` when lists were fetched; ``final_kind`` the outcome.
    """

    order_id: str
    order_hash: str
    generation: int
    phase: str
    phase_at: str
    detail: str = ""
    attempt: str = ""
    changed: bool = False
    due_at: str = ""
    look_count: int = 0
    overran: bool = False
    not_begun_count: int = 0
    cause: str = ""
    cause_health: Tuple[str, ...] = ()
    harmed_units: Tuple[str, ...] = ()
    settling: bool = False
    cut_short_by: str = ""
    note: str = ""
    boot_id: str = ""
    reboot_asked: bool = False
    awaits_reboot: bool = False
    final_kind: str = ""
    deferred_reason: str = ""
    refreshed_at: str = ""
    outcome_count: int = 0
    fault_count: int = 0
    outbox: Tuple[Outcome, ...] = ()


@dataclass(frozen=True)
class PackageBefore:
    """One package of the order as it was: ``version`` is empty for one that was not installed."""

    name: str
    architecture: str
    version: str
    auto: bool


@dataclass(frozen=True)
class SavedDeb:
    """The .deb of a version that ran here before, kept beside the order."""

    name: str
    architecture: str
    version: str
    path: str
    sha256: str


@dataclass(frozen=True)
class ConfigurationFile:
    """A package's configuration file and its SHA-256 before the change."""

    path: str
    sha256: str


@dataclass(frozen=True)
class PreState:
    """All that is needed to take the change back and to tell whether the host is as before."""

    taken_at: str
    boot_id: str
    packages: Tuple[PackageBefore, ...]
    debs: Tuple[SavedDeb, ...]
    configuration: Tuple[ConfigurationFile, ...]
    health: HealthState


def enter(
    record: OrderRecord, phase: str, now: datetime, *, detail: str = "", due_at: Optional[datetime] = None
) -> OrderRecord:
    """Return ``record`` in ``phase``; the instants of another phase do not carry over."""
    return dataclasses.replace(
        record,
        phase=phase,
        phase_at=render_instant(now),
        detail=detail[:SENTENCE_LENGTH_MAX],
        due_at="" if due_at is None else render_instant(due_at),
        look_count=0,
        awaits_reboot=False,
        overran=False,
        fault_count=0,
    )


def add_outcome(
    record: OrderRecord,
    kind: str,
    reason: str,
    sentence: str,
    now: datetime,
    *,
    packages: Tuple[PackageResult, ...] = (),
    health: Tuple[str, ...] = (),
    log: str = "",
) -> OrderRecord:
    """Return ``record`` with one more outcome to report."""
    number = record.outcome_count + 1
    outcome = Outcome(
        outcome_id=outcome_id(record.order_hash, record.attempt, kind, number),
        order_id=record.order_id,
        order_hash=record.order_hash,
        generation=record.generation,
        attempt=record.attempt,
        kind=kind,
        reason=reason,
        sentence=sentence[:SENTENCE_LENGTH_MAX],
        at=render_instant(now),
        packages=packages,
        health=health[:HEALTH_SENTENCE_COUNT_MAX],
        log=log,
    )
    return dataclasses.replace(record, outcome_count=number, outbox=(*record.outbox, outcome))


def outcome_id(order_hash: str, attempt: str, kind: str, number: int) -> str:
    """Return the id of an order's outcome: the same for the same event, so that reporting it twice is harmless."""
    return str(uuid.uuid5(_OUTCOME_IDS, "%s/%s/%s/%d" % (order_hash, attempt, kind, number)))


def deferred(record: OrderRecord, reason: str, sentence: str, now: datetime, due_at: Optional[datetime]) -> OrderRecord:
    """Return ``record`` waiting for an obstacle to pass; the obstacle is reported when it is another than before."""
    waiting = enter(record, WAITING, now, detail=sentence, due_at=due_at)
    if record.deferred_reason == reason:
        return waiting
    waiting = dataclasses.replace(waiting, deferred_reason=reason)
    return add_outcome(waiting, OUTCOME_DEFERRED, reason, sentence, now)


def is_due(record: OrderRecord, now: datetime, seconds_max: int) -> bool:
    """Say whether the record's instant has come.

    One further away than ``seconds_max``, the longest that it was ever set for, was set by a clock that has been put
    right since; waiting for it would be waiting for nothing.
    """
    if not record.due_at:
        return True
    away = (parse_instant(record.due_at) - now).total_seconds()
    return away <= 0 or away > seconds_max
