"""Enrolment: tokens that let hosts in for a while, and the host's own way in.

Only a token's hash is kept.  It does not throttle guesses (``gateway``) and does not judge the host's name: a name is
no identity, so two hosts may share one.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from oakum.core.errors import HostError, NotFoundError, OperatorError, StoreError
from oakum.fleet.models import EnrolmentToken, Group, Host, HostState
from oakum.fleet.services.ordinals import next_ordinal
from oakum.fleet.shape import enrol_problem
from oakum.identity.queries import signer_key
from oakum.journal.services import append
from oakum.protocol.messages import EnrolReply, EnrolRequest

TOKEN_PREFIX = "oakenrol_"  # noqa: S105 - a marker that secret scanners can look for, not a secret
TOKEN_BYTES = 24
TOKEN_LIFE_DEFAULT = timedelta(days=1)
TOKEN_LIFE_MAX = timedelta(days=366)
TOKEN_USE_COUNT_DEFAULT = 100
TOKEN_USE_COUNT_MAX = 1_000_000
NONCE_BYTES = 16

# policy.Settings has the same default; the gateway puts the organisation's own into the reply.
CHECK_IN_SECONDS_DEFAULT = 300

_NEXT_STEP = "Make a new one (Hosts, Add host) and run the installer with it."


def hash_secret(text: str) -> str:
    """Return the hash under which a token or a host's secret is kept: both are long and random, so one SHA-256 does."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def fresh_nonces(count: int) -> list[str]:
    """Return new nonces; always of the same length, so that SQLite can overwrite a host's row in place."""
    drawn = secrets.token_hex(NONCE_BYTES * count)  # one question to the system, however many hosts check in
    length = 2 * NONCE_BYTES
    return [drawn[start : start + length] for start in range(0, len(drawn), length)]


def create_enrolment_token(
    *,
    organisation_id: UUID,
    actor: str,
    now: datetime,
    person_id: UUID | None = None,
    note: str = "",
    group: str = "",
    valid_for: timedelta = TOKEN_LIFE_DEFAULT,
    use_count_max: int = TOKEN_USE_COUNT_DEFAULT,
    is_local: bool = False,
) -> tuple[EnrolmentToken, str]:
    """Create a token and return it with its text, which is shown once and never again.

    Hosts that enrol with it join ``group`` (a name) if one is given.

    Raises:
        OperatorError: a life or number of uses out of bounds.
        NotFoundError: no such group.
    """
    if not timedelta(0) < valid_for <= TOKEN_LIFE_MAX or not 0 < use_count_max <= TOKEN_USE_COUNT_MAX:
        raise OperatorError(
            code="token_bounds",
            sentence="An enrolment token lives for at most "
            f"{TOKEN_LIFE_MAX.days} days and for 1 to {TOKEN_USE_COUNT_MAX} hosts.",
            next_step="Choose a shorter life or fewer hosts.",
        )
    text = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    with transaction.atomic():
        row = EnrolmentToken.objects.create(
            organisation_id=organisation_id,
            token_hash=hash_secret(text),
            note=note[:120],
            group=_group(organisation_id, group) if group else None,
            created_by_id=person_id,
            created_at=now,
            expires_at=now + valid_for,
            use_count_max=use_count_max,
            is_local=is_local,
        )
        append(
            organisation_id=organisation_id,
            kind="fleet.token_created",
            actor=actor,
            subject=f"token:{row.id}",
            payload={
                "note": row.note,
                "group": group,
                "expires_at": row.expires_at.isoformat(),
                "use_count_max": use_count_max,
            },
            now=now,
        )
    return row, text


def _group(organisation_id: UUID, name: str) -> Group:
    found = Group.objects.filter(organisation_id=organisation_id, name=name).first()
    if found is None:
        raise NotFoundError(
            code="group_unknown", sentence=f"There is no group named {name!r}.", next_step="Create the group first."
        )
    return found


def revoke_enrolment_token(*, organisation_id: UUID, token_id: UUID, actor: str, now: datetime) -> None:
    """Make a token useless from now on; hosts that enrolled with it stay.

    Raises:
        NotFoundError: no such token in this organisation.
    """
    with transaction.atomic():
        row = EnrolmentToken.objects.select_for_update().filter(organisation_id=organisation_id, id=token_id).first()
        if row is None:
            raise NotFoundError(code="token_unknown", sentence="There is no such enrolment token.")
        if row.revoked_at is not None:
            return
        row.revoked_at = now
        row.save(update_fields=["revoked_at"])
        append(
            organisation_id=organisation_id,
            kind="fleet.token_revoked",
            actor=actor,
            subject=f"token:{row.id}",
            payload={"note": row.note},
            now=now,
        )


def enrol(request: EnrolRequest, *, now: datetime) -> EnrolReply:
    """Make the sender a host of the token's organisation, or return the host again when the same request is repeated.

    The reply's ``check_in_seconds`` is the default; the caller may put the organisation's own there.

    Raises:
        HostError: token_invalid, token_expired, token_used_up, enrol_invalid, already_enrolled.
        StoreError: the order signer has never run, so there is no key that a host could pin.
    """
    problem = enrol_problem(request)
    if problem:
        raise HostError(code="enrol_invalid", sentence=f"The enrolment cannot be read: {problem}.")
    with transaction.atomic():
        token = EnrolmentToken.objects.select_for_update().filter(token_hash=hash_secret(request.token)).first()
        usable = _usable(token, now)
        server_key = _server_key()
        host = Host.objects.filter(organisation_id=usable.organisation_id, secret_hash=request.secret_hash).first()
        if host is None:
            host = _new_host(usable, request, now)
        elif host.last_seen_at is not None or host.state != HostState.ACTIVE:
            raise HostError(
                code="already_enrolled",
                sentence="A host with this secret is enrolled and has checked in.",
                next_step="Run the agent; or remove its secret and enrol anew to make it another host.",
            )
    return EnrolReply(
        host_id=str(host.id),
        organisation_id=str(host.organisation_id),
        nonce=host.nonce,
        server_key=server_key,
        check_in_seconds=CHECK_IN_SECONDS_DEFAULT,
    )


def _usable(token: EnrolmentToken | None, now: datetime) -> EnrolmentToken:
    # A used-up token is told apart only after a repeated request was looked for: see _new_host.
    if token is None or token.revoked_at is not None:
        raise HostError(code="token_invalid", sentence="This enrolment token is not known here.", next_step=_NEXT_STEP)
    if token.expires_at <= now:
        raise HostError(code="token_expired", sentence="This enrolment token has expired.", next_step=_NEXT_STEP)
    return token


def _server_key() -> str:
    key = signer_key()
    if not key:
        raise StoreError(
            code="signer_key_missing",
            sentence="The order signer has not started yet, so there is no key that a host could pin.",
            next_step="Start the signer (oakum up does), then enrol again.",
        )
    return key


def _new_host(token: EnrolmentToken, request: EnrolRequest, now: datetime) -> Host:
    if token.use_count >= token.use_count_max:
        raise HostError(
            code="token_used_up",
            sentence=f"This enrolment token has been used by {token.use_count} hosts, which is all that it is for.",
            next_step=_NEXT_STEP,
        )
    token.use_count += 1
    token.save(update_fields=["use_count"])
    host = Host.objects.create(
        organisation_id=token.organisation_id,
        ordinal=next_ordinal(token.organisation_id),
        is_local=token.is_local,
        secret_hash=request.secret_hash,
        nonce=fresh_nonces(1)[0],
        enrolled_at=now,
        hostname=request.hostname,
        machine_id_hash=request.machine_id_hash,
        policy_mode=request.policy_mode,
        agent_version=request.agent_version,
    )
    if token.group is not None:
        token.group.hosts.add(host)
    _journal_enrolled(host, token, now)
    return host


def _journal_enrolled(host: Host, token: EnrolmentToken, now: datetime) -> None:
    subject = f"host:{host.id}"
    append(
        organisation_id=host.organisation_id,
        kind="fleet.host_enrolled",
        actor=subject,
        subject=subject,
        payload={
            "hostname": host.hostname,
            "token": str(token.id),
            "token_note": token.note,
            "policy_mode": host.policy_mode,
            "agent_version": host.agent_version,
        },
        now=now,
    )
    twins = _twins(host)
    if twins:
        append(
            organisation_id=host.organisation_id,
            kind="fleet.machine_id_shared",
            actor=subject,
            subject=subject,
            payload={
                "hostname": host.hostname,
                "shared_with": twins,
                "sentence": "Another host has the same machine-id: this is the same machine enrolled again, or a copy.",
            },
            now=now,
        )


TWIN_COUNT_MAX = 10


def _twins(host: Host) -> list[str]:
    if not host.machine_id_hash:
        return []
    rows = Host.objects.filter(organisation_id=host.organisation_id, machine_id_hash=host.machine_id_hash)
    others = rows.exclude(id=host.id).exclude(state=HostState.RETIRED).order_by("enrolled_at")
    return [f"{name} ({host_id})" for host_id, name in others.values_list("id", "hostname")[:TWIN_COUNT_MAX]]
