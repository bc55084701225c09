"""The journal by the API: pages and exports.  Verifying is done by the reader, not by the server that wrote it."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Router
from pydantic import Field

from oakum.api.auth import need, session_of
from oakum.api.fields import RowId, Text
from oakum.identity.models import Role
from oakum.identity.queries import signer_key
from oakum.journal import queries
from oakum.streaming import stream

router = Router()


@router.get("", response=queries.JournalPage)
def list_entries(
    request: HttpRequest,
    kind: Text = "",
    subject: Text = "",
    before: RowId | None = None,
    limit: Annotated[int, Field(ge=1, le=queries.PAGE_COUNT_MAX)] = 50,
) -> queries.JournalPage:
    """Return a page of entries, newest first; ``kind`` is a room (``rollout``) or a kind (``rollout.halted``)."""
    session = session_of(request)
    return queries.entries(
        organisation_id=session.organisation_id, kind=kind, subject=subject, before_position=before, limit=limit
    )


@router.get("/export")
def export_journal(request: HttpRequest, *, installation: bool = False) -> StreamingHttpResponse:
    """Stream a whole chain as JSON lines (docs/journal.md); the installation's own is for administrators."""
    session = need(request, Role.ADMINISTRATOR) if installation else session_of(request)
    lines = queries.export_lines(
        organisation_id=None if installation else session.organisation_id, signer_key=signer_key()
    )
    return stream(request, (f"{line}\n" for line in lines), content_type="application/jsonl")
