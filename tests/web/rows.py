"""A small fleet for the pages: Debian hosts with a vulnerable openssl, by the rooms' own verbs where they have them.

The pages read the clock at their door, so rows here are dated from the real one.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from oakum.findings.services import assess
from oakum.fleet.models import Host
from oakum.fleet.services import add_to_group, enrol, record_inventory, set_group
from oakum.fleet.services.enrolment import create_enrolment_token, hash_secret
from oakum.identity.models import Installation, Organisation, Person, Role
from oakum.intel.services import import_feed
from oakum.protocol.inventory import (
    FactsSection,
    InstalledPackage,
    Offer,
    OffersSection,
    Origin,
    PackagesSection,
    Repository,
)
from oakum.protocol.messages import EnrolRequest, InventoryUpload
from oakum.protocol.trust import render_instant
from tests.factories import make_organisation, make_person
from tests.replay import Replay

PASSWORD = "correct horse battery"
SECURITY = Origin("Debian", "Debian-Security", "stable-security", "bookworm-security", "main")
STABLE = Origin("Debian", "Debian", "stable", "bookworm", "main")
OLD_OPENSSL, NEW_OPENSSL = "3.0.11-1~deb12u2", "3.0.17-1~deb12u3"
CVE = "CVE-2026-11111"
EXPLOITED_CVE = "CVE-2026-22222"
INSTALLED = (
    InstalledPackage("openssl", OLD_OPENSSL, "amd64", "openssl", OLD_OPENSSL),
    InstalledPackage("libssl3", OLD_OPENSSL, "amd64", "openssl", OLD_OPENSSL),
    InstalledPackage("tzdata", "2023c-5", "all", "tzdata", "2023c-5"),
    InstalledPackage("bash", "5.2.15-2+b7", "amd64", "bash", "5.2.15-2"),
)
OFFERED = (
    Offer("openssl", "amd64", OLD_OPENSSL, NEW_OPENSSL, "openssl", NEW_OPENSSL, (SECURITY,), download_bytes=1_400_000),
    Offer("libssl3", "amd64", OLD_OPENSSL, NEW_OPENSSL, "openssl", NEW_OPENSSL, (SECURITY,), download_bytes=2_000_000),
    Offer("tzdata", "all", "2023c-5", "2025b-0+deb12u2", "tzdata", "2025b-0+deb12u2", (STABLE,), download_bytes=1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """An organisation, a person of each role, and the instant it was made."""

    organisation: Organisation
    people: dict[str, Person]
    now: datetime


def make_world(*, approvals_required: int = 1) -> World:
    now = datetime.now(tz=UTC)
    organisation = make_organisation(now=now - timedelta(days=60), name="Main", approvals_required=approvals_required)
    Installation.objects.create(id=1, created_at=now, signer_key="ab" * 32, signer_seen_at=now)
    people = {
        role.value: make_person(organisation, now=now, name=name, role=role)
        for name, role in (
            ("vera", Role.VIEWER),
            ("otto", Role.OPERATOR),
            ("anna", Role.APPROVER),
            ("adam", Role.ADMINISTRATOR),
        )
    }
    return World(organisation=organisation, people=people, now=now)


def add_host(
    world: World,
    hostname: str,
    *,
    installed: tuple[InstalledPackage, ...] = INSTALLED,
    offered: tuple[Offer, ...] = OFFERED,
    status: str = "known",
    reports: bool = True,
    group: str = "",
    mode: str = "apply",
    age: timedelta = timedelta(days=1),
) -> Host:
    """Enrol a host and, unless it ``reports`` nothing, have it report."""
    enrolled_at = world.now - age
    _, token = create_enrolment_token(
        organisation_id=world.organisation.id, actor="admin", now=enrolled_at, note=hostname
    )
    secret = hash_secret(hostname)
    reply = enrol(EnrolRequest(1, token, secret, hostname, hash_secret("m" + hostname), mode, "0.1.0"), now=enrolled_at)
    host = Host.objects.get(id=reply.host_id)
    if group:
        set_group(organisation_id=world.organisation.id, name=group, actor="admin", now=enrolled_at)
        add_to_group(
            organisation_id=world.organisation.id, name=group, host_ids=[host.id], actor="admin", now=enrolled_at
        )
    if reports:
        report(world, host, installed=installed, offered=offered, status=status, mode=mode)
    host.refresh_from_db()
    return host


def report(
    world: World,
    host: Host,
    *,
    installed: tuple[InstalledPackage, ...] = INSTALLED,
    offered: tuple[Offer, ...] = OFFERED,
    status: str = "known",
    mode: str = "apply",
) -> None:
    """Have a host report now."""
    reason = "" if status == "known" else "The package manager's status file cannot be read."
    known = status == "known"
    upload = InventoryUpload(
        1,
        render_instant(world.now),
        packages=PackagesSection("apt", status, reason, installed if known else ()),
        offers=OffersSection(
            "apt",
            status,
            reason,
            offered if known else (),
            (Repository("https://mirror.example.test", STABLE, 60_000),) if known else (),
        ),
        facts=_facts(host.hostname, mode),
    )
    Host.objects.filter(id=host.id).update(last_seen_at=world.now, lists_updated_at=world.now)
    record_inventory(host_id=host.id, upload=upload, now=world.now)


def _facts(hostname: str, mode: str) -> FactsSection:
    return FactsSection(
        hostname=hostname,
        machine_id_hash=hash_secret("m" + hostname),
        os_id="debian",
        os_version_id="12",
        os_codename="bookworm",
        os_name="Debian GNU/Linux 12 (bookworm)",
        architecture="amd64",
        kernel_running="6.1.0-13-amd64",
        kernels=(),
        boot_id=hash_secret(hostname)[:36],
        reboot_required="no",
        reboot_required_packages=(),
        stale_status="known",
        stale_services=(),
        addresses=("10.0.0.7",),
        virtualisation="kvm",
        policy_mode=mode,
        agent_version="0.1.0",
        python_version="3.11.2",
    )


def import_advisories(world: World, *, title: str = "openssl: several flaws") -> None:
    """Import one advisory on openssl that names two CVEs, one of them exploited, and judge."""
    advisory = {
        "id": "DSA-9999-1",
        "summary": title,
        "modified": "2026-10-02T00:00:00Z",
        "published": "2026-10-01T00:00:00Z",
        "aliases": [],
        "upstream": [CVE, EXPLOITED_CVE],
        "affected": [
            {
                "package": {"ecosystem": "Debian:12", "name": "openssl"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": NEW_OPENSSL}]}],
            }
        ],
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("DSA-9999-1.json", json.dumps(advisory))
    import_feed(io.BytesIO(packed.getvalue()), kind="osv", name="osv-debian", now=world.now)
    kev = {
        "title": "CISA Catalog of Known Exploited Vulnerabilities",
        "catalogVersion": "2026.11.01",
        "dateReleased": "2026-11-01T00:00:00Z",
        "count": 1,
        "vulnerabilities": [
            {
                "cveID": EXPLOITED_CVE,
                "vendorProject": "OpenSSL",
                "product": "OpenSSL",
                "vulnerabilityName": "OpenSSL flaw",
                "dateAdded": "2026-10-05",
                "shortDescription": "A flaw.",
                "requiredAction": "Apply updates.",
                "dueDate": "2026-10-26",
                "knownRansomwareCampaignUse": "Unknown",
                "notes": "",
                "cwes": [],
            }
        ],
    }
    import_feed(io.BytesIO(json.dumps(kev).encode()), kind="kev", name="kev", now=world.now)
    assess(now=world.now)


def _make_two_hosts() -> World:
    world = make_world()
    add_host(world, "web01", group="web")
    add_host(world, "db01")
    import_advisories(world)
    return world


two_hosts = Replay(_make_two_hosts)
