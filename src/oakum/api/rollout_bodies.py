"""What a person may ask for when they plan a rollout, as JSON, and the value that it becomes.

Bounds and conflicts are judged by the verb; here a wish is only read.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from oakum.api.fields import Body, RowId, Sentence, Text
from oakum.api.policy import window_named
from oakum.api.refs import resolve_hosts
from oakum.core.errors import OperatorError
from oakum.identity.queries import Session
from oakum.rollout.requests import (
    AllHosts,
    AnyTime,
    CuresFor,
    GroupHosts,
    HostChoice,
    HostsById,
    OpenNow,
    PendingSecurity,
    RingChoice,
    RingsByCover,
    RingsByName,
    RingsBySize,
    RolloutRequest,
    Selection,
    SourcesByName,
    StoredWindow,
    UpdatesById,
    WindowChoice,
)

HOST_NAMED_COUNT_MAX = 10_000  # more is a group
PATCH_NAMED_COUNT_MAX = 5_000
RING_NAMED_COUNT_MAX = 16
HOURS_MAX = 31 * 24
# Beyond every bound that planning sets, and far below what a timedelta takes.
Seconds = Annotated[int, Field(ge=0, le=10**9)]
Number = Annotated[int, Field(ge=0, le=10**9)]


class CureChoice(Body):
    """Every pending update that cures this vulnerability."""

    cve: Text


class GroupChoice(Body):
    """The hosts of this group."""

    group: Text


class SizeChoice(Body):
    """Rings of these sizes; what is left over makes one more."""

    sizes: Annotated[list[Number], Field(min_length=1, max_length=RING_NAMED_COUNT_MAX)]


class WindowChosen(Body):
    """Either a maintenance window by its name, or from now on for so many hours."""

    name: Text | None = None
    now_hours: Annotated[float, Field(gt=0, le=HOURS_MAX)] | None = None

    @model_validator(mode="after")
    def hold_one(self) -> WindowChosen:
        """Refuse both and neither."""
        if (self.name is None) == (self.now_hours is None):
            message = "give either name or now_hours"
            raise ValueError(message)
        return self


Hosts = Annotated[list[Text], Field(max_length=HOST_NAMED_COUNT_MAX)]


class RolloutBody(Body):
    """A whole wish; what is left out is as the organisation's settings say.

    ``patches`` is ``security`` (all that is pending), a list of source packages or of ids of patches, or a CVE.
    ``hosts`` may be left out where ``rings`` lists them ring by ring.  Without a ``window`` it runs at any time.
    """

    patches: Literal["security"] | Annotated[list[RowId | Text], Field(max_length=PATCH_NAMED_COUNT_MAX)] | CureChoice
    hosts: Literal["all"] | Hosts | GroupChoice | None = None
    rings: SizeChoice | Annotated[list[Hosts], Field(min_length=1, max_length=RING_NAMED_COUNT_MAX)] | None = None
    window: WindowChosen | None = None
    name: Sentence = ""
    soak_seconds: Seconds | None = None
    health_delay_seconds: Seconds | None = None
    lost_after_seconds: Seconds | None = None
    failure_percent_max: Number | None = None
    failure_count_max: Number | None = None
    lost_percent_max: Number | None = None
    wave_count_max: Number | None = None
    reboot: Literal["never", "if_required", "always"] = "never"


class Comment(Body):
    """Why, in a person's words."""

    comment: Sentence = ""


class Reason(Body):
    """Why, in a person's words."""

    reason: Sentence = ""


class Resumption(Body):
    """Whether hosts that failed are tried again; after a halt only."""

    retry_failed: bool = False


def read_wish(session: Session, body: RolloutBody, now: datetime) -> RolloutRequest:
    """Return the wish as planning takes it.

    Raises:
        NotFoundError: a host or window that is named does not exist here.
        OperatorError: a name of several hosts, or no host is meant (``hosts_missing``).
    """
    rings = _rings(session, body)
    return RolloutRequest(
        selection=_selection(body),
        hosts=_hosts(session, body, rings),
        rings=rings,
        window=_window(session, body.window, now),
        name=body.name,
        soak=_duration(body.soak_seconds),
        health_delay=_duration(body.health_delay_seconds),
        lost_after=_duration(body.lost_after_seconds),
        failure_percent_max=body.failure_percent_max,
        failure_count_max=body.failure_count_max,
        lost_percent_max=body.lost_percent_max,
        wave_count_max=body.wave_count_max,
        reboot=body.reboot,
    )


def _selection(body: RolloutBody) -> Selection:
    if body.patches == "security":
        return PendingSecurity()
    if isinstance(body.patches, CureChoice):
        return CuresFor(body.patches.cve.strip().upper())
    ids = tuple(each for each in body.patches if isinstance(each, int))
    names = tuple(each for each in body.patches if isinstance(each, str))
    if ids and names:
        raise OperatorError(
            code="patches_mixed",
            sentence="Patches are either ids or names of source packages, not both at once.",
            next_step="Name them all in one way.",
        )
    return UpdatesById(ids) if ids else SourcesByName(names)


def _hosts(session: Session, body: RolloutBody, rings: RingChoice) -> HostChoice:
    match body.hosts:
        case "all":
            return AllHosts()
        case GroupChoice(group=name):
            return GroupHosts(name)
        case list(refs):
            return HostsById(tuple(resolve_hosts(session, refs)))
    if isinstance(rings, RingsByName):
        return HostsById(tuple(host_id for ring in rings.rings for host_id in ring))
    raise OperatorError(
        code="hosts_missing",
        sentence="It is not said which hosts the rollout is for.",
        next_step='Give hosts: "all", a group, or a list of names; or name them ring by ring.',
    )


def _rings(session: Session, body: RolloutBody) -> RingChoice:
    match body.rings:
        case SizeChoice(sizes=sizes):
            return RingsBySize(tuple(sizes))
        case list(rings):
            named = iter(resolve_hosts(session, [ref for ring in rings for ref in ring]))
            return RingsByName(tuple(tuple(next(named) for _ in ring) for ring in rings))
    return RingsByCover()


def _window(session: Session, chosen: WindowChosen | None, now: datetime) -> WindowChoice:
    if chosen is None:
        return AnyTime()
    if chosen.name is not None:
        return StoredWindow(window_named(session.organisation_id, chosen.name, now))
    assert chosen.now_hours is not None
    return OpenNow(timedelta(seconds=round(chosen.now_hours * 3600)))


def _duration(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
