"""The form with which an advisory is tried out.  What its bytes mean, and whether they are too many, the query says."""

from __future__ import annotations

from django import forms

from oakum.findings.queries.what_if import FILE_BYTES_MAX
from oakum.intel.importers import IMPORTERS


class AdvisoryForm(forms.Form):
    """An advisory's file, and its format where the file does not show it."""

    file = forms.FileField(
        label="Advisory file",
        help_text=f"In any format that feeds are imported from: OSV, CSAF, updateinfo and the others; at most "
        f"{FILE_BYTES_MAX // 1000} KB.",
        error_messages={"required": "Choose a file.", "missing": "Choose a file.", "empty": "The file is empty."},
    )
    kind = forms.ChoiceField(
        label="Format",
        required=False,
        choices=[("", "as the file shows"), *((each.kind, each.kind) for each in IMPORTERS)],
        help_text="Name it only if the file is not recognised.",
    )
