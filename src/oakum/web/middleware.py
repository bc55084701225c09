"""What stands before every page: the content security policy, and the sign-in.

Roles are checked by each view's door (``doors.page``); the API and the agents' paths have their own keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from oakum.identity.models import Person
from oakum.identity.queries import session_of

Answer = Callable[[HttpRequest], HttpResponse]

# Nothing inline, nothing from elsewhere, no frame.  htmx is told (in base.html) to add no style and eval nothing.
_DIRECTIVES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
)
POLICY = "; ".join(_DIRECTIVES)
OPEN_PATHS = frozenset({"/sign-in", "/health", "/favicon.ico"})
OPEN_PREFIXES = ("/static/", "/api/")  # the API asks for a token of its own
CHANGE_PATHS = frozenset({"/password", "/sign-out"})


class ContentSecurityPolicy:
    """Puts the policy on every answer, and keeps signed-in pages out of shared and history caches."""

    def __init__(self, get_response: Answer) -> None:
        """Keep what comes next."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the headers added."""
        response = self._get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class SignedIn:
    """Lets nobody pass without a session, and nobody with a one-time password do anything but change it.

    It sets ``request.speaker`` (who speaks, for which organisation, in which role) and ``request.now``: one instant a
    page, so that no two numbers on it disagree.
    """

    def __init__(self, get_response: Answer) -> None:
        """Keep what comes next."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or send to the sign-in."""
        plain = cast("Any", request)
        plain.now = timezone.now()
        if request.path in OPEN_PATHS or request.path.startswith(OPEN_PREFIXES):
            return self._get_response(request)
        person = request.user
        if not isinstance(person, Person):
            return _send(request, _sign_in_path(request))
        speaker = session_of(person_id=person.id)
        if speaker is None:  # the last role was taken away while the session lived
            logout(request)
            return _send(request, _sign_in_path(request))
        if speaker.password_change_required and request.path not in CHANGE_PATHS:
            return _send(request, reverse("web:password"))
        plain.speaker = speaker
        return self._get_response(request)


def _sign_in_path(request: HttpRequest) -> str:
    path = reverse("web:sign_in")
    wanted = request.headers.get("HX-Current-URL", "") if request.headers.get("HX-Request") else request.get_full_path()
    if request.method not in {"GET", "HEAD"} or wanted in {"", "/"}:
        return path
    return f"{path}?{urlencode({'next': wanted})}"


def _send(request: HttpRequest, path: str) -> HttpResponse:
    # A redirect would be followed inside the fragment that asked: htmx has a header that moves the whole page.
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(path)
    return HttpResponseRedirect(path)
