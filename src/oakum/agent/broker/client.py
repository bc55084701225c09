"""The protocol's requests as methods: value in, value out.

It keeps no state but the identity it speaks with; durability is ``check_in``'s and the spool's business.
"""

from __future__ import annotations

from typing import Type, TypeVar

from oakum.agent.broker.transport import TRY_COUNT_MAX, Exchange, Transport
from oakum.agent.errors import HostError, ServerAnswerError
from oakum.protocol.codec import WireError, canonical_json, from_json
from oakum.protocol.messages import (
    BODY_BYTES_MAX,
    INVENTORY_PLAIN_BYTES_MAX,
    NOTES_PLAIN_BYTES_MAX,
    OUTCOMES_PLAIN_BYTES_MAX,
    PATH_CHECK_IN,
    PATH_ENROL,
    PATH_INVENTORY,
    PATH_NOTES,
    PATH_OUTCOMES,
    PATH_PERMIT,
    CheckIn,
    CheckInReply,
    EnrolReply,
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

Reply = TypeVar("Reply")


class Broker:
    """Speaks with the server as one host, or as nobody yet (enrolment)."""

    def __init__(self, transport: Transport, *, host_id: str = "", secret: str = "") -> None:
        """``secret`` goes to the server as bearer of every request but enrolment."""
        self._transport = transport
        self._authorization = f"Oakum {host_id}.{secret}" if host_id else ""

    def enrol(self, request: EnrolRequest) -> EnrolReply:
        """Ask to become a host; sent once, because a token may be good for one host only."""
        return self._call(PATH_ENROL, request, EnrolReply, BODY_BYTES_MAX, try_count_max=1)[0]

    def check_in(self, request: CheckIn) -> tuple[CheckInReply, Exchange]:
        """Check in; the exchange tells when request and reply were on their way."""
        return self._call(PATH_CHECK_IN, request, CheckInReply, BODY_BYTES_MAX)

    def upload(self, request: InventoryUpload) -> InventoryReply:
        """Upload sections of the inventory report."""
        return self._call(PATH_INVENTORY, request, InventoryReply, INVENTORY_PLAIN_BYTES_MAX)[0]

    def send_notes(self, request: NotesUpload) -> NotesReply:
        """Upload release notes."""
        return self._call(PATH_NOTES, request, NotesReply, NOTES_PLAIN_BYTES_MAX)[0]

    def send_outcomes(self, request: OutcomesUpload) -> OutcomesReply:
        """Upload outcomes; repeating it is harmless."""
        return self._call(PATH_OUTCOMES, request, OutcomesReply, OUTCOMES_PLAIN_BYTES_MAX)[0]

    def ask_permit(self, request: PermitRequest) -> PermitReply:
        """Ask for a start permit, once: a permit lapses in seconds, and asking again is the actor's decision."""
        return self._call(PATH_PERMIT, request, PermitReply, BODY_BYTES_MAX, try_count_max=1)[0]

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _call(
        self, path: str, request: object, kind: Type[Reply], bytes_max: int, *, try_count_max: int = TRY_COUNT_MAX
    ) -> tuple[Reply, Exchange]:
        body = canonical_json(request)
        if len(body) > bytes_max:
            raise HostError(
                code="message_too_large",
                sentence=f"A {type(request).__name__} of {len(body)} bytes is more than a server takes ({bytes_max}).",
                next_step="Please report it with the number of installed packages.",
            )
        exchange = self._transport.post(path, body, authorization=self._authorization, try_count_max=try_count_max)
        try:
            return from_json(exchange.body, kind), exchange
        except WireError as error:
            raise ServerAnswerError(
                code="reply_malformed",
                sentence=f"The answer of {self._transport.address.url}{path} cannot be understood: {error}.",
                next_step="Update agent and server to the same version; check any proxy before the server.",
            ) from error
