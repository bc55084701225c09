"""The actor on real Debian hosts, with real apt, dpkg and systemd: bookworm, and bullseye with its Python 3.9.

``make test-lab`` runs these; without it they are skipped.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lab import Lab, LabHost, check_requirements
from oakum.protocol.orders import REBOOT_ALWAYS
from tests.agent_actor.contract import ANYWHERE, PACKAGES
from tests.agent_actor.lab_host import TOP, ActorHost, kinds

pytestmark = pytest.mark.lab

# dpkg waits before and after its work, so that there is a middle to be killed in.
SLOW = "pre-invoke=sleep 4\npost-invoke=sleep 4\n"
SLOW_FILE = "/etc/dpkg/dpkg.cfg.d/slow"
WEB = ("acme-web", "1.0", "1.1")
TOOL = ("acme-tool", "1.0", "1.1")


@pytest.fixture(scope="module", params=["bookworm", "bullseye"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    if not os.environ.get("OAKUM_LAB"):
        pytest.skip("A lab takes root and minutes: run `make test-lab` as root.")
    missing = check_requirements()
    if missing:
        pytest.skip(" ".join(missing))
    with Lab(hosts=1, releases=(request.param,)) as opened:
        repository, host = opened.repository, opened.hosts[0]
        for version in ("1.0", "1.1"):
            repository.build("acme-web", version, service=True, port=8081)
            repository.build("acme-tool", version)
        repository.build("acme-web", "1.2", service=True, port=8081, broken=True)
        repository.build("acme-extra", "1.0")
        repository.build("acme-web", "1.3", service=True, port=8081, broken=True, depends=("acme-extra",))
        repository.install_source(host)
        yield opened


@pytest.fixture
def host(lab: Lab) -> Iterator[LabHost]:
    """The host with acme-web and acme-tool 1.0, and nothing of an earlier test."""
    host = lab.hosts[0]
    host.apt_install("acme-web=1.0", "acme-tool=1.0")
    host.run(f"rm -rf {TOP}; apt-get clean")
    yield host
    lab.proxy.online()
    host.run(f"systemctl stop oakum-agent-test locker 2>/dev/null; rm -f {SLOW_FILE}; dpkg --configure -a", check=False)
    host.run("apt-get -y purge acme-extra", check=False)
    host.apt_install("acme-web=1.0", "acme-tool=1.0")
    host.run("systemctl reset-failed; systemctl restart acme-web")


@pytest.fixture
def actor(host: LabHost) -> ActorHost:
    return ActorHost(host)


def outcome(answer: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = [each for each in answer["outcomes"] if each["kind"] == kind]
    return dict(found)


def versions(host: LabHost) -> tuple[str, str]:
    installed = host.installed_versions()
    return installed["acme-web"], installed["acme-tool"]


def begin(actor: ActorHost) -> None:
    """Start a tick, and return when apt was launched and dpkg dawdles."""
    actor.host.write_file(SLOW_FILE, SLOW)
    actor.deliver(actor.order(WEB, TOOL))
    actor.start_tick()
    for _ in range(200):
        if actor.host.run("pgrep -f '[d]pkg .*--unpack'", check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError(actor.log())


@pytest.mark.parametrize("check", [*ANYWHERE, *PACKAGES], ids=lambda check: check.__name__)
def test_a_real_host_keeps_the_contract(check: Any, actor: ActorHost) -> None:
    done = actor.host.run(["python3", f"{TOP}/contract.py", f"{TOP}/check", check.__name__], check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_security_update_is_installed_and_services_run_it(actor: ActorHost) -> None:
    host = actor.host
    before = host.installed_versions()
    pending = {name: version for name, version in host.apt_pending_security() if name.startswith(("libssl", "openssl"))}
    assert "openssl" in pending
    actor.deliver(actor.order(*((name, before[name], version) for name, version in pending.items())))
    answer = actor.until_done()
    assert kinds(answer) == ["started", "applied", "soaked"]
    after = host.installed_versions()
    assert {name: after[name] for name in pending} == pending
    assert "nginx.service" in outcome(answer, "applied")["sentence"]
    # An independent look: no process of nginx maps a deleted libssl any more.
    assert host.run("grep -l 'libssl.*(deleted)' /proc/[0-9]*/maps || true").stdout == ""
    # And back, so that the next test finds what this one did.
    host.apt_install(*(f"{name}={before[name]}" for name in pending))
    host.run("systemctl restart nginx ssh")


def test_a_version_whose_service_fails_is_taken_back(actor: ActorHost) -> None:
    actor.deliver(actor.order(("acme-web", "1.0", "1.2"), TOOL))
    answer = actor.until_done()
    assert kinds(answer) == ["started", "rolled_back"]
    found = outcome(answer, "rolled_back")
    assert found["sentence"].startswith("acme-web.service failed (exit-code) after the update")
    assert {each["found_version"] for each in found["packages"]} == {"1.0"}
    assert versions(actor.host) == ("1.0", "1.0")
    assert actor.host.dpkg_audit() == ""
    assert actor.host.run("systemctl is-active acme-web").stdout.strip() == "active"


def test_what_the_order_added_goes_again(actor: ActorHost) -> None:
    actor.deliver(actor.order(("acme-web", "1.0", "1.3"), ("acme-extra", "", "1.0")))
    answer = actor.until_done()
    assert kinds(answer) == ["started", "rolled_back"]
    assert "acme-extra" not in actor.host.installed_versions()


def test_without_a_mirror_nothing_is_touched_and_later_it_goes_on(actor: ActorHost, lab: Lab) -> None:
    lab.proxy.offline()
    actor.deliver(actor.order(WEB, TOOL))
    answer = actor.tick()
    assert outcome(answer, "deferred")["reason"] == "mirror_unavailable"
    assert "503" in outcome(answer, "deferred")["sentence"]
    assert versions(actor.host) == ("1.0", "1.0")
    lab.proxy.online()
    assert kinds(actor.until_done()) == ["deferred", "started", "applied", "soaked"]


def test_a_rollback_needs_no_mirror(actor: ActorHost, lab: Lab) -> None:
    actor.deliver(actor.order(("acme-web", "1.0", "1.2")))
    actor.tick()
    lab.proxy.offline()
    assert kinds(actor.until_done()) == ["started", "rolled_back"]
    assert versions(actor.host)[0] == "1.0"


def test_while_another_holds_the_lock_the_order_waits(actor: ActorHost) -> None:
    code = "import fcntl,time; f=open('/var/lib/dpkg/lock-frontend','w'); fcntl.lockf(f,fcntl.LOCK_EX); time.sleep(600)"
    actor.host.run(["systemd-run", "--quiet", "--unit=locker", "python3", "-c", code])
    time.sleep(1)
    actor.deliver(actor.order(WEB, TOOL))
    found = outcome(actor.tick(), "deferred")
    assert found["reason"] == "apt_locked"
    assert "python3" in found["sentence"]
    actor.host.run("systemctl stop locker")
    assert kinds(actor.until_done()) == ["deferred", "started", "applied", "soaked"]


def test_without_room_the_order_waits_and_says_how_much_it_takes(actor: ActorHost) -> None:
    host = actor.host
    before = host.installed_versions()
    (tzdata,) = [version for name, version in host.apt_pending_security() if name == "openssl"] or [""]
    if not tzdata:
        pytest.skip("openssl has no pending update today")
    pending = {name: version for name, version in host.apt_pending_security() if name.startswith(("libssl", "openssl"))}
    host.fill_disk("/var/cache/apt/archives")
    try:
        actor.deliver(actor.order(*((name, before[name], version) for name, version in pending.items())))
        found = outcome(actor.tick(), "deferred")
    finally:
        host.empty_disk("/var/cache/apt/archives")
    assert found["reason"] == "disk_full"
    assert "/var/cache/apt/archives has 0 MB free" in found["sentence"]


def test_an_agent_whose_unit_is_stopped_does_not_take_dpkg_with_it(actor: ActorHost) -> None:
    begin(actor)
    actor.host.run("systemctl stop oakum-agent-test")
    assert actor.host.run("pgrep -x apt-get", check=False).returncode == 0
    assert kinds(actor.until_done()) == ["started", "applied", "soaked"]
    assert versions(actor.host) == ("1.1", "1.1")
    assert actor.host.dpkg_log().count(" upgrade acme-web:all 1.0 1.1") >= 1


def test_apt_killed_in_the_middle_leaves_exact_versions(actor: ActorHost) -> None:
    begin(actor)
    time.sleep(5)
    actor.host.run("pkill -9 -x apt-get")
    actor.host.run(f"rm {SLOW_FILE}")
    answer = actor.until_done()
    assert kinds(answer)[-1] in {"rolled_back", "failed"}
    assert versions(actor.host) == ("1.0", "1.0")
    assert actor.host.dpkg_audit() == ""


def test_a_power_cut_in_the_middle_is_reported_and_not_repeated(actor: ActorHost) -> None:
    begin(actor)
    actor.host.power_cut()
    actor.host.power_on()
    actor.host.wait_up()
    actor.host.run(f"rm {SLOW_FILE}")
    answer = actor.until_done()
    assert kinds(answer) == ["started", "interrupted"]
    asked = actor.host.read_file(f"{TOP}/asked.jsonl")
    assert len(asked.splitlines()) == 1
    actor.tick()
    assert kinds(actor.tick()) == ["started", "interrupted"]


def test_a_reboot_that_the_order_wants_happens_once(actor: ActorHost) -> None:
    actor.deliver(actor.order(WEB, reboot=REBOOT_ALWAYS))
    before = actor.host.boot_id()
    actor.start_tick()
    for _ in range(100):
        time.sleep(0.2)
        if not actor.host.run("systemctl is-active oakum-agent-test", check=False).stdout.startswith("active"):
            break
    time.sleep(4)
    actor.start_tick()
    actor.host.wait_up(other_than=before)
    answer = actor.until_done()
    assert kinds(answer) == ["started", "applied", "soaked"]
    assert versions(actor.host)[0] == "1.1"


def test_no_way_back_no_change(actor: ActorHost, lab: Lab) -> None:
    lab.repository.build("acme-old", "1.0")
    lab.repository.build("acme-old", "1.1")
    actor.host.apt_update()
    actor.host.apt_install("acme-old=1.0")
    actor.host.run("apt-get clean")
    lab.repository.withdraw("acme-old", "1.0")
    actor.host.apt_update()
    actor.deliver(actor.order(("acme-old", "1.0", "1.1")))
    found = outcome(actor.until_done(), "refused")
    assert found["reason"] == "rollback_impossible"
    assert actor.host.installed_versions()["acme-old"] == "1.0"
