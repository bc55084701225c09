"""A check-in survives lost replies and killed agents without ever looking like a copied host."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.agent.broker import Broker, Transport
from oakum.agent.broker.address import parse_server
from oakum.agent.broker.check_in import check_in, clamp_interval, measure_skew
from oakum.agent.errors import AgentError, HostError, ServerAnswerError, ServerUnavailable
from oakum.agent.state import FINISHED_ORDER_COUNT_MAX, AgentState, StateStore, load_state, lock
from oakum.protocol.codec import canonical_json
from oakum.protocol.messages import PATH_CHECK_IN, CheckInReply
from oakum.protocol.trust import render_instant
from tests.agent.server import HOST_ID, FakeServer, Seen, serving
from tests.agent.values import NOW, make_observation


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving(FakeServer()) as server:
        yield server


def go(server: FakeServer, state_dir: Path) -> CheckInReply:
    """Check in as a new process would: everything but the state directory is forgotten."""
    transport = Transport(parse_server(server.url), "", sleep=lambda _: None)
    broker = Broker(transport, host_id=HOST_ID, secret="s")
    try:
        return check_in(broker, StateStore(state_dir), make_observation(), active=(), now=lambda: datetime.now(UTC))
    finally:
        broker.close()


def test_each_reply_gives_the_nonce_of_the_next_check_in(server: FakeServer, tmp_path: Path) -> None:
    for _ in range(3):
        go(server, tmp_path)
    assert [sent.nonce for sent in server.check_ins()] == ["", "nonce-1", "nonce-2"]
    assert len({sent.attempt for sent in server.check_ins()}) == 3
    assert load_state(tmp_path).attempt == ""


def test_a_lost_reply_is_asked_for_again_under_the_same_attempt(server: FakeServer, tmp_path: Path) -> None:
    go(server, tmp_path)
    lose = [True] * 3

    def hang_up(_: Seen) -> None:
        if lose:
            lose.pop()
            raise ConnectionAbortedError

    server.responders.append(hang_up)
    with pytest.raises(ServerUnavailable):
        go(server, tmp_path)
    assert load_state(tmp_path).check_in_problem
    go(server, tmp_path)
    sent = server.check_ins()[1:]
    assert {each.nonce for each in sent} == {"nonce-1"}
    assert len({each.attempt for each in sent}) == 1
    assert load_state(tmp_path).check_in_problem == ""


def test_the_attempt_is_on_disk_before_anything_is_sent(server: FakeServer, tmp_path: Path) -> None:
    stored: list[str] = []

    def look(seen: Seen) -> None:
        if seen.path == PATH_CHECK_IN:
            stored.append(load_state(tmp_path).attempt)

    server.responders.append(look)
    go(server, tmp_path)
    assert stored == [server.check_ins()[0].attempt]


@pytest.mark.parametrize(
    "reply",
    [
        CheckInReply("", "2026-11-22T12:00:00Z", (), (), (), 300),
        CheckInReply("n", "2026-11-22T12:00:00Z", ("everything",), (), (), 300),
        CheckInReply("n", "yesterday", (), (), (), 300),
    ],
)
def test_a_senseless_reply_changes_nothing_but_the_problem(
    server: FakeServer, tmp_path: Path, reply: CheckInReply
) -> None:
    server.responders.append(lambda _: (200, canonical_json(reply)))
    with pytest.raises(ServerAnswerError):
        go(server, tmp_path)
    state = load_state(tmp_path)
    assert (state.nonce, state.checked_in_at) == ("", "")
    assert state.attempt
    assert state.check_in_problem


def test_a_wrong_clock_is_measured_for_trust(server: FakeServer, tmp_path: Path) -> None:
    server.server_time = lambda: datetime.now(UTC) + timedelta(minutes=10)
    go(server, tmp_path)
    skew = StateStore(tmp_path).load_trust("h", "o").clock_skew_seconds
    assert 595 <= skew <= 605


@given(st.timedeltas(min_value=timedelta(days=-1), max_value=timedelta(days=1)))
def test_a_skew_is_the_servers_clock_less_ours(difference: timedelta) -> None:
    measured = measure_skew(render_instant(NOW + difference), NOW)
    assert abs(measured - difference.total_seconds()) <= 0.5


@given(st.integers())
def test_no_server_can_make_an_agent_silent_or_frantic(seconds: int) -> None:
    assert 5 <= clamp_interval(seconds) <= 86_400


def test_trust_is_kept_and_its_generation_never_goes_back(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    trust = store.load_trust("h", "o")
    ids = tuple(str(number) for number in range(FINISHED_ORDER_COUNT_MAX + 5))
    import dataclasses

    store.save_trust(dataclasses.replace(trust, generation_max=7, current_order_hash="x", finished_order_ids=ids))
    again = StateStore(tmp_path).load_trust("h", "o")
    assert (again.generation_max, again.current_order_hash) == (7, "x")
    assert again.finished_order_ids == ids[5:]
    with pytest.raises(HostError):
        store.save_trust(dataclasses.replace(trust, generation_max=6))


def test_a_damaged_state_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_bytes(b'{"nonce":')
    with pytest.raises(HostError, match="cannot be understood"):
        StateStore(tmp_path)


def test_an_unknown_field_of_a_newer_agent_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_bytes(b'{"nonce": "n", "later": 1}')
    assert load_state(tmp_path) == AgentState(nonce="n")


def test_the_lock_says_who_holds_it(tmp_path: Path) -> None:
    with lock(tmp_path, "the first") as first, lock(tmp_path, "the second") as second:
        assert first == ""
        assert "the first" in second
    with lock(tmp_path, "the third") as third:
        assert third == ""


def test_a_full_disk_keeps_the_old_state(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    store.change(nonce="old")
    store.path = Path("/dev/full/state.json")
    with pytest.raises(HostError):
        store.change(nonce="new")
    assert store.state.nonce == "old"
    assert load_state(tmp_path).nonce == "old"


def test_every_fault_has_a_code_a_sentence_and_a_next_step(tmp_path: Path) -> None:
    with serving(FakeServer()) as gone:
        pass
    with pytest.raises(AgentError) as caught:
        go(gone, tmp_path)
    assert caught.value.code
    assert caught.value.sentence.endswith(".")
    assert caught.value.next_step
