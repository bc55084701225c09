"""The little of HTTP that the gateway needs: a request's headers in, an answer out, as ASGI messages.

Parsing is the server's (uvicorn's); what headers mean is ``app``'s and ``authentication``'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from oakum.gateway.replies import JSON, Answer

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers that matter here, empty when absent.  ``media_type`` is without parameters, in lower case."""

    authorization: bytes
    content_length: bytes
    media_type: bytes
    content_encoding: bytes
    if_none_match: bytes


def read_headers(raw: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Return the headers of an ASGI scope, whose names are in lower case; of repeated ones the last counts."""
    found = dict(raw)
    media_type = found.get(b"content-type", b"")
    return Headers(
        found.get(b"authorization", b""),
        found.get(b"content-length", b""),
        media_type if media_type == JSON else media_type.partition(b";")[0].strip().lower(),
        found.get(b"content-encoding", b"").lower(),
        found.get(b"if-none-match", b""),
    )


async def send_answer(send: Send, answer: Answer, *, with_body: bool) -> None:
    """Send ``answer``; without its body to a HEAD request."""
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        # Replies are one host's and hold a nonce; the public files may be kept, but asked for again by their ETag.
        (b"cache-control", b"no-store" if answer.content_type == JSON else b"no-cache"),
        (b"x-content-type-options", b"nosniff"),
        *answer.headers,
    ]
    if answer.closes:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body if with_body else b""})
