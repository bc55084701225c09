"""What every page's frame shows: who is signed in, the way to the other pages, and what moves right now."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from oakum.core.planning.values import RolloutState
from oakum.identity.models import Role
from oakum.identity.queries import Session
from oakum.rollout.queries import RolloutRow, rollouts

THEME_COOKIE = "oakum_theme"
THEMES = ("light", "dark")
RUNNING_COUNT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One entry of the navigation; it is current where the page's path begins with its own."""

    label: str
    path: str
    current: bool


SECTIONS: tuple[tuple[str, tuple[tuple[str, str, Role], ...]], ...] = (
    ("", (("Overview", "web:overview", Role.VIEWER),)),
    (
        "Fleet",
        (("Hosts", "web:hosts", Role.VIEWER), ("Groups", "web:groups", Role.VIEWER)),
    ),
    (
        "Risk",
        (
            ("Findings", "web:findings", Role.VIEWER),
            ("Vulnerabilities", "web:vulnerabilities", Role.VIEWER),
            ("Compliance", "web:compliance", Role.VIEWER),
        ),
    ),
    (
        "Change",
        (
            ("Patches", "web:patches", Role.VIEWER),
            ("Rollouts", "web:rollouts", Role.VIEWER),
            ("Windows", "web:windows", Role.VIEWER),
        ),
    ),
    (
        "Record",
        (("Journal", "web:journal", Role.VIEWER), ("System", "web:system", Role.VIEWER)),
    ),
    (
        "Organisation",
        (("People", "web:people", Role.VIEWER), ("Settings", "web:settings", Role.VIEWER)),
    ),
)


def shell(request: HttpRequest) -> dict[str, object]:
    """Return what base.html needs; nothing of the fleet before somebody is signed in."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    frame: dict[str, object] = {"speaker": None, "theme": theme if theme in THEMES else ""}
    speaker = getattr(request, "speaker", None)
    if not isinstance(speaker, Session):
        return frame
    sections = tuple(
        (title, tuple(_place(request, label, name) for label, name, needed in places if speaker.allows(needed)))
        for title, places in SECTIONS
    )
    return frame | {
        "speaker": speaker,
        "sections": sections,
        "running": lambda: _running(request, speaker),
        "may_operate": speaker.allows(Role.OPERATOR),
        "may_approve": speaker.allows(Role.APPROVER),
        "may_administer": speaker.allows(Role.ADMINISTRATOR),
    }


def _running(request: HttpRequest, speaker: Session) -> tuple[RolloutRow, ...]:
    """Return the rollouts that run, so that they can be halted from any page but those that show them already."""
    if request.path == reverse("web:overview") or request.path.startswith(reverse("web:rollouts")):
        return ()
    found = rollouts(organisation_id=speaker.organisation_id, states=(RolloutState.RUNNING,), limit=RUNNING_COUNT)
    return found.rows


def _place(request: HttpRequest, label: str, name: str) -> Place:
    path = reverse(name)
    current = request.path == path or (path != "/" and request.path.startswith(f"{path}/"))
    return Place(label=label, path=path, current=current)
