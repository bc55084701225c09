"""The journal by the command line: what an auditor does with an export, without trusting the server."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oakum.fleet.models import Host
from oakum.fleet.services import set_host
from oakum.identity.models import Installation
from oakum.journal.format import checkpoint_text
from oakum.journal.models import Entry
from oakum.journal.services import add_checkpoint, seal
from oakum.protocol.dsse import key_id
from tests.cli.running import Shell
from tests.web.rows import World

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes_raw()


@pytest.fixture
def exported(world: World, operator: Shell, tmp_path: Path) -> Path:
    """Seal and sign what has happened, to a host with line breaks of every kind in its name, and export it."""
    Installation.objects.update(signer_key=PUBLIC.hex())
    host = Host.objects.get(hostname="web01")
    Host.objects.filter(id=host.id).update(hostname="a\u2028b\x85c\x0bd\re\nf")
    set_host(
        organisation_id=world.organisation.id, host_id=host.id, actor="person:otto", now=world.now, criticality="low"
    )
    seal(now=world.now)
    newest = Entry.objects.exclude(position=None).order_by("-position").filter(organisation_id=world.organisation.id)[0]
    assert newest.position is not None
    text = checkpoint_text(chain=newest.chain, position=newest.position, hash_=newest.hash, at=world.now)
    add_checkpoint(
        chain=newest.chain,
        position=newest.position,
        hash_=newest.hash,
        key_id=key_id(PUBLIC),
        signature=base64.b64encode(KEY.sign(text)).decode(),
        now=world.now,
    )
    file = tmp_path / "journal.jsonl"
    operator("journal", "export", "-o", str(file)).ok()
    return file


def test_an_export_holds_with_the_key_that_was_noted(exported: Path, operator: Shell) -> None:
    told = operator("journal", "verify", str(exported), "--key", PUBLIC.hex()).ok()
    assert told.startswith("The journal holds: ")
    assert "taken from the export itself" not in told
    assert "taken from the export itself" in operator("journal", "verify", str(exported)).ok()
    found = operator("journal", "verify", str(exported), "--json").json()
    assert found["holds"] is True
    assert found["signed_count"] == found["entry_count"] > 5
    assert operator("journal", "verify").ok() == operator("journal", "verify", str(exported)).out
    piped = operator("journal", "export").ok()
    assert piped.encode() == exported.read_bytes()


def test_a_wrong_key_is_found_out(exported: Path, operator: Shell) -> None:
    told = operator("journal", "verify", str(exported), "--key", "ab" * 32)
    assert told.code == 1
    assert "signed by a key that is not the signer's" in told.out
    assert "64 hexadecimal digits" in operator("journal", "verify", str(exported), "--key", "ab").refused(2)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("actor", "was changed after it was sealed"),
        ("payload", "payload was changed"),
        ("taken out", "is missing or out of order"),
        ("swapped", "is missing or out of order"),
        ("header", "does not begin with its header"),
        ("cut", "cannot be read"),
        ("garbage", "cannot be read"),
        ("empty", "the export is empty"),
    ],
)
def test_what_was_tampered_with_is_found_and_named(exported: Path, operator: Shell, what: str, words: str) -> None:
    lines = exported.read_bytes().split(b"\n")
    entry = json.loads(lines[2])
    match what:
        case "actor":
            entry["entry"]["actor"] = "person:mallory"
            lines[2] = json.dumps(entry).encode()
        case "payload":
            entry["entry"]["payload"] = {"nothing": "happened"}
            lines[2] = json.dumps(entry).encode()
        case "taken out":
            del lines[2]
        case "swapped":
            lines[2], lines[3] = lines[3], lines[2]
        case "header":
            del lines[0]
        case "cut":
            lines = [*lines[:2], lines[2][:40]]
        case "garbage":
            lines = [lines[0], b"\xff\x00\x1b[2J" * 100]
        case _:
            lines = []
    exported.write_bytes(b"\n".join(lines))
    told = operator("journal", "verify", str(exported))
    assert told.code == 1
    assert "does NOT hold" in told.out
    assert words in told.out
    assert "\x1b" not in told.out
    found = operator("journal", "verify", str(exported), "--json")
    assert found.code == 1
    assert json.loads(found.out)["holds"] is False


def test_a_line_without_an_end_is_not_read_to_its_end(
    exported: Path, operator: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from oakum.cli import journal
    from oakum.journal import verify

    monkeypatch.setattr(verify, "LINE_LENGTH_MAX", 10_000)
    monkeypatch.setattr(journal, "LINE_LENGTH_MAX", 10_000)
    header = exported.read_bytes().split(b"\n")[0]
    exported.write_bytes(header + b"\n" + b"x" * 1_000_000)
    assert "is longer than any entry" in operator("journal", "verify", str(exported)).out


def test_verifying_a_file_needs_no_server_and_no_login(exported: Path, tmp_path: Path) -> None:
    assert "holds" in Shell(tmp_path / "elsewhere")("journal", "verify", str(exported)).ok()
    assert Shell(tmp_path)("journal", "verify", str(tmp_path / "missing")).code == 2


def test_entries_are_listed_with_names_and_reasons(operator: Shell, world: World) -> None:
    operator("rollout", "plan", "--security", "--all", "--now", "4h").ok()
    operator("rollout", "cancel", "1", "--yes", "--reason", "a slip").ok()
    told = operator("journal", "list", "--kind", "rollout").ok()
    lines = told.splitlines()
    assert "rollout.finished" in lines[1]
    assert "rollout 1" in lines[1]
    assert lines[1].endswith("a slip")
    assert "person:otto" in lines[1]
    seal(now=world.now)
    first = operator("journal", "list", "--limit", "2")
    assert "--before" in first.err
    number = int(first.out.splitlines()[-1].split()[0])
    older = operator("journal", "list", "--limit", "2", "--before", str(number)).ok()
    assert int(older.splitlines()[1].split()[0]) == number - 1
    assert operator("journal", "list", "--kind", "nothing.of.that").ok() == "No entry matches.\n"
    assert "role administrator" in operator("journal", "export", "--installation").refused(3)
