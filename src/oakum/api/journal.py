"""The journal by the API: pages and exports.  Verifying is done by the reader, not by the server that wrote it."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Router

from oakum.api.auth import need, session_of
from oakum.identity.models import Role
from oakum.identity.queries import signer_key
from oakum.journal import queries

router = Router()


@router.get("", response=queries.JournalPage)
def list_entries(
    request: HttpRequest, kind: str = "", subject: str = "", before: int | None = None, limit: int = 50
) -> queries.JournalPage:
    """Return a page of entries, newest first; ``kind`` is a room (``rollout``) or a kind (``rollout.halted``)."""
    session = session_of(request)
    return queries.entries(
        organisation_id=session.organisation_id, kind=kind, subject=subject, before_position=before, limit=limit
    )


@router.get("/export")
def export(request: HttpRequest, *, installation: bool = False) -> StreamingHttpResponse:
    """Stream a whole chain as JSON lines (docs/journal.md); the installation's own is for administrators."""
    session = need(request, Role.ADMINISTRATOR) if installation else session_of(request)
    lines = queries.export_lines(
        organisation_id=None if installation else session.organisation_id, signer_key=signer_key()
    )
    return StreamingHttpResponse(_with_newlines(lines), content_type="application/jsonl")


def _with_newlines(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield f"{line}\n"
