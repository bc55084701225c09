"""Forms about people and their roles."""

from __future__ import annotations

from django import forms

from oakum.identity.models import Role

ROLE_WORDS = {
    Role.VIEWER: "viewer: sees everything, changes nothing",
    Role.OPERATOR: "operator: hosts, groups, windows, and carries rollouts out",
    Role.APPROVER: "approver: also approves what others ask for",
    Role.ADMINISTRATOR: "administrator: also people, settings, and who is a host at all",
}
ROLE_CHOICES = [(role.value, words) for role, words in ROLE_WORDS.items()]


class PersonForm(forms.Form):
    """A new member."""

    name = forms.CharField(
        max_length=150,
        help_text="What they type to sign in.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    role = forms.ChoiceField(choices=ROLE_CHOICES, initial=Role.VIEWER.value)


class RoleForm(forms.Form):
    """A member's role."""

    role = forms.ChoiceField(choices=[(role.value, role.value) for role in Role])
