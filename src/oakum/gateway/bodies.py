"""Read a request's body with a limit on its size and on the time it may take.

It stops at the first byte too many: what follows is neither read nor kept, and the connection is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from oakum.core.errors import HostError

Receive = Callable[[], Awaitable[dict[str, Any]]]

# A slow sender holds one of UPLOAD_COUNT_MAX places; 8 MB in a minute is 1 Mbit/s.
BODY_SECONDS_MAX = 60


class BodyRefusedError(HostError):
    """The body was not read to its end: the connection cannot be used again."""


class ClientGoneError(Exception):
    """The client hung up; there is nobody to answer."""


async def read_body(receive: Receive, *, declared: bytes, bytes_max: int) -> bytes:
    """Return the whole body; ``declared`` is the Content-Length header's value, empty if there was none.

    Raises:
        BodyRefusedError: body_too_large (by declaration, before anything is read; or by what came), or body_slow.
        ClientGoneError: the client hung up.
    """
    if declared and (not declared.isdigit() or len(declared) > 18 or int(declared) > bytes_max):  # noqa: PLR2004
        raise _too_large(bytes_max)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > bytes_max:
            raise _too_large(bytes_max)
        return body
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await _read_rest(receive, message, bytes_max)
    except TimeoutError as error:
        raise BodyRefusedError(
            code="body_slow",
            sentence=f"The body did not arrive within {BODY_SECONDS_MAX} seconds.",
            next_step="Try again over a better connection.",
        ) from error


async def _read_rest(receive: Receive, message: dict[str, Any], bytes_max: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] != "http.request":
            raise ClientGoneError
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > bytes_max:
            raise _too_large(bytes_max)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()


def _too_large(limit: int) -> BodyRefusedError:
    return BodyRefusedError(
        code="body_too_large",
        sentence=f"The body is larger than {limit} bytes.",
        next_step="Update the agent; no agent of Oakum sends that much.",
    )
