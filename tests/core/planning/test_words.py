"""Reports, as people read them; the spec's form; permits; what people may say and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oakum.core.planning import permits
from oakum.core.planning.permits import PermitFacts, judge_permit
from oakum.core.planning.planner import plan
from oakum.core.planning.report import describe
from oakum.core.planning.resume import resume_host
from oakum.core.planning.specification import hash_plain, parse_spec, render_spec
from oakum.core.planning.values import FINISHED, HostState, LeftOut, RolloutState
from oakum.core.planning.verbs import Verb, is_possible, possible_verbs, role_needed
from oakum.core.windows import Span
from tests.core.planning.building import HOUR, NOW, SOAK, change_set, host_id, make_situation, make_spec

V, A, ST, D, S = HostState.VERIFIED, HostState.APPLIED, HostState.STARTED, HostState.DEFERRED, HostState.SOAKED
TONIGHT = Span(starts_at=NOW + 10 * HOUR, ends_at=NOW + 14 * HOUR)
TOMORROW = Span(starts_at=NOW + 34 * HOUR, ends_at=NOW + 38 * HOUR)
PENDING = {"state": S, "applied_at": NOW - SOAK - HOUR, "soaked_at": NOW - HOUR, "remedy": "pending_reboot"}
SILENT = {"state": HostState.WAITING, "last_seen_at": NOW - HOUR}


REPORTS: list[tuple[tuple[int, ...], dict[int, Any], dict[str, Any], str]] = [
    (
        (1, 3), {}, {"state": RolloutState.AWAITING_APPROVAL, "approval_count": 0},
        "Waits for approval: 0 of 1 given. Rings of 1, 3 hosts.",
    ),
    (
        (2,), {}, {"state": RolloutState.APPROVED, "approvals_required": 0},
        """Waits for somebody to start it. No approval was required: this organisation has set approvals_required to 0.
        One ring of 2 hosts.""",
    ),
    (
        (2, 3), {}, {},
        """2 hosts released. Ring 0 of 1: 0 of 2 hosts verified, 2 ordered. 3 hosts in later rings.
        Waits for 2 hosts of ring 0.""",
    ),
    (
        (2, 10), {0: A, 1: V}, {},
        """Ring 0 of 1: 1 of 2 hosts verified, 1 soaking. 10 hosts in later rings.
        Waits for the soak of ring 0 to end at 13:00 UTC.""",
    ),
    (
        (1, 10, 5), dict.fromkeys(range(11), V) | {5: ST}, {"ring_open": 1},
        """Ring 1 of 2: 9 of 10 hosts verified, 1 installing. 5 hosts in later rings. Waits for 1 host of ring 1.""",
    ),
    (
        (2, 2), {0: V, 1: V}, {},
        """Ring 1 opened. 2 hosts released. Ring 1 of 1: 0 of 2 hosts verified, 2 ordered.
        Waits for 2 hosts of ring 1.""",
    ),
    (
        (1, 2), {0: PENDING}, {},
        """Ring 0 of 1: 0 of 1 host verified, 1 installed with old code still running. 2 hosts in later rings.
        Waits for one host of ring 0 to run the new code after a restart or reboot; at 13:00 UTC goes on without.""",
    ),
    (
        (3,), {0: V, 1: SILENT, 2: D}, {},
        """The only ring: 1 of 3 hosts verified, 1 deferred, 1 silent.
        Deferred, and tried again by the host itself: h2. Waits for 1 host to speak again.""",
    ),
    (
        (2,), {0: V, 1: HostState.REFUSED}, {},
        "Completed: 1 of 2 hosts verified. The only ring: 1 of 2 hosts verified, 1 refused.",
    ),
    (
        (2, 2), {0: V, 1: HostState.ROLLED_BACK}, {},
        """Halted: 1 host of ring 0 went back to the versions before (h1). Nothing starts until an approver resumes it.
        Ring 0 of 1: 1 of 2 hosts verified, 1 rolled back. 2 hosts in later rings.""",
    ),
    (
        (2,), {0: ST}, {"state": RolloutState.PAUSED, "state_reason": "ann: lunch"},
        """Paused: ann: lunch. Nothing starts until somebody resumes it.
        The only ring: 0 of 2 hosts verified, 1 installing, 1 waiting.""",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("sizes", "states", "changes", "text"), REPORTS)
def test_the_report(sizes: tuple[int, ...], states: dict[int, Any], changes: dict[str, Any], text: str) -> None:
    situation = make_situation(make_spec(sizes), states, **changes)
    assert describe(situation, plan(situation)) == " ".join(text.split())


def test_the_report_says_when_a_window_opens_and_when_a_freeze_is_in_the_way() -> None:
    spec = make_spec((2,), windows=(TONIGHT, TOMORROW))
    situation = make_situation(spec)
    assert describe(situation, plan(situation)).endswith("No window is open: waits until 22:00 UTC.")
    frozen = make_situation(spec, now=TONIGHT.starts_at, freezes=(TONIGHT,))
    assert describe(frozen, plan(frozen)).endswith("A freeze is on: waits until 2026-11-23 22:00 UTC.")
    never = replace(frozen, freezes=(Span(starts_at=NOW, ends_at=NOW + 99 * HOUR),))
    assert describe(never, plan(never)).endswith("A freeze is on, and no window is left.")


def test_a_spec_survives_its_form_and_its_hash_covers_every_field() -> None:
    left_out = LeftOut(host_id=host_id(77), name="db1", source="", reason="silent", sentence="The host is silent.")
    spec = make_spec((1, 2), windows=(TONIGHT,), left_out=(left_out,), notes=("A note.",))
    plain = render_spec(spec)
    assert parse_spec(plain) == spec
    others = {
        "windows": (TOMORROW,), "soak": HOUR, "health_delay": HOUR, "lost_after": HOUR, "reboot": "always",
        "requested_for": "x", "window_text": "x", "notes": (), "left_out": (), "rings": (spec.rings[1], spec.rings[0]),
        "limits": replace(spec.limits, failure_count_max=11), "change_sets": (change_set("openssl", version="2.0-2"),),
        "requested_by": host_id(5), "rollout_id": host_id(6), "organisation_id": host_id(7),
    }  # fmt: skip
    hashes = {hash_plain(plain)} | {hash_plain(render_spec(replace(spec, **{k: v}))) for k, v in others.items()}  # type: ignore[arg-type]
    assert len(hashes) == 1 + len(others)
    with pytest.raises(ValueError, match="format 2"):
        parse_spec({**plain, "format": 2})


PERMITTED = PermitFacts(
    host_is_active=True, order_is_signed=True, order_is_newest=True, hash_matches=True, order_ends_at=NOW + HOUR,
    order_windows=(Span(starts_at=NOW, ends_at=NOW + HOUR),), rollout_state=RolloutState.RUNNING,
    host_state=HostState.RELEASED, freezes=(), harm_count=1, harm_count_judged=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"host_state": HostState.DEFERRED}, ""),
        ({"host_is_active": False}, "host_not_active"),
        ({"hash_matches": False}, "order_differs"),
        ({"order_is_newest": False}, "order_superseded"),
        ({"rollout_state": RolloutState.HALTED}, "rollout_halted"),
        ({"rollout_state": RolloutState.PAUSED}, "rollout_paused"),
        ({"rollout_state": RolloutState.CANCELLED}, "rollout_not_running"),
        ({"harm_count": 2}, "failure_unjudged"),
        ({"order_is_signed": False}, "order_not_signed"),
        ({"order_ends_at": NOW}, "order_expired"),
        ({"host_state": HostState.STARTED}, "host_not_released"),
        ({"host_state": HostState.WITHDRAWN}, "host_not_released"),
        ({"freezes": (Span(starts_at=NOW - HOUR, ends_at=NOW + HOUR),)}, "frozen"),
        ({"order_windows": (TONIGHT,)}, "outside_window"),
        ({"order_windows": ()}, "outside_window"),
    ],
)
def test_who_may_start(changes: dict[str, Any], reason: str) -> None:
    assert judge_permit(replace(PERMITTED, **changes), now=NOW) == reason
    assert not reason or permits.SENTENCES[reason]


def test_what_may_be_said_when_and_by_whom() -> None:
    assert possible_verbs(RolloutState.RUNNING) == (Verb.APPROVE, Verb.PAUSE, Verb.HALT, Verb.CANCEL)
    assert possible_verbs(RolloutState.HALTED) == (Verb.APPROVE, Verb.RESUME, Verb.CANCEL)
    assert all(not possible_verbs(state) for state in FINISHED)
    assert not is_possible(Verb.START, RolloutState.AWAITING_APPROVAL)
    assert role_needed(Verb.RESUME, RolloutState.PAUSED) == "operator"
    assert role_needed(Verb.RESUME, RolloutState.HALTED) == "approver"
    assert role_needed(Verb.APPROVE, RolloutState.AWAITING_APPROVAL) == "approver"


@pytest.mark.parametrize(
    ("state", "reason", "retries", "after", "accepted"),
    [
        (HostState.WITHDRAWN, "rollout_stopped", False, HostState.WAITING, False),
        (HostState.WITHDRAWN, "not_active", False, HostState.WITHDRAWN, True),
        (HostState.ROLLED_BACK, "", False, HostState.ROLLED_BACK, True),
        (HostState.ROLLED_BACK, "", True, HostState.WAITING, False),
        (HostState.REFUSED, "", True, HostState.WAITING, False),
        (HostState.LOST, "", True, HostState.LOST, True),
        (HostState.ROLLBACK_FAILED, "", True, HostState.ROLLBACK_FAILED, True),
        (HostState.STARTED, "", True, HostState.STARTED, False),
        (HostState.VERIFIED, "", True, HostState.VERIFIED, False),
    ],
)
def test_what_resuming_accepts_and_what_it_tries_again(
    state: HostState,
    reason: str,
    retries: bool,  # noqa: FBT001
    after: HostState,
    accepted: bool,  # noqa: FBT001
) -> None:
    host = make_situation(make_spec((1,)), {0: {"state": state, "reason": reason, "released_at": NOW}}).hosts[0]
    resumed = resume_host(host, retries=retries)
    assert (resumed.state, resumed.is_accepted) == (after, accepted)
    assert (resumed.released_at is None) == (after is HostState.WAITING)
