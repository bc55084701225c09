"""Enrolment: who may become a host, and how often."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest

from oakum.core.errors import HostError, NotFoundError, OperatorError, StoreError
from oakum.fleet import queries, services
from oakum.fleet.models import EnrolmentToken, Host, OrdinalBlock
from oakum.fleet.services import ordinals
from oakum.journal.models import Entry
from oakum.protocol.messages import EnrolRequest
from tests.factories import make_host, make_organisation
from tests.fleet.reports import SIGNER_KEY, enrol_request, make_installation, make_token, payload_of

pytestmark = pytest.mark.django_db


def code_of(request: EnrolRequest, now: datetime) -> str:
    with pytest.raises(HostError) as caught:
        services.enrol(request, now=now)
    assert caught.value.sentence
    return caught.value.code


def test_a_host_gets_an_identity_a_nonce_and_the_key_to_pin(now: datetime) -> None:
    make_installation(now)
    organisation = make_organisation(now=now)
    reply = services.enrol(enrol_request(make_token(organisation, now)), now=now)
    host = Host.objects.get()
    assert (reply.host_id, reply.organisation_id) == (str(host.id), str(organisation.id))
    assert reply.server_key == SIGNER_KEY
    assert reply.nonce == host.nonce
    assert host.last_seen_at is None
    entry = Entry.objects.get(kind="fleet.host_enrolled")
    assert entry.organisation_id == organisation.id
    assert entry.subject == f"host:{host.id}"


def test_the_token_itself_is_not_kept(now: datetime) -> None:
    organisation = make_organisation(now=now)
    text = make_token(organisation, now)
    row = EnrolmentToken.objects.get()
    assert text.startswith("oakenrol_")
    assert text not in str(EnrolmentToken.objects.values().get())
    assert len(row.token_hash) == 64
    assert text not in str(Entry.objects.get(kind="fleet.token_created").payload)


def test_tokens_that_are_unknown_revoked_expired_or_used_up_are_told_apart(now: datetime) -> None:
    make_installation(now)
    organisation = make_organisation(now=now)
    assert code_of(enrol_request("oakenrol_guess"), now) == "token_invalid"
    once = make_token(organisation, now, use_count_max=1)
    services.enrol(enrol_request(once, secret="a"), now=now)
    assert code_of(enrol_request(once, secret="b"), now) == "token_used_up"
    short = make_token(organisation, now, valid_for=timedelta(hours=1))
    assert code_of(enrol_request(short), now + timedelta(hours=1)) == "token_expired"
    revoked = make_token(organisation, now)
    row = EnrolmentToken.objects.get(token_hash=services.enrolment.hash_secret(revoked))
    services.revoke_enrolment_token(organisation_id=organisation.id, token_id=row.id, actor="person:ann", now=now)
    assert code_of(enrol_request(revoked), now) == "token_invalid"
    assert Host.objects.count() == 1


def test_a_repeated_enrolment_is_one_host_even_when_the_token_is_used_up(now: datetime) -> None:
    make_installation(now)
    token = make_token(make_organisation(now=now), now, use_count_max=1)
    first = services.enrol(enrol_request(token), now=now)
    assert services.enrol(enrol_request(token), now=now) == first
    assert Host.objects.count() == 1
    assert EnrolmentToken.objects.get().use_count == 1


def test_a_secret_that_is_in_use_enrols_no_second_time(now: datetime) -> None:
    make_installation(now)
    token = make_token(make_organisation(now=now), now)
    services.enrol(enrol_request(token), now=now)
    Host.objects.update(last_seen_at=now)
    assert code_of(enrol_request(token), now) == "already_enrolled"


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("secret_hash", "xyz", "secret_hash"),
        ("secret_hash", "A" * 64, "secret_hash"),
        ("hostname", "", "hostname"),
        ("hostname", "a" * 300, "hostname"),
        ("hostname", "<b>", "hostname"),
        ("machine_id_hash", "12", "machine_id_hash"),
        ("policy_mode", "root", "policy_mode"),
        ("agent_version", "x" * 41, "agent_version"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(now: datetime, field: str, value: str, place: str) -> None:
    make_installation(now)
    request = dataclasses.replace(
        enrol_request(make_token(make_organisation(now=now), now)),
        **{field: value},  # type: ignore[arg-type] # all of these fields are texts
    )
    with pytest.raises(HostError) as caught:
        services.enrol(request, now=now)
    assert caught.value.code == "enrol_invalid"
    assert place in caught.value.sentence


def test_without_a_signer_there_is_no_key_to_pin_so_nobody_enrols(now: datetime) -> None:
    token = make_token(make_organisation(now=now), now)
    with pytest.raises(StoreError) as caught:
        services.enrol(enrol_request(token), now=now)
    assert caught.value.code == "signer_key_missing"
    assert Host.objects.count() == 0


def test_the_same_machine_twice_is_allowed_and_told(now: datetime) -> None:
    make_installation(now)
    token = make_token(make_organisation(now=now), now)
    services.enrol(enrol_request(token, secret="a", machine="m"), now=now)
    assert not Entry.objects.filter(kind="fleet.machine_id_shared").exists()
    services.enrol(enrol_request(token, secret="b", machine="m", hostname="web02"), now=now)
    (shared_with,) = payload_of("fleet.machine_id_shared")["shared_with"]
    assert shared_with.startswith("web01 (")


def test_two_hosts_of_one_name_are_two_hosts(now: datetime) -> None:
    make_installation(now)
    organisation = make_organisation(now=now)
    token = make_token(organisation, now)
    for secret in "ab":
        services.enrol(enrol_request(token, secret=secret, machine=secret), now=now)
    assert len(queries.host_by_name(organisation_id=organisation.id, name="web01", now=now)) == 2


def test_hosts_join_the_tokens_group(now: datetime) -> None:
    make_installation(now)
    organisation = make_organisation(now=now)
    services.set_group(organisation_id=organisation.id, name="web", actor="person:ann", now=now)
    reply = services.enrol(enrol_request(make_token(organisation, now, group="web")), now=now)
    assert [str(each) for each in queries.group_host_ids(organisation_id=organisation.id, name="web")] == [
        reply.host_id
    ]


def test_bounds_of_a_token(now: datetime) -> None:
    organisation = make_organisation(now=now)
    wrong: list[dict[str, Any]] = [
        {"valid_for": timedelta(0)},
        {"valid_for": timedelta(days=400)},
        {"use_count_max": 0},
    ]
    for fields in wrong:
        with pytest.raises(OperatorError):
            make_token(organisation, now, **fields)
    with pytest.raises(NotFoundError):
        make_token(organisation, now, group="nowhere")


def test_ordinals_are_dense_in_blocks_that_belong_to_one_organisation(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordinals, "BLOCK_ORDINAL_COUNT", 2)
    make_installation(now)
    first, second = make_organisation(now=now), make_organisation(now=now, name="Other")
    tokens = {first: make_token(first, now), second: make_token(second, now)}
    for number, organisation in enumerate([first, first, second, first]):
        services.enrol(enrol_request(tokens[organisation], secret=f"{number}"), now=now)
    assert list(Host.objects.filter(organisation=first).order_by("ordinal").values_list("ordinal", flat=True)) == [
        0,
        1,
        4,
    ]
    assert list(Host.objects.filter(organisation=second).values_list("ordinal", flat=True)) == [2]
    assert OrdinalBlock.objects.count() == 3


def test_ordinals_step_over_hosts_that_no_block_knows_of(now: datetime) -> None:
    make_installation(now)
    organisation = make_organisation(now=now)
    make_host(organisation, now=now)
    reply = services.enrol(enrol_request(make_token(organisation, now)), now=now)
    assert Host.objects.get(id=reply.host_id).ordinal == ordinals.BLOCK_ORDINAL_COUNT


def test_tokens_as_people_see_them(now: datetime) -> None:
    organisation = make_organisation(now=now)
    make_token(organisation, now, note="rack 4", use_count_max=7)
    make_token(organisation, now, is_local=True)
    (view,) = queries.enrolment_tokens(organisation_id=organisation.id, now=now)
    assert (view.note, view.use_count, view.use_count_max, view.usable) == ("rack 4", 0, 7, True)
    (later,) = queries.enrolment_tokens(organisation_id=organisation.id, now=now + timedelta(days=2))
    assert not later.usable
