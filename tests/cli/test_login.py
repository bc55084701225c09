"""Reaching a server: logging in, and everything that can be wrong on the way there."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django.live_server_helper import LiveServer

from oakum.cli.client import Client, trust
from oakum.cli.up.preparation import make_certificate
from oakum.config import read_config
from oakum.core.errors import StoreError
from oakum.identity.services import create_token
from tests.cli.running import Shell
from tests.web.rows import World


@pytest.fixture
def token(world: World) -> str:
    _, text = create_token(
        organisation_id=world.organisation.id, person_id=world.people["operator"].id, name="", now=world.now
    )
    return text


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return the shell of somebody who has not logged in."""
    return Shell(tmp_path)


def test_logging_in_tries_the_token_and_remembers_it_for_this_user_alone(
    shell: Shell, token: str, live_server: LiveServer, tmp_path: Path
) -> None:
    told = shell("login", f"{live_server.url}/", "--token", token).ok()
    assert "as otto (operator of Main)" in told
    file = tmp_path / "config" / "oakum" / "cli.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert "web01" in shell("host", "list").ok()
    assert shell("login", live_server.url, "--json", typed=f"{token}\n").ok().count('"person": "otto"') == 1


def test_a_wrong_token_is_refused_and_not_remembered(shell: Shell, live_server: LiveServer, tmp_path: Path) -> None:
    assert "oakum login" in shell("login", live_server.url, "--token", "oak_wrong").refused(3)
    assert not (tmp_path / "config" / "oakum" / "cli.json").exists()
    assert "unknown, expired or revoked" in shell("host", "list", OAKUM_URL=live_server.url, OAKUM_TOKEN="x").refused(3)


@pytest.mark.parametrize("bad", ["", "oak_é", "a\nb", "a\x1bb"])
def test_tokens_that_cannot_be_sent(shell: Shell, bad: str) -> None:
    shell("host", "list", OAKUM_URL="http://127.0.0.1:1", OAKUM_TOKEN=bad).refused(2)


def test_who_has_not_logged_in_is_told_how(shell: Shell) -> None:
    words = shell("host", "list").refused(2)
    assert "No server is remembered" in words
    assert "oakum login URL --token" in words
    assert "No token" in shell("host", "list", OAKUM_URL="http://127.0.0.1:1").refused(2)


def test_a_remembered_token_is_never_sent_to_another_server(shell: Shell, token: str, live_server: LiveServer) -> None:
    shell("login", live_server.url, "--token", token).ok()
    assert "No token is remembered" in shell("host", "list", OAKUM_URL="http://127.0.0.1:9").refused(2)
    assert "web01" in shell("host", "list", OAKUM_URL=f"{live_server.url}/").ok()


def test_settings_that_are_damaged_are_named(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "config" / "oakum" / "cli.json"
    file.parent.mkdir(parents=True)
    for damaged in (b"{", b"[]", b"\xff\xfe"):
        file.write_bytes(damaged)
        assert "oakum login" in shell("host", "list").refused(2)
    file.unlink()
    file.mkdir()
    assert str(file) in shell("host", "list").refused(2)


@pytest.mark.parametrize(
    "url", ["oakum.example.test", "ftp://x", "http://", "http://x:99999", "http://x:0", "https://a\nb"]
)
def test_what_is_no_address(shell: Shell, url: str) -> None:
    assert "https://oakum.example.test:8800" in shell("login", url, "--token", "oak_x").refused(2)


def test_a_server_that_is_away_is_a_fault_with_a_next_step(shell: Shell) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    words = shell("host", "list", OAKUM_URL=url, OAKUM_TOKEN="oak_x").refused(4)
    assert f"{url} does not answer" in words
    assert "oakum up" in words
    words = shell("host", "list", OAKUM_URL="http://nowhere.invalid", OAKUM_TOKEN="oak_x").refused(4)
    assert "nowhere.invalid" in words


# Servers that are not ours --------------------------------------------------------------------------------------------

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def stranger() -> Iterator[Callable[[Answer], str]]:
    """Start a server that gives one fixed answer to everything, and return its address."""
    servers: list[HTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ((200, {"Content-Length": "5"}, b"<html"), 4, "does not speak Oakum's API"),
        ((404, {"Content-Length": "9"}, b"Not found"), 4, "does not speak Oakum's API"),
        (
            (301, {"Location": "https://other.example.test/", "Content-Length": "0"}, b""),
            2,
            "https://other.example.test/",
        ),
        ((502, {"Content-Length": "3"}, b"bad"), 4, "answered 502"),
        ((200, {"Content-Length": "99"}, b"{"), 4, "does not answer"),
        (
            (
                409,
                {"Content-Length": "61"},
                json.dumps({"code": "x", "sentence": "a\x1b[31m\nb", "next_step": "c"}).encode(),
            ),
            2,
            "a?[31m?b",
        ),
    ],
)
def test_answers_that_are_none_of_ours(
    shell: Shell, stranger: Callable[[Answer], str], answer: Answer, code: int, words: str
) -> None:
    status, headers, body = answer
    if len(body) > 40:
        headers = {"Content-Length": str(len(body))}
    url = stranger((status, headers, body))
    told = shell("host", "list", OAKUM_URL=url, OAKUM_TOKEN="oak_x")
    assert words in told.refused(code)
    assert "\x1b" not in told.err


def test_an_export_that_breaks_off_leaves_no_file(
    shell: Shell, stranger: Callable[[Answer], str], tmp_path: Path
) -> None:
    url = stranger((200, {"Content-Length": "999"}, b'{"journal":1}\n'))
    file = tmp_path / "journal.jsonl"
    shell("journal", "export", "-o", str(file), OAKUM_URL=url, OAKUM_TOKEN="oak_x").refused(4)
    assert not file.exists()
    assert not list(tmp_path.glob("*.part"))


def test_only_a_line_feed_ends_a_streamed_line(stranger: Callable[[Answer], str]) -> None:
    body = "one\u2028\x85\x0b\r still one\ntwo".encode()
    client = Client(url=stranger((200, {"Content-Length": str(len(body))}, body)), token="oak_x")
    try:
        assert list(client.stream("/x")) == ["one\u2028\x85\x0b\r still one", "two"]
    finally:
        client.close()


# TLS ------------------------------------------------------------------------------------------------------------------


class Relay(socketserver.ThreadingTCPServer):
    """Speaks TLS in front of the plain test server."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, directory: Path, target: tuple[str, int]) -> None:
        self.target = target
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(directory / "certificate.pem", directory / "key.pem")
        super().__init__(("127.0.0.1", 0), RelayHandler)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}"


class RelayHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Relay)
        try:
            near = server.context.wrap_socket(self.request, server_side=True)
        except (ssl.SSLError, OSError):
            return
        with near, socket.create_connection(server.target) as far:
            request = near.recv(65_536)
            far.sendall(request.replace(b"Connection: keep-alive", b"Connection: close"))
            while piece := far.recv(65_536):
                near.sendall(piece)


@pytest.fixture
def relay(live_server: LiveServer, tmp_path: Path) -> Iterator[Relay]:
    """Put the certificate that `oakum up` makes in front of the server."""
    config = read_config({"OAKUM_DATA_DIR": str(tmp_path / "data"), "OAKUM_LISTEN": "192.0.2.1:8800"})
    config.data_dir.mkdir()
    make_certificate(config, now=datetime.now(tz=UTC))
    host, _, port = live_server.url.removeprefix("http://").partition(":")
    server = Relay(config.data_dir / "tls", (host, int(port)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_self_signed_server_is_trusted_only_with_its_own_certificate(
    shell: Shell, token: str, relay: Relay, tmp_path: Path
) -> None:
    """The certificate says 192.0.2.1, the address 127.0.0.1: a pinned certificate names one server, by any name."""
    words = shell("login", relay.url, "--token", token).refused(2)
    assert "is not trusted here" in words
    assert "--certificate FILE" in words
    certificate = tmp_path / "data" / "tls" / "certificate.pem"
    assert "as otto" in shell("login", relay.url, "--token", token, "--certificate", str(certificate)).ok()
    assert "web01" in shell("host", "list").ok()
    other = tmp_path / "other"
    config = read_config({"OAKUM_DATA_DIR": str(other), "OAKUM_LISTEN": "192.0.2.2:8800"})
    other.mkdir()
    make_certificate(config, now=datetime.now(tz=UTC))
    wrong = str(other / "tls" / "certificate.pem")
    assert "is not trusted here" in shell("host", "list", OAKUM_CERTIFICATE=wrong).refused(2)


def test_an_authoritys_certificate_vouches_for_names_and_so_names_are_checked(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example CA")])
    now = datetime.now(tz=UTC)
    for is_authority in (True, False):
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        file = tmp_path / "certificate.pem"
        file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        assert trust(file).check_hostname is is_authority
        assert trust(file).verify_mode is ssl.CERT_REQUIRED


def test_a_certificate_that_cannot_be_read_is_named(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "certificate.pem"
    environ = {"OAKUM_URL": "https://127.0.0.1:1", "OAKUM_TOKEN": "oak_x", "OAKUM_CERTIFICATE": str(file)}
    assert "cannot be read" in shell("host", "list", **environ).refused(2)
    file.write_text("no certificate")
    assert "cannot be read" in shell("host", "list", **environ).refused(2)


def test_a_token_that_goes_in_the_clear_is_warned_of(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, token: str, live_server: LiveServer
) -> None:
    from oakum.cli import login

    assert shell("login", live_server.url, "--token", token).err == ""
    monkeypatch.setattr(login, "LOOPBACK_HOSTS", frozenset())
    assert "can be read on its way" in shell("login", live_server.url, "--token", token).err


def test_a_fault_of_the_server_is_a_fault(token: str, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from oakum.api import me

    def fail(*_: object) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr(me, "session_of", fail)
    client = Client(url=live_server.url, token=token)
    try:
        with pytest.raises(StoreError, match="by a fault of its own"):
            client.get("/me")
    finally:
        client.close()
