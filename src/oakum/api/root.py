"""The REST API's root: authentication, how faults are worded, and which router serves what."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError

from oakum import __version__
from oakum.api.auth import TokenAuth
from oakum.api.findings import router as findings
from oakum.api.hosts import router as hosts
from oakum.api.journal import router as journal
from oakum.api.me import router as me
from oakum.api.patches import router as patches
from oakum.api.policy import router as policy
from oakum.api.rollouts import router as rollouts
from oakum.core.errors import FeedError, HostError, NotAllowedError, NotFoundError, OakumError, OperatorError

api = NinjaAPI(title="Oakum", version=__version__, auth=TokenAuth(), docs_url=None)
for prefix, router in (
    ("me", me),
    ("hosts", hosts),
    ("findings", findings),
    ("patches", patches),
    ("rollouts", rollouts),
    ("policy", policy),
    ("journal", journal),
):
    api.add_router(f"/{prefix}", router, tags=[prefix])

# The most special family first.
_STATUS: tuple[tuple[type[OakumError], int], ...] = (
    (NotFoundError, 404),
    (NotAllowedError, 403),
    (OperatorError, 409),
    (HostError, 422),
    (FeedError, 502),
    (OakumError, 503),
)


@api.exception_handler(OakumError)
def refuse(request: HttpRequest, error: OakumError) -> HttpResponse:
    """Answer a fault with its code, sentence and next step."""
    status = next(status for family, status in _STATUS if isinstance(error, family))
    body = {"code": error.code, "sentence": error.sentence, "next_step": error.next_step}
    return api.create_response(request, body, status=status)


@api.exception_handler(AuthenticationError)
def refuse_unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    """Answer who is not known here."""
    del error
    body = {
        "code": "token_invalid",
        "sentence": "The token is missing, unknown, expired or revoked.",
        "next_step": "Make one on the page under your name, then `oakum login URL --token oak_...`.",
    }
    return api.create_response(request, body, status=401)


@api.exception_handler(ValidationError)
def refuse_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Answer a request whose fields are not as documented, naming the first one."""
    first = error.errors[0] if error.errors else {"loc": (), "msg": "invalid"}
    where = ".".join(str(part) for part in first["loc"] if part not in {"body", "payload"})
    body = {"code": "request_invalid", "sentence": f"{where}: {first['msg']}.", "next_step": ""}
    return api.create_response(request, body, status=422)
