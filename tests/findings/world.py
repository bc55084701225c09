"""Advisories, findings and histories for tests, as the rooms below would have stored them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion, ReleaseNote, Update, UpdateKind
from oakum.core.packs import load_pack
from oakum.core.streams import scheme_of_stream
from oakum.core.versions import order_key
from oakum.findings.models import Finding
from oakum.findings.queries import Rules
from oakum.fleet.models import Host, HostChange
from oakum.identity.models import Organisation
from oakum.intel.models import Advisory, AdvisoryCve, Feed, KevEntry, Vulnerability

BOD = Rules(pack=load_pack("cisa-bod-26-04"), stale_after=timedelta(days=1))
SIMPLE = Rules(pack=load_pack("severity-simple"), stale_after=timedelta(days=1))
STREAM = "debian:12"

OLD_SSL = ("libssl3", "3.0.15-1~deb12u1", "openssl", "3.0.15-1~deb12u1")
OLD_SSL_TOOL = ("openssl", "3.0.15-1~deb12u1", "openssl", "3.0.15-1~deb12u1")
NEW_SSL = ("libssl3", "3.0.17-1~deb12u2", "openssl", "3.0.17-1~deb12u2")
NEW_SSL_TOOL = ("openssl", "3.0.17-1~deb12u2", "openssl", "3.0.17-1~deb12u2")
FIX = "3.0.17-1~deb12u2"
CURL = ("curl", "7.88.1-10", "curl", "7.88.1-10")


def make_feed(name: str = "osv-debian", *, kind: str = "osv", now: datetime) -> Feed:
    feed, _ = Feed.objects.get_or_create(
        name=name, defaults={"kind": kind, "generation": 1, "generation_next": 1, "imported_at": now}
    )
    return feed


def make_advisory(
    ref: str,
    *,
    now: datetime,
    cves: Sequence[str] = (),
    severity: str = "",
    feed: Feed | None = None,
    organisation: Organisation | None = None,
) -> Advisory:
    feed = feed or make_feed(now=now)
    advisory = Advisory.objects.create(
        feed=feed,
        generation=feed.generation,
        organisation=organisation,
        ref=ref,
        title=f"{ref}: something",
        severity=severity,
        cves=list(cves),
        published_at=now,
    )
    AdvisoryCve.objects.bulk_create([AdvisoryCve(advisory=advisory, cve=cve) for cve in cves])
    return advisory


def make_finding(
    advisory: Advisory, versions: Iterable[PackageVersion], *, since: datetime, fixed: str = "", state: str = "affected"
) -> None:
    for version in versions:
        Finding.objects.create(
            organisation_id=advisory.organisation_id,
            package_version=version,
            advisory=advisory,
            feed_name=advisory.feed.name,
            advisory_ref=advisory.ref,
            state=state,
            fixed_version=fixed,
            evidence=f"{version.source_version} is below {fixed or 'any fix'}",
            since=since,
        )


def rate(cve: str, *, automatable: str = "", impact: str = "", score: float | None = None) -> None:
    Vulnerability.objects.create(
        cve=cve,
        summary=f"About {cve}",
        ssvc_automatable=automatable,
        ssvc_technical_impact=impact,
        ssvc_source="CISA",
        cvss_score=score,
        cvss_vector="CVSS:3.1/AV:N" if score is not None else "",
        cvss_source="NVD" if score is not None else "",
    )


def list_in_kev(cve: str, *, on: date, now: datetime) -> None:
    feed = make_feed("kev", kind="kev", now=now)
    KevEntry.objects.create(
        feed=feed,
        generation=feed.generation,
        cve=cve,
        name=cve,
        added_on=on,
        ransomware="unknown",
        forensic_triage="no",
    )


def make_update(
    organisation: Organisation,
    source_name: str,
    version: str,
    *,
    now: datetime,
    host: Host,
    kind: UpdateKind = UpdateKind.SECURITY,
    stream: str = STREAM,
) -> Update:
    return Update.objects.create(
        organisation=organisation,
        stream=stream,
        source_name=source_name,
        source_version=version,
        source_order_key=order_key(scheme_of_stream(stream), version),
        kind=kind,
        origins=[{"origin": "Debian", "label": "Debian-Security", "suite": "stable-security"}],
        first_seen_at=now,
        told_by_host_id=host.id,
    )


def make_note(
    organisation: Organisation, source_name: str, version: str, *, now: datetime, host: Host, cves: Sequence[str] = ()
) -> ReleaseNote:
    return ReleaseNote.objects.create(
        organisation=organisation,
        stream=STREAM,
        source_name=source_name,
        version=version,
        order_key=order_key(scheme_of_stream(STREAM), version),
        distribution="stable-security",
        urgency="high",
        dated="Sat, 21 Nov 2026 10:00:00 +0000",
        text=f"  * Fix {', '.join(cves) or 'something'}.",
        cves=list(cves),
        told_by_host_id=host.id,
        told_at=now,
    )


def replace_packages(
    host: Host, removed: Sequence[PackageVersion], added: Sequence[PackageVersion], *, at: datetime
) -> None:
    """Record that a host now has other packages, as its inventory report would have been."""
    before = BitMap.deserialize(bytes(host.package_set))
    gone, new = BitMap([row.id for row in removed]), BitMap([row.id for row in added])
    host.package_set = ((before - gone) | new).serialize()
    host.save()
    HostChange.objects.create(
        organisation_id=host.organisation_id, host=host, at=at, added=new.serialize(), removed=gone.serialize()
    )
