"""The REST API's root: authentication, and which router serves what."""

from __future__ import annotations

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse
from ninja import Router

from oakum import __version__
from oakum.api.auth import TokenAuth
from oakum.api.documented import DocumentedApi
from oakum.api.enrolment import router as enrolment
from oakum.api.faults import ROUTE_UNKNOWN, answer_faults
from oakum.api.findings import router as findings
from oakum.api.groups import router as groups
from oakum.api.hosts import router as hosts
from oakum.api.journal import router as journal
from oakum.api.me import router as me
from oakum.api.patches import router as patches
from oakum.api.policy import router as policy
from oakum.api.reports import router as reports
from oakum.api.rollouts import router as rollouts
from oakum.api.what_if import router as what_if

api = DocumentedApi(title="Oakum", version=__version__, auth=TokenAuth(), docs_url=None)
answer_faults(api)
# What is more special stands first: "hosts/groups" is no host's name.
for prefix, tag, router in (
    ("me", "me", me),
    ("hosts/groups", "groups", groups),
    ("hosts/enrolment-tokens", "enrolment", enrolment),
    ("hosts", "hosts", hosts),
    ("", "reports", reports),
    ("findings", "findings", findings),
    ("what-if", "what-if", what_if),
    ("patches", "patches", patches),
    ("rollouts", "rollouts", rollouts),
    ("policy", "policy", policy),
    ("journal", "journal", journal),
):
    api.add_router(prefix, router, tags=[tag])

unknown = Router()


@unknown.api_operation(["GET", "POST", "PUT", "PATCH", "DELETE"], "/{path:address}", include_in_schema=False)
def answer_unknown(request: HttpRequest, address: str) -> HttpResponse:
    """Answer an address that no route has."""
    del address
    return api.create_response(request, asdict(ROUTE_UNKNOWN), status=404)


api.add_router("", unknown)
