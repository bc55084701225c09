"""The catalogue of pending updates by the API."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from oakum.api.auth import session_of, utc_now
from oakum.api.hosts import resolve
from oakum.findings import queries
from oakum.policy.queries import rules_of

router = Router()


@router.get("", response=queries.PatchPage)
def list_patches(
    request: HttpRequest,
    kind: str = "",
    search: str = "",
    cve: str = "",
    host: str = "",
    group: str = "",
    *,
    pending: bool | None = True,
    overdue: bool | None = None,
    limit: int = 50,
    offset: int = 0,
) -> queries.PatchPage:
    """List updates, soonest deadline first; ``kind`` is security, bugfix or feature."""
    session, now = session_of(request), utc_now()
    return queries.patches(
        organisation_id=session.organisation_id,
        rules=rules_of(organisation_id=session.organisation_id),
        now=now,
        wanted=queries.PatchFilter(
            kind=kind,
            search=search,
            cve=cve,
            host_ids=(resolve(session, host, now),) if host else (),
            group=group,
            pending=pending,
            overdue=overdue,
        ),
        limit=limit,
        offset=offset,
    )


@router.get("/{update_id}", response=queries.PatchView)
def show_patch(request: HttpRequest, update_id: int) -> queries.PatchView:
    """Return one update with its release notes and the hosts that have it pending or installed."""
    organisation_id = session_of(request).organisation_id
    return queries.patch(
        organisation_id=organisation_id,
        update_id=update_id,
        rules=rules_of(organisation_id=organisation_id),
        now=utc_now(),
    )
