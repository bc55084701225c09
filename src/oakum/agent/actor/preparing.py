"""Look before anything is touched: whether the change may be made, what exactly it is, and whether it can be undone.

Everything here can be repeated and leaves what is installed alone.  The verdicts are ``judge``'s; asking for the permit
and beginning are ``starting``'s.
"""

from __future__ import annotations

from datetime import datetime
from typing import Callable, Optional, Sequence, Tuple, Union

from oakum.agent.actor import judge
from oakum.agent.actor.changes import (
    TROUBLE_DOWNGRADE,
    TROUBLE_LOCK,
    TROUBLE_MIRROR,
    TROUBLE_OTHER,
    TROUBLE_ROOM,
    TROUBLE_VERSION,
    Answer,
)
from oakum.agent.actor.health_look import look_at_health
from oakum.agent.actor.judge import Defer, Installed, Refuse
from oakum.agent.actor.record import ConfigurationFile, PackageBefore, PreState, SavedDeb
from oakum.agent.actor.saving import save_old_debs
from oakum.agent.actor.tools import Tools
from oakum.agent.managers.apt.change_parse import Sizes
from oakum.protocol.orders import WorkOrder
from oakum.protocol.trust import judge_order, parse_instant, render_instant

CONFIGURATION_COUNT_MAX = 5_000

Verdict = Union[Refuse, Defer]
Obstacle = Callable[[], Optional[Defer]]


class Preparation:
    """One pass over an order's checks; after ``run`` without a verdict, ``before`` is set.

    ``cached``: all that the change needs lies in apt's archive cache.  ``refreshed``: the lists were fetched anew.
    """

    def __init__(
        self, tools: Tools, order: WorkOrder, order_hash: str, *, obstacle: Obstacle, may_refresh: bool
    ) -> None:
        """Ask nothing yet; ``obstacle`` says whether another order is in the way."""
        self._obstacle = obstacle
        self._may_refresh = may_refresh
        self._tools = tools
        self._order = order
        self._order_hash = order_hash
        self._debs: Tuple[SavedDeb, ...] = ()
        self._installed: Optional[Installed] = None
        self.refreshed = False
        self.already_there = False
        self.cached = False
        self.before: Optional[PreState] = None

    def run(self) -> Optional[Verdict]:
        """Return the first reason not to go on, None when all is well."""
        checks: Sequence[Callable[[], Optional[Verdict]]] = (
            self._judge_order,
            self._judge_privilege,
            self._obstacle,
            self._judge_locks,
            self._judge_packages,
        )
        changing: Sequence[Callable[[], Optional[Verdict]]] = (
            self._judge_transaction,
            self._judge_room,
            self._download,
            self._save_way_back,
            # Downloads take their time: what was true before them must still be.
            self._judge_locks,
            self._judge_packages,
            self._judge_transaction,
            self._judge_order,
        )
        for check in (*checks, *changing):
            if self.already_there:
                break
            verdict = check()
            if verdict is not None:
                return verdict
        self.before = self._capture()
        return None

    def _judge_order(self) -> Optional[Verdict]:
        context = self._tools.context
        refusal = judge_order(
            self._order,
            order_hash=self._order_hash,
            trust=context.load_trust(),
            policy=context.policy,
            now=context.now(),
        )
        if refusal is None:
            return None
        return (Refuse if refusal.final else Defer)(refusal.reason, refusal.sentence)

    def _judge_privilege(self) -> Optional[Verdict]:
        if self._tools.system.is_root():
            return None
        return Defer(judge.DEFERRED_NOT_ROOT, "The agent does not run as root, so it cannot change this host.")

    def _judge_locks(self) -> Optional[Verdict]:
        return judge.judge_locks(self._tools.apt.lock_holders())

    def _judge_packages(self) -> Optional[Verdict]:
        verdict: Optional[Verdict] = judge.judge_audit(self._tools.apt.audit())
        if verdict is not None:
            return verdict
        self._installed = self._tools.apt.installed()
        self.already_there = judge.is_already_there(self._order, self._installed)
        return None if self.already_there else judge.judge_found(self._order, self._installed)

    def _judge_transaction(self) -> Optional[Verdict]:
        answer, transaction = self._tools.apt.simulate(judge.wanted_new(self._order))
        if answer.trouble == TROUBLE_VERSION and self._may_refresh:
            refreshed = self._refresh()
            answer, transaction = self._tools.apt.simulate(judge.wanted_new(self._order))
            if answer.trouble == TROUBLE_VERSION and refreshed.trouble:
                return _defer_mirror(refreshed)
        if transaction is None:
            return _verdict_of(answer)
        return judge.judge_transaction(self._order, transaction)

    def _judge_room(self) -> Optional[Verdict]:
        apt, store = self._tools.apt, self._tools.store
        new = apt.sizes(judge.wanted_new(self._order))
        old = judge.wanted_old(self._order)
        way_back = apt.old_sizes(old) if old else Sizes(downloads=(), growth_bytes=0)
        names = [each.file_name for each in (*new.downloads, *way_back.downloads)]
        store.add_downloads(self._order.order_id, names)
        needs = judge.needs_of(
            self._order,
            download_bytes=new.download_bytes,
            old_bytes=way_back.download_bytes,
            growth_bytes=new.growth_bytes,
            archives=apt.directories().archives,
            saved=store.orders,
        )
        return judge.judge_room(needs, {path: self._tools.system.room(path) for path in needs})

    def _download(self) -> Optional[Verdict]:
        answer = self._tools.apt.download(judge.wanted_new(self._order))
        if answer.trouble == TROUBLE_MIRROR and self._may_refresh:
            # A file can be gone because a newer version replaced it: fresh lists tell.
            refreshed = self._refresh()
            if not refreshed.trouble:
                answer = self._tools.apt.download(judge.wanted_new(self._order))
        self.cached = self._tools.apt.are_cached(judge.wanted_new(self._order))
        return _verdict_of(answer) if answer.trouble else None

    def _save_way_back(self) -> Optional[Verdict]:
        saved = save_old_debs(self._tools, self._order, judge.wanted_old(self._order))
        if isinstance(saved, (Refuse, Defer)):
            return saved
        self._debs = saved
        return None

    def _refresh(self) -> Answer:
        self._may_refresh = False
        answer = self._tools.apt.refresh()
        self.refreshed = not answer.trouble
        return answer

    def _capture(self) -> PreState:
        """Take the pre-state: nothing of the host has been changed yet."""
        assert self._installed is not None
        system, now = self._tools.system, self._tools.context.now()
        auto = set(self._tools.apt.auto_marks())
        packages = tuple(
            PackageBefore(
                name=change.name,
                architecture=change.architecture,
                version=self._installed.version(change),
                auto=change.name in auto or "%s:%s" % (change.name, change.architecture) in auto,
            )
            for change in self._order.packages
        )
        paths = self._tools.apt.configuration_files(judge.wanted_old(self._order))[:CONFIGURATION_COUNT_MAX]
        health = look_at_health(system, now)
        return PreState(
            taken_at=render_instant(now),
            boot_id=health.boot_id,
            packages=packages,
            debs=self._debs,
            configuration=tuple(ConfigurationFile(path, system.sha256(path)) for path in paths),
            health=health,
        )


def _verdict_of(answer: Answer) -> Verdict:
    if answer.trouble == TROUBLE_LOCK:
        return Defer(TROUBLE_LOCK, "Another program holds apt's lock: %s" % answer.words)
    if answer.trouble == TROUBLE_ROOM:
        return Defer(TROUBLE_ROOM, "%s Make room there, for instance with apt-get clean." % answer.words)
    if answer.trouble == TROUBLE_VERSION:
        words = "The host's repositories do not have it (lists are fresh): %s. It is tried again later."
        return Defer(TROUBLE_VERSION, words % answer.words)
    if answer.trouble == TROUBLE_MIRROR:
        return _defer_mirror(answer)
    if answer.trouble == TROUBLE_DOWNGRADE:
        return Refuse(judge.REFUSED_DOWNGRADE, "The order would put an older version over a newer one.")
    assert answer.trouble == TROUBLE_OTHER, answer.trouble
    return Refuse(judge.REFUSED_TRANSACTION, "apt cannot make this change: %s" % answer.words)


def _defer_mirror(answer: Answer) -> Defer:
    return Defer(TROUBLE_MIRROR, "A repository of this host does not answer as it should: %s" % answer.words)


def next_window_at(order: WorkOrder, now: datetime) -> Optional[datetime]:
    """Return when the order's next window opens, None when none is to come."""
    starts = sorted(parse_instant(window.starts_at) for window in order.windows)
    return next((start for start in starts if start > now), None)
