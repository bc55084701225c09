"""The catalogue of pending updates by the API."""

from __future__ import annotations

from typing import Literal

from django.http import HttpRequest
from ninja import Router

from oakum.api.auth import session_of, utc_now
from oakum.api.fields import Limit, Offset, RowId, Text
from oakum.api.refs import checked_group, resolve_host
from oakum.findings import queries
from oakum.policy.queries import rules_of

router = Router()
Kind = Literal["", "security", "bugfix", "feature"]


@router.get("", response=queries.PatchPage)
def list_patches(
    request: HttpRequest,
    kind: Kind = "",
    search: Text = "",
    cve: Text = "",
    host: Text = "",
    group: Text = "",
    *,
    pending: bool | None = True,
    overdue: bool | None = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> queries.PatchPage:
    """List updates, soonest deadline first; ``pending=false``: those that no host has still to install."""
    session, now = session_of(request), utc_now()
    return queries.patches(
        organisation_id=session.organisation_id,
        rules=rules_of(organisation_id=session.organisation_id),
        now=now,
        wanted=queries.PatchFilter(
            kind=kind,
            search=search,
            cve=cve.strip().upper(),
            host_ids=(resolve_host(session, host, now),) if host else (),
            group=checked_group(session, group),
            pending=pending,
            overdue=overdue,
        ),
        limit=limit,
        offset=offset,
    )


@router.get("/{update_id}", response=queries.PatchView)
def show_patch(request: HttpRequest, update_id: RowId) -> queries.PatchView:
    """Return one update with its release notes and the hosts that have it pending or installed."""
    organisation_id = session_of(request).organisation_id
    return queries.patch(
        organisation_id=organisation_id,
        update_id=update_id,
        rules=rules_of(organisation_id=organisation_id),
        now=utc_now(),
    )
