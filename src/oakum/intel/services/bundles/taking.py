"""Take a bundle: first all of it is checked, then each feed is imported as a file would be.

Until the signature holds and every content has the hash that was signed, nothing of it is read as a feed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from django.db import transaction

from oakum.core.errors import FeedError, StoreError
from oakum.intel.importers.unpacking import FAULTS, tar_members, unpacked
from oakum.intel.models import TrustedBundleKey
from oakum.intel.services.bundles.folders import bundle_folder
from oakum.intel.services.bundles.keys import checked_key, trust_key, trusted_keys
from oakum.intel.services.bundles.manifest import (
    CONTENT_FOLDER,
    ENVELOPE_BYTES_MAX,
    ENVELOPE_NAME,
    Manifest,
    ManifestFeed,
    opened_manifest,
    refused,
)
from oakum.intel.services.filling import Progress
from oakum.intel.services.importing import import_feed
from oakum.intel.services.syncing import SyncReport
from oakum.journal.services import append

_READ_BYTES: Final = 1024 * 1024


def import_bundle(
    path: Path,
    *,
    trust: str | None = None,
    force: bool = False,
    accept_fewer: bool = False,
    progress_of: Callable[[str], Progress] | None = None,
    now: datetime,
) -> tuple[SyncReport, ...]:
    """Check a bundle and import its feeds; one that fails does not hold up the others.

    ``trust`` is a key in hex to trust from now on, if it is the one that signed.  An older bundle than the last one of
    the same key is refused but with ``force``: somebody may want old feeds to stay.

    Raises:
        NotAllowedError: it is unsigned, signed by nobody whom this server trusts, altered, cut, or older than the last
            one.  Nothing was changed.
        OperatorError: ``trust`` is no key.
    """
    told = checked_key(trust) if trust else ""
    keys = [*dict.fromkeys([*(row.key for row in trusted_keys()), *filter(None, [told])])]
    with bundle_folder() as folder:
        manifest, key = _checked(path, keys, folder)
        if told and key != told:
            raise refused("the key that you named has not signed it")
        _check_age(manifest, key, force=force)
        trust_key(key, now=now)
        _note_taken(manifest, key, now)
        return tuple(
            _import(
                each,
                folder,
                force=force,
                accept_fewer=accept_fewer,
                progress=progress_of(each.name) if progress_of else None,
                now=now,
            )
            for each in manifest.feeds
        )


def _check_age(manifest: Manifest, key: str, *, force: bool) -> None:
    row = TrustedBundleKey.objects.filter(key=key).first()
    if row is not None and row.made_at is not None and manifest.made_at < row.made_at and not force:
        raise refused(
            f"it was made at {manifest.made_at:%Y-%m-%d %H:%M} UTC, and one made at {row.made_at:%Y-%m-%d %H:%M} UTC"
            " has been taken already",
            "Take the newest one; --force takes this one all the same.",
        )


def _note_taken(manifest: Manifest, key: str, now: datetime) -> None:
    with transaction.atomic():
        row = TrustedBundleKey.objects.select_for_update().get(key=key)
        row.made_at = manifest.made_at
        row.save(update_fields=["made_at"])
        payload: dict[str, object] = {
            "key": key,
            "made_at": manifest.made_at.isoformat(),
            "feeds": [feed.name for feed in manifest.feeds],
        }
        append(
            organisation_id=None, kind="intel.bundle_taken", actor="admin", subject="feeds", payload=payload, now=now
        )


def _import(
    feed: ManifestFeed, folder: Path, *, force: bool, accept_fewer: bool, progress: Progress | None, now: datetime
) -> SyncReport:
    try:
        report = import_feed(
            folder / feed.sha256 / feed.file_name,
            kind=feed.kind,
            name=feed.name,
            stream=feed.stream,
            progress=progress,
            accept_fewer=accept_fewer,
            force=force,
            now=now,
        )
        return SyncReport(feed_name=feed.name, report=report)
    except (FeedError, StoreError) as error:
        return SyncReport(feed_name=feed.name, problem=error)


def _checked(path: Path, keys: Sequence[str], folder: Path) -> tuple[Manifest, str]:
    """Return what the bundle carries and who signed it, every content checked and put into ``folder``."""
    found: tuple[Manifest, str] | None = None
    missing: dict[str, ManifestFeed] = {}
    with _entries(path) as entries:
        for name, stream in entries:
            if found is None:
                if name != ENVELOPE_NAME:
                    raise refused(f"it does not begin with {ENVELOPE_NAME}")
                found = opened_manifest(_whole(stream), keys)
                missing = {feed.sha256: feed for feed in found[0].feeds}
                continue
            listed = missing.pop(name.removeprefix(CONTENT_FOLDER), None)
            if listed is None or not name.startswith(CONTENT_FOLDER):
                raise refused("it holds something that its manifest does not list")
            _save(stream, listed, folder)
    if found is None:
        raise refused("it is empty")
    if missing:
        raise refused(f"the content of the feed {next(iter(missing.values())).name!r} is missing")
    _name_contents(found[0], folder)
    return found


@contextmanager
def _entries(path: Path) -> Iterator[Iterator[tuple[str, BinaryIO]]]:
    try:
        with path.open("rb") as file:
            stream, raw = unpacked(path, "", file)
            yield ((member.name, content) for member, content in tar_members(path, stream, raw))
    except FeedError as error:
        raise refused(f"it is cut or corrupt ({error.sentence.partition(';')[0]})") from error
    except OSError as error:
        raise refused(f"it cannot be read ({error.strerror or error})") from error
    except FAULTS as error:
        raise refused(f"it is cut or corrupt ({error})") from error


def _whole(stream: BinaryIO) -> bytes:
    raw = stream.read(ENVELOPE_BYTES_MAX + 1)
    if len(raw) > ENVELOPE_BYTES_MAX:
        raise refused(f"its {ENVELOPE_NAME} has more than {ENVELOPE_BYTES_MAX} bytes")
    return raw


def _save(stream: BinaryIO, listed: ManifestFeed, folder: Path) -> None:
    digest, size = hashlib.sha256(), 0
    with (folder / f"{listed.sha256}.part").open("wb") as file:
        while chunk := stream.read(_READ_BYTES):
            digest.update(chunk)
            size += len(chunk)
            if size > listed.size:
                break
            file.write(chunk)
    if size != listed.size or digest.hexdigest() != listed.sha256:
        raise refused(f"the content of the feed {listed.name!r} is not what was signed")


def _name_contents(manifest: Manifest, folder: Path) -> None:
    """Give each feed's content the name that it had: importers may look at it."""
    for feed in manifest.feeds:
        place = folder / feed.sha256
        place.mkdir(exist_ok=True)
        if not (place / feed.file_name).exists():
            (place / feed.file_name).hardlink_to(folder / f"{feed.sha256}.part")
