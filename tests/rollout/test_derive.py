"""The signer's own derivation: what it signs, and every reason for which it does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from oakum.core.planning.specification import hash_plain
from oakum.protocol.codec import canonical_json
from oakum.protocol.orders import payload_hash
from oakum.protocol.trust import render_instant
from oakum.rollout.signer.derive import (
    SENTENCES,
    Answer,
    ApprovalFacts,
    HostFacts,
    OrderFacts,
    PlanFacts,
    Refuse,
    RolloutFacts,
    Sign,
    Wait,
    derive,
    index_spec,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORGANISATION, ROLLOUT, HOST, OTHER = (UUID(int=number) for number in range(1, 5))
ANN, BEA, CAL = (UUID(int=number) for number in range(11, 14))


def at(hours: float) -> str:
    return render_instant(NOW + timedelta(hours=hours))


SPEC: dict[str, Any] = {
    "format": 1,
    "rollout_id": str(ROLLOUT),
    "organisation_id": str(ORGANISATION),
    "requested_by": str(ANN),
    "change_sets": [{"stream": "debian:12", "changes": [["openssl", "amd64", "1", "2"], ["curl", "amd64", "1", "3"]]}],
    "rings": [[[str(HOST), 0]], [[str(OTHER), 0]]],
    "windows": [[at(-2), at(4)], [at(20), at(30)]],
    "soak_seconds": 600,
    "health_delay_seconds": 60,
    "reboot": "never",
}
BODY: dict[str, Any] = {
    "rollout_id": str(ROLLOUT),
    "number": 3,
    "releases": [str(HOST)],
    "reissues": [],
    "order_windows": [[at(-2), at(4)]],
    "order_ends_at": at(24),
}
CONTENT: dict[str, Any] = {
    "order_id": str(UUID(int=99)),
    "organisation_id": str(ORGANISATION),
    "host_id": str(HOST),
    "generation": 7,
    "verb": "apply",
    "rollout_id": str(ROLLOUT),
    "plan_number": 3,
    "plan_hash": "",
    "issued_at": at(0),
    "expires_at": at(24),
    "windows": [{"starts_at": at(-2), "ends_at": at(4)}],
    "packages": [
        {"name": "curl", "architecture": "amd64", "from_version": "1", "to_version": "3"},
        {"name": "openssl", "architecture": "amd64", "from_version": "1", "to_version": "2"},
    ],
    "health_delay_seconds": 60,
    "soak_seconds": 600,
    "reboot": "never",
}
APPROVAL = ApprovalFacts(person_id=BEA, approved=True, is_active=True, role="approver")


@dataclass(frozen=True)
class Scene:
    """All that derive is handed, as it must be; tests bend one thing each."""

    content: dict[str, Any]
    order: dict[str, Any]
    spec: dict[str, Any]
    body: dict[str, Any]
    host: HostFacts
    rollout: dict[str, Any]
    plan_hash: str = ""
    has_plan: bool = True

    def ask(self, now: datetime = NOW) -> Answer:
        plan_hash = hash_plain(self.body)
        content = {**self.content, "plan_hash": self.content["plan_hash"] or plan_hash}
        payload = canonical_json(content)
        order: dict[str, Any] = {
            "order_id": UUID(int=99), "organisation_id": ORGANISATION, "rollout_id": ROLLOUT, "host_id": HOST,
            "generation": 7, "verb": content["verb"], "plan_number": 3, "payload": payload,
            "payload_hash": payload_hash(payload), **self.order,
        }  # fmt: skip
        rollout: dict[str, Any] = {
            "rollout_id": ROLLOUT, "organisation_id": ORGANISATION, "state": "running", "spec": index_spec(self.spec),
            "spec_hash": hash_plain(self.spec), "requested_by": ANN, "approvals_required": 1,
            "organisation_approvals_required": 1, "approvals": (APPROVAL,), **self.rollout,
        }  # fmt: skip
        plan = PlanFacts(plan_hash=self.plan_hash or plan_hash, body=self.body) if self.has_plan else None
        return derive(OrderFacts(**order), host=self.host, rollout=RolloutFacts(**rollout), plan=plan, now=now)


GOOD = Scene(
    content=CONTENT, order={}, spec=SPEC, body=BODY, rollout={},
    host=HostFacts(organisation_id=ORGANISATION, generation_newest=7),
)  # fmt: skip
TWO = (APPROVAL, replace(APPROVAL, person_id=CAL, role="administrator"))


def content(**changes: Any) -> Scene:
    return replace(GOOD, content={**CONTENT, **changes})


def package(**changes: str) -> list[dict[str, str]]:
    return [{**CONTENT["packages"][0], **changes}, CONTENT["packages"][1]]


def test_an_order_as_it_should_be_is_signed() -> None:
    assert GOOD.ask() == Sign()


@pytest.mark.parametrize(
    "scene",
    [
        replace(GOOD, body={**BODY, "releases": [], "reissues": [str(HOST)]}),
        replace(GOOD, rollout={"approvals": TWO, "approvals_required": 2}),
        replace(GOOD, rollout={"approvals": (), "approvals_required": 0, "organisation_approvals_required": 0}),
        replace(GOOD, content={**CONTENT, "issued_at": at(0.01)}),
    ],
)
def test_what_else_is_signed(scene: Scene) -> None:
    assert scene.ask() == Sign()


REFUSALS: dict[str, list[Scene]] = {
    "payload_hash_wrong": [replace(GOOD, order={"payload_hash": "0" * 64}), replace(GOOD, order={"payload": b"{}"})],
    "payload_malformed": [
        replace(GOOD, order={"payload": b"{}", "payload_hash": payload_hash(b"{}")}),
        content(more="than an order has"),
        content(issued_at="yesterday"),
        content(windows=[{"starts_at": 1, "ends_at": 2}]),
    ],
    "row_differs": [
        replace(GOOD, order={"order_id": UUID(int=98)}),
        replace(GOOD, order={"verb": "hold"}),
        replace(GOOD, order={"plan_number": 4}),
        content(host_id=str(OTHER)),
        content(rollout_id=str(OTHER)),
        content(organisation_id=str(OTHER)),
        content(generation=8),
    ],
    "host_foreign": [
        replace(GOOD, host=replace(GOOD.host, organisation_id=OTHER)),
        replace(GOOD, rollout={"organisation_id": OTHER}),
    ],
    "generation_not_newest": [replace(GOOD, host=replace(GOOD.host, generation_newest=8))],
    "verb_unknown": [content(verb="shell")],
    "hold_malformed": [content(verb="hold"), content(verb="hold", packages=[])],
    "spec_changed": [
        replace(GOOD, rollout={"spec_hash": "0" * 64}),
        replace(GOOD, rollout={"spec": index_spec({**SPEC, "soak_seconds": 0})}),
        replace(GOOD, rollout={"spec": index_spec({"rings": "nonsense"})}),
    ],
    "spec_foreign": [
        replace(GOOD, spec={**SPEC, "rollout_id": str(OTHER)}),
        replace(GOOD, spec={**SPEC, "organisation_id": str(OTHER)}),
        replace(GOOD, spec={**SPEC, "requested_by": str(BEA)}),
    ],
    "approvals_missing": [
        replace(GOOD, rollout={"approvals": ()}),
        replace(GOOD, rollout={"approvals": (replace(APPROVAL, approved=False),)}),
        replace(GOOD, rollout={"approvals": (replace(APPROVAL, person_id=ANN),)}),  # who asked
        replace(GOOD, rollout={"approvals": (replace(APPROVAL, role="operator"),)}),
        replace(GOOD, rollout={"approvals": (replace(APPROVAL, role=""),)}),
        replace(GOOD, rollout={"approvals": (replace(APPROVAL, is_active=False),)}),
        replace(GOOD, rollout={"approvals_required": 2}),
        replace(GOOD, rollout={"approvals": (APPROVAL, APPROVAL), "approvals_required": 2}),  # one person twice
        replace(GOOD, rollout={"approvals": (), "approvals_required": 0}),  # lowered in the rollout's row alone
    ],
    "plan_unknown": [replace(GOOD, has_plan=False)],
    "plan_changed": [
        replace(GOOD, plan_hash="0" * 64),
        content(plan_hash="0" * 64),
        replace(GOOD, body={**BODY, "number": 4}),
        replace(GOOD, body={**BODY, "rollout_id": str(OTHER)}),
    ],
    "host_not_in_plan": [replace(GOOD, body={**BODY, "releases": [str(OTHER)]})],
    "host_not_in_spec": [replace(GOOD, spec={**SPEC, "rings": [[[str(OTHER), 0]]]})],
    "versions_differ": [
        content(packages=package(to_version="9")),
        content(packages=package(from_version="0")),
        content(packages=package(name="bash")),
        content(packages=package(architecture="i386")),
        content(packages=CONTENT["packages"][:1]),
        content(packages=[*CONTENT["packages"], {**CONTENT["packages"][0], "name": "backdoor"}]),
        content(packages=[]),
    ],
    "windows_differ": [
        content(windows=[]),
        content(windows=[{"starts_at": at(-2), "ends_at": at(5)}]),
        replace(
            content(windows=[{"starts_at": at(5), "ends_at": at(6)}]), body={**BODY, "order_windows": [[at(5), at(6)]]}
        ),
        replace(content(windows=[]), body={**BODY, "order_windows": []}),
    ],
    "settings_differ": [content(soak_seconds=0), content(health_delay_seconds=1), content(reboot="always")],
    "times_wrong": [
        content(expires_at=at(23)),
        content(issued_at=at(1)),
        replace(content(expires_at=at(25)), body={**BODY, "order_ends_at": at(25)}),
        replace(content(expires_at=at(0)), body={**BODY, "order_ends_at": at(0)}),
    ],
    "row_malformed": [
        replace(GOOD, body={}),
        replace(GOOD, body={**BODY, "releases": None}),
        replace(GOOD, spec={**SPEC, "change_sets": []}),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "scene"), [(reason, scene) for reason, scenes in REFUSALS.items() for scene in scenes]
)
def test_what_is_refused(reason: str, scene: Scene) -> None:
    assert scene.ask() == Refuse(reason=reason)
    assert Refuse(reason=reason).sentence


def test_every_reason_has_a_test() -> None:
    assert set(REFUSALS) | {"rollout_not_running", "expired"} == set(SENTENCES)


@pytest.mark.parametrize("state", ["paused", "halted", "cancelled", "approved"])
def test_an_order_of_a_rollout_that_does_not_run_waits(state: str) -> None:
    assert replace(GOOD, rollout={"state": state}).ask() == Wait(reason="rollout_not_running")


def test_an_order_that_nobody_signed_in_time_waits_to_be_replaced() -> None:
    assert GOOD.ask(NOW + timedelta(hours=24)) == Wait(reason="expired")


def test_a_hold_is_signed_whatever_the_rollout_is() -> None:
    hold = content(verb="hold", packages=[], windows=[], plan_hash="0" * 64)
    assert replace(hold, rollout={"state": "halted", "approvals": (), "spec_hash": "x"}, has_plan=False).ask() == Sign()
    assert replace(hold, host=replace(GOOD.host, generation_newest=8)).ask() == Refuse(reason="generation_not_newest")
