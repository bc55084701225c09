"""Hosts by the API: each route is one query or one verb."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Router

from oakum.api.answers import Done
from oakum.api.auth import need, session_of, utc_now
from oakum.api.fields import Body, Limit, Offset, Text
from oakum.api.refs import checked_group, resolve_host
from oakum.findings.queries import HostFindings, PatchFilter, Rules, host_findings, patches
from oakum.fleet import queries, services
from oakum.fleet.models import HostState
from oakum.identity.models import Role
from oakum.identity.queries import Session
from oakum.policy.queries import rules_of
from oakum.rollout.queries import HostRollout, rollouts_of_host
from oakum.scan.sbom.host import host_sbom
from oakum.scan.sbom.writing import MEDIA_TYPE
from oakum.streaming import stream

router = Router()
UPDATE_COUNT_MAX = 500
HostStateWanted = Literal["", "all", "active", "quarantined", "retired", "silent", "never", "unknown", "reboot"]


class HostChanges(Body):
    """What people say of a host; a field that is left out stays as it is, an empty one is taken back."""

    reachability: Literal["", "public", "internal", "isolated"] | None = None
    environment: Literal["", "production", "staging", "development"] | None = None
    criticality: Literal["", "low", "medium", "high", "critical"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUpdate:
    """One pending package of a host, and the kind of its update; ``kept_back`` says why apt would leave it out."""

    name: str
    architecture: str
    installed_version: str
    candidate_version: str
    source_name: str
    source_version: str
    kind: str
    kept_back: str
    download_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDetail:
    """All that is known of one host; ``findings`` is None for a retired one, of which nothing is judged any more."""

    id: UUID
    hostname: str
    host: queries.HostView
    findings: HostFindings | None
    updates: tuple[HostUpdate, ...]


@router.get("", response=queries.HostPage)
def list_hosts(
    request: HttpRequest,
    search: Text = "",
    group: Text = "",
    state: HostStateWanted = "",
    limit: Limit = 50,
    offset: Offset = 0,
) -> queries.HostPage:
    """List hosts by name; without a ``state`` all that are not retired."""
    session = session_of(request)
    return queries.hosts(
        organisation_id=session.organisation_id,
        now=utc_now(),
        search=search,
        group=checked_group(session, group),
        state=state,
        limit=limit,
        offset=offset,
        stale_after=rules_of(organisation_id=session.organisation_id).stale_after,
    )


@router.get("/{ref}", response=HostDetail)
def show_host(request: HttpRequest, ref: Text) -> HostDetail:
    """Return one host, by name or id, with its findings and pending updates."""
    session, now = session_of(request), utc_now()
    host_id = resolve_host(session, ref, now)
    rules = rules_of(organisation_id=session.organisation_id)
    view = queries.host(
        organisation_id=session.organisation_id, host_id=host_id, now=now, stale_after=rules.stale_after
    )
    if view.row.state == HostState.RETIRED:
        return HostDetail(id=host_id, hostname=view.row.hostname, host=view, findings=None, updates=())
    return HostDetail(
        id=host_id,
        hostname=view.row.hostname,
        host=view,
        findings=host_findings(organisation_id=session.organisation_id, host_id=host_id, rules=rules, now=now),
        updates=_updates(session, host_id, rules, now),
    )


def _updates(session: Session, host_id: UUID, rules: Rules, now: datetime) -> tuple[HostUpdate, ...]:
    page = patches(
        organisation_id=session.organisation_id,
        rules=rules,
        now=now,
        wanted=PatchFilter(host_ids=(host_id,)),
        limit=UPDATE_COUNT_MAX,
    )
    kinds = {(row.source_name, row.source_version): row.kind for row in page.rows}
    offers = queries.host_offers(organisation_id=session.organisation_id, host_id=host_id)
    return tuple(
        HostUpdate(
            name=offer.name,
            architecture=offer.architecture,
            installed_version=offer.installed_version,
            candidate_version=offer.candidate_version,
            source_name=offer.source_name,
            source_version=offer.source_version,
            kind=kinds.get((offer.source_name, offer.source_version), ""),
            kept_back=offer.kept_back,
            download_bytes=offer.download_bytes,
        )
        for offer in offers
    )


@router.get("/{ref}/packages", response=queries.PackagePage)
def list_packages(
    request: HttpRequest, ref: Text, search: Text = "", limit: Limit = 100, offset: Offset = 0
) -> queries.PackagePage:
    """List what is installed on a host, by name; ``search`` is any part of a package's or source's name."""
    session = session_of(request)
    return queries.host_packages(
        organisation_id=session.organisation_id,
        host_id=resolve_host(session, ref, utc_now()),
        search=search,
        limit=limit,
        offset=offset,
    )


@router.get("/{ref}/sbom")
def export_sbom_of_host(request: HttpRequest, ref: Text) -> StreamingHttpResponse:
    """Return a host's bill of materials: what is installed there, in CycloneDX 1.6 (JSON)."""
    session, now = session_of(request), utc_now()
    host_id = resolve_host(session, ref, now)
    pieces = host_sbom(organisation_id=session.organisation_id, host_id=host_id, now=now)
    return stream(request, pieces, content_type=MEDIA_TYPE)


@router.get("/{ref}/changes", response=list[queries.ChangeView])
def list_changes(request: HttpRequest, ref: Text, limit: Limit = 50) -> list[queries.ChangeView]:
    """List what a host's packages gained and lost, newest first."""
    session = session_of(request)
    return list(
        queries.host_changes(
            organisation_id=session.organisation_id, host_id=resolve_host(session, ref, utc_now()), limit=limit
        )
    )


@router.get("/{ref}/rollouts", response=list[HostRollout])
def list_rollouts_of_host(request: HttpRequest, ref: Text) -> list[HostRollout]:
    """List the newest rollouts that a host is or was in."""
    session = session_of(request)
    host_id = resolve_host(session, ref, utc_now())
    return list(rollouts_of_host(organisation_id=session.organisation_id, host_id=host_id))


@router.patch("/{ref}", response=Done)
def change_host(request: HttpRequest, ref: Text, payload: HostChanges) -> Done:
    """Say how a host can be reached, what it is for and how much it matters; needs the role operator."""
    session, now = need(request, Role.OPERATOR), utc_now()
    services.set_host(
        organisation_id=session.organisation_id,
        host_id=resolve_host(session, ref, now),
        reachability=payload.reachability,
        environment=payload.environment,
        criticality=payload.criticality,
        actor=session.actor,
        now=now,
    )
    return Done()


@router.post("/{ref}/release", response=Done)
def release_host(request: HttpRequest, ref: Text) -> Done:
    """Let a quarantined host speak again: the next one that shows its secret is taken for it; needs administrator."""
    session, now = need(request, Role.ADMINISTRATOR), utc_now()
    services.release_quarantine(
        organisation_id=session.organisation_id,
        host_id=resolve_host(session, ref, now),
        actor=session.actor,
        now=now,
    )
    return Done()


@router.post("/{ref}/retire", response=Done)
def retire_host(request: HttpRequest, ref: Text) -> Done:
    """End a host's enrolment; its history stays.  Needs the role administrator."""
    session, now = need(request, Role.ADMINISTRATOR), utc_now()
    services.retire_host(
        organisation_id=session.organisation_id,
        host_id=resolve_host(session, ref, now),
        actor=session.actor,
        now=now,
    )
    return Done()
