"""What would be, by the API: an advisory tried out before it is imported."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from django.http import HttpRequest
from ninja import Router
from pydantic import StringConstraints

from oakum.api.auth import session_of, utc_now
from oakum.api.fields import Body, Limit, Offset, Text
from oakum.core.errors import OperatorError
from oakum.findings import queries
from oakum.policy.queries import rules_of

router = Router()
# Four letters for three bytes of the largest file that is read.
CONTENT_LENGTH_MAX = 940_000


class AdvisoryFile(Body):
    """An advisory in any of the formats that feeds are imported from; ``name`` helps to tell which."""

    name: Text = ""
    kind: Text = ""
    content_base64: Annotated[str, StringConstraints(max_length=CONTENT_LENGTH_MAX)]
    limit: Limit = 50
    offset: Offset = 0


@router.post("/advisory", response=queries.WhatIf)
def try_advisory(request: HttpRequest, body: AdvisoryFile) -> queries.WhatIf:
    """Return which hosts the advisories of a file would reach, by which comparison; nothing is imported."""
    organisation_id = session_of(request).organisation_id
    try:
        content = base64.b64decode(body.content_base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise OperatorError(
            code="content_invalid",
            sentence=f"content_base64 is no base64: {error}.",
            next_step="Send the file's bytes, encoded as RFC 4648 says.",
        ) from error
    return queries.what_if(
        organisation_id=organisation_id,
        name=body.name,
        content=content,
        kind=body.kind or None,
        rules=rules_of(organisation_id=organisation_id),
        now=utc_now(),
        limit=body.limit,
        offset=body.offset,
    )
