"""The overview: what is overdue, what waits for you, what is moving, who is silent.  Answers first.

It computes nothing: every number is a query's, and links to the list behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render

from oakum.findings import queries as findings
from oakum.fleet import queries as fleet
from oakum.identity.models import Role
from oakum.policy.queries import rules_of
from oakum.reporting import queries as reporting
from oakum.web.doors import PersonRequest, page

YOUNG = timedelta(minutes=30)  # how long a first host's way to its first answers is shown
YOUNG_HOST_COUNT_MAX = 3
MOVING_COUNT = 5
UPDATE_COUNT_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStep:
    """One step of a fresh installation: done, under way, or what to do."""

    title: str
    words: str
    is_done: bool


@page(Role.VIEWER)
def overview(request: PersonRequest) -> HttpResponse:
    """Show the overview; what moves alone when it refreshes itself."""
    speaker = request.speaker
    found = reporting.overview(organisation_id=speaker.organisation_id, person_id=speaker.person_id, now=request.now)
    steps = _first_steps(request, found)
    context = {
        "overview": found,
        "counts": found.counts,
        "moving": found.moving[:MOVING_COUNT],
        "steps": steps,
        "feed_problems": [feed for feed in found.feeds if feed.problem],
        "moves": bool(found.moving) or any(not step.is_done for step in steps[:-1]),
    }
    return render(request, "web/parts/overview_live.html" if request.htmx else "web/overview.html", context)


def _first_steps(request: PersonRequest, found: reporting.Overview) -> tuple[FirstStep, ...]:
    """Return how far a fresh installation has come; nothing once it is past its first half hour."""
    organisation_id = request.speaker.organisation_id
    hosts = fleet.hosts(organisation_id=organisation_id, now=request.now, limit=YOUNG_HOST_COUNT_MAX + 1)
    is_young = all(request.now - row.enrolled_at < YOUNG for row in hosts.rows)
    if hosts.total_count > YOUNG_HOST_COUNT_MAX or not is_young:
        return ()
    if not hosts.rows:
        return ()
    rules = rules_of(organisation_id=organisation_id)
    updates = findings.patches(organisation_id=organisation_id, rules=rules, now=request.now, limit=UPDATE_COUNT_MAX)
    first = hosts.rows[0]
    return (
        FirstStep(title=f"{first.hostname} is enrolled", words="", is_done=True),
        _inventory_step(first),
        _update_step(first, updates.total_count),
        _notes_step(first, updates),
        _feed_step(found),
    )


def _inventory_step(host: fleet.HostRow) -> FirstStep:
    if host.packages_status == "known":
        return FirstStep(title=f"{host.package_count} packages are installed there", words="", is_done=True)
    return FirstStep(title="Its first inventory", words=host.packages_reason, is_done=False)


def _update_step(host: fleet.HostRow, count: int) -> FirstStep:
    if host.offers_status == "known":
        return FirstStep(title=f"{count} updates are pending", words="", is_done=True)
    return FirstStep(title="What its repositories offer", words=host.offers_reason, is_done=False)


def _notes_step(host: fleet.HostRow, updates: findings.PatchPage) -> FirstStep:
    if host.offers_status != "known":
        return FirstStep(title="Their release notes", words="Once it is known what is pending.", is_done=False)
    settled = sum(row.notes.state in {"known", "absent"} for row in updates.rows)
    is_done = settled == len(updates.rows)
    words = "" if is_done else f"{settled} of {len(updates.rows)} so far; each is read out of the package on the host."
    return FirstStep(title="Their release notes", words=words, is_done=is_done)


def _feed_step(found: reporting.Overview) -> FirstStep:
    is_done = any(feed.kind == "osv" and feed.imported_at is not None for feed in found.feeds)
    words = "" if is_done else "Run `oakum feed sync` on the server, or `oakum feed import FILE` without internet."
    return FirstStep(title="The publishers' advisories", words=words, is_done=is_done)
