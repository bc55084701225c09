"""What came of an order is never lost and never sent twice for nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from oakum.agent import spool as spool_module
from oakum.agent.broker import Broker, Transport
from oakum.agent.broker.address import parse_server
from oakum.agent.broker.outcomes import BATCH_BYTES_MAX, choose_batch, flush_spool
from oakum.agent.errors import HostError, ServerUnavailable
from oakum.agent.spool import LOG_BYTES_MAX, Spool, Waiting
from oakum.protocol.codec import canonical_json, from_json
from oakum.protocol.messages import OUTCOME_COUNT_MAX, PATH_OUTCOMES, Outcome, OutcomesReply, OutcomesUpload
from oakum.protocol.orders import OUTCOME_DEFERRED
from tests.agent.server import HOST_ID, FakeServer, serving
from tests.agent.values import make_outcome


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving(FakeServer()) as server:
        yield server


@pytest.fixture
def broker(server: FakeServer) -> Iterator[Broker]:
    broker = Broker(Transport(parse_server(server.url), "", sleep=lambda _: None), host_id=HOST_ID, secret="s")
    yield broker
    broker.close()


def ids(spool: Spool) -> list[str]:
    return [waiting.outcome.outcome_id for waiting in spool.waiting(10_000)]


def test_outcomes_wait_in_the_order_in_which_they_happened(spool: Spool, tmp_path: Path) -> None:
    for number in (3, 1, 2):
        spool.add(make_outcome(number))
    assert ids(Spool(tmp_path)) == ["outcome-3", "outcome-1", "outcome-2"]


def test_an_outcome_reported_twice_waits_once(spool: Spool) -> None:
    spool.add(make_outcome(1))
    spool.add(make_outcome(1))
    assert spool.count() == 1


def test_only_what_is_acknowledged_leaves(spool: Spool, server: FakeServer, broker: Broker) -> None:
    for number in range(1, 4):
        spool.add(make_outcome(number))
    replies = iter([OutcomesReply(("outcome-1", "outcome-3")), OutcomesReply(())])
    server.responders.append(lambda _: (200, canonical_json(next(replies))))
    assert flush_spool(broker, spool) == 2
    assert ids(spool) == ["outcome-2"]


def test_a_server_that_is_away_loses_nothing(spool: Spool, server: FakeServer, broker: Broker) -> None:
    spool.add(make_outcome(1))
    server.responders.append(lambda _: (503, b""))
    with pytest.raises(ServerUnavailable):
        flush_spool(broker, spool)
    assert ids(spool) == ["outcome-1"]


def test_a_kill_between_the_reply_and_the_removal_sends_again(spool: Spool, server: FakeServer, broker: Broker) -> None:
    """The outcome's id makes that harmless; losing it would not be."""
    spool.add(make_outcome(1))
    (waiting,) = spool.waiting(1)
    flush_spool(broker, spool)
    waiting.path.write_bytes(canonical_json(waiting.outcome))
    flush_spool(broker, spool)
    assert spool.count() == 0
    assert len(server.bodies(PATH_OUTCOMES)) == 2


def test_batches_keep_to_the_protocols_limits(spool: Spool, server: FakeServer, broker: Broker) -> None:
    for number in range(OUTCOME_COUNT_MAX + 10):
        spool.add(make_outcome(number, log="y" * 2_000))
    flush_spool(broker, spool)
    uploads = [from_json(body, OutcomesUpload) for body in server.bodies(PATH_OUTCOMES)]
    assert all(len(upload.outcomes) <= OUTCOME_COUNT_MAX for upload in uploads)
    assert all(len(body) <= BATCH_BYTES_MAX + 1024 for body in server.bodies(PATH_OUTCOMES))
    sent = [outcome.outcome_id for outcome in itertools.chain.from_iterable(upload.outcomes for upload in uploads)]
    assert sent == [f"outcome-{number}" for number in range(OUTCOME_COUNT_MAX + 10)]


def test_an_outcome_larger_than_a_batch_goes_alone() -> None:
    large = Waiting(Path("x"), make_outcome(1, log="z" * (2 * BATCH_BYTES_MAX)))
    small = Waiting(Path("y"), make_outcome(2))
    assert choose_batch((large, small)) == (large,)
    assert choose_batch((small, large)) == (small,)
    assert choose_batch(()) == ()


def test_a_long_log_keeps_its_end(spool: Spool) -> None:
    spool.add(make_outcome(1, log="a" * LOG_BYTES_MAX + "the end"))
    (waiting,) = spool.waiting(1)
    assert waiting.outcome.log.endswith("the end")
    assert len(waiting.outcome.log.encode()) <= LOG_BYTES_MAX + 40


def test_a_full_spool_drops_the_oldest_deferral_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "OUTCOME_WAITING_COUNT_MAX", 4)
    spool = Spool(tmp_path)
    for number, kind in ((1, "refused"), (2, OUTCOME_DEFERRED), (3, OUTCOME_DEFERRED), (4, "soaked")):
        spool.add(make_outcome(number, kind))
    spool.add(make_outcome(5, "applied"))
    assert ids(spool) == ["outcome-1", "outcome-3", "outcome-4", "outcome-5"]
    spool.add(make_outcome(6, "soaked"))
    with pytest.raises(HostError, match="none of them may be dropped"):
        spool.add(make_outcome(7, "soaked"))
    assert ids(spool) == ["outcome-1", "outcome-4", "outcome-5", "outcome-6"]


def test_a_damaged_file_holds_up_nothing(spool: Spool, tmp_path: Path) -> None:
    spool.add(make_outcome(1))
    (tmp_path / "spool/000000000000-x.json").write_bytes(b"{")
    assert ids(spool) == ["outcome-1"]
    assert [path.name for path in (tmp_path / "spool-broken").iterdir()] == ["000000000000-x.json"]


@pytest.mark.parametrize("outcome_id", ["", "../../etc/passwd", "a/b", "x" * 200])
def test_an_id_that_is_no_file_name_is_our_fault(spool: Spool, outcome_id: str) -> None:
    import dataclasses

    with pytest.raises(ValueError, match="file's name"):
        spool.add(dataclasses.replace(make_outcome(1), outcome_id=outcome_id))


def test_what_is_stored_reads_back_equal(spool: Spool) -> None:
    outcome: Outcome = make_outcome(1, log="lines\nand ümlauts\n")
    spool.add(outcome)
    assert spool.waiting(1)[0].outcome == outcome
