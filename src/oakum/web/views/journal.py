"""The journal: who decided what, when, and what came of it.  Verifying an export is the reader's work, not ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from oakum.identity.models import Role
from oakum.identity.queries import signer_key
from oakum.journal import queries
from oakum.web.doors import PersonRequest, page
from oakum.web.downloads import download
from oakum.web.paging import choice_of, text_of, whole_number

ROOMS = ("rollout", "fleet", "policy", "identity", "findings", "catalogue", "intel")
# What one entry shows on a page; the export has all of it.
ENTRY_COUNT = 25
FIELD_COUNT_MAX = 20
VALUE_LENGTH_MAX = 300
BRIEF_LENGTH_MAX = 110
# Keys whose values say nothing to a person; the details show them.
_FOR_PROGRAMS = ("hash", "_id", "digest", "order", "token", "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An entry in words: ``room`` and ``what`` are its kind, ``brief`` the payload in one line."""

    entry: queries.EntryView
    room: str
    what: str
    brief: str
    fields: tuple[tuple[str, str], ...]
    actor: str
    host_id: str
    rollout_id: str


def shown(entry: queries.EntryView) -> Shown:
    """Put an entry into words."""
    room, _, what = entry.kind.partition(".")
    fields = tuple((key.replace("_", " "), _text(value)) for key, value in sorted(entry.payload.items()))
    subject, _, subject_id = entry.subject.partition(":")
    return Shown(
        entry=entry,
        room=room,
        what=what.replace("_", " "),
        brief=_brief(entry.payload),
        fields=fields[:FIELD_COUNT_MAX],
        actor=_actor(entry.actor),
        host_id=subject_id if subject == "host" else "",
        rollout_id=subject_id if subject == "rollout" else "",
    )


def _actor(actor: str) -> str:
    who, _, name = actor.partition(":")
    words = {"person": name, "loop": f"the loop {name}", "host": "the host itself"}
    plain = {"signer": "the order signer", "admin": "the server's command line"}
    return words[who] if who in words else plain.get(actor, actor)


def _text(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_LENGTH_MAX else f"{text[:VALUE_LENGTH_MAX]} … (the export has all of it)"


def _brief(payload: Mapping[str, object]) -> str:
    """Say what matters most: the words worded for people first, then the plain values."""
    for key in ("sentence", "reason"):
        if isinstance(payload.get(key), str) and payload[key]:
            return str(payload[key])[:BRIEF_LENGTH_MAX]
    plain = [
        str(value) if key in {"hostname", "name"} else f"{key.replace('_', ' ')}: {_text(value)}"
        for key, value in payload.items()
        if isinstance(value, str | int) and value != "" and not key.endswith(_FOR_PROGRAMS)
    ]
    text = ", ".join(plain)
    return text if len(text) <= BRIEF_LENGTH_MAX else f"{text[:BRIEF_LENGTH_MAX]} …"


@page(Role.VIEWER)
def journal(request: PersonRequest) -> HttpResponse:
    """Show a page of the organisation's journal, newest first."""
    room, subject = choice_of(request, "room", ROOMS), text_of(request, "subject")
    found = queries.entries(
        organisation_id=request.speaker.organisation_id,
        kind=room,
        subject=subject,
        before_position=whole_number(request.GET.get("before", "")),
        limit=ENTRY_COUNT,
    )
    context = {
        "page": found,
        "entries": [shown(entry) for entry in found.entries],
        "rooms": ROOMS,
        "room": room,
        "subject": subject,
        "signer": signer_key(),
    }
    return render(request, "web/journal.html", context)


@page(Role.VIEWER)
def journal_export(request: PersonRequest) -> HttpResponseBase:
    """Stream the whole chain as JSON lines, for `oakum journal verify` and for auditors."""
    lines = queries.export_lines(organisation_id=request.speaker.organisation_id, signer_key=signer_key())
    return download(
        request,
        (f"{line}\n" for line in lines),
        name=f"oakum-journal-{request.now:%Y%m%d}.jsonl",
        content_type="application/jsonl",
    )
