"""Hosts that speak, for tests: they enrol, check in and report as an agent does, without a network."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict
from uuid import UUID

from oakum.fleet import services
from oakum.identity.models import Installation, Organisation
from oakum.journal.models import Entry
from oakum.protocol.inventory import (
    FactsSection,
    InstalledPackage,
    Offer,
    OffersSection,
    Origin,
    PackagesSection,
    Repository,
    section_hash,
)
from oakum.protocol.messages import CheckIn, EnrolReply, EnrolRequest, InventoryUpload
from oakum.protocol.trust import render_instant

SIGNER_KEY = "5e" * 32
SECRET = "s3cret"
DEBIAN = Origin(origin="Debian", label="Debian", suite="stable", codename="bookworm", component="main")
SECURITY = dataclasses.replace(DEBIAN, label="Debian-Security", suite="stable-security", codename="bookworm-security")

PACKAGES = PackagesSection(
    manager="apt",
    status="known",
    reason="",
    packages=(
        InstalledPackage("libssl3", "3.0.15-1~deb12u1", "amd64", "openssl", "3.0.15-1~deb12u1"),
        InstalledPackage("openssl", "3.0.15-1~deb12u1", "amd64", "openssl", "3.0.15-1~deb12u1"),
        InstalledPackage("bash", "5.2.15-2+b7", "amd64", "bash", "5.2.15-2", held=True),
    ),
)
OFFERS = OffersSection(
    manager="apt",
    status="known",
    reason="",
    offers=(
        Offer(
            name="libssl3",
            architecture="amd64",
            installed_version="3.0.15-1~deb12u1",
            candidate_version="3.0.17-1~deb12u2",
            source_name="openssl",
            source_version="3.0.17-1~deb12u2",
            origins=(SECURITY,),
            download_bytes=2_000_000,
        ),
    ),
    repositories=(Repository(address="https://mirror.example.test", origin=DEBIAN, package_count=60_000),),
)
FACTS = FactsSection(
    hostname="web01",
    machine_id_hash=hashlib.sha256(b"web01").hexdigest(),
    os_id="debian",
    os_version_id="12",
    os_codename="bookworm",
    os_name="Debian GNU/Linux 12 (bookworm)",
    architecture="amd64",
    kernel_running="6.1.0-28-amd64",
    kernels=(),
    boot_id="6f6d3a52",
    reboot_required="no",
    reboot_required_packages=(),
    stale_status="known",
    stale_services=(),
    addresses=("192.0.2.7",),
    virtualisation="kvm",
    policy_mode="report_only",
    agent_version="0.1.0",
    python_version="3.11.2",
)


class By(TypedDict):
    """What every verb of a person takes."""

    organisation_id: UUID
    actor: str
    now: datetime


def payload_of(kind: str) -> dict[str, Any]:
    """Return the payload of the one journal entry of that kind."""
    payload = Entry.objects.get(kind=kind).payload
    assert payload is not None
    return dict(payload)


def make_installation(now: datetime) -> None:
    Installation.objects.update_or_create(id=1, defaults={"created_at": now, "signer_key": SIGNER_KEY})


@dataclass
class SpeakingHost:
    """What an agent keeps, and what it would report next."""

    id: UUID
    secret: str
    nonce: str
    packages: PackagesSection = PACKAGES
    offers: OffersSection = OFFERS
    facts: FactsSection = FACTS
    attempt: str = ""
    attempt_count: int = 0
    seconds_ahead: int = 0
    generation_max: int = 0

    def check_in_value(self, now: datetime) -> CheckIn:
        if not self.attempt:
            self.attempt_count += 1
            self.attempt = hashlib.sha256(f"{self.secret} {self.attempt_count}".encode()).hexdigest()[:32]
        return CheckIn(
            protocol=1,
            nonce=self.nonce,
            attempt=self.attempt,
            sent_at=render_instant(now + timedelta(seconds=self.seconds_ahead)),
            boot_id=self.facts.boot_id,
            agent_version=self.facts.agent_version,
            policy_mode=self.facts.policy_mode,
            packages_hash=section_hash(self.packages),
            offers_hash=section_hash(self.offers),
            facts_hash=section_hash(self.facts),
            lists_updated_at=render_instant(now.replace(minute=0, second=0)),
            generation_max=self.generation_max,
        )

    def heard(self, nonce: str) -> None:
        self.nonce, self.attempt = nonce, ""

    def check_in(self, now: datetime, *, reply_arrives: bool = True) -> services.CheckInResult:
        item = services.AuthenticatedCheckIn(host_id=self.id, check_in=self.check_in_value(now))
        (result,) = services.check_in_batch([item], now=now)
        if reply_arrives and isinstance(result, services.CheckedIn):
            self.heard(result.nonce)
        return result

    def upload_value(self, now: datetime, *sections: str) -> InventoryUpload:
        wanted = sections or ("packages", "offers", "facts")
        return InventoryUpload(
            protocol=1,
            observed_at=render_instant(now),
            packages=self.packages if "packages" in wanted else None,
            offers=self.offers if "offers" in wanted else None,
            facts=self.facts if "facts" in wanted else None,
        )

    def upload(self, now: datetime, *sections: str) -> tuple[str, ...]:
        return services.record_inventory(host_id=self.id, upload=self.upload_value(now, *sections), now=now)

    def report(self, now: datetime) -> tuple[str, ...]:
        """Check in, upload what is needed, and return what that was."""
        result = self.check_in(now)
        assert isinstance(result, services.CheckedIn), result
        if result.need:
            self.upload(now, *result.need)
        return result.need

    def copy(self) -> SpeakingHost:
        return dataclasses.replace(self, attempt_count=self.attempt_count + 1_000)


def enrol_request(token: str, *, secret: str = SECRET, hostname: str = "web01", machine: str = "") -> EnrolRequest:
    return EnrolRequest(
        protocol=1,
        token=token,
        secret_hash=hashlib.sha256(secret.encode()).hexdigest(),
        hostname=hostname,
        machine_id_hash=hashlib.sha256((machine or hostname).encode()).hexdigest(),
        policy_mode="report_only",
        agent_version="0.1.0",
    )


def make_token(organisation: Organisation, now: datetime, **fields: Any) -> str:
    _, text = services.create_enrolment_token(
        organisation_id=organisation.id,
        actor="person:ann",
        now=now,
        **fields,
    )
    return text


def enrol_host(organisation: Organisation, now: datetime, hostname: str = "web01") -> SpeakingHost:
    make_installation(now)
    secret = f"secret of {hostname}".replace(" ", "-")
    reply: EnrolReply = services.enrol(
        enrol_request(make_token(organisation, now), secret=secret, hostname=hostname), now=now
    )
    facts = dataclasses.replace(FACTS, hostname=hostname, machine_id_hash=hashlib.sha256(hostname.encode()).hexdigest())
    return SpeakingHost(id=UUID(reply.host_id), secret=secret, nonce=reply.nonce, facts=facts)
