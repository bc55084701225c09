"""A bundle's manifest: which feeds it carries, and the hash of each one's content.

It reads and writes JSON and says what is no manifest; whether a signature holds is said here too, what follows from the
manifest is not (``taking``).
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from oakum.core.errors import NotAllowedError
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.values import FILE_BYTES_MAX
from oakum.intel.services.bundles.keys import holds
from oakum.protocol.dsse import Envelope, Signature, open_envelope

ENVELOPE_NAME: Final = "bundle.json"
ENVELOPE_BYTES_MAX: Final = 8 * 1024**2
CONTENT_FOLDER: Final = "contents/"
PAYLOAD_TYPE: Final = "application/vnd.oakum.feed-bundle+json"
FORMAT: Final = 1
FEED_COUNT_MAX: Final = 1_000
FILE_NAME_BYTES_MAX: Final = 200
UNNAMED: Final = "feed"

_HASH: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFeed:
    """A feed, and its content: ``sha256`` and ``size`` are of the file in the bundle."""

    name: str
    kind: str
    stream: str
    file_name: str
    record_count: int
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle carries, and when it was made."""

    made_at: datetime
    feeds: tuple[ManifestFeed, ...]


def refused(reason: str, next_step: str = "") -> NotAllowedError:
    """Return the refusal of a bundle."""
    return NotAllowedError(
        code="bundle_refused",
        sentence=f"The bundle is refused: {reason}; nothing was changed.",
        next_step=next_step or "Fetch it again from the server that made it.",
    )


def is_bundle(path: Path) -> bool:
    """Say whether a file is a bundle by its first entry, whoever signed it."""
    try:
        with tarfile.open(path, mode="r:") as archive:
            first = archive.next()
    except (tarfile.TarError, OSError):
        return False
    return first is not None and first.name == ENVELOPE_NAME


def render_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as JSON."""
    feeds = [asdict(feed) for feed in manifest.feeds]
    told = {"format": FORMAT, "made_at": manifest.made_at.isoformat(), "feeds": feeds}
    return json.dumps(told, indent=1, sort_keys=True).encode()


def opened_manifest(raw: bytes, keys: Sequence[str]) -> tuple[Manifest, str]:
    """Return the manifest of an envelope, and which of these keys (in hex) signed it.

    Raises:
        NotAllowedError: none of them did, or it is no manifest.
    """
    envelope = _envelope(raw)
    for key in keys:
        payload = open_envelope(envelope, PAYLOAD_TYPE, public_key=bytes.fromhex(key), verify=holds)
        if payload is not None:
            return parse_manifest(payload), key
    if not envelope.signatures:
        raise refused("nobody has signed it")
    raise refused(
        "no key that this server trusts has signed it",
        "If you trust who made it, ask them for `oakum feed bundle --show-key` and add --trust-key KEY.",
    )


def _envelope(raw: bytes) -> Envelope:
    told = _json(raw)
    signatures = tuple(
        Signature(keyid=plain_text(plain_object(each).get("keyid")), sig=plain_text(plain_object(each).get("sig")))
        for each in plain_list(told.get("signatures"))
    )
    return Envelope(
        payloadType=plain_text(told.get("payloadType")), payload=plain_text(told.get("payload")), signatures=signatures
    )


def _json(raw: bytes) -> Mapping[str, Any]:
    try:
        return plain_object(json.loads(raw))
    except (ValueError, RecursionError) as error:
        raise refused(f"its {ENVELOPE_NAME} is no JSON") from error


def parse_manifest(payload: bytes) -> Manifest:
    """Return what a signed payload says.

    Raises:
        NotAllowedError: it is no manifest of a format that this server reads.
    """
    told = _json(payload)
    if told.get("format") != FORMAT:
        raise refused("it is of a format that this server does not read", "Update this server.")
    feeds = plain_list(told.get("feeds"))
    if len(feeds) > FEED_COUNT_MAX:
        raise refused(f"it lists more than {FEED_COUNT_MAX} feeds")
    try:
        made_at = datetime.fromisoformat(plain_text(told.get("made_at")))
    except ValueError as error:
        raise refused("it does not say when it was made") from error
    if made_at.tzinfo is None:
        raise refused("it does not say when it was made")
    return Manifest(made_at=made_at, feeds=tuple(_feed(plain_object(each)) for each in feeds))


def _feed(told: Mapping[str, Any]) -> ManifestFeed:
    size, record_count = told.get("size"), told.get("record_count")
    feed = ManifestFeed(
        name=plain_text(told.get("name")),
        kind=plain_text(told.get("kind")),
        stream=plain_text(told.get("stream")),
        file_name=_file_name(plain_text(told.get("file_name"))),
        record_count=record_count if isinstance(record_count, int) else 0,
        sha256=plain_text(told.get("sha256")),
        size=size if isinstance(size, int) else -1,
    )
    if not (feed.name and feed.kind and _HASH.match(feed.sha256) and 0 <= feed.size <= FILE_BYTES_MAX):
        raise refused("its manifest lists a feed without name, format, hash or size")
    return feed


def _file_name(text: str) -> str:
    """Return a name that is no path: a signed bundle too writes only where this server says."""
    is_fit = 0 < len(text.encode()) <= FILE_NAME_BYTES_MAX and text.isprintable() and "/" not in text
    return text if is_fit and not text.startswith(".") else UNNAMED
