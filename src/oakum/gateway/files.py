"""The two files that the gateway hands out to anybody: the agent and its installer.

Both are public and hold no secret: trust goes by the hashes in the line that an administrator pastes (``installer``).
"""

from __future__ import annotations

import hashlib

from oakum.core.errors import OakumError, StoreError
from oakum.gateway.agent_file import agent_file
from oakum.gateway.installer import INSTALLER_PATH, render_installer
from oakum.gateway.replies import Answer, refuse_fault
from oakum.identity.queries import signer_key

ZIPAPP = b"application/zip"
SCRIPT = b"text/x-python; charset=utf-8"


class Files:
    """Answers for the agent's file and the installer, with an ETag so that nothing is sent twice."""

    def __init__(self, *, server_url: str, certificate: str) -> None:
        """``server_url`` is where hosts reach us; ``certificate`` the SHA-256 in hex of what it shows, or empty."""
        self._server_url = server_url
        self._certificate = certificate

    def answer(self, path: str, if_none_match: bytes) -> Answer:
        """Return the file at ``path``, or 304 when the client has it already.  Must run in a worker's thread."""
        try:
            content, content_type = self._content(path)
        except OakumError as fault:
            return refuse_fault(fault)
        tag = f'"{hashlib.sha256(content).hexdigest()}"'.encode("ascii")
        if tag in if_none_match:
            return Answer(304, b"", content_type, headers=((b"etag", tag),))
        return Answer(200, content, content_type, headers=((b"etag", tag),))

    def _content(self, path: str) -> tuple[bytes, bytes]:
        if path != INSTALLER_PATH:
            return agent_file().content, ZIPAPP
        key = signer_key()
        if not key:
            raise StoreError(
                code="signer_key_missing",
                sentence="The order signer has not started yet, so there is no key that a host could pin.",
                next_step="Start the signer (oakum up does), then fetch the installer again.",
            )
        return render_installer(self._server_url, self._certificate, key, agent_file().sha256), SCRIPT
