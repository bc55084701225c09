"""How the installation itself is: the order signer, the loops, the feeds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import render

from oakum import __version__
from oakum.identity.models import Role
from oakum.identity.queries import signer_key, signer_seen_at
from oakum.intel.queries import feeds
from oakum.journal.queries import LoopView, loop_runs
from oakum.web.doors import PersonRequest, page

# As /health judges them (oakum.health); a loop that runs hourly is silent after two of its hours.
SIGNER_SILENT_AFTER = timedelta(seconds=60)
LOOP_SILENT_AFTER = timedelta(minutes=5)
HOURLY_LOOPS = frozenset({"retain"})
FEED_OLD_AFTER = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopLine:
    """A loop and its state: working, failing or silent."""

    loop: LoopView
    label: str
    tone: str


def judge_loop(loop: LoopView, *, now: datetime) -> LoopLine:
    """Say how a loop is: a problem it just met, or a silence that is too long for it."""
    limit = timedelta(hours=2) if loop.name in HOURLY_LOOPS else LOOP_SILENT_AFTER
    if loop.problem:
        return LoopLine(loop=loop, label="failing", tone="bad")
    if loop.ran_at is None or now - loop.ran_at > limit:
        return LoopLine(loop=loop, label="silent", tone="warn")
    return LoopLine(loop=loop, label="working", tone="ok")


@page(Role.VIEWER)
def system(request: PersonRequest) -> HttpResponse:
    """Show the parts of the installation and what is wrong with them."""
    loops = tuple(judge_loop(loop, now=request.now) for loop in loop_runs())
    seen_at = signer_seen_at()
    signer_works = seen_at is not None and request.now - seen_at <= SIGNER_SILENT_AFTER
    known = feeds()
    context = {
        "loops": loops,
        "loop_problems": sum(line.tone != "ok" for line in loops),
        "signer_seen_at": seen_at,
        "signer_works": signer_works,
        "signer": signer_key(),
        "feeds": [
            (feed, feed.imported_at is not None and feed.url and request.now - feed.imported_at > FEED_OLD_AFTER)
            for feed in known
        ],
        "has_feed": any(feed.url or feed.generation for feed in known if feed.kind != "host"),
        "version": __version__,
    }
    return render(request, "web/system.html", context)
