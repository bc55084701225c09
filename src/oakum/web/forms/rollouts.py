"""The form with which a rollout is asked for: text to a ``RolloutRequest``.  Sense and bounds are the service's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms

from oakum.fleet.queries import GroupView
from oakum.policy.values import WindowView
from oakum.protocol.orders import REBOOT_ALWAYS, REBOOT_IF_REQUIRED, REBOOT_NEVER
from oakum.rollout.requests import (
    AllHosts,
    AnyTime,
    CuresFor,
    GroupHosts,
    HostChoice,
    HostsById,
    OpenNow,
    PendingSecurity,
    RingChoice,
    RingsByCover,
    RingsBySize,
    RolloutRequest,
    Selection,
    SourcesByName,
    StoredWindow,
    UpdatesById,
    WindowChoice,
)

NAME_COUNT_MAX = 500  # hosts or packages that are named in a form
SECURITY, SOURCES, CURES, CHOSEN = "security", "sources", "cve", "chosen"
ALL, GROUP, NAMED = "all", "group", "named"
ANY_TIME, NOW, WINDOW = "any", "now", "window"
Resolve = Callable[[str], UUID]  # a host's name or id -> its id; raises what the person is to read


def words_of(text: str) -> tuple[str, ...]:
    """Return what stands between commas, blanks and line ends, each once, at most NAME_COUNT_MAX."""
    return tuple(dict.fromkeys(text.replace(",", " ").split()))[:NAME_COUNT_MAX]


class PlanForm(forms.Form):
    """What, where, in which rings, when, and when to stop."""

    name = forms.CharField(
        max_length=120,
        required=False,
        help_text="Left empty, it is named after what it carries.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    what = forms.ChoiceField(label="Which updates?", widget=forms.RadioSelect, initial=SECURITY)
    patches = forms.CharField(widget=forms.HiddenInput, required=False)
    sources = forms.CharField(
        required=False,
        label="Source packages",
        help_text="Names between commas or blanks, like openssl, nginx.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    cve = forms.CharField(
        required=False,
        max_length=30,
        label="Vulnerability",
        widget=forms.TextInput(attrs={"placeholder": "CVE-2026-12345", "autocomplete": "off"}),
    )
    where = forms.ChoiceField(
        label="Which hosts?",
        widget=forms.RadioSelect,
        choices=[(ALL, "every host that has them pending"), (GROUP, "those of a group"), (NAMED, "those that I name")],
        initial=ALL,
    )
    group = forms.ChoiceField(required=False)
    hosts = forms.CharField(
        required=False,
        label="Hosts",
        help_text="Names or ids, between commas, blanks or lines.",
        widget=forms.Textarea(attrs={"rows": 3, "autocapitalize": "none", "spellcheck": "false"}),
    )
    rings = forms.CharField(
        required=False,
        label="Sizes of rings",
        help_text="Empty: a few hosts that cover every version first, then growing shares. Or numbers: 1, 5, 20.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    soak_hours = forms.FloatField(
        required=False, min_value=0, label="Soak in hours", help_text="How long a ring is watched before the next."
    )
    when = forms.ChoiceField(
        label="When may it work?",
        widget=forms.RadioSelect,
        choices=[
            (WINDOW, "in a maintenance window"),
            (ANY_TIME, "at any time, once it is approved and started"),
            (NOW, "from now on, for a while"),
        ],
        initial=ANY_TIME,
    )
    window = forms.ChoiceField(required=False)
    now_minutes = forms.IntegerField(required=False, min_value=1, label="For minutes", initial=240)
    failure_percent_max = forms.IntegerField(required=False, min_value=0, max_value=100, label="Failures, in percent")
    failure_count_max = forms.IntegerField(required=False, min_value=0, label="Failures, in hosts")
    wave_count_max = forms.IntegerField(required=False, min_value=1, label="Hosts at once")
    reboot = forms.ChoiceField(
        label="Reboot",
        choices=[
            (REBOOT_NEVER, "never: whoever runs the host does it"),
            (REBOOT_IF_REQUIRED, "if the update requires it"),
            (REBOOT_ALWAYS, "always"),
        ],
        initial=REBOOT_NEVER,
    )

    def __init__(
        self,
        *args: Any,
        groups: Iterable[GroupView] = (),
        windows: Iterable[WindowView] = (),
        patch_words: str = "",
        resolve: Resolve | None = None,
        **kwargs: Any,
    ) -> None:
        """Offer the groups and windows that exist, and the patches that were chosen on another page."""
        super().__init__(*args, **kwargs)
        self._resolve = resolve
        what = [
            (SECURITY, "every pending security update"),
            (SOURCES, "those of source packages that I name"),
            (CURES, "those that cure a vulnerability"),
        ]
        if patch_words:
            what.insert(0, (CHOSEN, patch_words))
        self._offer("what", what)
        self._offer("group", [("", "choose one"), *((each.name, each.name) for each in groups)])
        self._offer("window", [("", "choose one"), *((str(each.id), each.name) for each in windows)])

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean_rings(self) -> tuple[int, ...]:
        """Read numbers between commas or blanks."""
        words = words_of(str(self.cleaned_data["rings"]))
        if not all(word.isdecimal() and word.isascii() and len(word) <= 9 for word in words):  # noqa: PLR2004 - digits
            raise forms.ValidationError("Write whole numbers, like 1, 5, 20.")
        return tuple(int(word) for word in str(self.cleaned_data["rings"]).replace(",", " ").split())

    def clean(self) -> dict[str, Any]:
        """Hold that what a choice needs is there."""
        values = super().clean() or {}
        for choice, value, field, words in (
            ("what", SOURCES, "sources", "Name at least one source package."),
            ("what", CURES, "cve", "Name the vulnerability."),
            ("where", GROUP, "group", "Choose a group."),
            ("where", NAMED, "hosts", "Name at least one host."),
            ("when", WINDOW, "window", "Choose a window."),
            ("when", NOW, "now_minutes", "Say for how long."),
        ):
            if values.get(choice) == value and not values.get(field) and field not in self.errors:
                self.add_error(field, words)
        return values

    def request(self) -> RolloutRequest:
        """Return the wish; the form is valid.  Raises what ``resolve`` raises for a host that is not there."""
        values = self.cleaned_data
        soak = values["soak_hours"]
        return RolloutRequest(
            selection=self.selection(),
            hosts=self.host_choice(),
            rings=self._rings(),
            window=self.window_choice(),
            name=values["name"],
            soak=None if soak is None else timedelta(hours=soak),
            failure_percent_max=values["failure_percent_max"],
            failure_count_max=values["failure_count_max"],
            wave_count_max=values["wave_count_max"],
            reboot=values["reboot"],
        )

    def selection(self) -> Selection:
        """Return which updates are meant."""
        values = self.cleaned_data
        match values["what"]:
            case "chosen":
                return UpdatesById(tuple(int(word) for word in words_of(values["patches"]) if word.isdecimal()))
            case "sources":
                return SourcesByName(words_of(values["sources"]))
            case "cve":
                return CuresFor(values["cve"].strip().upper())
            case _:
                return PendingSecurity()

    def host_choice(self) -> HostChoice:
        """Return which hosts are meant."""
        values = self.cleaned_data
        if values["where"] == GROUP:
            return GroupHosts(values["group"])
        if values["where"] == NAMED:
            assert self._resolve is not None
            return HostsById(tuple(self._resolve(word) for word in words_of(values["hosts"])))
        return AllHosts()

    def window_choice(self) -> WindowChoice:
        """Return when it may work."""
        values = self.cleaned_data
        if values["when"] == WINDOW:
            return StoredWindow(UUID(values["window"]))
        if values["when"] == NOW:
            return OpenNow(timedelta(minutes=values["now_minutes"]))
        return AnyTime()

    def _rings(self) -> RingChoice:
        sizes = self.cleaned_data["rings"]
        return RingsBySize(sizes) if sizes else RingsByCover()
