"""Are we compliant?  Hosts against their deadlines, and patches against hosts.

A host that is silent, never told, or hides what runs is unknown: neither compliant nor left out of the count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from oakum.core.compliance import HostVerdict, compliance_state, host_verdict
from oakum.core.packs import Pack
from oakum.core.planning.values import FAILURES
from oakum.findings.queries import AsOf, HostSummary, PatchHost, host_report, patch_hosts
from oakum.policy.queries import rules_of
from oakum.reporting.values import Compliance, ComplianceTotal, HostCompliance, PackView, PatchCompliance, PatchState
from oakum.rollout.models import RolloutHost

ATTEMPT_COUNT_MAX = 20_000
# Worst first.
VERDICT_RANKS = {HostVerdict.OVERDUE: 0, HostVerdict.UNKNOWN: 1, HostVerdict.COMPLIANT: 2}


def compliance(*, organisation_id: UUID, now: datetime) -> Compliance:
    """Return every host's verdict, worst first, with totals."""
    rules = rules_of(organisation_id=organisation_id)
    hosts, as_of = host_report(organisation_id=organisation_id, rules=rules, now=now)
    return judge_hosts(hosts, pack=rules.pack, as_of=as_of)


def judge_hosts(hosts: Iterable[HostSummary], *, pack: Pack, as_of: AsOf) -> Compliance:
    """Judge hosts that are loaded already."""
    rows = sorted((judge_host(host, as_of.at) for host in hosts), key=_worst_first)
    names = sorted({name for row in rows for name in row.host.groups})
    return Compliance(
        pack=pack_view(pack),
        rows=tuple(rows),
        total=_total("", rows),
        groups=tuple(_total(name, [row for row in rows if name in row.host.groups]) for name in names),
        as_of=as_of,
    )


def pack_view(pack: Pack) -> PackView:
    """Return what a report says of its rules."""
    return PackView(id=pack.id, version=pack.version, title=pack.title, source=pack.source)


def judge_host(host: HostSummary, now: datetime) -> HostCompliance:
    """Judge one host and say why."""
    verdict = host_verdict(
        packages_status=host.packages_status,
        is_stale=host.presence != "seen",
        overdue_count=host.overdue,
        unverified_count=host.unverified,
    )
    return HostCompliance(host=host, verdict=verdict, sentence=_sentence(host, verdict, now))


def _sentence(host: HostSummary, verdict: HostVerdict, now: datetime) -> str:
    reasons = list(_reasons(host, now))
    if verdict is HostVerdict.COMPLIANT:
        due_at = host.worst_due_at
        reasons.append(
            f"Nothing is overdue; next is {host.worst_package}, due {due_at:%Y-%m-%d}."
            if due_at
            else "Nothing is overdue and nothing has a date."
        )
    return " ".join(reasons)


def _reasons(host: HostSummary, now: datetime) -> Iterator[str]:
    if host.overdue and host.worst_due_at is not None:
        noun = "finding is" if host.overdue == 1 else "findings are"
        since = f"{host.worst_due_at:%Y-%m-%d}"
        yield f"{host.overdue} {noun} overdue, {host.worst_package} since {since}."
    if host.presence == "never":
        yield "It has never been heard of since it was enrolled."
    elif host.presence == "silent" and host.last_seen_at is not None:
        days = (now - host.last_seen_at).days
        yield f"It was last heard of on {host.last_seen_at:%Y-%m-%d %H:%M} UTC, {days} days ago."
    if host.packages_status != "known":
        yield f"Its packages are not known: {host.packages_reason.rstrip('.') or 'it gave no reason'}."
    if host.unverified:
        noun = "fix is" if host.unverified == 1 else "fixes are"
        yield f"{host.unverified} {noun} installed, and whether older code still runs could not be seen."


def _worst_first(row: HostCompliance) -> tuple[int, int, str, str]:
    return (VERDICT_RANKS[row.verdict], -row.host.overdue, row.host.hostname, str(row.host.host_id))


def _total(name: str, rows: Sequence[HostCompliance]) -> ComplianceTotal:
    verdicts = [row.verdict for row in rows]
    compliant = verdicts.count(HostVerdict.COMPLIANT)
    return ComplianceTotal(
        name=name,
        host_count=len(rows),
        compliant_count=compliant,
        overdue_count=verdicts.count(HostVerdict.OVERDUE),
        unknown_count=verdicts.count(HostVerdict.UNKNOWN),
        open_finding_count=sum(row.host.open for row in rows),
        overdue_finding_count=sum(row.host.overdue for row in rows),
        compliant_percent=round(100 * compliant / len(rows), 1) if rows else None,
    )


def patch_compliance(*, organisation_id: UUID, now: datetime, kind: str = "") -> Iterator[PatchCompliance]:
    """Yield every patch (of ``kind``) that some host has pending or installed, with its state on each of them."""
    failed = _failed_attempts(organisation_id)
    rules = rules_of(organisation_id=organisation_id)
    for head, hosts in patch_hosts(organisation_id=organisation_id, rules=rules, now=now, kind=kind):
        yield PatchCompliance(
            update_id=head.id,
            stream=head.stream,
            source_name=head.source_name,
            source_version=head.source_version,
            kind=head.kind,
            cves=head.cves,
            hosts=tuple(_patch_state(host, failed) for host in hosts),
            not_applicable_count=head.host_total_count - len(hosts),
        )


Attempt = tuple[UUID, str, str]  # host, binary package, version


def _failed_attempts(organisation_id: UUID) -> frozenset[Attempt]:
    """Return what rollouts tried to bring to hosts in vain: at most ATTEMPT_COUNT_MAX hosts, newest first."""
    rows = RolloutHost.objects.filter(rollout__organisation_id=organisation_id, state__in=FAILURES)
    newest = rows.order_by("-changed_at").values_list("host_id", "changes")[:ATTEMPT_COUNT_MAX]
    return frozenset(
        (host_id, change["name"], change["to_version"]) for host_id, changes in newest for change in changes
    )


def _patch_state(host: PatchHost, failed: frozenset[Attempt]) -> PatchState:
    attempts = {(host.host_id, name, version) for name, version in host.brings}
    return PatchState(
        host_id=host.host_id,
        hostname=host.hostname,
        state=compliance_state(host.remedy, last_attempt_failed=not failed.isdisjoint(attempts)),
        from_version=host.from_version,
        due_at=host.due_at,
        inventory_at=host.inventory_at,
    )
