"""How the API words faults: always an object of ``code``, ``sentence`` and ``next_step``, and the status that fits.

It decides no fault: rooms raise them.  What nobody has foreseen is logged whole and answered without detail.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from oakum.core.errors import FeedError, HostError, NotAllowedError, NotFoundError, OakumError, OperatorError

logger = logging.getLogger("oakum.api")

# The most special family first.
STATUSES: tuple[tuple[type[OakumError], int], ...] = (
    (NotFoundError, 404),
    (NotAllowedError, 403),
    (OperatorError, 409),
    (HostError, 422),
    (FeedError, 502),
    (OakumError, 503),
)
SEE_DOCUMENT = "GET /api/v1/openapi.json says what each request may hold."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a request was not carried out: a code that stays, a sentence, and what to do about it."""

    code: str
    sentence: str
    next_step: str


def answer_faults(api: NinjaAPI) -> None:
    """Make ``api`` answer every fault as a Fault."""

    def answer(request: HttpRequest, status: int, fault: Fault) -> HttpResponse:
        return api.create_response(request, asdict(fault), status=status)

    @api.exception_handler(OakumError)
    def refuse(request: HttpRequest, error: OakumError) -> HttpResponse:
        status = next(status for family, status in STATUSES if isinstance(error, family))
        return answer(request, status, Fault(code=error.code, sentence=error.sentence, next_step=error.next_step))

    @api.exception_handler(AuthenticationError)
    def refuse_unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        del error
        response = answer(request, 401, TOKEN_INVALID)
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    @api.exception_handler(ValidationError)
    def refuse_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return answer(request, 422, _invalid(error))

    @api.exception_handler(HttpError)
    def refuse_unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
        return answer(request, error.status_code, _unreadable(error.message))

    @api.exception_handler(SuspiciousOperation)
    def refuse_suspicious(request: HttpRequest, error: SuspiciousOperation) -> HttpResponse:
        status = 413 if isinstance(error, RequestDataTooBig) else 400
        return answer(request, status, _unreadable(str(error)))

    @api.exception_handler(OperationalError)
    @api.exception_handler(InterfaceError)
    def refuse_without_database(request: HttpRequest, error: Exception) -> HttpResponse:
        logger.error("api_database_unavailable path=%s error=%s", request.path, error)
        return answer(request, 503, DATABASE_UNAVAILABLE)

    @api.exception_handler(Exception)
    def refuse_unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
        logger.error("api_fault method=%s path=%s", request.method, request.path, exc_info=error)
        return answer(request, 500, SERVER_FAULT)


TOKEN_INVALID = Fault(
    code="token_invalid",
    sentence="The token is missing, unknown, expired or revoked.",
    next_step="Make one on the page under your name, then `oakum login URL --token oak_...`.",
)
DATABASE_UNAVAILABLE = Fault(
    code="database_unavailable",
    sentence="The server cannot reach its database, or the database is overloaded.",
    next_step="Try again in a minute; whoever runs the server finds the cause in its log.",
)
SERVER_FAULT = Fault(
    code="server_fault",
    sentence="The server could not carry this out, by a fault of its own.",
    next_step="Whoever runs the server finds it in its log, under api_fault.",
)
ROUTE_UNKNOWN = Fault(code="route_unknown", sentence="The API has nothing at this address.", next_step=SEE_DOCUMENT)


def _invalid(error: ValidationError) -> Fault:
    """Name the first field that is not as documented."""
    first = error.errors[0] if error.errors else {"loc": (), "msg": "not valid"}
    where = ".".join(str(part) for part in first["loc"] if part not in {"body", "payload", "query", "path"})
    words = str(first["msg"]).rstrip(".")
    return Fault(
        code="request_invalid", sentence=f"{where}: {words}." if where else f"{words}.", next_step=SEE_DOCUMENT
    )


def _unreadable(words: str) -> Fault:
    return Fault(
        code="request_unreadable", sentence=f"The request cannot be read: {words.rstrip('.')}.", next_step=SEE_DOCUMENT
    )
