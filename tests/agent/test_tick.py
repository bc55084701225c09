"""Whole ticks against a server on loopback, as functions and as processes that are killed."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oakum.agent.broker import Broker, Transport
from oakum.agent.broker.address import parse_server
from oakum.agent.broker.enrol import Enrolment, enrol
from oakum.agent.errors import ServerUnavailable
from oakum.agent.main import main
from oakum.agent.spool import Spool
from oakum.agent.state import StateStore, load_state, lock
from oakum.agent.tick import Agent, open_agent, tick
from oakum.protocol.codec import canonical_json, from_json
from oakum.protocol.dsse import Envelope, seal
from oakum.protocol.messages import (
    PATH_CHECK_IN,
    PATH_INVENTORY,
    PATH_NOTES,
    PATH_OUTCOMES,
    CheckInReply,
    InventoryUpload,
    NotesRequest,
    NotesUpload,
    Outcome,
    OutcomesUpload,
)
from oakum.protocol.orders import ORDER_PAYLOAD_TYPE, OUTCOME_HELD, VERB_HOLD, WorkOrder, order_payload
from oakum.protocol.trust import render_instant
from tests.agent.server import HOST_ID, ORGANISATION_ID, Answer, FakeServer, Seen, serving
from tests.agent.values import make_outcome

SIGNER = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
PUBLIC_KEY = SIGNER.public_key().public_bytes_raw()


@dataclasses.dataclass
class Place:
    """An enrolled host's two directories and its server."""

    server: FakeServer
    config_dir: Path
    state_dir: Path

    @property
    def options(self) -> list[str]:
        return ["--config-dir", str(self.config_dir), "--state-dir", str(self.state_dir)]

    def agent(self) -> Agent:
        """An agent without a package manager: what apt says is tried elsewhere."""
        opened = open_agent(self.config_dir, self.state_dir)
        transport = Transport(parse_server(self.server.url), "", sleep=lambda _: None)
        broker = Broker(transport, host_id=HOST_ID, secret="s")
        return dataclasses.replace(opened, find_manager=lambda: None, broker=broker)

    def outcomes(self) -> list[Outcome]:
        uploads = [from_json(body, OutcomesUpload) for body in self.server.bodies(PATH_OUTCOMES)]
        return [outcome for upload in uploads for outcome in upload.outcomes]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with serving(FakeServer(server_key=PUBLIC_KEY.hex())) as server:
        found = Place(server, tmp_path / "config", tmp_path / "state")
        wish = Enrolment(server.url, "oak_t", PUBLIC_KEY.hex(), "", "report_only", force=False)
        enrol(wish, config_dir=found.config_dir, state_dir=found.state_dir)
        server.seen.clear()
        yield found


def reply_with(server: FakeServer, **changes: object) -> None:
    """Answer check-ins with an ordinary reply that has ``changes``."""

    def responder(seen: Seen) -> Answer | None:
        if seen.path != PATH_CHECK_IN:
            return None
        server.nonce_count += 1
        reply = CheckInReply(f"nonce-{server.nonce_count}", render_instant(datetime.now(UTC)), (), (), (), 300)
        return 200, canonical_json(dataclasses.replace(reply, **changes))  # type: ignore[arg-type]

    server.responders.append(responder)


def test_a_tick_sends_what_is_asked_for_and_no_more(place: Place) -> None:
    place.server.need = ("facts",)
    assert tick(place.agent()).fault is None
    (body,) = place.server.bodies(PATH_INVENTORY)
    upload = from_json(body, InventoryUpload)
    assert upload.facts is not None
    assert (upload.packages, upload.offers) == (None, None)


def test_an_unchanged_host_sends_a_few_hundred_bytes(place: Place) -> None:
    place.server.need = ()
    tick(place.agent())
    (seen,) = place.server.seen
    assert seen.path == PATH_CHECK_IN
    assert len(seen.body) < 1_000


def test_the_hashes_are_those_of_the_sections(place: Place) -> None:
    tick(place.agent())
    (sent,) = place.server.check_ins()
    (body,) = place.server.bodies(PATH_INVENTORY)
    upload = from_json(body, InventoryUpload)
    from oakum.protocol.inventory import section_hash

    assert sent.facts_hash == section_hash(upload.facts)
    assert sent.packages_hash == section_hash(upload.packages)
    assert sent.offers_hash == section_hash(upload.offers)


def test_a_signed_hold_is_taken_note_of_and_reported(place: Place) -> None:
    """The whole way: envelope, pinned key, trust on disk, outcome in the spool, outcome at the server."""
    order = WorkOrder(
        order_id="order-1", organisation_id=ORGANISATION_ID, host_id=HOST_ID, generation=5, verb=VERB_HOLD,
        rollout_id="r", plan_number=1, plan_hash="0" * 64, issued_at=render_instant(datetime.now(UTC)),
        expires_at=render_instant(datetime.now(UTC) + timedelta(hours=1)), windows=(), packages=(),
    )  # fmt: skip
    envelope = seal(ORDER_PAYLOAD_TYPE, order_payload(order), public_key=PUBLIC_KEY, sign=SIGNER.sign)
    reply_with(place.server, orders=(envelope,))
    tick(place.agent())
    assert [(outcome.order_id, outcome.kind) for outcome in place.outcomes()] == [("order-1", OUTCOME_HELD)]
    assert load_state(place.state_dir).generation_max == 5
    assert Spool(place.state_dir).count() == 0
    tick(place.agent())
    assert place.server.check_ins()[-1].generation_max == 5
    tick(place.agent())
    told = [(outcome.kind, outcome.reason) for outcome in place.outcomes()]
    # The server had the outcome when it handed the hold out again: a replay, told once.
    assert told == [(OUTCOME_HELD, ""), ("refused", "replayed")]


def test_an_order_of_another_signer_is_not_obeyed(place: Place) -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
    forged = seal(ORDER_PAYLOAD_TYPE, b"{}", public_key=PUBLIC_KEY, sign=stranger.sign)
    reply_with(place.server, orders=(forged, Envelope(ORDER_PAYLOAD_TYPE, "?", ())))
    tick(place.agent())
    assert load_state(place.state_dir).generation_max == 0
    assert all(outcome.kind == "refused" for outcome in place.outcomes())


def test_without_the_server_outcomes_wait_and_later_go(place: Place) -> None:
    Spool(place.state_dir).add(make_outcome(1))
    away = [True]
    place.server.responders.append(lambda _: (503, b"") if away else None)
    report = tick(place.agent())
    assert isinstance(report.fault, ServerUnavailable)
    assert Spool(place.state_dir).count() == 1
    assert load_state(place.state_dir).check_in_problem
    away.clear()
    assert tick(place.agent()).fault is None
    assert [outcome.outcome_id for outcome in place.outcomes()] == ["outcome-1"]
    assert load_state(place.state_dir).check_in_problem == ""


def test_wanted_notes_are_answered_even_when_there_are_none(place: Place) -> None:
    wanted = NotesRequest("openssl", "3.0.22-1", "openssl", "3.0.22-1", "amd64", "3.0.19-1")
    reply_with(place.server, notes_wanted=(wanted,))
    tick(place.agent())
    (body,) = place.server.bodies(PATH_NOTES)
    upload = from_json(body, NotesUpload)
    assert (upload.source_name, upload.entries) == ("openssl", ())
    assert upload.problem


def test_a_failed_upload_is_shown_by_status(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.server.responders.append(lambda seen: (413, b"") if seen.path == PATH_INVENTORY else None)
    tick(place.agent())
    assert main(["status", *place.options]) == 1
    assert "too large" in capsys.readouterr().out


def test_status_is_in_order_after_a_good_tick(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    tick(place.agent())
    assert main(["status", *place.options]) == 0
    text = capsys.readouterr().out
    assert place.server.url in text
    assert "Orders         none" in text
    assert main(["status", "--json", *place.options]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["host_id"], shown["waiting_outcome_count"], shown["policy_mode"]) == (HOST_ID, 0, "report_only")


def test_status_without_enrolment_names_the_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--config-dir", str(tmp_path), "--state-dir", str(tmp_path)]) == 1
    assert "installer line" in capsys.readouterr().out


def test_a_second_run_says_who_is_at_work_and_ends_well(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    with lock(place.state_dir, "the first run"):
        assert main(["run", "--once", *place.options]) == 0
    assert "the first run" in capsys.readouterr().err
    assert place.server.seen == []


def test_a_fault_is_printed_with_its_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config-dir", str(tmp_path), "--state-dir", str(tmp_path)]) == 4
    assert "Next step:" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["run", "--until-stdin-closes"], ["enrol"], ["dance"], []])
def test_a_command_line_that_makes_no_sense_is_misuse(words: list[str]) -> None:
    try:
        code = main(words)
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2


def test_the_policy_command_shows_and_sets_the_mode(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    main(["policy", "--mode", "apply", *place.options])
    stated = json.loads((place.config_dir / "policy.json").read_text())
    assert (stated["mode"], stated["packages"]) == ("apply", ["*"])
    assert "mode" in capsys.readouterr().out


def command(place: Place, *words: str) -> list[str]:
    return [sys.executable, "-m", "oakum.agent", *words, *place.options]


@pytest.mark.usefixtures("no_offers")
def test_an_agent_that_is_killed_in_its_check_in_repeats_it(place: Place) -> None:
    """Killed by SIGKILL after the request has arrived and before a reply: the worst instant there is."""
    killed: list[int] = []
    child: list[subprocess.Popen[bytes]] = []
    started = threading.Event()

    def kill(seen: Seen) -> None:
        if seen.path == PATH_CHECK_IN and not killed:
            started.wait(30)
            killed.append(child[0].pid)
            os.kill(child[0].pid, signal.SIGKILL)
            child[0].wait(30)
            raise ConnectionAbortedError

    place.server.responders.append(kill)
    child.append(subprocess.Popen(command(place, "run", "--once"), stderr=subprocess.DEVNULL))
    started.set()
    assert child[0].wait(60) == -signal.SIGKILL
    attempt = load_state(place.state_dir).attempt
    assert attempt
    done = subprocess.run(command(place, "run", "--once"), capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    first, second = place.server.check_ins()
    assert first.attempt == second.attempt == attempt
    assert first.nonce == second.nonce
    assert StateStore(place.state_dir).state.attempt == ""


@pytest.mark.usefixtures("no_offers")
def test_a_staying_agent_ends_with_its_parent(place: Place) -> None:
    arrived = threading.Event()
    place.server.responders.append(lambda _: arrived.set())
    child = subprocess.Popen(
        command(place, "run", "--stay", "--until-stdin-closes"), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert child.stdin is not None
    assert arrived.wait(60)
    child.stdin.close()
    assert child.wait(60) == 0


@pytest.mark.usefixtures("no_offers")
def test_a_staying_agent_ends_on_sigterm(place: Place) -> None:
    arrived = threading.Event()
    place.server.responders.append(lambda _: arrived.set())
    child = subprocess.Popen(command(place, "run", "--stay"), stderr=subprocess.DEVNULL)
    assert arrived.wait(60)
    child.terminate()
    assert child.wait(60) == 0
