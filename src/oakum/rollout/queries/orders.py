"""The signed orders that hosts are to be given with their next reply."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from oakum.protocol.codec import from_plain
from oakum.protocol.dsse import Envelope
from oakum.rollout.models import Order, OrderState
from oakum.sql import among


def orders_for(*, host_ids: Collection[UUID]) -> dict[UUID, tuple[Envelope, ...]]:
    """Return each host's newest signed order that is neither replaced nor finished; hosts without one are left out.

    It takes no organisation: the door has authenticated each host, and an order belongs to one host.
    """
    signed = Order.objects.filter(state=OrderState.SIGNED)
    if not signed.exists():  # Most of the time no rollout runs: not worth naming hundreds of hosts.
        return {}
    rows = signed.filter(host_id__in=among(host_ids))
    newest: dict[UUID, tuple[int, object]] = {}
    for host_id, generation, envelope in rows.values_list("host_id", "generation", "envelope"):
        if host_id not in newest or generation > newest[host_id][0]:
            newest[host_id] = (generation, envelope)
    return {host_id: (from_plain(envelope, Envelope),) for host_id, (_, envelope) in newest.items()}
