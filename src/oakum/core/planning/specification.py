"""A spec as plain JSON and back, and the hash that approvals name.

The form is versioned and compact: a rollout of 100,000 hosts is one row of a few megabytes.  It judges nothing: the
order signer reads the same form with code of its own (``rollout.signer.derive``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from oakum.core.planning.values import (
    ChangeSet,
    ChangeSetIndex,
    HostId,
    LeftOut,
    Limits,
    OrganisationId,
    PersonId,
    RolloutId,
    Spec,
    Target,
)
from oakum.core.windows import Span
from oakum.protocol.codec import canonical_json
from oakum.protocol.orders import PackageChange
from oakum.protocol.trust import parse_instant, render_instant

FORMAT_VERSION = 1


def hash_plain(plain: Mapping[str, object]) -> str:
    """Return the SHA-256, in hex, of the canonical JSON of ``plain`` (a spec, a plan's body)."""
    return hashlib.sha256(canonical_json(dict(plain))).hexdigest()


def render_spec(spec: Spec) -> dict[str, object]:
    """Return ``spec`` as JSON values; :func:`parse_spec` gives it back."""
    return {
        "format": FORMAT_VERSION,
        "rollout_id": str(spec.rollout_id),
        "organisation_id": str(spec.organisation_id),
        "requested_by": str(spec.requested_by),
        "requested_for": spec.requested_for,
        "change_sets": [
            {
                "stream": each.stream,
                "changes": [
                    [change.name, change.architecture, change.from_version, change.to_version]
                    for change in each.changes
                ],
            }
            for each in spec.change_sets
        ],
        "rings": [[[str(target.host_id), target.change_set] for target in ring] for ring in spec.rings],
        "windows": [render_span(span) for span in spec.windows],
        "window_text": spec.window_text,
        "soak_seconds": _seconds(spec.soak),
        "health_delay_seconds": _seconds(spec.health_delay),
        "lost_after_seconds": _seconds(spec.lost_after),
        "failure_percent_max": spec.limits.failure_percent_max,
        "failure_count_max": spec.limits.failure_count_max,
        "lost_percent_max": spec.limits.lost_percent_max,
        "wave_count_max": spec.limits.wave_count_max,
        "reboot": spec.reboot,
        "left_out": [[str(each.host_id), each.name, each.source, each.reason, each.sentence] for each in spec.left_out],
        "notes": list(spec.notes),
    }


def parse_spec(plain: Mapping[str, Any]) -> Spec:
    """Read what :func:`render_spec` wrote: our own row, so anything else is a fault (KeyError, ValueError)."""
    if plain["format"] != FORMAT_VERSION:
        raise ValueError(f"spec format {plain['format']!r} is not known to this version")
    return Spec(
        rollout_id=RolloutId(UUID(plain["rollout_id"])),
        organisation_id=OrganisationId(UUID(plain["organisation_id"])),
        requested_by=PersonId(UUID(plain["requested_by"])),
        requested_for=plain["requested_for"],
        change_sets=tuple(_parse_change_set(each) for each in plain["change_sets"]),
        rings=tuple(
            tuple(Target(host_id=HostId(UUID(host)), change_set=ChangeSetIndex(index)) for host, index in ring)
            for ring in plain["rings"]
        ),
        windows=tuple(parse_span(pair) for pair in plain["windows"]),
        window_text=plain["window_text"],
        soak=timedelta(seconds=plain["soak_seconds"]),
        health_delay=timedelta(seconds=plain["health_delay_seconds"]),
        lost_after=timedelta(seconds=plain["lost_after_seconds"]),
        limits=Limits(
            failure_percent_max=plain["failure_percent_max"],
            failure_count_max=plain["failure_count_max"],
            lost_percent_max=plain["lost_percent_max"],
            wave_count_max=plain["wave_count_max"],
        ),
        reboot=plain["reboot"],
        left_out=tuple(
            LeftOut(host_id=HostId(UUID(host)), name=name, source=source, reason=reason, sentence=sentence)
            for host, name, source, reason, sentence in plain["left_out"]
        ),
        notes=tuple(plain["notes"]),
    )


def _parse_change_set(plain: Mapping[str, Any]) -> ChangeSet:
    return ChangeSet(
        stream=plain["stream"],
        changes=tuple(
            PackageChange(name=name, architecture=architecture, from_version=old, to_version=new)
            for name, architecture, old, new in plain["changes"]
        ),
    )


def render_span(span: Span) -> list[str]:
    """Return a span as its two instants."""
    return [render_instant(span.starts_at), render_instant(span.ends_at)]


def parse_span(pair: list[str]) -> Span:
    """Read what :func:`render_span` wrote."""
    starts_at, ends_at = pair
    return Span(starts_at=parse_instant(starts_at), ends_at=parse_instant(ends_at))


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
