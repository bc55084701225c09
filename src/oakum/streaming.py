"""Text that is sent while it is made: exports of any length in little memory, for pages and API alike.

Under ASGI a plain iterator would be read to its end before the first byte leaves, so it is handed over piece by piece.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

CHUNK_LENGTH = 64 * 1024


def stream(request: HttpRequest, pieces: Iterable[str], *, content_type: str) -> StreamingHttpResponse:
    """Send ``pieces`` of text while they are made."""
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
