"""A real lab of two hosts, one of each release: what stories will rely on, seen to hold."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import pytest

from lab import Channel, CommandError, Lab, LabError, LabHost

pytestmark = pytest.mark.lab


@pytest.fixture(params=[0, 1], ids=["first release", "second release"])
def host(lab: Lab, request: pytest.FixtureRequest) -> LabHost:
    index: int = request.param
    return lab.hosts[index]


@pytest.fixture
def first(lab: Lab) -> LabHost:
    return lab.hosts[0]


def test_a_host_is_a_whole_debian_of_its_release(host: LabHost) -> None:
    assert host.run(["systemctl", "is-system-running"]).stdout.strip() == "running"
    assert f"VERSION_CODENAME={host.release}" in host.read_file("/etc/os-release")
    assert host.run("uname -n").stdout.strip() == host.name
    assert host.run(["cat", "/proc/1/comm"]).stdout.strip() == "systemd"
    assert host.dpkg_audit() == ""
    assert host.run(["python3", "-c", "import json, http.client, dataclasses, ssl, sqlite3"]).returncode == 0


def test_hosts_are_told_apart_by_every_identity(lab: Lab) -> None:
    for path in ("/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key.pub", "/proc/sys/kernel/random/boot_id"):
        assert len({host.read_file(path) for host in lab.hosts}) == len(lab.hosts), path


def test_a_host_is_reached_by_ssh_as_well(host: LabHost) -> None:
    assert host.ssh("hostname; id -un").stdout.split() == [host.name, "root"]


def test_input_status_and_files_pass_both_ways(first: LabHost) -> None:
    assert first.run(["cat"], input="grüße").stdout == "grüße"
    assert first.run("exit 7", check=False).returncode == 7
    with pytest.raises(CommandError, match="status 7") as caught:
        first.run("echo why >&2; exit 7")
    assert caught.value.exit_status == 7
    assert "why" in caught.value.output
    first.write_file("/opt/new folder/it's", b"\x00\xff", mode=0o755)
    seen = first.run('stat -c %a "/opt/new folder/it\'s"; od -An -tx1 "/opt/new folder/it\'s"').stdout.split()
    assert seen == ["755", "00", "ff"]


def test_a_command_that_hangs_is_ended_with_all_it_started(first: LabHost) -> None:
    with pytest.raises(CommandError, match="did not end within"):
        first.run("sleep 4711 & sleep 4712", timeout=0.3)
    assert first.run("ps -eo args | grep -c '[s]leep 471'", check=False).stdout.strip() == "0"


def test_nothing_can_leave(lab: Lab, host: LabHost) -> None:
    """There is no default route, so an address outside the lab is unreachable at once, not after a time-out."""
    attempt = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"
    for said in (
        host.run(["python3", "-c", attempt], check=False),
        lab.run_in_namespace([sys.executable, "-c", attempt], check=False),
    ):
        assert said.returncode != 0
        assert "unreachable" in said.stderr
    for route in (host.run("ip route; ip -6 route").stdout, lab.run_in_namespace(["ip", "route"]).stdout):
        assert "default" not in route
    assert host.read_file("/etc/resolv.conf") == ""


def test_security_updates_are_pending(host: LabHost) -> None:
    pending = host.apt_pending_security()
    assert len(pending) >= 1
    installed = host.installed_versions()
    for package, candidate in pending:
        newer = host.run(["dpkg", "--compare-versions", candidate, "gt", installed[package]], check=False)
        assert newer.returncode == 0, (package, candidate, installed[package])


def test_one_package_goes_up_and_down_through_the_proxy(host: LabHost) -> None:
    name = "openssl"
    before = host.installed_versions()[name]
    wanted = dict(host.apt_pending_security())[name]
    host.apt_install(f"{name}={wanted}")
    assert host.installed_versions()[name] == wanted
    host.apt_install(f"{name}={before}")
    assert host.installed_versions()[name] == before
    assert host.dpkg_audit() == ""
    assert re.search(rf" upgrade {name}:\S+ {re.escape(before)} {re.escape(wanted)}\n", host.dpkg_log())
    assert (name, wanted) in host.apt_pending_security()


def test_a_mirror_that_goes_away_fails_apt_clearly_and_changes_nothing(lab: Lab, host: LabHost) -> None:
    before = host.installed_versions()
    candidate = dict(host.apt_pending_security())["xz-utils"]
    lab.proxy.offline()
    try:
        update = host.apt_update(check=False)
        install = host.apt_install(f"xz-utils={candidate}", check=False)
    finally:
        lab.proxy.online()
    assert update.returncode != 0
    assert install.returncode != 0
    assert "the lab has taken its mirror offline" in update.stderr + update.stdout
    assert "503" in install.stderr
    assert host.installed_versions() == before
    assert host.apt_update().returncode == 0


def test_a_foreign_archive_is_refused(host: LabHost) -> None:
    source = "/etc/apt/sources.list.d/foreign.list"
    host.write_file(source, "deb [trusted=yes] http://foreign.example.test/debian x main\n")
    said = host.apt_update(check=False)
    host.run(["rm", source])
    assert said.returncode != 0
    assert "403" in said.stderr + said.stdout


def test_a_package_of_ours_installs_breaks_and_goes_back(lab: Lab, host: LabHost) -> None:
    name = f"acme-{host.name}"
    lab.repository.build(name, "1.0", service=True, port=8091)
    lab.repository.install_source(host)
    host.apt_install(name)
    assert _served_version(host, 8091) == "1.0"

    lab.repository.build(name, "1.1", service=True, port=8091, broken=True, cves=("CVE-2026-10001",))
    host.apt_update()
    assert (name, "1.1") in host.apt_pending_security()
    host.apt_install(f"{name}=1.1")
    assert host.installed_versions()[name] == "1.1"
    # A simple service counts as started once forked; it has failed as soon as it ended, a moment later.
    host.run(f"for i in $(seq 100); do systemctl is-failed --quiet {name} && exit 0; sleep 0.05; done; exit 1")
    assert "CVE-2026-10001" in host.run(f"zcat /usr/share/doc/{name}/changelog.Debian.gz").stdout

    host.apt_install(f"{name}=1.0")
    assert _served_version(host, 8091) == "1.0"

    host.apt_install(f"{name}=1.1")
    lab.repository.withdraw(name, "1.0")
    host.apt_update()
    refused = host.apt_install(f"{name}=1.0", check=False)
    assert refused.returncode != 0
    assert "Version '1.0' for" in refused.stderr

    host.run(["apt-get", "-q", "-y", "purge", name])
    assert host.run(["systemctl", "is-enabled", name], check=False).returncode != 0


def test_an_ordinary_update_is_no_security_update(lab: Lab, first: LabHost) -> None:
    lab.repository.build("acme-tool", "1.0", channel=Channel.UPDATES)
    lab.repository.install_source(first)
    first.apt_install("acme-tool")
    lab.repository.build("acme-tool", "1.1", channel=Channel.UPDATES)
    first.apt_update()
    assert "Inst acme-tool [1.0] (1.1 " in first.run(["apt-get", "-s", "dist-upgrade"]).stdout
    assert "acme-tool" not in dict(first.apt_pending_security())


def test_a_reboot_is_a_new_boot_with_the_same_disk_and_address(host: LabHost) -> None:
    before = host.boot_id()
    host.write_file("/var/lib/kept", "kept")
    host.write_file("/run/lost", "lost")
    assert host.reboot() == "running"
    assert host.boot_id() != before
    assert host.read_file("/var/lib/kept") == "kept"
    assert host.run(["test", "-e", "/run/lost"], check=False).returncode == 1
    assert host.ssh("hostname").stdout.strip() == host.name


def test_a_power_cut_ends_everything_and_the_disk_stays(first: LabHost) -> None:
    first.write_file("/var/lib/kept", "kept")
    first.power_cut()
    with pytest.raises(LabError, match="not running"):
        first.run(["true"])
    first.power_on()
    assert first.wait_up() == "running"
    assert first.read_file("/var/lib/kept") == "kept"


def test_a_frozen_host_answers_nobody_until_thawed(lab: Lab, first: LabHost) -> None:
    first.freeze()
    with pytest.raises(LabError, match="frozen"):
        first.run(["true"])
    # The kernel still takes the connection; sshd, which would greet, stands still.
    greeting = "import socket,sys; s=socket.create_connection((sys.argv[1],22),2); s.settimeout(1); print(s.recv(9))"
    asked = [sys.executable, "-c", greeting, first.address]
    assert lab.run_in_namespace(asked, check=False).returncode != 0
    first.thaw()
    assert "SSH-2.0" in lab.run_in_namespace(asked).stdout
    assert first.run(["echo", "back"]).stdout == "back\n"


def test_a_cut_cable_stops_ssh_and_not_the_host(first: LabHost) -> None:
    first.cut_network()
    attempt = "import socket; socket.create_connection(('10.77.0.1', 3142), 1)"
    assert first.run(["python3", "-c", attempt], check=False).returncode != 0
    first.restore_network()
    assert first.ssh("hostname").stdout.strip() == first.name
    assert first.run(["python3", "-c", attempt]).returncode == 0


def test_a_full_disk_fails_a_download(first: LabHost) -> None:
    candidate = dict(first.apt_pending_security())["xz-utils"]
    first.fill_disk("/var/cache/apt/archives")
    try:
        said = first.apt_install(f"xz-utils={candidate}", check=False)
    finally:
        first.empty_disk("/var/cache/apt/archives")
    assert said.returncode != 0
    assert "free space" in said.stderr
    assert first.apt_install("--download-only", f"xz-utils={candidate}").returncode == 0


@pytest.fixture
def greeter(lab: Lab) -> Iterator[subprocess.Popen[bytes]]:
    """Serve one word in the lab's namespace; ready once it has said so."""
    code = (
        "import http.server as h\n"
        "class A(h.BaseHTTPRequestHandler):\n"
        "    def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'hello')\n"
        "s = h.HTTPServer(('10.77.0.1', 8000), A); print('ready', flush=True); s.serve_forever()\n"
    )
    process = lab.popen_in_namespace([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.usefixtures("greeter")
def test_a_server_in_the_lab_is_reached_by_hosts_and_through_a_published_port(lab: Lab, host: LabHost) -> None:
    fetch = "import urllib.request as u; print(u.urlopen('http://oakum.example.test:8000/', timeout=5).read())"
    assert "hello" in host.run(["python3", "-c", fetch]).stdout
    port = lab.publish(8000)
    with contextlib.closing(urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)) as answer:
        assert answer.read() == b"hello"


def _served_version(host: LabHost, port: int) -> str:
    """Ask the service of a lab package for its version, as often as a starting service needs."""
    ask = (
        "import time, urllib.request as u\n"
        "for _ in range(100):\n"
        f"    try: print(u.urlopen('http://127.0.0.1:{port}/VERSION', timeout=5).read().decode()); break\n"
        "    except OSError: time.sleep(0.05)\n"
    )
    return host.run(["python3", "-c", ask]).stdout.strip()
