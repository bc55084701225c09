"""Reads of identity: who is speaking, and what may they do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from oakum.identity.models import ApiToken, Approval, Installation, Membership, Organisation, Role
from oakum.identity.services import TOKEN_PREFIX, hash_token

_RANK = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.APPROVER: 2, Role.ADMINISTRATOR: 3}
PEOPLE_COUNT_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who speaks, for which organisation, in which role."""

    person_id: UUID
    person_name: str
    organisation_id: UUID
    organisation_name: str
    role: Role
    password_change_required: bool

    @property
    def actor(self) -> str:
        """How the journal names this person."""
        return f"person:{self.person_name}"

    def allows(self, needed: Role) -> bool:
        """Say whether this role includes ``needed``."""
        return role_allows(self.role, needed)


def role_allows(role: Role | str, needed: Role) -> bool:
    """Say whether ``role`` includes ``needed``: viewer < operator < approver < administrator."""
    return _RANK[Role(role)] >= _RANK[needed]


def session_of(*, person_id: UUID, organisation_id: UUID | None = None) -> Session | None:
    """Return the session of an active person in an organisation (their first one when None)."""
    rows = Membership.objects.filter(person_id=person_id, person__is_active=True)
    if organisation_id is not None:
        rows = rows.filter(organisation_id=organisation_id)
    member = rows.select_related("person", "organisation").order_by("organisation__created_at").first()
    if member is None:
        return None
    return Session(
        person_id=member.person_id,
        person_name=member.person.name,
        organisation_id=member.organisation_id,
        organisation_name=member.organisation.name,
        role=Role(member.role),
        password_change_required=member.person.password_change_required,
    )


def person_by_token(*, text: str, now: datetime) -> Session | None:
    """Return who holds this token, or None if it is unknown, expired or revoked."""
    if not text.startswith(TOKEN_PREFIX):
        return None
    token = ApiToken.objects.filter(token_hash=hash_token(text), revoked_at=None).first()
    if token is None or (token.expires_at is not None and token.expires_at <= now):
        return None
    return session_of(person_id=token.person_id, organisation_id=token.organisation_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalView:
    """One person's answer, with the role they have now."""

    person_id: UUID
    person_name: str
    role: Role | None
    approved: bool
    comment: str
    at: datetime


def approvals(
    *, organisation_id: UUID, subject_kind: str, subject_id: str, subject_hash: str
) -> tuple[ApprovalView, ...]:
    """Return the answers given to exactly this content, oldest first."""
    rows = Approval.objects.filter(
        organisation_id=organisation_id,
        subject_kind=subject_kind,
        subject_id=subject_id,
        subject_hash=subject_hash,
    ).select_related("person")
    roles = {
        member.person_id: Role(member.role) for member in Membership.objects.filter(organisation_id=organisation_id)
    }
    return tuple(
        ApprovalView(
            person_id=row.person_id,
            person_name=row.person.name,
            role=roles.get(row.person_id),
            approved=row.approved,
            comment=row.comment,
            at=row.at,
        )
        for row in rows.order_by("at")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """A member of an organisation."""

    id: UUID
    name: str
    role: Role
    is_active: bool


def people(*, organisation_id: UUID) -> tuple[PersonView, ...]:
    """Return an organisation's members by name."""
    rows = Membership.objects.filter(organisation_id=organisation_id).select_related("person")
    return tuple(
        PersonView(id=row.person_id, name=row.person.name, role=Role(row.role), is_active=row.person.is_active)
        for row in rows.order_by("person__name")[:PEOPLE_COUNT_MAX]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenView:
    """A personal token as its owner sees it; the text itself is not kept."""

    id: UUID
    name: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def tokens(*, organisation_id: UUID, person_id: UUID) -> tuple[TokenView, ...]:
    """Return a person's tokens, newest first."""
    rows = ApiToken.objects.filter(organisation_id=organisation_id, person_id=person_id).order_by("-created_at")
    return tuple(
        TokenView(
            id=row.id,
            name=row.name,
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )
        for row in rows[:PEOPLE_COUNT_MAX]
    )


def approvals_required(*, organisation_id: UUID) -> int:
    """Return how many people beside the requester must approve."""
    return Organisation.objects.values_list("approvals_required", flat=True).get(id=organisation_id)


def signer_key() -> str:
    """Return the order signer's public key in hex, empty until the signer has started once."""
    row = Installation.objects.filter(id=1).first()
    return row.signer_key if row else ""


def signer_seen_at() -> datetime | None:
    """Return when the order signer last showed that it lives, None if it never did."""
    return Installation.objects.filter(id=1).values_list("signer_seen_at", flat=True).first()
