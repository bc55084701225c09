"""Write a bundle of all feeds that readers see."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from oakum.core.errors import OperatorError, StoreError
from oakum.intel.models import Feed
from oakum.intel.services import contents
from oakum.intel.services.bundles.keys import own_key
from oakum.intel.services.bundles.manifest import (
    CONTENT_FOLDER,
    ENVELOPE_NAME,
    PAYLOAD_TYPE,
    UNNAMED,
    Manifest,
    ManifestFeed,
    render_manifest,
)
from oakum.intel.services.host_notes import HOST_FEED
from oakum.journal.services import append
from oakum.protocol.dsse import Envelope, seal


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledFeed:
    """A feed that a bundle carries."""

    name: str
    kind: str
    record_count: int
    size: int


def write_bundle(path: Path, *, now: datetime) -> tuple[BundledFeed, ...]:
    """Write all imported feeds to one signed file, whole or not at all; what hosts told is not among them.

    Raises:
        OperatorError: there is no feed, or the content of one was not kept.
        StoreError: the file cannot be written, or a kept content is not what it was.
    """
    feeds = list(Feed.objects.filter(generation__gt=0).exclude(name=HOST_FEED).order_by("name"))
    if not feeds:
        raise OperatorError(
            code="bundle_empty",
            sentence="There is no feed to bundle.",
            next_step="Fetch some with `oakum feed sync`, or import files.",
        )
    manifest = Manifest(made_at=now, feeds=tuple(_listed(feed) for feed in feeds))
    key = own_key()
    envelope = seal(PAYLOAD_TYPE, render_manifest(manifest), public_key=key.public, sign=key.sign)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _write(part, envelope, manifest, feeds)
        part.replace(path)
    except OSError as error:
        raise StoreError(
            code="bundle_unwritable",
            sentence=f"{path} cannot be written: {error.strerror or error}.",
            next_step="Choose another place, or make room.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    payload: dict[str, object] = {"feeds": [feed.name for feed in feeds], "key": key.public.hex()}
    with transaction.atomic():
        append(organisation_id=None, kind="intel.bundle_made", actor="admin", subject="feeds", payload=payload, now=now)
    return tuple(
        BundledFeed(name=each.name, kind=each.kind, record_count=each.record_count, size=each.size)
        for each in manifest.feeds
    )


def _listed(feed: Feed) -> ManifestFeed:
    copy = contents.kept(feed.content_hash)
    if not feed.content_hash or not copy.is_file():
        raise OperatorError(
            code="bundle_content_missing",
            sentence=f"The content of the feed {feed.name!r} was not kept on this server, so it cannot be bundled.",
            next_step="Import or fetch it once more, with --force.",
        )
    with copy.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ManifestFeed(
        name=feed.name,
        kind=feed.kind,
        stream=feed.stream,
        file_name=feed.content_name or UNNAMED,
        record_count=feed.record_count,
        sha256=digest,
        size=copy.stat().st_size,
    )


def _write(part: Path, envelope: Envelope, manifest: Manifest, feeds: Sequence[Feed]) -> None:
    raw = _rendered(envelope)
    written: set[str] = set()
    with part.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            member = tarfile.TarInfo(ENVELOPE_NAME)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
            for feed, listed in zip(feeds, manifest.feeds, strict=True):
                if listed.sha256 in written:
                    continue
                written.add(listed.sha256)
                member = tarfile.TarInfo(f"{CONTENT_FOLDER}{listed.sha256}")
                member.size = listed.size
                with contents.kept(feed.content_hash).open("rb") as source:
                    archive.addfile(member, source)
        file.flush()
        os.fsync(file.fileno())


def _rendered(envelope: Envelope) -> bytes:
    return json.dumps(
        {
            "payloadType": envelope.payloadType,
            "payload": envelope.payload,
            "signatures": [{"keyid": each.keyid, "sig": each.sig} for each in envelope.signatures],
        }
    ).encode()
