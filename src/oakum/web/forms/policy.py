"""Forms of policy: windows, freezes, settings.  Bounds and rules are judged by the services, not here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms

from oakum.core.packs import PACK_IDS, load_pack
from oakum.policy.values import SettingsView

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
OWN_RULE = "own"
REPEATS = (
    ("", "never: it opens once"),
    ("daily", "every day"),
    ("weekly", "every week, on the day of the first time"),
    ("workdays", "Monday to Friday"),
    ("weekends", "Saturday and Sunday"),
    ("monthly", "every month, on the same weekday as the first time (the second Tuesday, say)"),
    (OWN_RULE, "by a rule of my own"),
)
LOCAL_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


def rule_of(repeat: str, start: datetime, own: str) -> str:
    """Return the RFC 5545 rule of a choice; empty opens once."""
    rules = {
        "": "",
        "daily": "FREQ=DAILY",
        "weekly": "FREQ=WEEKLY",
        "workdays": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        "weekends": "FREQ=WEEKLY;BYDAY=SA,SU",
        "monthly": f"FREQ=MONTHLY;BYDAY={(start.day - 1) // 7 + 1}{DAYS[start.weekday()]}",
        OWN_RULE: own.strip(),
    }
    return rules[repeat]


def _local_widget() -> forms.DateTimeInput:
    return forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL_FORMATS[0])


class LocalDateTimeField(forms.Field):
    """A wall-clock time without a zone: Django's own field would put its zone to it."""

    widget = forms.DateTimeInput

    def __init__(self, **kwargs: Any) -> None:
        """Show the browser's own picker."""
        super().__init__(widget=_local_widget(), **kwargs)

    def to_python(self, value: Any) -> datetime | None:
        """Parse what the picker sends."""
        if not value:
            return None
        for form in LOCAL_FORMATS:
            try:
                return datetime.strptime(value, form)  # noqa: DTZ007 - wall-clock time on purpose
            except (ValueError, TypeError):
                continue
        raise forms.ValidationError("Write it like 2026-11-28T02:00.")


class InstantField(LocalDateTimeField):
    """An instant, typed as wall-clock time in UTC."""

    def to_python(self, value: Any) -> datetime | None:
        """Parse what the picker sends."""
        local = super().to_python(value)
        return local.replace(tzinfo=UTC) if local else None


class WindowForm(forms.Form):
    """A maintenance window: local time, a zone, how often, how long."""

    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"placeholder": "Sunday night"}))
    starts = LocalDateTimeField(label="First time", help_text="Wall-clock time in the zone beside it.")
    timezone = forms.CharField(
        max_length=60, initial="UTC", label="Zone", help_text="A name of the IANA database, like Europe/Berlin."
    )
    repeat = forms.ChoiceField(choices=REPEATS, required=False, label="Repeats", initial="weekly")
    own_rule = forms.CharField(
        max_length=300,
        required=False,
        label="Rule of my own",
        help_text="RFC 5545, like FREQ=MONTHLY;BYDAY=2TU. Only read when chosen above.",
    )
    minutes = forms.IntegerField(label="Lasts minutes", min_value=1, max_value=7 * 24 * 60, initial=240)

    def clean(self) -> dict[str, Any]:
        """Hold that a rule of one's own is written."""
        values = super().clean() or {}
        if values.get("repeat") == OWN_RULE and not values.get("own_rule"):
            self.add_error("own_rule", "Write the rule, or choose another repetition.")
        return values


class FreezeForm(forms.Form):
    """A span in which no work may start."""

    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"placeholder": "End of year"}))
    starts_at = InstantField(label="From (UTC)")
    ends_at = InstantField(label="Until (UTC)")
    reason = forms.CharField(max_length=500, required=False)


class SettingsForm(forms.Form):
    """What the organisation has decided for its fleet."""

    deadline_pack = forms.ChoiceField(label="By which rules?", widget=forms.RadioSelect)
    approvals_required = forms.IntegerField(
        label="Approvals that a rollout needs",
        min_value=0,
        max_value=5,
        help_text="By people who did not ask for it. 0 is for an organisation of one; every rollout shows it.",
    )
    check_in_minutes = forms.IntegerField(label="Hosts report every minutes", min_value=1, max_value=1_440)
    stale_hours = forms.FloatField(label="A host is silent after hours", min_value=0.1, max_value=2_160)
    ring_zero_count_max = forms.IntegerField(label="Hosts in ring 0, at most", min_value=1, max_value=50)
    ring_percents = forms.CharField(
        label="Rings after it, in percent",
        required=False,
        help_text="Shares of all hosts, rising to 100, like 10, 50, 100. Empty: those.",
    )
    soak_hours = forms.FloatField(
        label="Soak in hours",
        min_value=0,
        max_value=720,
        help_text="How long a ring is watched before the next starts.",
    )
    failure_percent_max = forms.IntegerField(label="Failures allowed, in percent", min_value=0, max_value=50)
    wave_count_max = forms.IntegerField(label="Hosts at once, at most", min_value=1, max_value=10_000)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the packs that ship."""
        super().__init__(*args, **kwargs)
        field = self.fields["deadline_pack"]
        assert isinstance(field, forms.ChoiceField)
        packs = [load_pack(pack_id) for pack_id in PACK_IDS]
        field.choices = [(pack.id, f"{pack.title} ({pack.version}): {pack.summary}") for pack in packs]

    def clean_ring_percents(self) -> tuple[int, ...]:
        """Read numbers between commas or blanks."""
        words = str(self.cleaned_data["ring_percents"]).replace(",", " ").replace("%", " ").split()
        if not all(word.isdecimal() for word in words):
            raise forms.ValidationError("Write whole numbers, like 10, 50, 100.")
        return tuple(int(word) for word in words)


def initial_of(settings: SettingsView, approvals_required: int) -> dict[str, object]:
    """Return what the form shows before anybody types."""
    hour = timedelta(hours=1).total_seconds()
    return {
        "deadline_pack": settings.deadline_pack,
        "approvals_required": approvals_required,
        "check_in_minutes": max(1, settings.check_in_seconds // 60),
        "stale_hours": f"{settings.stale_after_seconds / hour:.4g}",
        "ring_zero_count_max": settings.ring_zero_count_max,
        "ring_percents": ", ".join(str(percent) for percent in settings.ring_percents),
        "soak_hours": f"{settings.soak_seconds / hour:.4g}",
        "failure_percent_max": settings.failure_percent_max,
        "wave_count_max": settings.wave_count_max,
    }
