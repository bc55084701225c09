"""Answer the server's requests for release notes: fetch each by the package manager and send it.

Which host is asked, and what the notes mean, the server decides; a request that cannot be met is answered with why.
"""

from __future__ import annotations

import dataclasses

from oakum.agent.broker import Broker
from oakum.agent.log import log
from oakum.agent.managers import NO_MANAGER, PackageManager
from oakum.protocol.codec import canonical_json
from oakum.protocol.messages import (
    NOTES_PLAIN_BYTES_MAX,
    NOTES_REQUEST_COUNT_MAX,
    PROTOCOL_VERSION,
    NotesRequest,
    NotesUpload,
)


def answer_notes(broker: Broker, manager: PackageManager | None, wanted: tuple[NotesRequest, ...]) -> None:
    """Fetch and send the notes of each request, at most NOTES_REQUEST_COUNT_MAX.

    Raises:
        AgentError: the server cannot be reached or refuses; it asks again at a later check-in.
    """
    for request in wanted[:NOTES_REQUEST_COUNT_MAX]:
        upload = fit(manager.fetch_notes(request) if manager else _without_manager(request))
        broker.send_notes(upload)
        log(
            "notes.sent",
            source=request.source_name,
            version=request.source_version,
            entries=len(upload.entries),
            problem=upload.problem,
        )


def fit(upload: NotesUpload) -> NotesUpload:
    """Return ``upload`` with so many of its newest entries as one message can carry."""
    entries = upload.entries
    # Halving ends after as many rounds as a count has bits.
    while entries and len(canonical_json(dataclasses.replace(upload, entries=entries))) > NOTES_PLAIN_BYTES_MAX:
        entries = entries[: len(entries) // 2]
    return dataclasses.replace(upload, entries=entries)


def _without_manager(request: NotesRequest) -> NotesUpload:
    return NotesUpload(
        protocol=PROTOCOL_VERSION,
        source_name=request.source_name,
        source_version=request.source_version,
        problem=NO_MANAGER,
        entries=(),
    )
