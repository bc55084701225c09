"""Settings, windows and freezes: what may be decided, what is journalled, when a window opens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from oakum.core.errors import NotFoundError, OperatorError
from oakum.identity.models import Organisation
from oakum.journal.models import Entry
from oakum.policy import queries, services
from oakum.policy.models import Settings
from oakum.policy.values import FreezeView, SettingsChange, WindowView
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db

WHO = "person:ann"


@pytest.fixture
def organisation(now: datetime) -> Organisation:
    return make_organisation(now=now)


def entries(kind: str) -> list[dict[str, Any]]:
    return [entry.payload or {} for entry in Entry.objects.filter(kind=kind).order_by("sequence")]


def test_settings_that_nobody_set_are_the_defaults_and_reading_writes_nothing(organisation: Organisation) -> None:
    settings = services.settings_of(organisation_id=organisation.id)
    assert settings.deadline_pack == "cisa-bod-26-04"
    assert (settings.check_in_seconds, settings.stale_after) == (300, timedelta(days=1))
    assert settings.ring_percents == ()
    assert not Settings.objects.exists()
    rules = queries.rules_of(organisation_id=organisation.id)
    assert (rules.pack.id, rules.stale_after) == ("cisa-bod-26-04", timedelta(days=1))


def test_a_change_is_journalled_with_before_and_after(now: datetime, organisation: Organisation) -> None:
    change = SettingsChange(deadline_pack="severity-simple", ring_percents=(20, 100))
    after = services.set_settings(organisation_id=organisation.id, actor=WHO, change=change, now=now)
    assert (after.deadline_pack, after.ring_percents, after.check_in_seconds) == ("severity-simple", (20, 100), 300)
    assert services.settings_of(organisation_id=organisation.id) == after
    assert entries("policy.settings_set") == [
        {
            "before": {"deadline_pack": "cisa-bod-26-04", "ring_percents": []},
            "after": {"deadline_pack": "severity-simple", "ring_percents": [20, 100]},
        }
    ]
    assert queries.rules_of(organisation_id=organisation.id).pack.id == "severity-simple"


def test_changing_nothing_journals_nothing(now: datetime, organisation: Organisation) -> None:
    change = SettingsChange(check_in_seconds=300)
    services.set_settings(organisation_id=organisation.id, actor=WHO, change=change, now=now)
    assert entries("policy.settings_set") == []


def test_one_organisations_settings_are_not_anothers(now: datetime, organisation: Organisation) -> None:
    other = make_organisation(now=now, name="Other")
    services.set_settings(organisation_id=organisation.id, actor=WHO, change=SettingsChange(wave_count_max=7), now=now)
    assert services.settings_of(organisation_id=other.id).wave_count_max == 500


@pytest.mark.parametrize(
    "change",
    [
        SettingsChange(deadline_pack="nonsense"),
        SettingsChange(check_in_seconds=59),
        SettingsChange(check_in_seconds=86_401),
        SettingsChange(stale_after_seconds=599),
        SettingsChange(stale_after_seconds=600, check_in_seconds=301),  # silent between two check-ins
        SettingsChange(ring_zero_count_max=0),
        SettingsChange(soak_seconds=-1),
        SettingsChange(failure_percent_max=51),
        SettingsChange(wave_count_max=0),
        SettingsChange(ring_percents=(10, 50)),
        SettingsChange(ring_percents=(50, 10, 100)),
        SettingsChange(ring_percents=(0, 100)),
        SettingsChange(ring_percents=(10, 10, 100)),
        SettingsChange(ring_percents=tuple(range(90, 101))),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_stored(
    now: datetime, organisation: Organisation, change: SettingsChange
) -> None:
    before = services.settings_of(organisation_id=organisation.id)
    with pytest.raises(OperatorError) as refused:
        services.set_settings(organisation_id=organisation.id, actor=WHO, change=change, now=now)
    assert refused.value.code == "settings_invalid"
    assert refused.value.next_step
    assert services.settings_of(organisation_id=organisation.id) == before
    assert entries("policy.settings_set") == []


NIGHTLY: dict[str, Any] = {
    "name": "Nightly",
    "starts_local": "2026-11-20T02:00:00",
    "rrule": "FREQ=DAILY",
    "timezone": "Europe/Berlin",
    "duration_seconds": 7_200,
}


def set_window(organisation: Organisation, now: datetime, **changes: Any) -> WindowView:
    return services.set_window(organisation_id=organisation.id, actor=WHO, now=now, **{**NIGHTLY, **changes})


def test_a_window_is_stored_with_its_next_opening(now: datetime, organisation: Organisation) -> None:
    window = set_window(organisation, now)
    assert window.next_span is not None
    assert window.next_span.starts_at == datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    assert window.next_span.ends_at == datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    assert queries.windows(organisation_id=organisation.id, now=now) == (window,)
    (payload,) = entries("policy.window_set")
    assert (payload["before"], payload["after"]["name"]) == (None, "Nightly")


def test_a_window_that_is_open_now_is_its_own_next(now: datetime, organisation: Organisation) -> None:
    window = set_window(organisation, now, starts_local="2026-11-20T12:30:00")
    assert window.next_span is not None
    assert window.next_span.starts_at <= now < window.next_span.ends_at


def test_changing_a_window_journals_what_it_was(now: datetime, organisation: Organisation) -> None:
    window = set_window(organisation, now)
    changed = set_window(organisation, now, window_id=window.id, duration_seconds=3_600)
    assert changed.id == window.id
    assert changed.duration == timedelta(hours=1)
    assert entries("policy.window_set")[1]["before"]["duration_seconds"] == 7_200
    set_window(organisation, now, window_id=window.id, duration_seconds=3_600)
    assert len(entries("policy.window_set")) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rrule": "FREQ=SOMETIMES"}, "window_invalid"),
        ({"timezone": "Middle/Earth"}, "window_invalid"),
        ({"starts_local": "tomorrow"}, "window_invalid"),
        ({"duration_seconds": 1}, "window_invalid"),
        ({"rrule": ""}, "window_over"),  # once, two days ago
        ({"rrule": "FREQ=DAILY;UNTIL=20261121"}, "window_over"),
        ({"name": "  "}, "name_invalid"),
        ({"name": "x" * 81}, "name_invalid"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(
    now: datetime, organisation: Organisation, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(OperatorError) as refused:
        set_window(organisation, now, **changes)
    assert refused.value.code == code
    assert queries.windows(organisation_id=organisation.id, now=now) == ()


def test_a_rule_that_rests_for_years_still_has_a_next_opening(now: datetime, organisation: Organisation) -> None:
    window = set_window(
        organisation, now, starts_local="2024-02-29T02:00:00", rrule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"
    )
    assert window.next_span is not None
    assert window.next_span.starts_at == datetime(2028, 2, 29, 1, 0, tzinfo=UTC)


def test_names_are_unique_within_an_organisation_only(now: datetime, organisation: Organisation) -> None:
    set_window(organisation, now)
    with pytest.raises(OperatorError) as refused:
        set_window(organisation, now)
    assert refused.value.code == "name_taken"
    set_window(make_organisation(now=now, name="Other"), now)


def test_there_is_a_bound_on_windows(
    now: datetime, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "WINDOW_COUNT_MAX", 1)
    window = set_window(organisation, now)
    with pytest.raises(OperatorError) as refused:
        set_window(organisation, now, name="Another")
    assert refused.value.code == "too_many"
    set_window(organisation, now, window_id=window.id, name="Another")


def test_another_organisations_window_does_not_exist(now: datetime, organisation: Organisation) -> None:
    window = set_window(organisation, now)
    other = make_organisation(now=now, name="Other")
    with pytest.raises(NotFoundError):
        queries.window(organisation_id=other.id, window_id=window.id, now=now)
    with pytest.raises(NotFoundError):
        set_window(other, now, window_id=window.id)
    with pytest.raises(NotFoundError):
        services.delete_window(organisation_id=other.id, actor=WHO, window_id=window.id, now=now)
    with pytest.raises(NotFoundError):
        queries.window_occurrences(organisation_id=other.id, window_id=window.id, now=now)


def test_a_deleted_window_is_gone_and_journalled(now: datetime, organisation: Organisation) -> None:
    window = set_window(organisation, now)
    services.delete_window(organisation_id=organisation.id, actor=WHO, window_id=window.id, now=now)
    assert queries.windows(organisation_id=organisation.id, now=now) == ()
    (payload,) = entries("policy.window_deleted")
    assert (payload["before"]["name"], payload["after"]) == ("Nightly", None)


def set_freeze(organisation: Organisation, now: datetime, **changes: Any) -> FreezeView:
    given = {
        "name": "Year end",
        "starts_at": now + timedelta(hours=14),
        "ends_at": now + timedelta(days=3),
        "reason": "Shop",
    }
    return services.set_freeze(organisation_id=organisation.id, actor=WHO, now=now, **{**given, **changes})


def test_freezes_win_over_windows(now: datetime, organisation: Organisation) -> None:
    window = set_window(organisation, now)
    set_freeze(organisation, now)
    found = queries.window_occurrences(organisation_id=organisation.id, window_id=window.id, now=now, days=5)
    assert [span.span.starts_at.day for span in found] == [23, 24, 25, 26, 27]
    assert [len(span.remaining) for span in found] == [1, 0, 0, 1, 1]
    (first,) = found[0].remaining
    assert (first.starts_at, first.ends_at) == (found[0].span.starts_at, now + timedelta(hours=14))


def test_a_freeze_is_changed_and_deleted_with_a_trace(now: datetime, organisation: Organisation) -> None:
    freeze = set_freeze(organisation, now)
    assert queries.freezes(organisation_id=organisation.id, now=now) == (freeze,)
    changed = set_freeze(organisation, now, freeze_id=freeze.id, reason="Shop and stocktaking")
    assert (changed.id, changed.reason) == (freeze.id, "Shop and stocktaking")
    services.delete_freeze(organisation_id=organisation.id, actor=WHO, freeze_id=freeze.id, now=now)
    assert queries.freezes(organisation_id=organisation.id, now=now) == ()
    assert [payload["before"] is None for payload in entries("policy.freeze_set")] == [True, False]
    assert entries("policy.freeze_deleted")[0]["before"]["reason"] == "Shop and stocktaking"


def test_a_freeze_that_is_over_is_history(now: datetime, organisation: Organisation) -> None:
    freeze = set_freeze(organisation, now)
    later = now + timedelta(days=4)
    assert queries.freezes(organisation_id=organisation.id, now=later) == ()
    assert queries.freezes(organisation_id=organisation.id, now=later, with_past=True) == (freeze,)


@pytest.mark.parametrize(
    "hours",
    [(5, 5), (5, 4), (-9, -1), (1, 1 + 367 * 24)],
)
def test_a_freeze_that_makes_no_sense_is_refused(
    now: datetime, organisation: Organisation, hours: tuple[int, int]
) -> None:
    starts_at, ends_at = (now + timedelta(hours=each) for each in hours)
    with pytest.raises(OperatorError) as refused:
        set_freeze(organisation, now, starts_at=starts_at, ends_at=ends_at)
    assert refused.value.code == "freeze_invalid"


def test_a_freeze_without_an_offset_is_refused(now: datetime, organisation: Organisation) -> None:
    with pytest.raises(OperatorError):
        set_freeze(organisation, now, starts_at=now.replace(tzinfo=None))


def test_another_organisations_freeze_does_not_exist(now: datetime, organisation: Organisation) -> None:
    freeze = set_freeze(organisation, now)
    other = make_organisation(now=now, name="Other")
    assert queries.freezes(organisation_id=other.id, now=now) == ()
    for freeze_id in (freeze.id, uuid4()):
        with pytest.raises(NotFoundError):
            services.delete_freeze(organisation_id=other.id, actor=WHO, freeze_id=freeze_id, now=now)
