"""The loop, told on real hosts of two Debian releases.  What is asserted is asked of the hosts, not of Oakum."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lab import LabHost
from lab.server import wait_until
from oakum.protocol.trust import render_instant
from tests.stories.fleet import Fleet, changes_of, version_of

pytestmark = [pytest.mark.lab, pytest.mark.django_db(databases=[])]

DONE = {"verified", "soaked"}
FUTURE_GENERATION = 10_000


def test_story_a_enrolled_assessed_rolled_out_verified(fleet: Fleet, tmp_path: Path) -> None:
    """Enrolled (one by the pasted line), assessed as apt itself says, rolled out over rings in a window, verified."""
    hosts = fleet.lab.hosts
    assert len(hosts) >= 8
    assert len({host.release for host in hosts}) == 2
    pasted, others = hosts[0], hosts[1:]
    pasted.run(fleet.server.installer_line(), timeout=180)  # exactly as the page shows it
    assert "active" in pasted.run("systemctl is-active oakum-agent.timer").stdout
    fleet.server.enrol(pasted, fleet.server.installer_line())  # again is safe; and sets this lab's short interval
    fleet.server.enrol_all(others)
    wait_until(lambda: fleet.server.reported_count() == len(hosts), "all hosts' reports", seconds=180)

    truth = {host.name: host.apt_pending_security() for host in hosts}
    assert all(truth.values()), "these releases have pending security updates every day"
    for host in hosts:
        assert security_offers(fleet, host) == truth[host.name]

    with_cves = lambda: [each for each in fleet.api().get("/patches", kind="security")["rows"] if each["cves"]]  # noqa: E731
    wait_until(with_cves, "CVE ids read out of the candidates' changelogs", seconds=180)
    finding = fleet.api().get("/findings", limit=1)["rows"][0]
    assert finding["deadline"]["rule"]
    assert finding["deadline"]["pack_id"] == "cisa-bod-26-04"

    # libc and libssl are among them: dbus and logind run the old ones until the host has rebooted.
    number = fleet.begin("security", hosts, reboot="always")
    found = fleet.settle(number, seconds=900)
    assert found["state"] == "completed", found["report"]
    assert len(found["rings"]) >= 2
    for host in hosts:
        versions = host.installed_versions()
        assert {(name, versions.get(name, "")) for name, _ in truth[host.name]} == truth[host.name]
        assert host.dpkg_audit() == ""
        assert host.apt_pending_security() == set()
        assert running_deleted_libraries(host) == ""
    states = fleet.states(number)
    assert set(states.values()) == {"verified"}, states
    fleet.verify_journal(tmp_path)


def security_offers(fleet: Fleet, host: LabHost) -> set[tuple[str, str]]:
    offers = fleet.api().get(f"/hosts/{host.name}")["updates"]
    return {(each["name"], each["candidate_version"]) for each in offers if each["kind"] == "security"}


def running_deleted_libraries(host: LabHost) -> str:
    """Ask the kernel which processes still map a library that is no longer on the disk."""
    return host.run("grep -l '/usr/lib/.*[.]so.*(deleted)' /proc/[0-9]*/maps 2>/dev/null", check=False).stdout


def test_story_b_a_poisoned_update_is_taken_back_and_reaches_nobody_else(fleet: Fleet) -> None:
    """The service does not start after the upgrade; nobody configured a check for it."""
    hosts = fleet.enrolled()
    fleet.bring_update("acme-poison", hosts, broken=True)
    before = {host.name: host.installed_versions() for host in hosts}
    number = fleet.begin(["acme-poison"], hosts, rings={"sizes": [1, 3]})
    found = fleet.settle(number, seconds=240)
    assert found["state"] == "halted", found["report"]
    (first,) = found["rings"][0]["hosts"]
    assert first["state"] == "rolled_back"
    assert any("acme-poison" in line for line in first["health"]), first
    touched = fleet.lab.host(first["hostname"])
    assert touched.installed_versions() == before[touched.name]
    assert changes_of(touched, "acme-poison") == [("1.0", "1.1"), ("1.1", "1.0")]
    wait_until(lambda: is_active(touched, "acme-poison"), "the old service runs again", seconds=30)
    for host in hosts:
        if host.name != touched.name:
            assert changes_of(host, "acme-poison") == []
            assert host.installed_versions() == before[host.name]
    assert "rolled back" in found["report"].lower()
    assert fleet.entries("rollout.halted")


def is_active(host: LabHost, unit: str) -> bool:
    return host.run(f"systemctl is-active {unit}", check=False).stdout.strip() == "active"


def test_story_c_after_a_halt_was_answered_nothing_starts(fleet: Fleet) -> None:
    """The answer lists who holds a permit; nobody else runs dpkg."""
    hosts = fleet.enrolled()
    fleet.bring_update("acme-halt", hosts)
    number = fleet.begin(["acme-halt"], hosts, rings={"sizes": [1, 7]}, soak_seconds=1)

    def second_ring_begins() -> bool:
        rings = fleet.rollout(number)["rings"]
        return any(host["state"] not in {"waiting", "released"} for host in rings[1]["hosts"])

    wait_until(second_ring_begins, "the second ring under way", seconds=180)
    answer = fleet.api().post(f"/rollouts/{number}/halt", {"reason": "story c"})
    answered_at = datetime.now(tz=UTC)
    holders = {each["hostname"] for each in answer["holders"]}
    finished = {name for name, state in fleet.states(number).items() if state in DONE | {"applied", "started"}}
    time.sleep(45)  # long enough for every other host to have asked several times
    for host in hosts:
        started = starts_of(host, "acme-halt")
        if host.name not in holders | finished:
            assert started == [], f"{host.name} ran dpkg without a permit"
            assert version_of(host, "acme-halt") == "1.0"
        assert all(at < answered_at + timedelta(seconds=20) for at in started)
    late = [entry for entry in fleet.entries("rollout.permit_granted") if entry["at"] > render_instant(answered_at)]
    assert late == []
    assert fleet.rollout(number)["state"] == "halted"


def starts_of(host: LabHost, package: str) -> list[datetime]:
    """Return when dpkg began to change a package, by the host's own log (the lab's hosts run on UTC)."""
    lines = [line for line in host.dpkg_log().splitlines() if f" upgrade {package}:" in line]
    return [datetime.fromisoformat(" ".join(line.split()[:2])).replace(tzinfo=UTC) for line in lines]


def test_story_d_a_server_killed_five_times_comes_to_the_same_end(fleet: Fleet, tmp_path: Path) -> None:
    """Kill -9 at five different moments; nothing is done twice."""
    hosts = fleet.enrolled()
    fleet.bring_update("acme-kill", hosts)
    number = fleet.plan(["acme-kill"], hosts, rings={"sizes": [1, 7]})["number"]
    moments: list[Any] = [
        ("right after approval", lambda: True),
        ("right after the start", lambda: True),
        ("an order is out", lambda: seen(fleet, number, {"released", "started", "applied", *DONE})),
        ("a host works", lambda: seen(fleet, number, {"started", "applied", *DONE})),
        ("the second ring is let go", lambda: second_ring_released(fleet, number)),
    ]
    for index, (moment, reached) in enumerate(moments):
        if index == 0:
            fleet.api("bea").post(f"/rollouts/{number}/approve", {"comment": "seen"})
        if index == 1:
            fleet.api().post(f"/rollouts/{number}/start")
        wait_until(reached, moment, seconds=180)
        fleet.server.kill()
        fleet.server.start()
    found = fleet.settle(number, seconds=300)
    assert found["state"] == "completed", found["report"]
    for host in hosts:
        assert version_of(host, "acme-kill") == "1.1"
        assert changes_of(host, "acme-kill") == [("1.0", "1.1")], f"{host.name}: done twice"
    fleet.verify_journal(tmp_path)


def seen(fleet: Fleet, number: int, states: set[str]) -> bool:
    return bool(states & set(fleet.states(number).values()))


def second_ring_released(fleet: Fleet, number: int) -> bool:
    return any(host["state"] != "waiting" for host in fleet.rollout(number)["rings"][1]["hosts"])


def test_story_e_orders_that_may_not_be_obeyed_are_refused_and_journalled(fleet: Fleet) -> None:
    """Forged, replayed, expired, for another host, or of an older generation."""
    first, second = fleet.enrolled()[:2]
    fleet.bring_update("acme-trust", (first, second))
    number = fleet.begin(["acme-trust"], (first,), rings={"sizes": [1]})
    assert fleet.settle(number, seconds=180)["state"] == "completed"
    genuine = stored_envelope(first)
    before = {host.name: host.installed_versions() for host in (first, second)}
    expected = {
        "signature_invalid": (second, forged(genuine)),
        "other_host": (second, genuine),
        "replayed": (first, genuine),
    }
    for reason, (host, envelope) in expected.items():
        assert reason in hand_over(host, envelope), reason
    signed = signed_by_the_real_signer(fleet, genuine)
    # The host will remember the generation of an order that its own signer signed, so the server's count stands there.
    fleet.set_order_generation(second, FUTURE_GENERATION)
    assert "expired" in hand_over(second, signed["expired"])
    assert "generation_superseded" in hand_over(first, signed["older"])
    for host in (first, second):
        assert host.installed_versions() == before[host.name]
    reasons = {"signature_invalid", "other_host", "replayed", "expired", "generation_superseded"}

    def journalled() -> bool:
        return reasons <= {entry["payload"].get("reason") for entry in fleet.entries("rollout.outcome_refused")}

    wait_until(journalled, "every refusal in the journal", seconds=60)


def stored_envelope(host: LabHost) -> dict[str, Any]:
    """Return the last order's envelope as the host has kept it."""
    newest = host.run("ls -t /var/lib/oakum-agent/orders/*/envelope.json | head -n 1").stdout.strip()
    envelope: dict[str, Any] = json.loads(host.read_file(newest))
    return envelope


def hand_over(host: LabHost, envelope: dict[str, Any]) -> str:
    """Give a host an envelope as if a server had sent it, and return what the host says of it."""
    host.write_file("/root/envelope.json", json.dumps(envelope).encode())
    done = host.run("oakum-agent obey /root/envelope.json", check=False, timeout=120)
    return done.stdout + done.stderr


def forged(envelope: dict[str, Any]) -> dict[str, Any]:
    """Sign the same order with a key that no host has pinned, under the pinned key's id."""
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signature = Ed25519PrivateKey.generate().sign(message)
    keyid = envelope["signatures"][0]["keyid"]
    return {**envelope, "signatures": [{"keyid": keyid, "sig": base64.b64encode(signature).decode()}]}


def signed_by_the_real_signer(fleet: Fleet, genuine: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Make orders that only the holder of the real key can make: the test reads the key, as no web process can."""
    raw = (fleet.server.data / "signer" / "key").read_bytes()
    key = Ed25519PrivateKey.from_private_bytes(raw)
    order = json.loads(base64.b64decode(genuine["payload"]))
    second = fleet.api().get(f"/hosts/{fleet.lab.hosts[1].name}")
    past = datetime.now(tz=UTC) - timedelta(hours=2)
    expired = {
        **order,
        "order_id": "00000000-0000-4000-8000-000000000001",
        "host_id": second["host"]["row"]["id"],
        "generation": FUTURE_GENERATION,
        "issued_at": render_instant(past),
        "expires_at": render_instant(past + timedelta(hours=1)),
    }
    older = {**order, "order_id": "00000000-0000-4000-8000-000000000002", "generation": order["generation"] - 1}
    return {"expired": sealed(expired, key, genuine), "older": sealed(older, key, genuine)}


def sealed(order: dict[str, Any], key: Ed25519PrivateKey, like: dict[str, Any]) -> dict[str, Any]:
    payload = json.dumps(order, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    kind = like["payloadType"].encode()
    signature = key.sign(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
    return {
        "payloadType": like["payloadType"],
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": like["signatures"][0]["keyid"], "sig": base64.b64encode(signature).decode()}],
    }


def test_story_f_the_mirror_goes_away_and_comes_back(fleet: Fleet) -> None:
    """Hosts say why they wait, nothing is half-installed, and the work is done once the mirror is back."""
    hosts = fleet.enrolled()
    fleet.bring_update("acme-mirror", hosts)
    fleet.lab.proxy.offline()
    try:
        number = fleet.begin(["acme-mirror"], hosts, rings={"sizes": [2, 6]})
        wait_until(lambda: "deferred" in fleet.states(number).values(), "a host that waits", seconds=180)
        rings = fleet.rollout(number)["rings"]
        waiting = [host for ring in rings for host in ring["hosts"] if host["state"] == "deferred"]
        assert {host["reason"] for host in waiting} <= {"mirror_unavailable"}, waiting
        assert all(host["sentence"] for host in waiting)
        for host in hosts:
            assert host.dpkg_audit() == ""
            assert version_of(host, "acme-mirror") == "1.0"
    finally:
        fleet.lab.proxy.online()
    found = fleet.settle(number, seconds=300)
    assert found["state"] == "completed", found["report"]
    assert set(fleet.states(number).values()) <= DONE, json.dumps(found, indent=1)[:8000]
    for host in hosts:
        assert version_of(host, "acme-mirror") == "1.1", f"{host.name}: {found['report']}"
        assert host.dpkg_audit() == ""
