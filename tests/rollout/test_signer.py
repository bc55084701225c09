"""The signer on real rows: what tampering comes to, the cap, the key's file, checkpoints, and the process itself."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oakum.core.errors import StoreError
from oakum.identity.models import Approval, Installation, Membership
from oakum.journal.models import Checkpoint, Entry
from oakum.journal.queries import export_lines
from oakum.journal.services import append, seal
from oakum.journal.signature import signature_holds
from oakum.journal.verify import verify
from oakum.protocol.codec import from_json
from oakum.protocol.orders import PackageChange, WorkOrder, order_payload, payload_hash
from oakum.rollout.loops import execute_step
from oakum.rollout.models import Order, Plan, Rollout
from oakum.rollout.requests import RingsBySize
from oakum.rollout.signer.checkpoints import CHECKPOINT_AGE, checkpoint_step
from oakum.rollout.signer.key import key_path, load_key, make_key
from oakum.rollout.signer.process import open_key, run
from oakum.rollout.signer.signing import Signer
from tests.rollout.race import migrate
from tests.rollout.world import MINUTE, World, make_world, signing_key


def rewrite(change: Callable[[dict[str, Any]], None]) -> None:
    """Change the unsigned order as a thief with the database would: bytes and hash together."""
    order = Order.objects.get()
    content = from_json(bytes(order.payload), WorkOrder)
    values = {name: getattr(content, name) for name in content.__dataclass_fields__}
    change(values)
    order.payload = order_payload(WorkOrder(**values))
    order.payload_hash = payload_hash(order.payload)
    order.save(update_fields=["payload", "payload_hash"])


def add_package(values: dict[str, Any]) -> None:
    values["packages"] = (*values["packages"], PackageChange("backdoor", "amd64", "", "1.0"))


def lower_version(values: dict[str, Any]) -> None:
    change = values["packages"][0]
    values["packages"] = (PackageChange(change.name, change.architecture, change.from_version, "0.1"),)


TAMPERED: dict[str, Callable[[], object]] = {
    "are not those that its hash was made from": lambda: Order.objects.update(payload=b"{}"),
    "packages or versions are not those": lambda: rewrite(add_package),
    "not those that were approved for the host": lambda: rewrite(lower_version),
    "soak, health delay or reboot": lambda: rewrite(lambda values: values.update(soak_seconds=0)),
    "says something else than its bytes": lambda: Order.objects.update(generation=9),
    "lacks approvals": lambda: Approval.objects.all().delete(),
    "lacks approvals by people who may": lambda: Membership.objects.filter(role="approver").update(role="operator"),
    "spec is not the one that was approved": lambda: Rollout.objects.update(spec_hash="0" * 64),
    "plan is not the one": lambda: Plan.objects.update(plan_hash="0" * 64),
    "plan that the order names does not exist": lambda: Plan.objects.all().delete(),
}


@pytest.mark.django_db
@pytest.mark.parametrize("words", TAMPERED)
def test_a_tampered_row_is_not_signed_and_halts_the_rollout(now: datetime, words: str) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    execute_step(world.now)
    TAMPERED[words]()
    assert world.signer.step(now=world.now) == 0
    row = Order.objects.get()
    assert row.state == "unsignable"
    assert row.envelope is None
    assert words in row.unsignable_reason
    (entry,) = world.entries("rollout.order_unsignable")
    assert entry.actor == "signer"
    if "spec is not" not in words:  # the executor itself refuses to go on with such a spec
        execute_step(world.now)
        assert world.rollout(rollout_id).state == "halted"
        told = "approvals hold today" if "approvals" in words else "signer refused"
        assert told in world.rollout(rollout_id).state_reason


@pytest.mark.django_db
def test_lowering_the_approvals_in_the_rollout_s_row_gains_nothing(now: datetime) -> None:
    world = make_world(now)
    world.begin()
    execute_step(world.now)
    Approval.objects.all().delete()
    Rollout.objects.update(approvals_required=0)
    assert world.signer.step(now=world.now) == 0
    assert "lacks approvals" in Order.objects.get().unsignable_reason


@pytest.mark.django_db
def test_an_order_of_a_paused_rollout_waits_and_is_signed_when_it_goes_on(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    execute_step(world.now)
    world.say("pause", rollout_id)
    assert world.signer.step(now=world.now) == 0
    assert Order.objects.get().state == "unsigned"
    world.say("resume", rollout_id)
    assert world.signer.step(now=world.now) == 1


@pytest.mark.django_db
def test_an_unsigned_order_is_replaced_by_its_hold_and_holds_pass_the_cap(now: datetime) -> None:
    world = make_world(now, host_count=4)
    world.signer = Signer(world.key, orders_per_minute_max=3)
    rollout_id = world.begin(rings=RingsBySize((4,)))
    world.tick()
    assert sorted(Order.objects.values_list("state", flat=True)) == ["signed", "signed", "signed", "unsigned"]
    world.signer.step(now=world.now + timedelta(seconds=59))
    assert Order.objects.filter(state="signed").count() == 3
    world.say("halt", rollout_id)
    world.tick()
    assert Order.objects.filter(verb="hold", state="signed").count() == 4
    assert Order.objects.filter(verb="apply").exclude(state="superseded").count() == 0


@pytest.mark.django_db
def test_the_cap_is_remembered_by_the_database_and_by_the_signer_itself(now: datetime) -> None:
    world = make_world(now, host_count=4)
    world.begin(rings=RingsBySize((4,)))
    execute_step(world.now)
    first = Signer(world.key, orders_per_minute_max=2)
    assert first.step(now=world.now) == 2
    assert Signer(world.key, orders_per_minute_max=2).step(now=world.now) == 0, "a restart does not reset it"
    Order.objects.filter(state="signed").update(signed_at=None)
    assert first.step(now=world.now) == 0, "clearing the rows does not either"
    assert first.step(now=world.now + MINUTE) == 2


# The key.


def test_the_key_is_made_once_with_modes_that_keep_others_out(tmp_path: Path) -> None:
    path = key_path(tmp_path)
    first = make_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(path.read_bytes()) == 32
    assert make_key(path).public == load_key(path).public == first.public
    assert sorted(each.name for each in path.parent.iterdir()) == ["key"]


def test_two_signers_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from oakum.rollout.signer.key import key_path, make_key; "
        "print(make_key(key_path(Path(sys.argv[1]))).public.hex())"
    )
    argv = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(argv, stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate(timeout=60)[0] for process in processes}) == 1
    assert [each.name for each in key_path(tmp_path).parent.iterdir()] == ["key"]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda path: path.chmod(0o640), "key_exposed"),
        (lambda path: path.parent.chmod(0o750), "key_exposed"),
        (lambda path: path.write_bytes(b"short"), "key_unreadable"),
    ],
)
def test_a_key_that_others_could_read_is_not_used(tmp_path: Path, spoil: Callable[[Path], object], code: str) -> None:
    path = key_path(tmp_path)
    make_key(path)
    spoil(path)
    with pytest.raises(StoreError) as caught:
        load_key(path)
    assert caught.value.code == code
    assert caught.value.next_step


@pytest.mark.django_db
def test_the_database_knows_one_key_and_no_other(now: datetime, tmp_path: Path) -> None:
    key = open_key(tmp_path, now=now)
    assert Installation.objects.get().signer_key == key.public.hex()
    assert open_key(tmp_path, now=now).public == key.public
    assert Entry.objects.filter(kind="rollout.signer_registered", organisation_id=None).count() == 1
    for other in (tmp_path / "empty", tmp_path / "another"):
        if other.name == "another":
            make_key(key_path(other))
        with pytest.raises(StoreError) as caught:
            open_key(other, now=now)
        assert caught.value.code == "signer_key_differs"
    assert not key_path(tmp_path / "empty").exists(), "no second key is made"


# Checkpoints.


def write(world: World, count: int) -> None:
    for _ in range(count):
        append(
            organisation_id=world.organisation.id, kind="test.told", actor="x", subject="y", payload={}, now=world.now
        )
    seal(now=world.now)


@pytest.mark.django_db
def test_chains_are_signed_when_they_have_moved_and_an_export_verifies(now: datetime) -> None:
    world = make_world(now)
    write(world, 3)
    assert checkpoint_step(world.key, now=now) == 1
    assert checkpoint_step(world.key, now=now) == 0
    write(world, 2)
    assert checkpoint_step(world.key, now=now + timedelta(seconds=1)) == 0, "not for every entry"
    assert checkpoint_step(world.key, now=now + CHECKPOINT_AGE) == 1
    lines = list(export_lines(organisation_id=world.organisation.id, signer_key=""))
    verdict = verify(lines, public_key=world.key.public, verify_signature=signature_holds)
    assert verdict.holds, verdict.problem
    assert (verdict.entry_count, verdict.signed_count) == (5, 5)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change", [{"actor": "somebody else"}, {"payload": {"other": 1}}, {"previous_hash": "0" * 64}, {"position": 99}]
)
def test_a_chain_that_was_rewritten_gets_no_signature(now: datetime, change: dict[str, object]) -> None:
    world = make_world(now)
    write(world, 3)
    assert checkpoint_step(world.key, now=now) == 1
    write(world, 3)
    Entry.objects.filter(position=5).update(**change)
    assert checkpoint_step(world.key, now=now + CHECKPOINT_AGE) == 0
    assert Checkpoint.objects.count() == 1


@pytest.mark.django_db
def test_a_checkpoint_by_another_key_is_not_built_on(now: datetime) -> None:
    world = make_world(now)
    write(world, 3)
    assert checkpoint_step(signing_key(), now=now) == 1
    write(world, 3)
    assert checkpoint_step(world.key, now=now + CHECKPOINT_AGE) == 0


# The process.


@pytest.mark.django_db(transaction=True)
def test_the_loop_signs_shows_that_it_lives_and_ends_when_told(now: datetime) -> None:
    world = make_world(now)
    Installation.objects.create(id=1, created_at=now)
    world.begin()
    execute_step(world.now)
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(world.key,), kwargs={"stop": stop, "clock": lambda: world.now})
    thread.start()
    try:
        _until(lambda: Order.objects.get().state == "signed" and Installation.objects.get().signer_seen_at == world.now)
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
    assert world.order_of(world.hosts[0]) is not None


def test_the_process_makes_its_key_registers_it_and_ends_with_its_parent(tmp_path: Path) -> None:
    environ = {**os.environ, "OAKUM_DATA_DIR": str(tmp_path), "OAKUM_DATABASE_URL": f"sqlite:///{tmp_path}/o.sqlite3"}
    environ.pop("OAKUM_TEST_DATABASE_URL", None)
    migrate(environ)
    argv = [sys.executable, "-m", "oakum.rollout.signer", "--until-stdin-closes"]
    with subprocess.Popen(argv, env=environ, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        _until(lambda: _key_in(tmp_path) != "", seconds=60)
        raw = (tmp_path / "signer" / "key").read_bytes()
        public = Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()
        assert _key_in(tmp_path) == public.hex()
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0
    (tmp_path / "signer" / "key").unlink()
    again = subprocess.run(argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert again.returncode == 3
    assert b"belongs to another signing key" in again.stderr
    assert b"Next step: Restore the key file" in again.stderr


def _key_in(data_dir: Path) -> str:
    import sqlite3

    with sqlite3.connect(data_dir / "o.sqlite3") as database:
        row = database.execute("SELECT signer_key FROM identity_installation").fetchone()
    return row[0] if row else ""


def _until(reached: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
