"""People, roles, tokens and approvals."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from oakum.core.errors import NotAllowedError, NotFoundError, OperatorError
from oakum.identity import queries, services
from oakum.identity.models import Person, Role
from oakum.journal.models import Entry
from tests.factories import make_organisation, make_person

pytestmark = pytest.mark.django_db


def kinds() -> list[str]:
    return list(Entry.objects.order_by("sequence").values_list("kind", flat=True))


def test_the_first_start_makes_one_administrator_with_a_one_time_password_and_only_once(now: datetime) -> None:
    first = services.first_start(now=now)
    assert first is not None
    person = Person.objects.get(name=first.person_name)
    assert person.check_password(first.password)
    session = queries.session_of(person_id=person.id)
    assert session is not None
    assert session.role == Role.ADMINISTRATOR
    assert session.password_change_required
    assert services.first_start(now=now) is None
    assert kinds() == ["identity.organisation_created"]


def test_a_lost_password_can_be_replaced_on_the_server(now: datetime) -> None:
    services.first_start(now=now)
    password = services.reset_password(person_name="admin", now=now)
    assert Person.objects.get(name="admin").check_password(password)
    with pytest.raises(NotFoundError):
        services.reset_password(person_name="nobody", now=now)


def test_a_weak_password_is_refused_with_the_reason(now: datetime) -> None:
    organisation = make_organisation(now=now)
    person = make_person(organisation, now=now)
    with pytest.raises(OperatorError, match="too short"):
        services.set_password(organisation_id=organisation.id, person_id=person.id, password="short", now=now)


def test_a_token_speaks_for_its_person_until_it_expires_or_is_revoked(now: datetime) -> None:
    organisation = make_organisation(now=now)
    person = make_person(organisation, now=now, role=Role.APPROVER)
    token, text = services.create_token(organisation_id=organisation.id, person_id=person.id, name="cli", now=now)
    session = queries.person_by_token(text=text, now=now)
    assert session is not None
    assert (session.person_name, session.role) == ("ann", Role.APPROVER)
    assert queries.person_by_token(text=text + "x", now=now) is None
    assert queries.person_by_token(text=text, now=now + services.TOKEN_LIFE_DEFAULT) is None
    services.revoke_token(organisation_id=organisation.id, token_id=token.id, actor="person:ann", now=now)
    services.revoke_token(organisation_id=organisation.id, token_id=token.id, actor="person:ann", now=now)
    assert queries.person_by_token(text=text, now=now) is None
    assert kinds() == ["identity.token_created", "identity.token_revoked"]


def test_a_token_of_another_organisation_cannot_be_revoked(now: datetime) -> None:
    organisation = make_organisation(now=now)
    person = make_person(organisation, now=now)
    token, _ = services.create_token(organisation_id=organisation.id, person_id=person.id, name="cli", now=now)
    other = make_organisation(now=now, name="Other")
    with pytest.raises(NotFoundError):
        services.revoke_token(organisation_id=other.id, token_id=token.id, actor="person:eve", now=now)


def test_a_token_lives_no_longer_than_allowed(now: datetime) -> None:
    organisation = make_organisation(now=now)
    person = make_person(organisation, now=now)
    with pytest.raises(OperatorError):
        services.create_token(
            organisation_id=organisation.id, person_id=person.id, name="x", now=now, life=timedelta(days=4000)
        )


@pytest.mark.parametrize("role", list(Role))
def test_each_role_includes_the_ones_before_it(role: Role) -> None:
    order = list(Role)
    assert [queries.role_allows(role, needed) for needed in order] == [
        order.index(needed) <= order.index(role) for needed in order
    ]


def test_a_person_answers_one_content_once_and_another_content_anew(now: datetime) -> None:
    organisation = make_organisation(now=now)
    person = make_person(organisation, now=now)

    def answer(hash_: str) -> None:
        services.give_approval(
            organisation_id=organisation.id,
            person_id=person.id,
            subject_kind="rollout",
            subject_id="7",
            subject_hash=hash_,
            approved=True,
            comment="looks right",
            now=now,
        )

    answer("a" * 64)
    with pytest.raises(OperatorError, match="before"):
        answer("a" * 64)
    answer("b" * 64)
    (view,) = queries.approvals(
        organisation_id=organisation.id, subject_kind="rollout", subject_id="7", subject_hash="a" * 64
    )
    assert (view.person_name, view.approved, view.role) == ("ann", True, Role.OPERATOR)


def test_the_last_administrator_keeps_that_role(now: datetime) -> None:
    organisation = make_organisation(now=now)
    person = make_person(organisation, now=now, role=Role.ADMINISTRATOR)
    with pytest.raises(NotAllowedError):
        services.set_role(
            organisation_id=organisation.id, person_id=person.id, role=Role.VIEWER, actor="person:ann", now=now
        )
    make_person(organisation, now=now, name="bea", role=Role.ADMINISTRATOR)
    services.set_role(
        organisation_id=organisation.id, person_id=person.id, role=Role.VIEWER, actor="person:ann", now=now
    )
    assert [(each.name, each.role) for each in queries.people(organisation_id=organisation.id)] == [
        ("ann", Role.VIEWER),
        ("bea", Role.ADMINISTRATOR),
    ]


def test_approvals_required_is_bounded_and_journalled(now: datetime) -> None:
    organisation = make_organisation(now=now)
    services.set_approvals_required(organisation_id=organisation.id, count=0, actor="person:ann", now=now)
    assert queries.approvals_required(organisation_id=organisation.id) == 0
    assert kinds() == ["identity.approvals_required_set"]
    with pytest.raises(OperatorError):
        services.set_approvals_required(organisation_id=organisation.id, count=99, actor="person:ann", now=now)
