"""Patches: the updates that hosts are offered, what they cure, who told their release notes, and where they wait."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from oakum.findings import queries
from oakum.fleet import queries as fleet
from oakum.identity.models import Role
from oakum.policy.queries import rules_of
from oakum.web.doors import PersonRequest, page
from oakum.web.paging import ROW_COUNT, answer_of, choice_of, id_of, offset_of, text_of

KINDS = (("security", "security"), ("bugfix", "bug fixes"), ("feature", "features"))
NO_FILTER = queries.PatchFilter()
HOST_COUNT = 50
NOTE_COUNT = 15  # changelog entries on the page
NOTE_LENGTH_MAX = 1_800
CVE_COUNT = 60


@page(Role.VIEWER)
def patches(request: PersonRequest) -> HttpResponse:
    """Show a page of patches, soonest deadline first."""
    organisation_id = request.speaker.organisation_id
    host_id = id_of(request, "host")
    with_past = answer_of(request, "past") is True
    wanted = queries.PatchFilter(
        kind=choice_of(request, "kind", tuple(value for value, _ in KINDS)),
        search=text_of(request, "search"),
        cve=text_of(request, "cve"),
        host_ids=(host_id,) if host_id else (),
        group=text_of(request, "group"),
        pending=None if with_past else True,
        overdue=answer_of(request, "overdue"),
    )
    found = queries.patches(
        organisation_id=organisation_id,
        rules=rules_of(organisation_id=organisation_id),
        now=request.now,
        wanted=wanted,
        limit=ROW_COUNT,
        offset=offset_of(request),
    )
    host = fleet.host(organisation_id=organisation_id, host_id=host_id, now=request.now) if host_id else None
    context = {
        "page": found,
        "wanted": wanted,
        "kinds": KINDS,
        "host": host,
        "with_past": with_past,
        "filtered": wanted != NO_FILTER,
        "groups": fleet.groups(organisation_id=organisation_id),
    }
    return render(request, "web/patches.html", context)


@page(Role.VIEWER)
def patch(request: PersonRequest, patch_id: int) -> HttpResponse:
    """Show one patch: its notes, what it cures, and how it stands on every host."""
    organisation_id = request.speaker.organisation_id
    found = queries.patch(
        organisation_id=organisation_id,
        update_id=patch_id,
        rules=rules_of(organisation_id=organisation_id),
        now=request.now,
        limit=HOST_COUNT,
        offset=offset_of(request),
    )
    notes = [(note, note.text[:NOTE_LENGTH_MAX], len(note.text) > NOTE_LENGTH_MAX) for note in found.release_notes]
    context = {
        "patch": found,
        "row": found.row,
        "cves": found.row.cves[:CVE_COUNT],
        "cve_more": max(len(found.row.cves) - CVE_COUNT, 0),
        "notes": notes[:NOTE_COUNT],
        "note_more": max(len(notes) - NOTE_COUNT, 0),
        "offset": offset_of(request),
        "limit": HOST_COUNT,
    }
    return render(request, "web/patch.html", context)
