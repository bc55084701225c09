"""What every page has in common at its door: who speaks, whether their role allows it, and how faults are shown.

It decides nothing about the fleet: a page parses, calls one verb or query, and renders.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django_htmx.middleware import HtmxDetails

from oakum.core.errors import HostError, NotAllowedError, NotFoundError, OakumError, OperatorError
from oakum.identity.models import Role
from oakum.identity.queries import Session

P = ParamSpec("P")
GET = ("GET", "HEAD")
POST = ("POST",)
BOTH = ("GET", "HEAD", "POST")


class PersonRequest(HttpRequest):
    """A request behind the sign-in: ``SignedIn`` has set these."""

    speaker: Session
    now: datetime
    htmx: HtmxDetails


View = Callable[Concatenate[PersonRequest, P], HttpResponseBase]
Door = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def page(
    needed: Role, *, methods: tuple[str, ...] = GET, needed_to_post: Role | None = None
) -> Callable[[View[P]], Door[P]]:
    """Make a view of a function: other methods get 405, lesser roles 403, faults a page with their next step.

    ``needed_to_post`` is for a page that more people may read than change.
    """

    def decorate(view: View[P]) -> Door[P]:
        @wraps(view)
        def door(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            known = cast("PersonRequest", request)
            least = (needed_to_post or needed) if request.method == "POST" else needed
            if not known.speaker.allows(least):
                return render_fault(known, _role_missing(known.speaker, least))
            try:
                return view(known, *args, **kwargs)
            except OakumError as fault:
                return render_fault(known, fault)

        return cast("Door[P]", door)

    return decorate


def _role_missing(speaker: Session, needed: Role) -> NotAllowedError:
    return NotAllowedError(
        code="role_missing",
        sentence=f"This needs the role {needed.value}; you are {speaker.role.value}.",
        next_step="Ask an administrator of your organisation.",
    )


def status_of(fault: OakumError) -> int:
    """Return the HTTP status of a fault: chosen here, at the edge, and nowhere else in the pages."""
    match fault:
        case NotFoundError():
            return 404
        case NotAllowedError():
            return 403
        case OperatorError() | HostError():
            return 409
        case _:
            return 503


def render_fault(request: HttpRequest, fault: OakumError) -> HttpResponse:
    """Show a fault as a page of its own: what happened, what to do next, and its code."""
    status = status_of(fault)
    return render(request, "web/fault.html", {"fault": fault, "status": status}, status=status)


def act(request: PersonRequest, verb: Callable[[], str], *, back_to: str) -> HttpResponse:
    """Call a service verb for a button, tell its answer or its refusal, and go back to the page it stands on.

    ``verb`` returns the sentence to show.  ``back_to`` is a path of ours, never taken from the request.
    """
    try:
        messages.success(request, verb())
    except NotFoundError:
        raise  # there is no page to go back to
    except OperatorError as fault:
        tell_fault(request, fault)
    return HttpResponseRedirect(back_to)


def tell_fault(request: HttpRequest, fault: OakumError) -> None:
    """Show a fault above the next page."""
    messages.error(request, f"{fault.sentence} {fault.next_step}".strip())
