"""What the gateway answers, as bytes: replies, and refusals with code, sentence and next step.

Status codes are chosen here and nowhere else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from oakum.core.errors import OakumError, StoreError
from oakum.protocol.messages import ErrorReply

JSON = b"application/json"

# After a fault of ours an agent waits this long before it tries again (it spreads its tries itself).
RETRY_AFTER_SECONDS = 5

STATUS_OF_CODE: Mapping[str, int] = {
    "credentials_missing": 401,
    "credentials_invalid": 401,
    "host_unknown": 401,
    "token_invalid": 401,
    "token_expired": 401,
    "token_used_up": 401,
    "host_quarantined": 403,
    "host_retired": 403,
    "path_unknown": 404,
    "method_unknown": 405,
    "body_slow": 408,
    "already_enrolled": 409,
    "body_too_large": 413,
    "media_type_unknown": 415,
    "enrol_throttled": 429,
    "internal_fault": 500,
    "busy": 503,
}
STATUS_GARBAGE = 422  # any other fault of what the host sent
STATUS_AWAY = 503  # any other fault of the store


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer.  ``closes``: the connection must not be used again (a body was left unread)."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    closes: bool = False
    code: str = ""  # of a refusal, for the log

    def closing(self) -> Answer:
        """Return the same answer, after which the connection is closed."""
        return dataclasses.replace(self, closes=True)


_encoder = msgspec.json.Encoder()


def render_reply(value: object) -> Answer:
    """Return a 200 with a protocol value as JSON."""
    return Answer(200, _encoder.encode(value))


def refuse(code: str, sentence: str, next_step: str = "", *, closes: bool = False) -> Answer:
    """Return a refusal; its status follows from the code."""
    status = STATUS_OF_CODE.get(code, STATUS_GARBAGE)
    return _refusal(status, code, sentence, next_step, closes=closes)


def refuse_fault(fault: OakumError) -> Answer:
    """Return the refusal that tells of a fault."""
    default = STATUS_AWAY if isinstance(fault, StoreError) else STATUS_GARBAGE
    status = STATUS_OF_CODE.get(fault.code, default)
    return _refusal(status, fault.code, fault.sentence, fault.next_step, closes=False)


def _refusal(status: int, code: str, sentence: str, next_step: str, *, closes: bool) -> Answer:
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if status in {429, 503}:
        headers = ((b"retry-after", b"%d" % RETRY_AFTER_SECONDS),)
    body = _encoder.encode(ErrorReply(code=code, sentence=sentence, next_step=next_step))
    return Answer(status, body, headers=headers, closes=closes, code=code)


BUSY = refuse("busy", "The server has more to do than it can do now.", "Try again in a few seconds.")
INTERNAL_FAULT = refuse(
    "internal_fault", "The server failed at this request.", "See the server's log; whoever runs the server must act."
)
