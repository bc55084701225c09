"""The kernel's tables of sockets, and whose they are."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from oakum.agent.actor.sockets import OpenSocket, parse_sockets, read_listeners
from oakum.agent.actor.system import Listener

if sys.byteorder != "little":
    pytest.skip("The samples are of a little-endian machine.", allow_module_level=True)

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = "00000000:00000000 00:00000000 00000000     0        0 %d 1 0000 100 0 0 10 0\n"
ALL6 = "0" * 32


def line(local: str, remote: str, state: str, inode: int) -> str:
    return f"   0: {local} {remote} {state} " + REST % inode


def test_listening_sockets_are_read_and_connections_are_not() -> None:
    text = HEADER + line("00000000:0016", "00000000:0000", "0A", 7) + line("0100007F:1F91", "0100007F:9999", "01", 8)
    assert parse_sockets("tcp", text) == (OpenSocket("tcp", "0.0.0.0", 22, 7),)  # noqa: S104 - read, never bound


def test_addresses_of_both_families_are_in_their_usual_form() -> None:
    six = (
        HEADER
        + line(f"{ALL6}:0050", f"{ALL6}:0000", "0A", 1)
        + line("B80D0120000000000000000001000000:0050", f"{ALL6}:0000", "0A", 2)
    )
    assert [each.address for each in parse_sockets("tcp6", six)] == ["::", "2001:db8::1"]
    four = HEADER + line("0100007F:0277", "00000000:0000", "0A", 3)
    assert parse_sockets("tcp", four)[0].address == "127.0.0.1"


def test_udp_sockets_that_are_connected_are_clients() -> None:
    text = HEADER + line("00000000:0035", "00000000:0000", "07", 1) + line("0100007F:8000", "0100007F:0035", "01", 2)
    assert [each.port for each in parse_sockets("udp", text)] == [53]


@pytest.mark.parametrize("text", ["", HEADER, HEADER + "garbage\n", HEADER + "a b c d e f g h i j\n"])
def test_what_is_no_line_of_the_table_is_left_out(text: str) -> None:
    assert parse_sockets("tcp", text) == ()


def test_a_socket_belongs_to_the_service_before_process_1_that_lends_it(tmp_path: Path) -> None:
    proc = tmp_path
    (proc / "net").mkdir()
    (proc / "net/tcp").write_text(
        HEADER + line("00000000:0016", "00000000:0000", "0A", 7) + line("00000000:0050", "00000000:0000", "0A", 8)
    )
    for pid, unit, inodes in ((1, "init.scope", (7, 8)), (50, "system.slice/ssh.service", (7,)), (60, "", (9,))):
        folder = proc / str(pid) / "fd"
        folder.mkdir(parents=True)
        (proc / str(pid) / "cgroup").write_text(f"0::/{unit}\n")
        for number, inode in enumerate(inodes):
            (folder / str(number)).symlink_to(f"socket:[{inode}]")
    found = read_listeners(str(proc))
    assert [(each.port, each.unit) for each in found] == [(22, "ssh.service"), (80, "init.scope")]


def test_a_listener_of_this_very_process_is_found() -> None:
    if not Path("/proc/net/tcp").exists():
        pytest.skip("This machine has no /proc/net.")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = [each for each in read_listeners() if each.port == port]
        assert [(each.protocol, each.address) for each in found] == [("tcp", "127.0.0.1")]
        assert isinstance(found[0], Listener)
    assert not [each for each in read_listeners() if each.port == port and each.protocol == "tcp"]
