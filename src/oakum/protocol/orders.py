"""Work orders: what a host may be told to do.  Typed verbs, never shell.

It states shapes and words only.  Whether an order may be obeyed is ``trust``; how it is obeyed is ``agent.actor``;
when it is given is ``core.planning``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Tuple

from oakum.protocol.codec import canonical_json

ORDER_PAYLOAD_TYPE = "application/vnd.oakum.order.v1+json"

VERB_APPLY = "apply"  # bring exactly these packages to exactly these versions
VERB_HOLD = "hold"  # do not start anything of an older generation
VERBS = (VERB_APPLY, VERB_HOLD)

PACKAGE_CHANGE_COUNT_MAX = 5_000
WINDOW_COUNT_MAX = 64

# How far a host is with an order (ActiveOrder.phase), in order.
PHASES = ("received", "checking", "waiting", "permitted", "installing", "watching", "soaking", "rolling_back", "done")

# What came of it (Outcome.kind).
OUTCOME_HELD = "held"  # a hold was taken note of
OUTCOME_REFUSED = "refused"  # trust, local policy or the transaction check said no; nothing was touched; final
OUTCOME_DEFERRED = "deferred"  # a passing obstacle (lock, room, mirror, window); nothing was touched; will be retried
OUTCOME_STARTED = "started"  # permit used, the package manager is about to run
OUTCOME_APPLIED = "applied"  # installed, restarted, healthy 60 s later; soak begins
OUTCOME_SOAKED = "soaked"  # still healthy at the end of the soak; final
OUTCOME_ROLLED_BACK = (
    "rolled_back"  # worse than before, or failed in the middle; exact previous versions are back; final
)
OUTCOME_ROLLBACK_FAILED = "rollback_failed"  # a person is needed; final
OUTCOME_FAILED = "failed"  # failed before anything was changed, and a retry is pointless; final
OUTCOME_INTERRUPTED = "interrupted"  # the agent found its own started attempt; it looked, repaired nothing; final
OUTCOME_KINDS = (
    OUTCOME_HELD,
    OUTCOME_REFUSED,
    OUTCOME_DEFERRED,
    OUTCOME_STARTED,
    OUTCOME_APPLIED,
    OUTCOME_SOAKED,
    OUTCOME_ROLLED_BACK,
    OUTCOME_ROLLBACK_FAILED,
    OUTCOME_FAILED,
    OUTCOME_INTERRUPTED,
)

REBOOT_NEVER = "never"
REBOOT_IF_REQUIRED = "if_required"
REBOOT_ALWAYS = "always"


@dataclass(frozen=True)
class PackageChange:
    """One package to bring from an exact version to an exact version.

    ``from_version`` is empty for a package that the order adds; a rollback may remove exactly those.
    """

    name: str
    architecture: str
    from_version: str
    to_version: str


@dataclass(frozen=True)
class OrderWindow:
    """A half-open interval of UTC instants in which the order may start."""

    starts_at: str
    ends_at: str


@dataclass(frozen=True)
class WorkOrder:
    """One instruction to one host, as signed.

    ``generation`` grows with every order to this host: a host refuses what is older than what it has seen.
    ``packages`` are the whole transaction: anything more or less is refused by the host.  Durations are in seconds.
    ``health_delay_seconds`` after the change, and again at the end of ``soak_seconds``, health is compared with before.
    """

    order_id: str
    organisation_id: str
    host_id: str
    generation: int
    verb: str
    rollout_id: str
    plan_number: int
    plan_hash: str
    issued_at: str
    expires_at: str
    windows: Tuple[OrderWindow, ...]
    packages: Tuple[PackageChange, ...]
    health_delay_seconds: int = 60
    soak_seconds: int = 0
    reboot: str = REBOOT_NEVER


def order_payload(order: WorkOrder) -> bytes:
    """Return the bytes that are signed: the order's canonical JSON."""
    return canonical_json(order)


def payload_hash(payload: bytes) -> str:
    """Return the SHA-256, in hex, by which permits, outcomes and journal entries name an order."""
    return hashlib.sha256(payload).hexdigest()
