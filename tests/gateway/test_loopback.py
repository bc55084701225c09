"""The gateway behind a real server, met by the real agent's broker over loopback."""

from __future__ import annotations

import hashlib
import http.client
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import uvicorn

from oakum.agent.broker.address import parse_server
from oakum.agent.broker.client import Broker
from oakum.agent.broker.transport import Transport
from oakum.agent.errors import ServerRefused
from oakum.fleet.models import Host
from oakum.gateway.app import Gateway
from oakum.protocol.messages import PATH_AGENT_FILE, PATH_INVENTORY, EnrolReply
from tests.factories import make_organisation
from tests.fleet.reports import SpeakingHost, enrol_request, make_installation, make_token

START_SECONDS_MAX = 10.0


@pytest.fixture
def port(shared_database: None) -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        port: int = listening.getsockname()[1]
        gateway = Gateway(server_url=f"http://127.0.0.1:{port}")
        started = threading.Event()

        async def application(scope: dict[str, object], receive: object, send: object) -> None:
            if scope["type"] == "lifespan":
                await receive()  # type: ignore[operator]
                await send({"type": "lifespan.startup.complete"})  # type: ignore[operator]
                started.set()
                await receive()  # type: ignore[operator]
                await gateway.stop()
                await send({"type": "lifespan.shutdown.complete"})  # type: ignore[operator]
                return
            await gateway(scope, receive, send)  # type: ignore[arg-type]

        server = uvicorn.Server(uvicorn.Config(application, lifespan="on", log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        assert started.wait(START_SECONDS_MAX)
        yield port
        server.should_exit = True
        thread.join()


def broker(port: int, host_id: str = "", secret: str = "") -> Broker:
    return Broker(Transport(parse_server(f"http://127.0.0.1:{port}"), ""), host_id=host_id, secret=secret)


def enrolled(port: int) -> SpeakingHost:
    now = datetime.now(UTC)
    make_installation(now)
    token = make_token(make_organisation(now=now), now)
    stranger = broker(port)
    reply: EnrolReply = stranger.enrol(enrol_request(token, secret="s3cret"))
    stranger.close()
    return SpeakingHost(id=Host.objects.get(id=reply.host_id).id, secret="s3cret", nonce=reply.nonce)


def test_the_agents_own_broker_enrols_checks_in_and_uploads(port: int) -> None:
    host = enrolled(port)
    speaking = broker(port, str(host.id), host.secret)
    first, _ = speaking.check_in(host.check_in_value(datetime.now(UTC)))
    assert first.need == ("packages", "offers", "facts")
    host.heard(first.nonce)
    assert speaking.upload(host.upload_value(datetime.now(UTC))).stored == first.need
    second, _ = speaking.check_in(host.check_in_value(datetime.now(UTC)))
    assert second.need == ()
    speaking.close()
    wrong = broker(port, str(host.id), "guess")
    with pytest.raises(ServerRefused) as caught:
        wrong.check_in(host.check_in_value(datetime.now(UTC)))
    assert caught.value.code == "credentials_invalid"
    wrong.close()


def test_a_hundred_megabytes_over_a_socket_are_cut_off(port: int) -> None:
    host = enrolled(port)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            f"POST {PATH_INVENTORY} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Oakum {host.id}.{host.secret}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        sent_count = 0
        try:
            for _ in range(100):
                connection.sendall(b"f4240\r\n" + b"0" * 1_000_000 + b"\r\n")
                sent_count += 1
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert sent_count < 40, "the server went on reading"


def test_a_declared_hundred_megabytes_are_answered_and_the_connection_closed(port: int) -> None:
    host = enrolled(port)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("POST", PATH_INVENTORY)
    connection.putheader("Authorization", f"Oakum {host.id}.{host.secret}")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", "100000000")
    connection.endheaders(b"{")
    response = connection.getresponse()
    assert response.status == 413
    assert response.getheader("connection") == "close"
    assert b"body_too_large" in response.read()
    connection.close()


def test_the_agents_file_comes_whole_and_nobody_is_asked_who_they_are(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with caplog.at_level(logging.WARNING):
        connection.request("GET", PATH_AGENT_FILE)
        response = connection.getresponse()
        body = response.read()
    assert response.getheader("etag") == f'"{hashlib.sha256(body).hexdigest()}"'
    assert caplog.records == []
    connection.close()
