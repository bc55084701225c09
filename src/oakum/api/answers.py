"""Answers that more than one route gives: a verb was carried out; an export is sent while it is made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

CHUNK_LENGTH = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The verb was carried out."""

    done: bool = True


def stream(request: HttpRequest, pieces: Iterable[str], *, content_type: str) -> StreamingHttpResponse:
    """Send ``pieces`` of text while they are made; under ASGI a plain iterator would first be read to its end."""
    chunks = _chunks(pieces)
    body = _async_chunks(chunks) if isinstance(request, ASGIRequest) else chunks
    return StreamingHttpResponse(body, content_type=content_type)


def _chunks(pieces: Iterable[str]) -> Iterator[bytes]:
    held: list[str] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= CHUNK_LENGTH:
            yield "".join(held).encode()
            held, length = [], 0
    if held:
        yield "".join(held).encode()


async def _async_chunks(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = sync_to_async(lambda: next(chunks, None))
    while (chunk := await following()) is not None:
        yield chunk
