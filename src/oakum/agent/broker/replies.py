"""Word what a refusal at the server's door means for whoever runs the host.

Pure.  The server's own words come first; the words here are for doors that say nothing (a proxy, an old server).
"""

from __future__ import annotations

from oakum.agent.errors import ServerRefused
from oakum.protocol.codec import WireError, from_json
from oakum.protocol.messages import ErrorReply

# What a server says is shown to people and kept in state.json.
WORDS_LENGTH_MAX = 600

_BY_STATUS = {
    401: (
        "not_recognised",
        "does not recognise this host or its token",
        "If the host was removed or its secret lost, enrol it again with --force; tokens expire, ask for a new one.",
    ),
    403: (
        "not_allowed",
        "does not allow it",
        "Look at the host's page on the server: it may be quarantined or retired.",
    ),
    404: (
        "path_unknown",
        "does not know the agents' paths",
        "Check the address that this host was enrolled with; the server may be older than the agent.",
    ),
    413: ("body_too_large", "finds the message too large", "Please report it with the number of installed packages."),
    415: (
        "encoding_unknown",
        "does not take the message's encoding",
        "A proxy may have changed it; update the server.",
    ),
    422: ("message_malformed", "cannot read the message", "Update agent and server to the same version."),
    429: ("too_often", "is asked too often", "Nothing to do: the agent tries again later."),
    503: ("server_busy", "cannot serve now", "Nothing to do: the agent tries again later."),
}
_OTHERWISE = ("server_failed", "failed", "Look at the server's log.")


def explain_refusal(status: int, body: bytes, url: str) -> ServerRefused:
    """Return the fault for an answer with ``status`` and ``body``."""
    try:
        reply = from_json(body, ErrorReply)
        return ServerRefused(
            code=reply.code[:WORDS_LENGTH_MAX],
            sentence=printable(reply.sentence),
            next_step=printable(reply.next_step),
        )
    except WireError:
        code, verb, next_step = _BY_STATUS.get(status, _OTHERWISE)
        return ServerRefused(code=code, sentence=f"{url} {verb} (HTTP status {status}).", next_step=next_step)


def printable(text: str) -> str:
    """Return ``text`` on one line and of bounded length, without control characters: it goes to a terminal."""
    kept = "".join(character if character.isprintable() else " " for character in text[:WORDS_LENGTH_MAX])
    return " ".join(kept.split())
