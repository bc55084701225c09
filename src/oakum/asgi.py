"""One ASGI application in front of three: the agents' gateway, ``/health``, and Django.

It routes by the path's first segment and decides nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oakum.settings")

from django.core.asgi import get_asgi_application

# Static files are small and few: reading one whole before it is sent costs less than a second server for them.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

_django = get_asgi_application()

from oakum.wiring import build_gateway, build_readiness, wire_ports

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

# Django writes a body to disk before anybody has asked who sends it; the largest of ours is a list of host names.
BODY_BYTES_MAX = 4 * 1024 * 1024

_gateway = build_gateway()
_readiness = build_readiness()
wire_ports()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one connection."""
    if scope["type"] == "lifespan":
        await _serve_lifespan(receive, send)
    elif scope["type"] != "http":
        return
    elif scope["path"].startswith("/agent/"):
        await _gateway(scope, receive, send)
    elif scope["path"] == "/health":
        await _serve_health(send)
    elif _declared_length(scope) > BODY_BYTES_MAX:
        await _refuse_body(send)
    else:
        await _django(scope, _bounded(receive), send)  # type: ignore[arg-type] # the same ASGI, typed by another library


def _declared_length(scope: Scope) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0


def _bounded(receive: Receive) -> Receive:
    """Hang up on a body that grows beyond what any form or API call has, however it was declared."""
    taken = 0

    async def receive_bounded() -> dict[str, Any]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > BODY_BYTES_MAX else message

    return receive_bounded


async def _refuse_body(send: Send) -> None:
    sentence = f"The request's body is larger than {BODY_BYTES_MAX // 1024} KB."
    body = json.dumps({"code": "body_too_large", "sentence": sentence, "next_step": ""}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _serve_lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await _gateway.start()
            _readiness.start()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await _gateway.stop()
            await asyncio.to_thread(_readiness.stop)
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _serve_health(send: Send) -> None:
    from oakum.health import read_health  # noqa: PLC0415 - needs the tables, which Django has set up by now

    health = await read_health()
    body = json.dumps(health.as_plain()).encode()
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200 if health.can_serve else 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
