"""What the people's doors are handed at start, because floors forbid them to import it: set by the wiring, once.

It holds functions, never data.  A port that nobody has set raises, naming who must set it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from oakum.core.errors import StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerFacts:
    """What somebody needs who installs by hand, all in hex.

    ``certificate`` is the SHA-256 of the server's certificate, empty when the system's authorities vouch for it;
    ``server_key`` the order signer's public key; ``agent_sha256`` that of the agent's file.
    """

    certificate: str
    server_key: str
    agent_sha256: str


InstallerLine = Callable[[str, str], str]  # (enrolment token's text, policy mode) -> the line to paste on the host


def _not_wired() -> StoreError:
    return StoreError(
        code="port_not_wired",
        sentence="The installer is not wired into this process.",
        next_step="Start the server with `oakum up`, which does it.",
    )


def _no_line(_token: str, _mode: str) -> str:
    raise _not_wired()


def _no_facts() -> InstallerFacts:
    raise _not_wired()


installer_line: InstallerLine = _no_line
installer_facts: Callable[[], InstallerFacts] = _no_facts
