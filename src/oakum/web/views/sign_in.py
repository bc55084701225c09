"""Sign in, sign out, and change the password.

Passwords, hashing and sessions are Django's own; how often somebody may guess is ``web.limits``.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters

from oakum.core.errors import OperatorError
from oakum.identity.models import Person, Role
from oakum.identity.queries import session_of
from oakum.identity.services import record_sign_in, set_password
from oakum.web.doors import BOTH, POST, PersonRequest, page
from oakum.web.forms.account import PasswordForm, SignInForm
from oakum.web.limits import sign_in_limits
from oakum.web.words import coarse

log = logging.getLogger("oakum.web")
# One answer for a wrong name and a wrong password: the page must not tell which names exist.
SENTENCE_WRONG = "Name or password is wrong. Check both and try again."


@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the form, or open a session."""
    if request.method not in BOTH:
        return HttpResponseNotAllowed(BOTH)
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if request.method != "POST":
        if isinstance(request.user, Person):
            return HttpResponseRedirect(_safe(request, wanted))
        return _show(request, SignInForm(), wanted)
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _show(request, form, wanted, status=422)
    name, address = form.cleaned_data["name"], address_of_client(request)
    now = timezone.now()
    wait = sign_in_limits.wait(name=name, address=address, now=now)
    if wait:
        return _limited(request, form, wanted, wait)
    person = authenticate(request, username=name, password=form.cleaned_data["password"])
    if not isinstance(person, Person):
        sign_in_limits.record_failure(name=name, address=address, now=now)
        log.warning("sign_in_failed name=%r address=%s", name, address)
        form.add_error(None, SENTENCE_WRONG)
        return _show(request, form, wanted, status=422)
    speaker = session_of(person_id=person.id)
    if speaker is None:
        form.add_error(None, "You have no role in any organisation. Ask an administrator to give you one.")
        return _show(request, form, wanted, status=403)
    sign_in_limits.record_success(name=name, address=address)
    login(request, person)
    record_sign_in(organisation_id=speaker.organisation_id, person=person, now=now)
    return HttpResponseRedirect(_safe(request, wanted))


def _show(request: HttpRequest, form: SignInForm, wanted: str, *, status: int = 200) -> HttpResponse:
    return render(request, "web/sign_in.html", {"form": form, "next": wanted}, status=status)


def _limited(request: HttpRequest, form: SignInForm, wanted: str, wait: timedelta) -> HttpResponse:
    words = coarse(wait + timedelta(minutes=1))
    form.add_error(None, f"Too many failed attempts from your address. Try again in {words}.")
    response = _show(request, form, wanted, status=429)
    response.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
    return response


def address_of_client(request: HttpRequest) -> str:
    """Return the client's address; behind a declared proxy, the last one that the proxy itself added."""
    if getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        forwarded = str(request.headers.get("X-Forwarded-For", "")).rpartition(",")[2].strip()
        if forwarded:
            return forwarded
    return str(request.META.get("REMOTE_ADDR", ""))


def _safe(request: HttpRequest, wanted: str) -> str:
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    return wanted if ours else reverse("web:overview")


@page(Role.VIEWER, methods=POST)
def sign_out(request: PersonRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return HttpResponseRedirect(reverse("web:sign_in"))


@sensitive_post_parameters("current", "new", "again")
@page(Role.VIEWER, methods=BOTH)
def password(request: PersonRequest) -> HttpResponse:
    """Change one's own password; after a one-time password nothing else is open."""
    person = request.user
    assert isinstance(person, Person)
    form = PasswordForm(request.POST or None)
    forced = request.speaker.password_change_required
    if request.method == "POST" and form.is_valid():
        speaker = request.speaker
        limit = {"name": person.name, "address": address_of_client(request)}
        if sign_in_limits.wait(now=request.now, **limit):
            form.add_error("current", "Too many failed attempts. Try again in a quarter of an hour.")
        elif not person.check_password(form.cleaned_data["current"]):
            sign_in_limits.record_failure(now=request.now, **limit)
            form.add_error("current", "This is not your current password.")
        else:
            try:
                set_password(
                    organisation_id=speaker.organisation_id,
                    person_id=person.id,
                    password=form.cleaned_data["new"],
                    now=request.now,
                )
            except OperatorError as fault:
                form.add_error("new", fault.sentence)
            else:
                person.refresh_from_db()
                update_session_auth_hash(request, person)
                messages.success(request, "Your password is changed.")
                return HttpResponseRedirect(reverse("web:overview"))
    status = 422 if form.errors else 200
    return render(request, "web/password.html", {"form": form, "forced": forced}, status=status)
