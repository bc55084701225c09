"""The talker over real loopback sockets: what it accepts, refuses, repeats and gives up on."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from oakum.agent.broker import Broker, Transport, transport
from oakum.agent.broker.address import parse_certificate, parse_server
from oakum.agent.broker.replies import explain_refusal, printable
from oakum.agent.broker.transport import GZIP_FROM_BYTES, TRY_COUNT_MAX
from oakum.agent.errors import (
    HostError,
    MisuseError,
    RefusedError,
    ServerAnswerError,
    ServerRefused,
    ServerUnavailable,
)
from oakum.protocol.codec import canonical_json
from oakum.protocol.messages import (
    PATH_PERMIT,
    PROTOCOL_VERSION,
    REPLY_BYTES_MAX,
    ErrorReply,
    OutcomesUpload,
    PermitRequest,
)
from tests.agent.server import HOST_ID, Answer, FakeServer, Seen, serving
from tests.agent.values import NOW, make_outcome

PERMIT = PermitRequest(PROTOCOL_VERSION, "order-1", "0" * 64, 1, "attempt-1")
SMALL = OutcomesUpload(PROTOCOL_VERSION, (make_outcome(1),))


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving(FakeServer()) as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def broker(server: FakeServer, pauses: list[float]) -> Iterator[Broker]:
    broker = Broker(Transport(parse_server(server.url), "", sleep=pauses.append), host_id=HOST_ID, secret="s3cret")
    yield broker
    broker.close()


def refuse(status: int, body: bytes = b"") -> Answer:
    return status, body


def test_a_request_carries_the_hosts_identity(server: FakeServer, broker: Broker) -> None:
    broker.ask_permit(PERMIT)
    assert server.seen[0].headers["Authorization"] == f"Oakum {HOST_ID}.s3cret"
    assert server.seen[0].body == canonical_json(PERMIT)


def test_large_bodies_are_packed_and_small_ones_are_not(server: FakeServer, broker: Broker) -> None:
    large = OutcomesUpload(PROTOCOL_VERSION, (make_outcome(1, log="x" * GZIP_FROM_BYTES),))
    broker.ask_permit(PERMIT)
    broker.send_outcomes(large)
    assert [seen.headers.get("Content-Encoding") for seen in server.seen] == [None, "gzip"]
    assert server.seen[1].body == canonical_json(large)


def test_the_servers_own_words_reach_the_reader(server: FakeServer, broker: Broker) -> None:
    words = ErrorReply("quarantined", "Two machines check in with this identity.", "Find the copies.")
    server.responders.append(lambda _: refuse(403, canonical_json(words)))
    with pytest.raises(ServerRefused) as caught:
        broker.send_outcomes(SMALL)
    assert (caught.value.code, caught.value.sentence, caught.value.next_step) == (
        "quarantined",
        "Two machines check in with this identity.",
        "Find the copies.",
    )
    assert len(server.seen) == 1, "a refusal is not repeated"


@pytest.mark.parametrize("status", [401, 403, 404, 413, 415, 422, 418])
def test_a_refusal_without_words_still_says_what_to_do(server: FakeServer, broker: Broker, status: int) -> None:
    server.responders.append(lambda _: refuse(status, b"<html>no</html>"))
    with pytest.raises(ServerRefused) as caught:
        broker.send_outcomes(SMALL)
    assert caught.value.next_step
    assert str(status) in caught.value.sentence


def test_passing_trouble_is_tried_again_with_growing_pauses(
    server: FakeServer, broker: Broker, pauses: list[float]
) -> None:
    answers = iter([503, 429])
    server.responders.append(lambda _: refuse(status) if (status := next(answers, 0)) else None)
    assert broker.send_outcomes(SMALL).stored == ("outcome-1",)
    assert len(pauses) == 2
    assert 0.5 <= pauses[0] <= 1.5
    assert 1.0 <= pauses[1] <= 3.0


def test_lasting_trouble_is_given_up_after_a_bounded_number_of_tries(
    server: FakeServer, broker: Broker, pauses: list[float]
) -> None:
    server.responders.append(lambda _: refuse(503))
    with pytest.raises(ServerUnavailable):
        broker.send_outcomes(SMALL)
    assert len(server.seen) == TRY_COUNT_MAX
    assert len(pauses) == TRY_COUNT_MAX - 1


def test_a_permit_is_asked_for_once(server: FakeServer, broker: Broker) -> None:
    server.responders.append(lambda _: refuse(503))
    with pytest.raises(ServerUnavailable):
        broker.ask_permit(PERMIT)
    assert len(server.bodies(PATH_PERMIT)) == 1


def test_nobody_listening_is_unavailable(pauses: list[float]) -> None:
    with serving(FakeServer()) as gone:
        address = parse_server(gone.url)
    with pytest.raises(ServerUnavailable, match="cannot be reached"):
        Broker(Transport(address, "", sleep=pauses.append)).send_outcomes(SMALL)


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again(server: FakeServer, broker: Broker) -> None:
    hang_up = [False, True, False]

    def responder(_: Seen) -> None:
        if hang_up.pop(0):
            raise ConnectionAbortedError

    server.responders.append(responder)
    broker.ask_permit(PERMIT)
    # The second request meets the end of the kept connection; a permit is not retried otherwise.
    assert broker.ask_permit(PERMIT).reason == "halted"
    assert len(server.bodies(PATH_PERMIT)) == 3


def test_a_server_that_never_ends_its_reply_is_cut_off(
    server: FakeServer, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "EXCHANGE_SECONDS_MAX", 0.2)
    done = threading.Event()

    def stall(_: Seen) -> None:
        done.wait(30)

    server.responders.append(stall)
    with pytest.raises(ServerUnavailable):
        broker.ask_permit(PERMIT)
    done.set()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (302, b"", "points to"),
        (200, b"<html>Welcome</html>", "cannot be understood"),
        (200, b"\xff\xfe", "cannot be understood"),
        (200, b'{"stored": 3}', "cannot be understood"),
        (200, b"[" * 100_000, "cannot be understood"),
        (200, b" " * (REPLY_BYTES_MAX + 10), "more than"),
    ],
)
def test_what_is_no_oakum_server_is_called_so(
    server: FakeServer, broker: Broker, status: int, body: bytes, words: str
) -> None:
    server.responders.append(lambda _: refuse(status, body))
    with pytest.raises(ServerAnswerError, match=words):
        broker.send_outcomes(SMALL)


def test_a_message_beyond_the_limit_is_not_sent(server: FakeServer, broker: Broker) -> None:
    with pytest.raises(HostError, match="more than a server takes"):
        broker.send_outcomes(OutcomesUpload(PROTOCOL_VERSION, (make_outcome(1, log="x" * 5_000_000),)))
    assert server.seen == []


@pytest.mark.parametrize(
    "text",
    [
        "oakum.example.test", "ftp://oakum.example.test", "http://oakum.example.test", "http://10.77.0.1:8000",
        "https://user:pass@oakum.example.test", "https://oakum.example.test/?a=b", "https://", "https://[::1", "",
    ],
)  # fmt: skip
def test_an_address_that_an_agent_may_not_use_is_misuse(text: str) -> None:
    with pytest.raises(MisuseError):
        parse_server(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://oakum.example.test", "https://oakum.example.test:443"),
        ("https://oakum.example.test/oakum/", "https://oakum.example.test:443/oakum"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://localhost:8000", "http://localhost:8000"),
    ],
)
def test_an_address_parses_to_itself(text: str, url: str) -> None:
    address = parse_server(text)
    assert address.url == url
    assert parse_server(address.url) == address


class Elsewhere(socket.socket):
    """A socket whose other end is not this host, as a name in /etc/hosts or DNS can bring about."""

    def getpeername(self) -> tuple[str, int]:
        return ("203.0.113.5", 80)


def test_plain_http_is_not_spoken_where_a_loopback_name_leads_away() -> None:
    transport = Transport(parse_server("http://localhost:1"), "")
    with Elsewhere() as connected, pytest.raises(RefusedError, match=r"203\.0\.113\.5"):
        transport._check_loopback(connected)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A self-made certificate, expired and for another name: only its hash can vouch for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "other.example.test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=20))
        .not_valid_after(NOW - timedelta(days=10))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path, hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest()


@pytest.fixture
def tls_server(certificate: tuple[Path, str]) -> Iterator[FakeServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[0])
    with serving(FakeServer(), context=context) as server:
        yield server


def test_a_pinned_certificate_is_enough(tls_server: FakeServer, certificate: tuple[Path, str]) -> None:
    broker = Broker(Transport(parse_server(tls_server.url), certificate[1]), host_id=HOST_ID, secret="s")
    assert broker.send_outcomes(SMALL).stored == ("outcome-1",)
    broker.close()


def test_another_certificate_gets_nothing_and_no_second_try(tls_server: FakeServer, pauses: list[float]) -> None:
    broker = Broker(Transport(parse_server(tls_server.url), "f" * 64, sleep=pauses.append), host_id=HOST_ID, secret="s")
    with pytest.raises(RefusedError, match="another certificate"):
        broker.send_outcomes(SMALL)
    assert (tls_server.seen, pauses) == ([], [])


def test_without_a_pin_the_systems_authorities_decide(tls_server: FakeServer, pauses: list[float]) -> None:
    broker = Broker(Transport(parse_server(tls_server.url), "", sleep=pauses.append), host_id=HOST_ID, secret="s")
    with pytest.raises(RefusedError, match="not trusted"):
        broker.send_outcomes(SMALL)
    assert (tls_server.seen, pauses) == ([], [])


def test_a_connection_that_is_opened_again_is_checked_again(
    tls_server: FakeServer, certificate: tuple[Path, str]
) -> None:
    """http.client would reconnect by itself after a close, and then nobody would compare the certificate."""
    transport = Transport(parse_server(tls_server.url), certificate[1], sleep=lambda _: None)
    broker = Broker(transport, host_id=HOST_ID, secret="s")
    broker.send_outcomes(SMALL)
    broker.close()
    transport._certificate = "f" * 64
    with pytest.raises(RefusedError, match="another certificate"):
        broker.send_outcomes(SMALL)
    assert len(tls_server.seen) == 1


@pytest.mark.parametrize("text", ["AB:" * 31 + "AB", " " + "ab" * 32])
def test_a_certificates_hash_may_be_written_with_colons(text: str) -> None:
    assert parse_certificate(text) == "ab" * 32


@pytest.mark.parametrize("text", ["ab", "g" * 64, "ab" * 33])
def test_what_is_no_hash_is_misuse(text: str) -> None:
    with pytest.raises(MisuseError):
        parse_certificate(text)


@given(text=st.text(max_size=2_000))
def test_a_servers_words_cannot_play_tricks_on_a_terminal(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) <= 600


@given(status=st.integers(min_value=400, max_value=599), body=st.binary(max_size=200))
def test_every_refusal_is_worded(status: int, body: bytes) -> None:
    refusal = explain_refusal(status, body, "https://oakum.example.test")
    assert refusal.sentence
    assert refusal.next_step
