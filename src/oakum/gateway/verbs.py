"""The other verbs: enrol, inventory, permit, outcomes, notes.  Decode, call one service, render.

All of it runs in a worker's thread, body in, answer out.  Faults that Oakum words become refusals here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from oakum.catalogue.services import record_notes
from oakum.core.errors import HostError, OakumError
from oakum.fleet.services import enrol, organisation_of_speaker, record_inventory
from oakum.gateway.intervals import Intervals
from oakum.gateway.replies import Answer, refuse_fault, render_reply
from oakum.gateway.wire import Decoder, fingerprint, lighter
from oakum.protocol.inventory import InstalledPackage, PackagesSection
from oakum.protocol.messages import (
    BODY_BYTES_MAX,
    INVENTORY_BODY_BYTES_MAX,
    INVENTORY_PLAIN_BYTES_MAX,
    NOTES_BODY_BYTES_MAX,
    NOTES_ENTRY_COUNT_MAX,
    NOTES_PLAIN_BYTES_MAX,
    OUTCOME_COUNT_MAX,
    OUTCOMES_BODY_BYTES_MAX,
    OUTCOMES_PLAIN_BYTES_MAX,
    PATH_INVENTORY,
    PATH_NOTES,
    PATH_OUTCOMES,
    PATH_PERMIT,
    EnrolRequest,
    InventoryReply,
    InventoryUpload,
    NotesReply,
    NotesUpload,
    OutcomesReply,
    OutcomesUpload,
    PermitReply,
    PermitRequest,
)
from oakum.rollout.services import grant_permit, record_outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """The host that is speaking, which has shown its secret, and when."""

    host_id: UUID
    now: datetime


@dataclass(frozen=True, slots=True)
class Verb:
    """A kind of request: the limit of its body, its shape, and what it does."""

    bytes_max: int
    decoder: Decoder[Any]
    act: Callable[[Speaker, Any], object]

    def answer(self, *, host_id: UUID, body: bytes, encoding: bytes, now: datetime) -> Answer:
        """Answer the request of a host that has shown its secret."""
        try:
            message = self.decoder.decode(body, encoding)
            return render_reply(self.act(Speaker(host_id=host_id, now=now), message))
        except OakumError as fault:
            return refuse_fault(fault)


def _inventory(speaker: Speaker, upload: InventoryUpload) -> InventoryReply:
    stored = record_inventory(host_id=speaker.host_id, upload=upload, now=speaker.now, fingerprint=fingerprint)
    return InventoryReply(stored=stored)


def _permit(speaker: Speaker, request: PermitRequest) -> PermitReply:
    organisation_of_speaker(host_id=speaker.host_id)
    return grant_permit(host_id=speaker.host_id, request=request, now=speaker.now)


def _outcomes(speaker: Speaker, upload: OutcomesUpload) -> OutcomesReply:
    organisation_of_speaker(host_id=speaker.host_id)
    _check_count("outcomes", len(upload.outcomes), OUTCOME_COUNT_MAX)
    stored = record_outcomes(host_id=speaker.host_id, outcomes=upload.outcomes, now=speaker.now)
    return OutcomesReply(stored=tuple(stored))


def _notes(speaker: Speaker, upload: NotesUpload) -> NotesReply:
    _check_count("entries", len(upload.entries), NOTES_ENTRY_COUNT_MAX)
    organisation_id = organisation_of_speaker(host_id=speaker.host_id)
    stored = record_notes(organisation_id=organisation_id, host_id=speaker.host_id, upload=upload, now=speaker.now)
    return NotesReply(stored_count=stored.stored_count)


def _check_count(name: str, count: int, count_max: int) -> None:
    if count > count_max:
        raise HostError(
            code="body_garbage",
            sentence=f"The body cannot be read: {name} has {count} entries, more than {count_max}.",
            next_step="Update the agent on this host.",
        )


_INSTALLED = lighter(InstalledPackage)
_PACKAGES = lighter(PackagesSection, packages=tuple[_INSTALLED, ...])  # type: ignore[valid-type]
_INVENTORY = lighter(InventoryUpload, packages=_PACKAGES | None)

VERBS = {
    PATH_INVENTORY: Verb(
        INVENTORY_BODY_BYTES_MAX, Decoder(_INVENTORY, plain_bytes_max=INVENTORY_PLAIN_BYTES_MAX), _inventory
    ),
    PATH_PERMIT: Verb(BODY_BYTES_MAX, Decoder(PermitRequest, plain_bytes_max=BODY_BYTES_MAX), _permit),
    PATH_OUTCOMES: Verb(
        OUTCOMES_BODY_BYTES_MAX, Decoder(OutcomesUpload, plain_bytes_max=OUTCOMES_PLAIN_BYTES_MAX), _outcomes
    ),
    PATH_NOTES: Verb(NOTES_BODY_BYTES_MAX, Decoder(NotesUpload, plain_bytes_max=NOTES_PLAIN_BYTES_MAX), _notes),
}

ENROL_DECODER = Decoder(EnrolRequest, plain_bytes_max=BODY_BYTES_MAX)


def answer_enrolment(*, body: bytes, encoding: bytes, intervals: Intervals, now: datetime) -> Answer:
    """Answer somebody who wants to become a host."""
    try:
        reply = enrol(ENROL_DECODER.decode(body, encoding), now=now)
    except OakumError as fault:
        return refuse_fault(fault)
    seconds = intervals.seconds(UUID(reply.organisation_id), busy=False)
    return render_reply(dataclasses.replace(reply, check_in_seconds=seconds))
