"""Forms of one's own account: sign in, choose a password, make a token."""

from __future__ import annotations

from typing import Any

from django import forms

from oakum.identity.services import TOKEN_LIFE_DEFAULT, TOKEN_LIFE_MAX

PASSWORD_LENGTH_MAX = 1_000


class SignInForm(forms.Form):
    """A name and a password."""

    name = forms.CharField(
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True, "autocapitalize": "none"}),
    )
    password = forms.CharField(
        max_length=PASSWORD_LENGTH_MAX,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class PasswordForm(forms.Form):
    """The password in use, and the new one twice."""

    current = forms.CharField(
        label="Current password",
        max_length=PASSWORD_LENGTH_MAX,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label="New password",
        max_length=PASSWORD_LENGTH_MAX,
        strip=False,
        help_text="At least 12 characters. A few unrelated words are good.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="New password, again",
        max_length=PASSWORD_LENGTH_MAX,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Hold that the two agree, and that the new one is new."""
        values = super().clean() or {}
        new = values.get("new")
        if new and values.get("again") and new != values["again"]:
            self.add_error("again", "The two new passwords differ.")
        if new and new == values.get("current"):
            self.add_error("new", "This is the password in use. Choose another one.")
        return values


class TokenForm(forms.Form):
    """A personal token for the API and the command line."""

    name = forms.CharField(
        max_length=80,
        label="What is it for?",
        widget=forms.TextInput(attrs={"placeholder": "laptop", "autocomplete": "off"}),
    )
    days = forms.IntegerField(
        label="Valid for days",
        min_value=1,
        max_value=TOKEN_LIFE_MAX.days,
        initial=TOKEN_LIFE_DEFAULT.days,
    )


class ThemeForm(forms.Form):
    """How the pages look in this browser."""

    theme = forms.ChoiceField(
        label="Appearance",
        required=False,
        choices=[("", "As the system"), ("light", "Light"), ("dark", "Dark")],
    )
