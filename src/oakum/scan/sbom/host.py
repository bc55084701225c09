"""The bill of materials of a managed host, in CycloneDX 1.6: what the server knows to be installed there.

The only file of the scan that asks the server's rooms; a scan itself does without them.  What is vulnerable is not in
it: `oakum finding list` and `oakum scan` say that.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from oakum.core.streams import base_stream
from oakum.fleet.queries import Installed, installed
from oakum.scan.outputs.json_lines import json_lines
from oakum.scan.sbom.writing import WrittenPackage, document, references, system_of, with_serial
from oakum.scan.values import DISTRIBUTION_TYPES


def host_sbom(*, organisation_id: UUID, host_id: UUID, now: datetime) -> Iterator[str]:
    """Return the lines of a host's document, each with its end.

    Raises:
        NotFoundError: not a host of this organisation.
        OperatorError: what is installed there is not known.
    """
    members = host_document(installed(organisation_id=organisation_id, host_id=host_id), now=now)
    return (f"{line}\n" for line in json_lines(members))


def host_document(found: Installed, *, now: datetime) -> dict[str, Any]:
    """Return the document in plain values; the same packages at the same instant give the same document."""
    names = references(each.purl for each in found.packages)
    packages = (
        WrittenPackage(
            reference=name,
            kind=_kind(each.scheme, each.stream),
            stream=each.stream,
            name=each.name,
            version=each.version,
            architecture=each.architecture,
            purl=each.purl,
            is_held=each.held,
            remarks={"older_code_runs": "true" if each.running_old else ""},
        )
        for each, name in zip(found.packages, names, strict=True)
    )
    members = document(
        packages,
        subject=found.hostname,
        system=system_of(found.stream, found.os_name),
        is_complete=True,
        now=now,
    )
    if found.inventory_at is not None:
        told = {"name": "oakum:inventory_at", "value": found.inventory_at.isoformat()}
        members["metadata"]["properties"] = [told]
    return with_serial(members)


def _kind(scheme: str, stream: str) -> str:
    kind = scheme.partition(".")[0]
    return kind if kind in DISTRIBUTION_TYPES else base_stream(stream)
