"""What would be, before it is: an advisory tried out against what hosts have.  Nothing is imported, changed or kept."""

from __future__ import annotations

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import render

from oakum.core.errors import OperatorError
from oakum.findings import queries
from oakum.findings.queries.what_if import FILE_BYTES_MAX
from oakum.identity.models import Role
from oakum.policy.queries import rules_of
from oakum.web.doors import PersonRequest, page
from oakum.web.forms.what_if import AdvisoryForm

# An uploaded file has no address to turn pages by: what is beyond this, the command lists.
ROW_COUNT = 50
VERSION_COUNT = 20
# Where what a person does next on a page is another thing than for an import by the command.
NEXT_STEPS = {
    "feed_format_unknown": "Choose its format, if it is one of those in the list.",
    "feed_unreadable": "Fetch the file again, whole, and try that.",
}


@page(Role.VIEWER, methods=("GET", "HEAD", "POST"))
def what_if(request: PersonRequest) -> HttpResponse:
    """Show which hosts the advisories of an uploaded file would reach, and by which comparison."""
    if request.method != "POST":
        return render(request, "web/what_if.html", {"form": AdvisoryForm()})
    form = AdvisoryForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            found = _try(request, form.cleaned_data["file"], form.cleaned_data["kind"])
        except OperatorError as fault:
            form.add_error("file", f"{fault.sentence} {NEXT_STEPS.get(fault.code, fault.next_step)}".strip())
        else:
            context = {
                "form": AdvisoryForm(),
                "file_name": form.cleaned_data["file"].name,
                "found": found,
                "versions": found.versions[:VERSION_COUNT],
            }
            return render(request, "web/what_if.html", context)
    return render(request, "web/what_if.html", {"form": form}, status=422)


def _try(request: PersonRequest, file: UploadedFile[bytes], kind: str) -> queries.WhatIf:
    organisation_id = request.speaker.organisation_id
    return queries.what_if(
        organisation_id=organisation_id,
        name=file.name or "",
        content=file.read(FILE_BYTES_MAX + 1),  # one more than is read: the query says that it is too large
        kind=kind or None,
        rules=rules_of(organisation_id=organisation_id),
        now=request.now,
        limit=ROW_COUNT,
    )
