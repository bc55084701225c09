"""Forms about hosts, their groups and their enrolment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django import forms

from oakum.fleet.context import CRITICALITIES, ENVIRONMENTS, REACHABILITIES
from oakum.fleet.queries import GroupView
from oakum.protocol.trust import MODE_APPLY, MODE_REPORT_ONLY

LIVES = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}


def _answers(words: Iterable[str]) -> list[tuple[str, str]]:
    return [("", "not said"), *((word, word) for word in words)]


class ContextForm(forms.Form):
    """What people say of a host or a group; nothing said means: as the groups say, else the default."""

    reachability = forms.ChoiceField(
        choices=_answers(REACHABILITIES),
        required=False,
        help_text="public: anyone on the internet can reach a service on it. It decides deadlines.",
    )
    environment = forms.ChoiceField(choices=_answers(ENVIRONMENTS), required=False)
    criticality = forms.ChoiceField(choices=_answers(CRITICALITIES), required=False)


class GroupForm(ContextForm):
    """A group."""

    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    description = forms.CharField(max_length=500, required=False)
    field_order = ("name", "description", "reachability", "environment", "criticality")


class EnrolForm(forms.Form):
    """A token with which hosts may enrol."""

    mode = forms.ChoiceField(
        label="What may Oakum do there?",
        choices=[
            (MODE_APPLY, "report, and install what an approved rollout orders"),
            (MODE_REPORT_ONLY, "report only: nothing is ever changed"),
        ],
        initial=MODE_APPLY,
        widget=forms.RadioSelect,
        help_text="It becomes a file on the host. Only the host's owner can change it, never this server.",
    )
    group = forms.ChoiceField(required=False, label="Put them into the group")
    life = forms.ChoiceField(
        label="Valid for",
        choices=[("hour", "an hour"), ("day", "a day"), ("week", "a week"), ("month", "30 days")],
        initial="day",
    )
    use_count_max = forms.IntegerField(label="For at most so many hosts", min_value=1, max_value=1_000_000, initial=100)
    note = forms.CharField(
        max_length=120, required=False, label="Note", widget=forms.TextInput(attrs={"placeholder": "new web servers"})
    )

    def __init__(self, *args: object, groups: Iterable[GroupView] = (), **kwargs: object) -> None:
        """Offer the groups that exist."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments, handed on
        field = self.fields["group"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "none"), *((group.name, group.name) for group in groups)]


class RetireForm(forms.Form):
    """Why a host leaves the fleet."""

    reason = forms.CharField(max_length=500, required=False)
