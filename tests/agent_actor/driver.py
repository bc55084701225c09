"""One tick of the actor inside a lab host, with a server that is a few files: run there as ``python3 driver.py DIR``.

In DIR: key (the order signer's public key in hex), orders.json (envelopes to deliver), policy.json (optional),
permit (``grant``, ``deny`` or ``away``), skew (optional, seconds).  State, trust and spool are the agent's own.
It prints what the tick came to as one line of JSON.  Python 3.9, standard library, oakum.agent and oakum.protocol.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from oakum.agent.actor import active_orders, work
from oakum.agent.context import ActorContext
from oakum.agent.errors import ServerUnavailable
from oakum.agent.log import log
from oakum.agent.spool import Spool
from oakum.agent.state import StateStore, lock
from oakum.protocol.codec import from_plain, to_plain
from oakum.protocol.dsse import Envelope
from oakum.protocol.messages import PermitReply, PermitRequest
from oakum.protocol.trust import MODE_APPLY, LocalPolicy

HOST_ID, ORGANISATION_ID = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def read(path: Path, default: str) -> str:
    return path.read_text().strip() if path.exists() else default


def tick(top: Path) -> object:
    state_dir = top / "state"
    store, spool = StateStore(state_dir), Spool(state_dir)

    def ask_permit(request: PermitRequest) -> PermitReply:
        answer = read(top / "permit", "grant")
        with (top / "asked.jsonl").open("a") as stream:
            stream.write(json.dumps(to_plain(request)) + "\n")
        if answer == "away":
            raise ServerUnavailable(code="server_unreachable", sentence="The server does not answer.")
        granted = answer == "grant"
        return PermitReply(granted, "p" if granted else "", request.order_hash, 10, "" if granted else "halted", "")

    context = ActorContext(
        state_dir=str(state_dir),
        host_id=HOST_ID,
        organisation_id=ORGANISATION_ID,
        server_key=bytes.fromhex(read(top / "key", "")),
        policy=from_plain(json.loads(read(top / "policy.json", json.dumps({"mode": MODE_APPLY}))), LocalPolicy),
        load_trust=lambda: store.load_trust(HOST_ID, ORGANISATION_ID),
        save_trust=store.save_trust,
        ask_permit=ask_permit,
        report=spool.add,
        now=lambda: datetime.now(timezone.utc),  # noqa: UP017 - not in Python 3.9
        monotonic=time.monotonic,
        sleep=time.sleep,
        log=log,
    )
    envelopes = tuple(from_plain(each, Envelope) for each in json.loads(read(top / "orders.json", "[]")))
    with lock(state_dir, "test") as problem:
        if problem:
            return {"locked": problem}
        started = time.monotonic()
        done = work(context, envelopes)
        return {
            "seconds": round(time.monotonic() - started, 2),
            "due_in": None if done.next_due_at is None else (done.next_due_at - context.now()).total_seconds(),
            "inventory_changed": done.inventory_changed,
            "active": [to_plain(each) for each in active_orders(str(state_dir))],
            "outcomes": [to_plain(each.outcome) for each in spool.waiting(1_000)],
        }


if __name__ == "__main__":
    print(json.dumps(tick(Path(sys.argv[1]))))
