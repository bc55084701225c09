"""What must exist before Oakum starts, and what is said when it cannot."""

from __future__ import annotations

import os
import socket
import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oakum.cli.up import preparation
from oakum.config import Config, parse_database_url, parse_listen, read_config
from oakum.core.errors import OperatorError, StoreError


def config(tmp_path: Path, *, host: str = "127.0.0.1", port: int = 8800) -> Config:
    return read_config({"OAKUM_DATA_DIR": str(tmp_path / "data"), "OAKUM_LISTEN": f"{host}:{port}"})


def test_the_data_directory_and_its_keys_are_for_this_user_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    preparation.make_data_dir(data)
    preparation.make_session_key(data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "session.key").stat().st_mode) == 0o600


def test_keys_are_made_once(tmp_path: Path) -> None:
    settings = config(tmp_path, host="192.0.2.1")
    preparation.make_data_dir(settings.data_dir)
    for _ in range(2):
        preparation.make_session_key(settings.data_dir)
        preparation.make_certificate(settings, now=datetime.now(tz=UTC))
    first = preparation.certificate_pin(settings), (settings.data_dir / "session.key").read_text()
    preparation.make_certificate(settings, now=datetime.now(tz=UTC))
    preparation.make_session_key(settings.data_dir)
    assert first == (preparation.certificate_pin(settings), (settings.data_dir / "session.key").read_text())


def test_a_part_of_a_key_left_by_a_crash_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "session.key.part").write_text("half")
    preparation.make_session_key(tmp_path)
    assert len((tmp_path / "session.key").read_text()) > 40


def test_the_certificate_is_one_that_tls_takes(tmp_path: Path) -> None:
    settings = config(tmp_path, host="192.0.2.1")
    preparation.make_data_dir(settings.data_dir)
    preparation.make_certificate(settings, now=datetime.now(tz=UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.data_dir / "tls" / "certificate.pem", settings.data_dir / "tls" / "key.pem")
    assert len(preparation.certificate_pin(settings)) == 64


def test_on_loopback_there_is_no_certificate_to_pin(tmp_path: Path) -> None:
    assert preparation.certificate_pin(config(tmp_path)) == ""


def test_a_second_instance_is_refused_and_told_which_process_is_the_first(tmp_path: Path) -> None:
    with preparation.lock_data_dir(tmp_path), pytest.raises(OperatorError) as caught:
        preparation.lock_data_dir(tmp_path)
    assert str(os.getpid()) in caught.value.sentence
    assert "OAKUM_DATA_DIR" in caught.value.next_step
    preparation.lock_data_dir(tmp_path).close()


def test_a_taken_port_names_another_one(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OperatorError, match=f"OAKUM_LISTEN=127.0.0.1:{port + 1}"):
            preparation.check_port(config(tmp_path, port=port))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to stand in for a full disk")
def test_a_full_or_unwritable_disk_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    with pytest.raises(StoreError) as caught:
        preparation.make_data_dir(blocked / "data")
    assert str(blocked) in caught.value.sentence
    assert "OAKUM_DATA_DIR" in caught.value.next_step


@pytest.mark.parametrize("text", ["8800", "host:", ":8800", "host:0", "host:70000", "host:x"])
def test_a_listen_address_that_is_none_shows_a_valid_one(text: str) -> None:
    with pytest.raises(OperatorError, match=r"127\.0\.0\.1:8800"):
        parse_listen(text)


def test_listen_addresses() -> None:
    assert parse_listen("0.0.0.0:80") == ("0.0.0.0", 80)  # noqa: S104 - parsed, not bound
    assert parse_listen("[::1]:8800") == ("::1", 8800)


def test_only_loopback_goes_without_tls_unless_a_proxy_is_declared(tmp_path: Path) -> None:
    assert config(tmp_path).url == "http://127.0.0.1:8800"
    assert config(tmp_path, host="192.0.2.1").url == "https://192.0.2.1:8800"
    behind = read_config({"OAKUM_LISTEN": "192.0.2.1:80", "OAKUM_BEHIND_PROXY": "1", "HOME": "/root"})
    assert not behind.uses_tls


@pytest.mark.parametrize("url", ["mysql://x/y", "oracle", "sqlite://", "postgresql://host", ""])
def test_a_database_url_that_names_no_known_database_is_refused(url: str) -> None:
    with pytest.raises(OperatorError, match="postgresql://"):
        parse_database_url(url)


def test_a_postgresql_url_keeps_what_is_quoted() -> None:
    found = parse_database_url("postgresql://oak%40um:p%3Aw@db.example.test:5433/oakum")
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        "oak@um",
        "p:w",
        "db.example.test",
        "5433",
        "oakum",
    )
