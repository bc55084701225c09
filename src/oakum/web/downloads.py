"""Exports as files to keep.  How they are sent while they are made is ``oakum.streaming``'s business."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest, StreamingHttpResponse

from oakum.streaming import stream


def download(request: HttpRequest, pieces: Iterable[str], *, name: str, content_type: str) -> StreamingHttpResponse:
    """Send ``pieces`` as a file to keep; ``name`` is ours, never a host's word."""
    response = stream(request, pieces, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
