"""Hosts, groups and enrolment by the API: each route is one query or one verb."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema

from oakum import ports
from oakum.api.auth import need, session_of, utc_now
from oakum.core.errors import NotFoundError, OperatorError
from oakum.findings import queries as findings
from oakum.fleet import queries, services
from oakum.identity.models import Role
from oakum.identity.queries import Session
from oakum.policy.queries import rules_of

router = Router()
OFFER_COUNT_MAX = 500


class HostChanges(Schema):
    """What people say of a host; a field that is left out stays as it is, an empty one is taken back."""

    reachability: Literal["", "public", "internal", "isolated"] | None = None
    environment: Literal["", "production", "staging", "development"] | None = None
    criticality: Literal["", "low", "medium", "high", "critical"] | None = None


class GroupChanges(HostChanges):
    """A group's name, description and context."""

    name: str | None = None
    description: str | None = None


class Members(Schema):
    """Hosts by name or id."""

    add: list[str] = []
    remove: list[str] = []


class TokenRequest(Schema):
    """An enrolment token's note, life, number of hosts, group, and the mode that the shown line sets."""

    note: str = ""
    hours: int = 24
    uses: int = 100
    mode: Literal["apply", "report_only"] = "apply"
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAnswer:
    """The token's text, shown once, and the line to paste on each host."""

    token: str
    line: str
    expires_at: datetime
    server_key: str
    certificate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUpdate:
    """One pending package of a host, with the kind of the update it belongs to."""

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
    """All that is known of one host."""

    host: queries.HostView
    findings: findings.HostFindings
    updates: tuple[HostUpdate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The verb was carried out."""

    done: bool = True


@router.get("", response=queries.HostPage)
def list_hosts(
    request: HttpRequest, search: str = "", group: str = "", state: str = "", limit: int = 50, offset: int = 0
) -> queries.HostPage:
    """List hosts by name; ``state`` is active, quarantined, retired, silent, never, unknown, reboot or all."""
    session, now = session_of(request), utc_now()
    return queries.hosts(
        organisation_id=session.organisation_id,
        now=now,
        search=search,
        group=group,
        state=state,
        limit=limit,
        offset=offset,
        stale_after=rules_of(organisation_id=session.organisation_id).stale_after,
    )


@router.get("/groups", response=list[queries.GroupView])
def list_groups(request: HttpRequest) -> tuple[queries.GroupView, ...]:
    """List groups by name."""
    return queries.groups(organisation_id=session_of(request).organisation_id)


@router.post("/groups", response=queries.GroupView)
def create_group(request: HttpRequest, payload: GroupChanges) -> queries.GroupView:
    """Create a group, or change the one of that name."""
    if not payload.name:
        raise OperatorError(code="group_name_missing", sentence="A group needs a name.")
    return _set_group(request, payload.name, payload)


@router.patch("/groups/{name}", response=queries.GroupView)
def change_group(request: HttpRequest, name: str, payload: GroupChanges) -> queries.GroupView:
    """Change a group's name, description or context."""
    queries.group(organisation_id=session_of(request).organisation_id, name=name)
    return _set_group(request, name, payload)


def _set_group(request: HttpRequest, name: str, payload: GroupChanges) -> queries.GroupView:
    session = need(request, Role.OPERATOR)
    new_name = payload.name if payload.name not in {None, name} else None
    services.set_group(
        organisation_id=session.organisation_id,
        name=name,
        new_name=new_name,
        description=payload.description,
        reachability=payload.reachability,
        environment=payload.environment,
        criticality=payload.criticality,
        actor=session.actor,
        now=utc_now(),
    )
    return queries.group(organisation_id=session.organisation_id, name=new_name or name)


@router.delete("/groups/{name}", response=Done)
def delete_group(request: HttpRequest, name: str) -> Done:
    """Delete a group; its hosts stay."""
    session = need(request, Role.OPERATOR)
    services.delete_group(organisation_id=session.organisation_id, name=name, actor=session.actor, now=utc_now())
    return Done()


@router.post("/groups/{name}/hosts", response=queries.GroupView)
def change_members(request: HttpRequest, name: str, payload: Members) -> queries.GroupView:
    """Add hosts to a group and take hosts out."""
    session, now = need(request, Role.OPERATOR), utc_now()
    for verb, refs in ((services.add_to_group, payload.add), (services.remove_from_group, payload.remove)):
        if refs:
            verb(
                organisation_id=session.organisation_id,
                name=name,
                host_ids=[resolve(session, ref, now) for ref in refs],
                actor=session.actor,
                now=now,
            )
    return queries.group(organisation_id=session.organisation_id, name=name)


@router.post("/enrolment-tokens", response=TokenAnswer)
def create_enrolment_token(request: HttpRequest, payload: TokenRequest) -> TokenAnswer:
    """Make an enrolment token and the line that installs the agent with it."""
    session = need(request, Role.OPERATOR)
    row, text = services.create_enrolment_token(
        organisation_id=session.organisation_id,
        person_id=session.person_id,
        note=payload.note,
        group=payload.group,
        valid_for=timedelta(hours=payload.hours),
        use_count_max=payload.uses,
        actor=session.actor,
        now=utc_now(),
    )
    facts = ports.installer_facts()
    return TokenAnswer(
        token=text,
        line=ports.installer_line(text, payload.mode),
        expires_at=row.expires_at,
        server_key=facts.server_key,
        certificate=facts.certificate,
    )


@router.get("/{ref}", response=HostDetail)
def show_host(request: HttpRequest, ref: str) -> HostDetail:
    """Return one host, by name or id, with its findings and pending updates."""
    session, now = session_of(request), utc_now()
    host_id = resolve(session, ref, now)
    rules = rules_of(organisation_id=session.organisation_id)
    return HostDetail(
        host=queries.host(
            organisation_id=session.organisation_id, host_id=host_id, now=now, stale_after=rules.stale_after
        ),
        findings=findings.host_findings(organisation_id=session.organisation_id, host_id=host_id, rules=rules, now=now),
        updates=_updates(session, host_id, rules, now),
    )


def _updates(session: Session, host_id: UUID, rules: findings.Rules, now: datetime) -> tuple[HostUpdate, ...]:
    page = findings.patches(
        organisation_id=session.organisation_id,
        rules=rules,
        now=now,
        wanted=findings.PatchFilter(host_ids=(host_id,)),
        limit=OFFER_COUNT_MAX,
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


@router.patch("/{ref}", response=Done)
def change_host(request: HttpRequest, ref: str, payload: HostChanges) -> Done:
    """Set what people say of a host."""
    session, now = need(request, Role.OPERATOR), utc_now()
    services.set_host(
        organisation_id=session.organisation_id,
        host_id=resolve(session, ref, now),
        reachability=payload.reachability,
        environment=payload.environment,
        criticality=payload.criticality,
        actor=session.actor,
        now=now,
    )
    return Done()


@router.post("/{ref}/release", response=Done)
def release(request: HttpRequest, ref: str) -> Done:
    """Let a quarantined host speak again: the next one that shows its secret is taken for the host."""
    session, now = need(request, Role.ADMINISTRATOR), utc_now()
    services.release_quarantine(
        organisation_id=session.organisation_id,
        host_id=resolve(session, ref, now),
        actor=session.actor,
        now=now,
    )
    return Done()


@router.post("/{ref}/retire", response=Done)
def retire(request: HttpRequest, ref: str) -> Done:
    """End a host's enrolment; its history stays."""
    session, now = need(request, Role.ADMINISTRATOR), utc_now()
    services.retire_host(
        organisation_id=session.organisation_id,
        host_id=resolve(session, ref, now),
        actor=session.actor,
        now=now,
    )
    return Done()


def resolve(session: Session, ref: str, now: datetime) -> UUID:
    """Return the id of the host that a person means, by id or name.

    Raises:
        NotFoundError: none is meant.
        OperatorError: several have that name.
    """
    try:
        return UUID(ref)
    except ValueError:
        found = queries.host_by_name(organisation_id=session.organisation_id, name=ref, now=now)
    if not found:
        raise NotFoundError(
            code="host_unknown", sentence=f"There is no host named {ref}.", next_step="`oakum host list` shows them."
        )
    if len(found) > 1:
        ids = ", ".join(str(row.id) for row in found[:5])
        raise OperatorError(
            code="host_name_ambiguous",
            sentence=f"{len(found)} hosts are named {ref}.",
            next_step=f"Use the id of one: {ids}.",
        )
    return found[0].id
