"""The command line as a client of the REST API: where the server is, who speaks, and how refusals are worded.

It knows no route's meaning; each command names its own.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from oakum.core.errors import NotAllowedError, NotFoundError, OperatorError, StoreError

TIMEOUT_SECONDS = 60.0
HTTP_UNAUTHORIZED, HTTP_FORBIDDEN, HTTP_NOT_FOUND, HTTP_SERVER_FAULT = 401, 403, 404, 500


def settings_file() -> Path:
    """Return where `oakum login` remembers the server and the token."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "oakum" / "cli.json"


def remembered() -> dict[str, str]:
    """Return server, token and certificate: from OAKUM_URL, OAKUM_TOKEN, OAKUM_CERTIFICATE, else from `oakum login`."""
    try:
        stored = json.loads(settings_file().read_text())
    except FileNotFoundError:
        stored = {}
    except ValueError as error:
        raise OperatorError(
            code="cli_settings_unreadable",
            sentence=f"{settings_file()} is not JSON.",
            next_step="Run `oakum login` again.",
        ) from error
    return {
        "url": os.environ.get("OAKUM_URL") or str(stored.get("url", "")),
        "token": os.environ.get("OAKUM_TOKEN") or str(stored.get("token", "")),
        "certificate": os.environ.get("OAKUM_CERTIFICATE") or str(stored.get("certificate", "")),
    }


class Client:
    """Calls one server as one person."""

    def __init__(self, *, url: str, token: str, certificate: str = "") -> None:
        """Take the server's address, a personal token, and the path of its certificate if it is self-signed."""
        self.url = url.rstrip("/")
        verify: ssl.SSLContext | bool = True
        if certificate:
            verify = ssl.create_default_context(cafile=certificate)
            verify.check_hostname = False  # the file names exactly one certificate; the name adds nothing
            # A pinned certificate need not have what a public authority would have to put into it.
            verify.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_SECONDS,
            verify=verify,
        )

    def get(self, path: str, **query: object) -> Any:
        """Return the JSON answer to a GET; parameters that are None are left out."""
        return self._call("GET", path, params={k: v for k, v in query.items() if v is not None})

    def post(self, path: str, body: dict[str, object] | None = None) -> Any:
        """Return the JSON answer to a POST."""
        return self._call("POST", path, json=body or {})

    def patch(self, path: str, body: dict[str, object]) -> Any:
        """Return the JSON answer to a PATCH."""
        return self._call("PATCH", path, json=body)

    def delete(self, path: str) -> Any:
        """Return the JSON answer to a DELETE."""
        return self._call("DELETE", path)

    def stream(self, path: str, **query: object) -> Iterator[str]:
        """Yield the lines of a streamed answer."""
        params: Any = {k: v for k, v in query.items() if v is not None}
        try:
            with self._http.stream("GET", path, params=params) as reply:
                if reply.is_error:
                    reply.read()
                    raise _refusal(reply)
                yield from reply.iter_lines()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            reply = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if reply.is_error:
            raise _refusal(reply)
        return reply.json() if reply.content else None

    def _unreachable(self, error: Exception) -> StoreError:
        return StoreError(
            code="server_unreachable",
            sentence=f"{self.url} does not answer: {error}.",
            next_step="Check the address (OAKUM_URL or `oakum login`) and that `oakum up` runs there.",
        )


def _refusal(reply: httpx.Response) -> Exception:
    try:
        told = reply.json()
        code, sentence, step = str(told["code"]), str(told["sentence"]), str(told["next_step"])
    except (ValueError, KeyError, TypeError):
        code, sentence, step = "server_fault", f"The server answered {reply.status_code}.", "Its log says more."
    if reply.status_code in {HTTP_FORBIDDEN, HTTP_UNAUTHORIZED}:
        return NotAllowedError(code=code, sentence=sentence, next_step=step)
    if reply.status_code == HTTP_NOT_FOUND:
        return NotFoundError(code=code, sentence=sentence, next_step=step)
    if reply.status_code >= HTTP_SERVER_FAULT:
        return StoreError(code=code, sentence=sentence, next_step=step)
    return OperatorError(code=code, sentence=sentence, next_step=step)


def connect() -> Client:
    """Return a client for the remembered server.

    Raises:
        OperatorError: nobody has logged in yet.
    """
    known = remembered()
    if not known["url"] or not known["token"]:
        raise OperatorError(
            code="not_logged_in",
            sentence="No server and token are remembered.",
            next_step="Run `oakum login URL --token oak_...` (make a token on the page under your name, "
            "or with `oakum admin token` on the server), or set OAKUM_URL and OAKUM_TOKEN.",
        )
    return Client(**known)
