"""The verbs of identity.  Each stores and journals in one transaction.

It checks no role: the doors ask ``queries.role_allows`` before they call.  Secrets are shown once and kept as hashes.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from oakum.core.errors import NotAllowedError, NotFoundError, OperatorError
from oakum.identity.models import ApiToken, Approval, Installation, Membership, Organisation, Person, Role
from oakum.journal.services import append

TOKEN_PREFIX = "oak_"  # noqa: S105 - a marker that secret scanners can look for, not a secret
TOKEN_LIFE_MAX = timedelta(days=366)
TOKEN_LIFE_DEFAULT = timedelta(days=90)
APPROVALS_REQUIRED_MAX = 5
FIRST_ORGANISATION = "Main"
FIRST_PERSON = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStart:
    """What the first start made; the password is shown once and must be changed at the first sign-in."""

    organisation_id: UUID
    person_name: str
    password: str


def hash_token(text: str) -> str:
    """Return the hash under which a token is kept: tokens are long and random, so SHA-256 is enough."""
    return hashlib.sha256(text.encode()).hexdigest()


def first_start(*, now: datetime) -> FirstStart | None:
    """Create the installation's row, organisation and administrator; None if that was done before."""
    with transaction.atomic():
        Installation.objects.get_or_create(id=1, defaults={"created_at": now})
        if Person.objects.exists():
            return None
        organisation = Organisation.objects.create(name=FIRST_ORGANISATION, created_at=now)
        password = secrets.token_urlsafe(15)
        person = Person(name=FIRST_PERSON, password_change_required=True, created_at=now)
        person.set_password(password)
        person.save()
        Membership.objects.create(organisation=organisation, person=person, role=Role.ADMINISTRATOR)
        append(
            organisation_id=organisation.id,
            kind="identity.organisation_created",
            actor="admin",
            subject=f"organisation:{organisation.id}",
            payload={"name": organisation.name, "first_person": person.name},
            now=now,
        )
    return FirstStart(organisation_id=organisation.id, person_name=person.name, password=password)


def reset_password(*, person_name: str, now: datetime) -> str:
    """Give a person a new one-time password and return it: the way back for who lost the first one."""
    with transaction.atomic():
        person = Person.objects.filter(name=person_name).first()
        if person is None:
            raise NotFoundError(code="person_unknown", sentence=f"There is no person named {person_name}.")
        password = secrets.token_urlsafe(15)
        person.set_password(password)
        person.password_change_required = True
        person.save()
        for membership in Membership.objects.filter(person=person):
            _journal_person(membership.organisation_id, "identity.password_reset", person, "admin", {}, now)
    return password


def create_person(
    *, organisation_id: UUID, name: str, role: Role, actor: str, now: datetime, password: str = ""
) -> tuple[Person, str]:
    """Create a person with a role and return them with their one-time password (random unless given)."""
    name = name.strip()
    if not name or Person.objects.filter(name=name).exists():
        raise OperatorError(
            code="person_name_taken",
            sentence=f"The name {name!r} is empty or taken.",
            next_step="Choose another name.",
        )
    password = password or secrets.token_urlsafe(15)
    with transaction.atomic():
        person = Person(name=name, password_change_required=True, created_at=now)
        person.set_password(password)
        person.save()
        Membership.objects.create(organisation_id=organisation_id, person=person, role=role)
        _journal_person(organisation_id, "identity.person_created", person, actor, {"role": str(role)}, now)
    return person, password


def set_role(*, organisation_id: UUID, person_id: UUID, role: Role, actor: str, now: datetime) -> None:
    """Change a member's role; the last administrator keeps theirs."""
    with transaction.atomic():
        members = Membership.objects.select_for_update().filter(organisation_id=organisation_id)
        member = members.filter(person_id=person_id).select_related("person").first()
        if member is None:
            raise NotFoundError(code="person_unknown", sentence="There is no such person in this organisation.")
        administrators = members.filter(role=Role.ADMINISTRATOR).count()
        if member.role == Role.ADMINISTRATOR and role != Role.ADMINISTRATOR and administrators == 1:
            raise NotAllowedError(
                code="last_administrator",
                sentence="The last administrator cannot lose that role.",
                next_step="Make another person administrator first.",
            )
        before, member.role = member.role, role
        member.save(update_fields=["role"])
        detail: dict[str, object] = {"before": str(before), "after": str(role)}
        _journal_person(organisation_id, "identity.role_set", member.person, actor, detail, now)


def set_password(*, organisation_id: UUID, person_id: UUID, password: str, now: datetime) -> None:
    """Set a person's own password, by Django's validators; OperatorError says what they dislike."""
    person = Person.objects.get(id=person_id)
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise OperatorError(
            code="password_weak", sentence=" ".join(error.messages), next_step="Choose another password."
        ) from error
    with transaction.atomic():
        person.set_password(password)
        person.password_change_required = False
        person.save()
        _journal_person(organisation_id, "identity.password_set", person, f"person:{person.name}", {}, now)


def record_sign_in(*, organisation_id: UUID, person: Person, now: datetime) -> None:
    """Journal that a person signed in."""
    with transaction.atomic():
        _journal_person(organisation_id, "identity.signed_in", person, f"person:{person.name}", {}, now)


def create_token(
    *, organisation_id: UUID, person_id: UUID, name: str, now: datetime, life: timedelta = TOKEN_LIFE_DEFAULT
) -> tuple[ApiToken, str]:
    """Create a personal token and return it with its text, which is never shown again."""
    if not timedelta(0) < life <= TOKEN_LIFE_MAX:
        raise OperatorError(
            code="token_life_invalid",
            sentence=f"A token lives between a moment and {TOKEN_LIFE_MAX.days} days.",
            next_step="Choose a shorter life.",
        )
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = ApiToken.objects.create(
            organisation_id=organisation_id,
            person_id=person_id,
            name=name.strip()[:80] or "unnamed",
            token_hash=hash_token(text),
            created_at=now,
            expires_at=now + life,
        )
        person = Person.objects.get(id=person_id)
        _journal_person(
            organisation_id,
            "identity.token_created",
            person,
            f"person:{person.name}",
            {"token": str(token.id), "name": token.name},
            now,
        )
    return token, text


def revoke_token(*, organisation_id: UUID, token_id: UUID, actor: str, now: datetime) -> None:
    """End a token at once; ending it twice changes nothing."""
    with transaction.atomic():
        token = ApiToken.objects.filter(organisation_id=organisation_id, id=token_id).select_related("person").first()
        if token is None:
            raise NotFoundError(code="token_unknown", sentence="There is no such token in this organisation.")
        if token.revoked_at is None:
            token.revoked_at = now
            token.save(update_fields=["revoked_at"])
            _journal_person(
                organisation_id, "identity.token_revoked", token.person, actor, {"token": str(token.id)}, now
            )


def set_approvals_required(*, organisation_id: UUID, count: int, actor: str, now: datetime) -> None:
    """Set how many people beside the requester must approve a rollout; 0 is for an organisation of one."""
    if not 0 <= count <= APPROVALS_REQUIRED_MAX:
        raise OperatorError(
            code="approvals_required_invalid",
            sentence=f"approvals_required is a number from 0 to {APPROVALS_REQUIRED_MAX}.",
        )
    with transaction.atomic():
        organisation = Organisation.objects.select_for_update().get(id=organisation_id)
        before, organisation.approvals_required = organisation.approvals_required, count
        organisation.save(update_fields=["approvals_required"])
        append(
            organisation_id=organisation_id,
            kind="identity.approvals_required_set",
            actor=actor,
            subject=f"organisation:{organisation_id}",
            payload={"before": before, "after": count},
            now=now,
        )


def give_approval(
    *,
    organisation_id: UUID,
    person_id: UUID,
    subject_kind: str,
    subject_id: str,
    subject_hash: str,
    approved: bool,
    comment: str,
    now: datetime,
) -> None:
    """Store one person's answer to one exact content, once; the caller has checked that they may answer.

    Raises:
        OperatorError: this person has answered this content before.
    """
    with transaction.atomic():
        approval, created = Approval.objects.get_or_create(
            organisation_id=organisation_id,
            subject_kind=subject_kind,
            subject_id=subject_id,
            subject_hash=subject_hash,
            person_id=person_id,
            defaults={"approved": approved, "comment": comment[:1000], "at": now},
        )
        if not created:
            raise OperatorError(
                code="answered_before",
                sentence=f"You have {'approved' if approval.approved else 'rejected'} this before.",
                next_step="A changed content can be answered anew.",
            )
        append(
            organisation_id=organisation_id,
            kind="identity.approval_given" if approved else "identity.approval_refused",
            actor=f"person:{approval.person.name}",
            subject=f"{subject_kind}:{subject_id}",
            payload={"hash": subject_hash, "comment": comment[:1000]},
            now=now,
        )


def _journal_person(
    organisation_id: UUID, kind: str, person: Person, actor: str, payload: dict[str, object], now: datetime
) -> None:
    append(
        organisation_id=organisation_id,
        kind=kind,
        actor=actor,
        subject=f"person:{person.name}",
        payload=payload,
        now=now,
    )
