"""Check-ins, many at once: one transaction, one read and one write whatever their number.

The nonce's rule is ``fleet.nonce``.  What goes into a reply beside the nonce and the sections needed (orders, notes)
belongs to the rooms that own it; the gateway puts it together.  Check-ins are no journal entries; what they reveal is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID

from django.db import transaction

from oakum.fleet.contact import Contact, read_contacts, stored_instant, write_contacts
from oakum.fleet.models import Host, HostState
from oakum.fleet.nonce import CLONE_NEXT_STEP, CLONE_SENTENCE, Accepted, Clone, SentAgain, judge_nonce
from oakum.fleet.presence import day_of
from oakum.fleet.services.door import refusal_of_state
from oakum.fleet.services.enrolment import fresh_nonces
from oakum.fleet.shape import check_in_problem, cleaned_active, parse_utc
from oakum.journal.services import append
from oakum.protocol.messages import CLOCK_SKEW_SECONDS_MAX, CheckIn

# A write transaction holds up every halt on SQLite: 256 hosts take about 10 ms.
BATCH_COUNT_MAX = 256
# Network delay makes every measured skew wobble; a smaller change is not worth a write of another size.
SKEW_NOISE_SECONDS = 2
SKEW_SECONDS_BOUND = 2**31 - 1  # the column's


# A server restored from a backup is behind its hosts by the orders since: hundreds.  A host that claims more is not
# believed, because its number is counted up from here.
GENERATION_LEAP_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatedCheckIn:
    """A check-in whose sender has proved to hold the host's secret."""

    host_id: UUID
    check_in: CheckIn


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedIn:
    """The check-in was taken; ``sent_again`` says that it was a repetition of the newest one."""

    host_id: UUID
    organisation_id: UUID
    nonce: str
    need: tuple[str, ...]
    sent_again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInRefused:
    """The check-in was not taken: host_unknown, host_retired, host_quarantined or check_in_invalid."""

    host_id: UUID
    code: str
    sentence: str
    next_step: str


CheckInResult = CheckedIn | CheckInRefused


def check_in_batch(items: Sequence[AuthenticatedCheckIn], *, now: datetime) -> list[CheckInResult]:
    """Take at most BATCH_COUNT_MAX check-ins in one transaction; the results are in the items' order.

    A bad item is refused and harms no other.  The same host may be in a batch more than once.
    """
    assert len(items) <= BATCH_COUNT_MAX
    with transaction.atomic():
        contacts = read_contacts({item.host_id for item in items})
        pairs = zip(items, fresh_nonces(len(items)), strict=True)
        results = [_check_in(contacts.get(item.host_id), item, fresh, now) for item, fresh in pairs]
        write_contacts(contacts.values(), seen_at=stored_instant(now))
        for contact in contacts.values():
            if contact.changes:
                Host.objects.filter(id=contact.host_id).update(**contact.changes)
    return results


def _check_in(contact: Contact | None, item: AuthenticatedCheckIn, fresh: str, now: datetime) -> CheckInResult:
    if contact is None:
        return _refused(item, "host_unknown", "This host is not known here.", "Enrol it again.")
    if contact.state != HostState.ACTIVE:
        return _refused_by_state(contact, item)
    problem = check_in_problem(item.check_in)
    if problem:
        sentence = f"The check-in cannot be read: {problem}."
        return _refused(item, "check_in_invalid", sentence, "Update the agent on this host.")
    verdict = judge_nonce(contact.nonces, nonce=item.check_in.nonce, attempt=item.check_in.attempt, fresh=fresh)
    match verdict:
        case Accepted(state=state):
            contact.nonces = state
            sent_again = False
        case SentAgain():
            sent_again = True
        case Clone():
            return _quarantine(contact, item, now)
        case _:
            assert_never(verdict)
    _take_note(contact, item.check_in, now)
    return CheckedIn(
        host_id=contact.host_id,
        organisation_id=contact.organisation_id,
        nonce=contact.nonces.current,
        need=_need(contact, item.check_in),
        sent_again=sent_again,
    )


def _need(contact: Contact, check_in: CheckIn) -> tuple[str, ...]:
    """Return the sections that differ from what is stored, whose hashes were made here from what had come."""
    if (
        contact.packages_hash == check_in.packages_hash
        and contact.offers_hash == check_in.offers_hash
        and contact.facts_hash == check_in.facts_hash
    ):
        return ()
    sections = (
        ("packages", contact.packages_hash, check_in.packages_hash),
        ("offers", contact.offers_hash, check_in.offers_hash),
        ("facts", contact.facts_hash, check_in.facts_hash),
    )
    return tuple(name for name, stored, claimed in sections if stored != claimed)


def _take_note(contact: Contact, check_in: CheckIn, now: datetime) -> None:
    """Put what the check-in says beside the nonce into the contact."""
    contact.touched = True
    _take_clock(contact, check_in, now)
    today = day_of(now)
    if contact.seen_on != today.isoformat():
        contact.seen_on = today.isoformat()
        contact.changes["seen_on"] = today
    if contact.stale:
        contact.stale = False
        contact.changes["stale_journalled_at"] = None
        _journal(contact, "fleet.host_returned", {}, now)
    if contact.order_generation < check_in.generation_max <= contact.order_generation + GENERATION_LEAP_MAX:
        _learn_generation(contact, check_in, now)
    if contact.packages_known and contact.packages_hash == check_in.packages_hash:
        contact.confirmed = True
    for name in ("boot_id", "agent_version", "policy_mode"):
        said = getattr(check_in, name)
        if getattr(contact, name) != said:
            setattr(contact, name, said)
            contact.changes[name] = said
    if check_in.active or contact.active_orders != "[]":
        active = cleaned_active(check_in.active)
        if json.loads(contact.active_orders) != active:
            contact.active_orders = json.dumps(active)
            contact.changes["active_orders"] = active
    lists_updated_at = parse_utc(check_in.lists_updated_at) if check_in.lists_updated_at else None
    if contact.lists_updated_at != lists_updated_at:
        contact.lists_updated_at = lists_updated_at
        contact.changes["lists_updated_at"] = lists_updated_at


def _take_clock(contact: Contact, check_in: CheckIn, now: datetime) -> None:
    """Keep how far the host's clock is ahead of ours, and journal when it goes wrong and when it is right again."""
    sent_at = parse_utc(check_in.sent_at)
    assert sent_at is not None, "check_in_problem looked"
    skew = round((sent_at - now).total_seconds())
    if abs(skew - contact.clock_skew_seconds) <= SKEW_NOISE_SECONDS:
        return
    was_wrong = abs(contact.clock_skew_seconds) > CLOCK_SKEW_SECONDS_MAX
    is_wrong = abs(skew) > CLOCK_SKEW_SECONDS_MAX
    contact.clock_skew_seconds = max(-SKEW_SECONDS_BOUND, min(SKEW_SECONDS_BOUND, skew))
    if was_wrong != is_wrong:
        clock = "wrong" if is_wrong else "right"
        _journal(contact, "fleet.clock_wrong", {"clock": clock, "skew_seconds": contact.clock_skew_seconds}, now)


def _learn_generation(contact: Contact, check_in: CheckIn, now: datetime) -> None:
    """Count orders on from where the host stands: it refuses older ones, and this server comes from a backup."""
    told: dict[str, object] = {"before": contact.order_generation, "after": check_in.generation_max}
    contact.order_generation = check_in.generation_max
    contact.changes["order_generation"] = check_in.generation_max
    _journal(contact, "fleet.order_generation_learned", told, now)


def _quarantine(contact: Contact, item: AuthenticatedCheckIn, now: datetime) -> CheckInRefused:
    contact.state, contact.state_reason = HostState.QUARANTINED, CLONE_SENTENCE
    contact.changes |= {"state": contact.state, "state_reason": contact.state_reason}
    check_in = item.check_in
    _journal(
        contact,
        "fleet.host_quarantined",
        {
            "sentence": CLONE_SENTENCE,
            "next_step": CLONE_NEXT_STEP,
            "boot_id_known": contact.boot_id,
            "boot_id_shown": check_in.boot_id,
        },
        now,
    )
    return _refused_by_state(contact, item)


def _refused_by_state(contact: Contact, item: AuthenticatedCheckIn) -> CheckInRefused:
    code, sentence, next_step = refusal_of_state(contact.state, contact.state_reason)
    return _refused(item, code, sentence, next_step)


def _refused(item: AuthenticatedCheckIn, code: str, sentence: str, next_step: str) -> CheckInRefused:
    return CheckInRefused(host_id=item.host_id, code=code, sentence=sentence, next_step=next_step)


def _journal(contact: Contact, kind: str, payload: dict[str, object], now: datetime) -> None:
    subject = f"host:{contact.host_id}"
    append(
        organisation_id=contact.organisation_id,
        kind=kind,
        actor=subject,
        subject=subject,
        payload={"hostname": contact.hostname, **payload},
        now=now,
    )
