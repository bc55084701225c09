"""Bundles: what one server has imported, carried to another one, and nothing else taken."""

from __future__ import annotations

import fcntl
import io
import json
import os
import tarfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from oakum.cli.feed import feed
from oakum.cli.main import exit_code_of
from oakum.config import Config
from oakum.core.errors import NotAllowedError, OperatorError, StoreError
from oakum.intel.models import Feed, TrustedBundleKey
from oakum.intel.queries import current_ranges, feeds
from oakum.intel.services import (
    distrust_key,
    import_bundle,
    import_feed,
    is_bundle,
    own_key,
    trusted_keys,
    write_bundle,
)
from oakum.intel.services.bundles.manifest import PAYLOAD_TYPE
from oakum.journal.models import Entry
from oakum.protocol.dsse import seal
from tests.intel import feeds as files

pytestmark = pytest.mark.django_db


def at(folder: Path) -> Config:
    """Return the configuration of a server whose data directory that is."""
    return Config(
        host="127.0.0.1", port=1, data_dir=folder, database_url="sqlite:///x", behind_proxy=False, public_url=""
    )


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Go over to another server: another data directory and none of the former one's feeds."""

    def use(name: str) -> None:
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.setattr(settings, "CONFIG", at(tmp_path / name))
        Feed.objects.all().delete()
        TrustedBundleKey.objects.all().delete()

    use("one")
    return use


def bundled(tmp_path: Path, now: datetime, *refs: str) -> tuple[Path, str]:
    """Import two feeds here and return a bundle of them and the key."""
    import_feed(files.write_zip(tmp_path / "all.zip", *map(files.osv_record, refs or ("DSA-1-1", "DSA-2-1"))), now=now)
    import_feed(files.write_kev(tmp_path / "kev.json", [files.kev_row()]), now=now)
    path = tmp_path / "feeds.bundle"
    assert [each.name for each in write_bundle(path, now=now)] == ["kev", "osv-debian"]
    return path, own_key().public.hex()


def shown() -> list[str]:
    return sorted(each.ref for each in current_ranges(stream="debian:12", names=["openssl"]))


def test_the_other_server_sees_the_same(tmp_path: Path, now: datetime, server: Callable[[str], None]) -> None:
    path, key = bundled(tmp_path, now)
    before = {(each.name, each.kind, each.content_hash, each.record_count) for each in Feed.objects.all()}
    server("two")
    assert own_key().public.hex() != key
    reports = import_bundle(path, trust=key, now=now)
    assert [(each.feed_name, each.problem) for each in reports] == [("kev", None), ("osv-debian", None)]
    assert shown() == ["DSA-1-1", "DSA-2-1"]
    assert {(each.name, each.kind, each.content_hash, each.record_count) for each in Feed.objects.all()} == before
    assert [row.key for row in trusted_keys()] == [key]
    again = import_bundle(path, now=now)
    assert all(each.report is not None and each.report.is_unchanged for each in again)
    kinds = sorted(Entry.objects.filter(kind__startswith="intel.bundle").values_list("kind", flat=True))
    assert kinds == ["intel.bundle_key_trusted", "intel.bundle_made", "intel.bundle_taken", "intel.bundle_taken"]


def test_a_folder_travels_too(tmp_path: Path, now: datetime, server: Callable[[str], None]) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    for ref in ("DSA-1-1", "DSA-2-1"):
        (folder / f"{ref}.json").write_text(json.dumps(files.osv_record(ref)))
    assert import_feed(folder, now=now).record_count == 2
    path = tmp_path / "feeds.bundle"
    write_bundle(path, now=now)
    server("two")
    import_bundle(path, trust=key_of(path), now=now)
    assert shown() == ["DSA-1-1", "DSA-2-1"]


def key_of(path: Path) -> str:
    """Return the key of the first server's bundles."""
    raw = (path.parent / "one" / "bundle" / "key").read_bytes()
    return Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw().hex()


def refusal(path: Path, now: datetime, trust: str | None = None) -> str:
    with pytest.raises(NotAllowedError, match="nothing was changed") as caught:
        import_bundle(path, trust=trust, now=now)
    assert exit_code_of(caught.value) == 3
    assert caught.value.next_step
    assert Feed.objects.count() == 0
    assert TrustedBundleKey.objects.count() == 0
    return caught.value.sentence


def test_nobody_is_trusted_unasked(tmp_path: Path, now: datetime, server: Callable[[str], None]) -> None:
    path, _ = bundled(tmp_path, now)
    server("two")
    assert "no key that this server trusts has signed it" in refusal(path, now)
    assert "no key that this server trusts has signed it" in refusal(path, now, trust=own_key().public.hex())


def rewritten(path: Path, change: Callable[[str, bytes], tuple[str, bytes] | None], *more: tuple[str, bytes]) -> Path:
    """Write the bundle anew, each entry changed or left out."""
    changed = path.with_name("changed.bundle")
    with tarfile.open(path) as old, tarfile.open(changed, "w") as new:
        entries = [(member.name, old.extractfile(member)) for member in old]
        kept = [change(name, content.read()) for name, content in entries if content is not None]
        for each in [*kept, *more]:
            if each is not None:
                member = tarfile.TarInfo(each[0])
                member.size = len(each[1])
                new.addfile(member, io.BytesIO(each[1]))
    return changed


def test_what_was_altered_is_refused_by_name(tmp_path: Path, now: datetime, server: Callable[[str], None]) -> None:
    path, key = bundled(tmp_path, now)
    server("two")
    is_envelope = "bundle.json".__eq__

    def unsigned(name: str, body: bytes) -> tuple[str, bytes]:
        return name, json.dumps(json.loads(body) | {"signatures": []}).encode() if is_envelope(name) else body

    def other_payload(name: str, body: bytes) -> tuple[str, bytes]:
        if not is_envelope(name):
            return name, body
        forged = seal(PAYLOAD_TYPE, b"{}", public_key=bytes.fromhex(key), sign=own_key().sign)
        told = {"payloadType": PAYLOAD_TYPE, "payload": forged.payload}
        return name, json.dumps(told | {"signatures": [vars(each) for each in forged.signatures]}).encode()

    assert "nobody has signed it" in refusal(rewritten(path, unsigned), now, trust=key)
    forged = rewritten(path, other_payload)
    assert "no key that this server trusts" in refusal(forged, now, trust=key)
    longer = rewritten(path, lambda name, body: (name, body if is_envelope(name) else body + b"x"))
    assert "is not what was signed" in refusal(longer, now, trust=key)
    other = rewritten(path, lambda name, body: (name, body if is_envelope(name) else b"x" * len(body)))
    assert "is not what was signed" in refusal(other, now, trust=key)
    without = rewritten(path, lambda name, body: (name, body) if is_envelope(name) else None)
    assert "the content of the feed 'kev' is missing" in refusal(without, now, trust=key)
    more = rewritten(path, lambda name, body: (name, body), ("../../etc/cron.d/x", b"x"))
    assert "something that its manifest does not list" in refusal(more, now, trust=key)
    first = rewritten(path, lambda name, body: None if is_envelope(name) else (name, body))
    assert not is_bundle(first)
    assert "does not begin with bundle.json" in refusal(first, now, trust=key)


def test_a_cut_bundle_is_refused(tmp_path: Path, now: datetime, server: Callable[[str], None]) -> None:
    path, key = bundled(tmp_path, now)
    server("two")
    whole = path.read_bytes()
    for length in (len(whole.rstrip(b"\0")) - 300, 700, 0):
        path.write_bytes(whole[:length])
        assert "The bundle is refused" in refusal(path, now, trust=key)
    assert "it cannot be read" in refusal(tmp_path / "absent", now, trust=key)


def test_an_older_bundle_does_not_bring_old_feeds_back(
    tmp_path: Path, now: datetime, server: Callable[[str], None]
) -> None:
    old, key = bundled(tmp_path, now, "DSA-1-1")
    old = old.rename(tmp_path / "old.bundle")
    new, _ = bundled(tmp_path, now + timedelta(days=1), "DSA-2-1")
    server("two")
    import_bundle(new, trust=key, now=now)
    with pytest.raises(NotAllowedError, match=r"made at 2026-11-22 .* has been taken already"):
        import_bundle(old, now=now)
    assert shown() == ["DSA-2-1"]
    import_bundle(old, force=True, now=now)
    assert shown() == ["DSA-1-1"]


def test_what_a_killed_import_left_goes_with_the_next_one(
    tmp_path: Path, now: datetime, server: Callable[[str], None]
) -> None:
    path, key = bundled(tmp_path, now)
    server("two")
    left, used = tmp_path / "two" / "bundle-left", tmp_path / "two" / "bundle-used"
    for folder in (left, used):
        folder.mkdir()
        (folder / "content.part").write_bytes(b"x" * 1000)
    working = os.open(used, os.O_RDONLY)  # another import works in it
    fcntl.flock(working, fcntl.LOCK_EX)
    try:
        import_bundle(path, trust=key, now=now)
        assert [each.name for each in (tmp_path / "two").glob("bundle-*")] == [used.name]
    finally:
        os.close(working)
    with pytest.raises(NotAllowedError):
        import_bundle(tmp_path / "absent", now=now)
    assert list((tmp_path / "two").glob("bundle-*")) == []


def test_a_key_is_trusted_no_longer(tmp_path: Path, now: datetime, server: Callable[[str], None]) -> None:
    path, key = bundled(tmp_path, now)
    server("two")
    import_bundle(path, trust=key, now=now)
    distrust_key(key.upper(), now=now)
    with pytest.raises(NotAllowedError, match="no key that this server trusts"):
        import_bundle(path, now=now)
    with pytest.raises(OperatorError, match="does not trust the key"):
        distrust_key(key, now=now)
    with pytest.raises(OperatorError, match="is no bundle key"):
        import_bundle(path, trust="x", now=now)


def test_what_cannot_be_bundled_is_said(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "feeds.bundle"
    with pytest.raises(OperatorError, match="There is no feed to bundle"):
        write_bundle(path, now=now)
    bundled(tmp_path, now)
    with pytest.raises(StoreError, match="cannot be written: No such file"):
        write_bundle(tmp_path / "absent" / "x", now=now)
    for copy in (tmp_path / "one" / "feeds").iterdir():
        copy.unlink()
    with pytest.raises(OperatorError, match="content of the feed 'kev' was not kept"):
        write_bundle(path, now=now)
    (tmp_path / "one" / "bundle" / "key").write_bytes(b"short")
    with pytest.raises(StoreError, match="is no key: it has 5 bytes"):
        own_key()


def test_only_what_feeds_have_now_is_kept(tmp_path: Path, now: datetime) -> None:
    bundled(tmp_path, now, "DSA-1-1")
    bundled(tmp_path, now, "DSA-2-1")
    kept = {copy.name for copy in (tmp_path / "one" / "feeds").iterdir()}
    assert kept == {each.content_hash for each in Feed.objects.all()}
    assert len(kept) == 2


def test_the_commands_carry_feeds_from_one_server_to_another(
    tmp_path: Path, now: datetime, server: Callable[[str], None]
) -> None:
    bundled(tmp_path, now)
    path = str(tmp_path / "cli.bundle")
    key = CliRunner().invoke(feed, ["bundle", "--show-key"]).stdout.strip()
    assert CliRunner().invoke(feed, ["bundle"]).exit_code == 2
    made = CliRunner().invoke(feed, ["bundle", path, "--json"])
    assert json.loads(made.stdout)["key"] == key
    server("two")
    refused = CliRunner().invoke(feed, ["import", path])
    assert isinstance(refused.exception, NotAllowedError)
    taken = CliRunner().invoke(feed, ["import", path, "--trust-key", key])
    assert taken.stdout.splitlines()[0] == "Feed kev: 1 records, generation 1."
    assert [each.name for each in feeds()] == ["kev", "osv-debian"]
    assert key in CliRunner().invoke(feed, ["keys"]).stdout
    assert json.loads(CliRunner().invoke(feed, ["keys", "--remove", key, "--json"]).stdout) == []
    assert CliRunner().invoke(feed, ["import", path, "--name", "x"]).exit_code == 2
    assert CliRunner().invoke(feed, ["import", str(tmp_path / "kev.json"), "--trust-key", key]).exit_code == 2
