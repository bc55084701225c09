"""The command line as a client of the REST API: where the server is, who speaks, and how refusals are worded.

It knows no route's meaning; each command names its own.  What a server or a host wrote is cleaned of control characters
before it becomes an error message.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import click
import httpx

from oakum import __version__
from oakum.cli.output import printable
from oakum.core.errors import NotAllowedError, NotFoundError, OakumError, OperatorError, StoreError

TIMEOUT_SECONDS = 60.0
CONNECT_SECONDS = 10.0
PAGE_COUNT = 500  # rows that the API gives at once
PEM_BYTES_MAX = 1024 * 1024
HTTP_UNAUTHORIZED, HTTP_FORBIDDEN, HTTP_NOT_FOUND, HTTP_SERVER_FAULT = 401, 403, 404, 500


def settings_file() -> Path:
    """Return where `oakum login` remembers the server and the token."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "oakum" / "cli.json"


def remembered() -> dict[str, str]:
    """Return server, token and certificate: from OAKUM_URL, OAKUM_TOKEN, OAKUM_CERTIFICATE, else from `oakum login`.

    A token is remembered for its own server: it is never sent to another one that OAKUM_URL names.
    """
    stored = _stored()
    url = os.environ.get("OAKUM_URL") or stored.get("url", "")
    if url.rstrip("/") != stored.get("url", "").rstrip("/"):
        stored = {}
    return {
        "url": url,
        "token": os.environ.get("OAKUM_TOKEN") or stored.get("token", ""),
        "certificate": os.environ.get("OAKUM_CERTIFICATE") or stored.get("certificate", ""),
    }


def _stored() -> dict[str, str]:
    try:
        found = json.loads(settings_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _unreadable(error) from error
    if not isinstance(found, dict):
        raise _unreadable("it is no JSON object")
    return {str(name): str(value) for name, value in found.items()}


def _unreadable(why: object) -> OperatorError:
    return OperatorError(
        code="cli_settings_unreadable",
        sentence=f"{settings_file()} cannot be read: {why}.",
        next_step="Run `oakum login` again.",
    )


def address(*parts: object) -> str:
    """Return the path of a route, each part escaped: names may hold blanks, slashes and question marks."""
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


class Client:
    """Calls one server as one person."""

    def __init__(self, *, url: str, token: str, certificate: str = "") -> None:
        """Take the server's address, a personal token, and the path of its certificate if it is self-signed.

        Raises:
            OperatorError: one of them cannot be what it should.
        """
        self.url = _checked_url(url)
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {_checked_token(token)}", "User-Agent": f"oakum/{__version__}"},
            timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
            verify=trust(Path(certificate)) if certificate else True,
        )

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def get(self, path: str, **query: object) -> Any:
        """Return the JSON answer to a GET; parameters that are None are left out."""
        return self._call("GET", path, params=_given(query))

    def rows(self, path: str, *, limit: int, page_count: int = PAGE_COUNT, **query: Any) -> Any:
        """Return a page of at most ``limit`` rows, fetched in as many calls as that takes."""
        found = self.get(path, limit=min(limit, page_count), **query)
        while len(found["rows"]) < min(limit, found["total_count"]):
            left = limit - len(found["rows"])
            more = self.get(path, limit=min(left, page_count), offset=len(found["rows"]), **query)
            if not more["rows"]:
                break
            found["rows"] += more["rows"]
        return found

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
        """Yield the lines of a streamed answer without their line feeds.

        Only a line feed ends a line: a value may hold any other character that is called a line break somewhere.
        """
        held = ""
        try:
            with self._http.stream("GET", path, params=_given(query)) as reply:
                if not reply.is_success:
                    reply.read()
                    raise self._refusal(reply)
                for piece in reply.iter_text():
                    *lines, held = (held + piece).split("\n")
                    yield from lines
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if held:
            yield held

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            reply = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if not reply.is_success:
            raise self._refusal(reply)
        try:
            return reply.json()
        except ValueError as error:
            raise self._stranger() from error

    def _unreachable(self, error: Exception) -> OakumError:
        if isinstance(error.__cause__ or error.__context__, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return OperatorError(
                code="server_not_trusted",
                sentence=f"The certificate of {self.url} is not trusted here: {printable(error)}.",
                next_step="Where it is self-signed, copy DATA_DIR/tls/certificate.pem from the server and give it: "
                "`oakum login URL --certificate FILE`, or OAKUM_CERTIFICATE=FILE.",
            )
        words = printable(error) or type(error).__name__
        return StoreError(
            code="server_unreachable",
            sentence=f"{self.url} does not answer: {words.rstrip('.')}.",
            next_step="Check the address (OAKUM_URL or `oakum login`) and that `oakum up` runs there.",
        )

    def _stranger(self) -> StoreError:
        return StoreError(
            code="server_is_no_oakum",
            sentence=f"What answers at {self.url} does not speak Oakum's API.",
            next_step="Check the address; it is the one that you open in the browser, without a path.",
        )

    def _refusal(self, reply: httpx.Response) -> OakumError:
        if reply.is_redirect:
            return OperatorError(
                code="server_elsewhere",
                sentence=f"{self.url} sends you on to {printable(reply.headers.get('Location', ''))[:200]}.",
                next_step="Log in with that address.",
            )
        try:
            told = reply.json()
            words = {name: printable(told[name]) for name in ("code", "sentence", "next_step")}
        except (ValueError, KeyError, TypeError):
            if reply.status_code < HTTP_SERVER_FAULT:
                return self._stranger()
            sentence = f"{self.url} answered {reply.status_code}."
            words = {"code": "server_fault", "sentence": sentence, "next_step": "Its log says more."}
        return _family_of(reply.status_code)(**words)


def _family_of(status: int) -> type[OakumError]:
    if status in {HTTP_FORBIDDEN, HTTP_UNAUTHORIZED}:
        return NotAllowedError
    if status == HTTP_NOT_FOUND:
        return NotFoundError
    return StoreError if status >= HTTP_SERVER_FAULT else OperatorError


def _given(query: dict[str, object]) -> Any:
    return {name: value for name, value in query.items() if value is not None}


def _checked_url(text: str) -> str:
    parts = urlsplit(text.strip())
    try:
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or not text.isprintable():
        raise OperatorError(
            code="url_invalid",
            sentence=f"{text!r} is no address of a server.",
            next_step="Write it like https://oakum.example.test:8800.",
        )
    return text.strip().rstrip("/")


def _checked_token(text: str) -> str:
    if not text.strip().isascii() or not text.strip().isprintable() or not text.strip():
        raise OperatorError(
            code="token_malformed",
            sentence="The token is empty, or holds characters that no token has.",
            next_step="Copy it again, from oak_ on, whole.",
        )
    return text.strip()


def trust(file: Path) -> ssl.SSLContext:
    """Return what trusts exactly the certificates of ``file``.

    Raises:
        OperatorError: the file cannot be read, or holds none (``certificate_unreadable``).
    """
    from cryptography import x509  # noqa: PLC0415 - costs 50 ms, and few servers are self-signed

    try:
        with file.open("rb") as content:
            found = x509.load_pem_x509_certificates(content.read(PEM_BYTES_MAX))
        context = ssl.create_default_context(cafile=str(file))
    except (OSError, ValueError) as error:
        raise OperatorError(
            code="certificate_unreadable",
            sentence=f"The certificate {file} cannot be read: {printable(error).splitlines()[0]}.",
            next_step="Give the server's DATA_DIR/tls/certificate.pem, or log in again without --certificate.",
        ) from error
    # One certificate that vouches for nobody else names one server: the host name adds nothing.  An authority's does.
    context.check_hostname = len(found) != 1 or _is_authority(found[0])
    # A pinned certificate need not have what a public authority would have to put into it.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _is_authority(certificate: Any) -> bool:
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def connect() -> Client:
    """Return a client for the remembered server; it is closed with the command.

    Raises:
        OperatorError: nobody has logged in yet.
    """
    known = remembered()
    if not known["url"] or not known["token"]:
        raise OperatorError(
            code="not_logged_in",
            sentence="No token is remembered for this server." if known["url"] else "No server is remembered.",
            next_step="Run `oakum login URL --token oak_...` (make a token on the page under your name, "
            "or with `oakum admin token` on the server), or set OAKUM_URL and OAKUM_TOKEN.",
        )
    client = Client(**known)
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(client.close)
    return client
