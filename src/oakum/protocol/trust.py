"""May this order be obeyed?  One list of reasons to refuse, used by host and server.

Pure: the caller hands in the opened payload, the host's state, its local policy and the instant.
It does not verify signatures itself (``dsse``), does not compare the order with the real transaction
(``agent.actor``), and does not grant start permits (the server does).

The steps and their order follow the TUF client workflow's habit: authenticity, then addressee, then freshness, then
policy; the first reason met is the one reported.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Optional, Tuple

from oakum.protocol.orders import (
    PACKAGE_CHANGE_COUNT_MAX,
    VERB_APPLY,
    VERB_HOLD,
    VERBS,
    WINDOW_COUNT_MAX,
    OrderWindow,
    WorkOrder,
)

MODE_REPORT_ONLY = "report_only"
MODE_APPLY = "apply"
MODES = (MODE_REPORT_ONLY, MODE_APPLY)

REFUSED_SIGNATURE = "signature_invalid"
REFUSED_MALFORMED = "order_malformed"
REFUSED_OTHER_HOST = "other_host"
REFUSED_OTHER_ORGANISATION = "other_organisation"
REFUSED_VERB = "verb_unknown"
REFUSED_REPLAYED = "replayed"
REFUSED_OLD_GENERATION = "generation_superseded"
REFUSED_NOT_YET_VALID = "not_yet_valid"
REFUSED_EXPIRED = "expired"
REFUSED_CLOCK = "clock_wrong"
REFUSED_REPORT_ONLY = "policy_report_only"
REFUSED_POLICY_VERB = "policy_verb"
REFUSED_POLICY_PACKAGE = "policy_package"
WAIT_WINDOW = "outside_window"
WAIT_POLICY_WINDOW = "outside_policy_window"

# Worded once; pages, journal, API and the agent's own log show these.
SENTENCES = {
    REFUSED_SIGNATURE: "The order is not signed by the key that this host pinned when it enrolled.",
    REFUSED_MALFORMED: "The order cannot be read.",
    REFUSED_OTHER_HOST: "The order is for another host.",
    REFUSED_OTHER_ORGANISATION: "The order is from another organisation.",
    REFUSED_VERB: "The order asks for something that this agent does not know.",
    REFUSED_REPLAYED: "The order was carried out before; it is not repeated.",
    REFUSED_OLD_GENERATION: "A newer order for this host has been seen; older ones are void.",
    REFUSED_NOT_YET_VALID: "The order was issued in the future.",
    REFUSED_EXPIRED: "The order has expired.",
    REFUSED_CLOCK: "The host's clock differs from the server's by more than five minutes; windows cannot be trusted.",
    REFUSED_REPORT_ONLY: "The host's local policy is report-only.",
    REFUSED_POLICY_VERB: "The host's local policy does not allow this kind of order.",
    REFUSED_POLICY_PACKAGE: "The host's local policy does not allow a package of this order.",
    WAIT_WINDOW: "The order's maintenance window is not open.",
    WAIT_POLICY_WINDOW: "The host's local policy has a maintenance window, and it is not open.",
}


@dataclass(frozen=True)
class DailyWindow:
    """A daily interval in UTC, in minutes after midnight; it may pass midnight.  Empty ``days`` means every day.

    ``days`` holds ISO weekday numbers of the day on which the interval begins, Monday is 1.
    """

    start_minute: int
    end_minute: int
    days: Tuple[int, ...] = ()


@dataclass(frozen=True)
class LocalPolicy:
    """What the host's owner allows, in a file that the server cannot change.

    ``packages`` and ``packages_never`` are shell patterns on package names; ``packages_never`` wins.
    """

    mode: str = MODE_REPORT_ONLY
    verbs: Tuple[str, ...] = (VERB_APPLY, VERB_HOLD)
    packages: Tuple[str, ...] = ("*",)
    packages_never: Tuple[str, ...] = ()
    windows: Tuple[DailyWindow, ...] = ()


@dataclass(frozen=True)
class HostTrust:
    """What the host remembers: who it is, the newest generation it obeyed, and the orders that it has finished."""

    host_id: str
    organisation_id: str
    generation_max: int
    current_order_hash: str
    finished_order_ids: Tuple[str, ...]
    clock_skew_seconds: int = 0
    clock_skew_seconds_max: int = 300


@dataclass(frozen=True)
class Refusal:
    """A reason not to obey now.  ``final`` is False when waiting may help."""

    reason: str
    sentence: str
    final: bool


def refuse(reason: str, *, detail: str = "", final: bool = True) -> Refusal:
    """Return the refusal for ``reason``, worded from SENTENCES, with ``detail`` after it."""
    sentence = SENTENCES[reason]
    return Refusal(reason=reason, sentence=(sentence + " " + detail).strip(), final=final)


def judge_order(
    order: WorkOrder, *, order_hash: str, trust: HostTrust, policy: LocalPolicy, now: datetime
) -> Optional[Refusal]:
    """Return the first reason not to obey ``order`` now, or None when it may go on to the transaction check.

    The envelope must have been opened with the pinned key before.
    """
    # Each only when those before it found nothing: instants are read only in an order whose shape is right.
    return (
        _judge_shape(order)
        or _judge_addressee(order, trust)
        or _judge_freshness(order, order_hash, trust, now)
        or _judge_policy(order, policy)
        or _judge_windows(order, policy, now)
    )


def _judge_shape(order: WorkOrder) -> Optional[Refusal]:
    if order.verb not in VERBS:
        return refuse(REFUSED_VERB, detail="Verb: %.40r." % order.verb)
    if order.verb == VERB_APPLY and not order.packages:
        return refuse(REFUSED_MALFORMED, detail="It names no package.")
    if len(order.packages) > PACKAGE_CHANGE_COUNT_MAX or len(order.windows) > WINDOW_COUNT_MAX:
        return refuse(REFUSED_MALFORMED, detail="It names too many packages or windows.")
    names = [(change.name, change.architecture) for change in order.packages]
    if len(set(names)) != len(names):
        return refuse(REFUSED_MALFORMED, detail="It names a package twice.")
    try:
        for text in (order.issued_at, order.expires_at):
            parse_instant(text)
        for window in order.windows:
            if parse_instant(window.ends_at) <= parse_instant(window.starts_at):
                return refuse(REFUSED_MALFORMED, detail="A window ends before it starts.")
    except ValueError:
        return refuse(REFUSED_MALFORMED, detail="An instant in it cannot be read.")
    return None


def _judge_addressee(order: WorkOrder, trust: HostTrust) -> Optional[Refusal]:
    if order.host_id != trust.host_id:
        return refuse(REFUSED_OTHER_HOST)
    if order.organisation_id != trust.organisation_id:
        return refuse(REFUSED_OTHER_ORGANISATION)
    return None


def _judge_freshness(order: WorkOrder, order_hash: str, trust: HostTrust, now: datetime) -> Optional[Refusal]:
    if order.order_id in trust.finished_order_ids:
        return refuse(REFUSED_REPLAYED)
    if order.generation < trust.generation_max:
        return refuse(REFUSED_OLD_GENERATION, detail="Seen: %d, this: %d." % (trust.generation_max, order.generation))
    if order.generation == trust.generation_max and order_hash != trust.current_order_hash:
        return refuse(REFUSED_OLD_GENERATION, detail="Another order has generation %d." % order.generation)
    if order.verb == VERB_HOLD:
        return None  # A hold makes nothing start; refusing a late one, or by a wrong clock, would only do harm.
    if abs(trust.clock_skew_seconds) > trust.clock_skew_seconds_max:
        return refuse(REFUSED_CLOCK, detail="Difference: %d s." % trust.clock_skew_seconds, final=False)
    if now + timedelta(seconds=trust.clock_skew_seconds_max) < parse_instant(order.issued_at):
        return refuse(REFUSED_NOT_YET_VALID, final=False)
    if now >= parse_instant(order.expires_at):
        return refuse(REFUSED_EXPIRED)
    return None


def _judge_policy(order: WorkOrder, policy: LocalPolicy) -> Optional[Refusal]:
    if order.verb == VERB_HOLD:
        return None
    if policy.mode != MODE_APPLY:
        return refuse(REFUSED_REPORT_ONLY)
    if order.verb not in policy.verbs:
        return refuse(REFUSED_POLICY_VERB, detail="Verb: %s." % order.verb)
    for change in order.packages:
        allowed = any(fnmatch.fnmatchcase(change.name, pattern) for pattern in policy.packages)
        barred = any(fnmatch.fnmatchcase(change.name, pattern) for pattern in policy.packages_never)
        if barred or not allowed:
            return refuse(REFUSED_POLICY_PACKAGE, detail="Package: %s." % change.name)
    return None


def _judge_windows(order: WorkOrder, policy: LocalPolicy, now: datetime) -> Optional[Refusal]:
    if order.verb == VERB_HOLD:
        return None
    if order.windows and not any(window_contains(window, now) for window in order.windows):
        return refuse(WAIT_WINDOW, final=False)
    if policy.windows and not any(_daily_contains(window, now) for window in policy.windows):
        return refuse(WAIT_POLICY_WINDOW, final=False)
    return None


def window_contains(window: OrderWindow, instant: datetime) -> bool:
    """Say whether ``instant`` lies in the half-open window."""
    return parse_instant(window.starts_at) <= instant < parse_instant(window.ends_at)


def _daily_contains(window: DailyWindow, now: datetime) -> bool:
    minute = now.hour * 60 + now.minute
    if window.start_minute <= window.end_minute:
        began_on, inside = now, window.start_minute <= minute < window.end_minute
    elif minute >= window.start_minute:
        began_on, inside = now, True
    else:
        began_on, inside = now - timedelta(days=1), minute < window.end_minute
    return inside and (not window.days or began_on.isoweekday() in window.days)


def parse_instant(text: str) -> datetime:
    """Parse an RFC 3339 instant that ends in ``Z`` into an aware UTC datetime; ValueError if it is none."""
    if not text.endswith("Z"):
        raise ValueError("%.40r is no instant in UTC" % text)
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if "." in text else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.strptime(text, form).replace(tzinfo=timezone.utc)


def render_instant(instant: datetime) -> str:
    """Render an aware datetime as RFC 3339 text in UTC, to the microsecond if it has any."""
    if instant.tzinfo is None:
        raise ValueError("a naive datetime is no instant")
    return instant.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"
