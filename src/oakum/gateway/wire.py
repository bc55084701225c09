"""Bytes off the wire into the protocol's values: bounded decompression, strict decoding.

Types are checked by msgspec, here and nowhere else in Oakum; what the values mean is checked by the services.
"""

from __future__ import annotations

import dataclasses
import hashlib
import zlib
from typing import Any, Generic, TypeVar, cast, get_type_hints

import msgspec

from oakum.core.errors import HostError
from oakum.protocol.messages import PROTOCOL_VERSION

T = TypeVar("T")

GZIP = b"gzip"
ENCODINGS = (b"", b"identity", GZIP)
_GZIP_WINDOW_BITS = 31  # zlib's word for: a gzip header and the largest window


class Decoder(Generic[T]):
    """Decodes one kind of request."""

    def __init__(self, kind: type[T], *, plain_bytes_max: int) -> None:
        """``plain_bytes_max`` bounds the body after decompression."""
        self._decoder = msgspec.json.Decoder(kind)
        self._plain_bytes_max = plain_bytes_max

    def decode(self, body: bytes, encoding: bytes) -> T:
        """Decompress and decode a body.

        Raises:
            HostError: body_too_large, body_garbage (with the place) or protocol_unknown.
        """
        plain = inflate(body, self._plain_bytes_max) if encoding == GZIP else body
        if len(plain) > self._plain_bytes_max:
            raise _too_large(self._plain_bytes_max)
        try:
            value: Any = self._decoder.decode(plain)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _garbage(str(error)) from error
        if value.protocol != PROTOCOL_VERSION:
            raise HostError(
                code="protocol_unknown",
                sentence=f"The agent speaks version {value.protocol} of the protocol, this server {PROTOCOL_VERSION}.",
                next_step="Update agent and server to the same version.",
            )
        return value  # type: ignore[no-any-return]


def lighter(kind: type[T], **replaced: Any) -> type[T]:
    """Return a type with the fields of the protocol's dataclass ``kind`` that is made three times faster.

    It stands in for ``kind`` wherever fields are only read, as they are here; it is no dataclass.  ``replaced`` gives
    fields another type.  Values just decoded hold no circles, so the garbage collector need not go through them.
    """
    hints = get_type_hints(kind) | replaced
    fields: Any = dataclasses.fields(kind)  # type: ignore[arg-type]
    told = [
        (field.name, hints[field.name], *(() if field.default is dataclasses.MISSING else (field.default,)))
        for field in fields
    ]
    return cast("type[T]", msgspec.defstruct(kind.__name__, told, frozen=True, gc=False))


_canonical = msgspec.json.Encoder(order="sorted")


def fingerprint(section: object) -> str:
    """Return ``protocol.inventory.section_hash(section)``, twenty times faster.

    msgspec's sorted encoding of the protocol's values is their canonical JSON, character by character (a test compares
    them); hosts make theirs with the standard library.
    """
    return hashlib.sha256(_canonical.encode(section)).hexdigest()


def inflate(body: bytes, plain_bytes_max: int) -> bytes:
    """Decompress one gzip member, never holding more than ``plain_bytes_max`` and one byte of what comes out.

    Raises:
        HostError: body_too_large, or body_garbage: no gzip, cut short, or something behind its end.
    """
    stream = zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        plain = stream.decompress(body, plain_bytes_max + 1)
    except zlib.error as error:
        raise _garbage(f"not gzip: {error}") from error
    if len(plain) > plain_bytes_max:
        raise _too_large(plain_bytes_max)
    if not stream.eof or stream.unused_data:
        raise _garbage("not gzip: cut short, or more behind its end")
    return plain


def _too_large(limit: int) -> HostError:
    return HostError(
        code="body_too_large",
        sentence=f"The body is larger than {limit} bytes once decompressed.",
        next_step="Update the agent; no agent of Oakum sends that much.",
    )


def _garbage(why: str) -> HostError:
    return HostError(
        code="body_garbage",
        sentence=f"The body cannot be read: {why}.",
        next_step="Update agent and server to the same version.",
    )
