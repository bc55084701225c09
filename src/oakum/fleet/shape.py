"""Look whether what a host sent is well-formed; each function returns place and fault in words, "" if all is well.

Pure.  The wire's decoder has checked types; here are lengths, counts, forms and words, so that nothing a host sends can
make the database refuse a whole batch.  Whether a version is one is the scheme's word (``core.versions``).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter

from oakum.protocol.inventory import (
    ADDRESS_COUNT_MAX,
    KERNEL_COUNT_MAX,
    NO,
    OFFER_COUNT_MAX,
    PACKAGE_COUNT_MAX,
    REPOSITORY_COUNT_MAX,
    SERVICE_COUNT_MAX,
    TEXT_LENGTH_MAX,
    UNKNOWN,
    YES,
    FactsSection,
    InstalledPackage,
    Offer,
    OffersSection,
    PackagesSection,
)
from oakum.protocol.messages import ActiveOrder, CheckIn, EnrolRequest, InventoryUpload
from oakum.protocol.trust import MODES

HASH_RE = re.compile(r"[0-9a-f]{64}")
# Printable, no white space: what package managers take as names, versions and architectures.
WORD_RE = re.compile(r"[!-~]{1,200}")
# Host names as systems really have them (underscores occur); never a separator of paths or markup.
HOSTNAME_RE = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?")
ID_RE = re.compile(r"[!-~]{1,64}")

_NAME_AND_ARCHITECTURE = attrgetter("name", "architecture")
_STATE = attrgetter("state")

HOSTNAME_LENGTH_MAX = 255
ARCHITECTURE_LENGTH_MAX = 30
AGENT_VERSION_LENGTH_MAX = 40
STATE_LENGTH_MAX = 40
ACTIVE_COUNT_MAX = 64
ORIGIN_COUNT_MAX = 64
NAME_COUNT_MAX = 4_000  # package names in one list of the facts
GENERATION_MAX = 2**63 - 1
INSTANT_COUNT = 8_192  # kept parsed: each is asked for twice, and a batch's hosts tell the same second
BYTES_MAX = 2**62
STATUSES = ("known", UNKNOWN)
ANSWERS = (YES, NO, UNKNOWN)


@lru_cache(maxsize=INSTANT_COUNT)
def parse_utc(text: str) -> datetime | None:
    """Return the instant of an RFC 3339 text ending in ``Z``, None if it is none (``trust.parse_instant``, faster)."""
    if not text.endswith("Z") or len(text) > len("2026-11-22T12:00:00.123456Z"):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def enrol_problem(request: EnrolRequest) -> str:
    """Say what is wrong with an enrolment."""
    if not HASH_RE.fullmatch(request.secret_hash):
        return "secret_hash is no SHA-256 in hex"
    if not HOSTNAME_RE.fullmatch(request.hostname):
        return "hostname is no host name"
    if request.machine_id_hash and not HASH_RE.fullmatch(request.machine_id_hash):
        return "machine_id_hash is no SHA-256 in hex"
    return _agent_problem(request.policy_mode, request.agent_version)


def _agent_problem(policy_mode: str, agent_version: str) -> str:
    if policy_mode not in MODES:
        return f"policy_mode is none of {', '.join(MODES)}"
    if len(agent_version) > AGENT_VERSION_LENGTH_MAX or not agent_version.isprintable():
        return "agent_version is no version"
    return ""


def check_in_problem(check_in: CheckIn) -> str:
    """Say what is wrong with a check-in."""
    # An empty nonce is well-formed: an agent that has lost its state has none to show.
    if check_in.nonce and not ID_RE.fullmatch(check_in.nonce):
        return "nonce is too long or not printable"
    if not ID_RE.fullmatch(check_in.attempt):
        return "attempt is empty or too long"
    for name, value in (
        ("packages_hash", check_in.packages_hash),
        ("offers_hash", check_in.offers_hash),
        ("facts_hash", check_in.facts_hash),
    ):
        if not HASH_RE.fullmatch(value):
            return f"{name} is no SHA-256 in hex"
    if check_in.boot_id and not ID_RE.fullmatch(check_in.boot_id):
        return "boot_id is too long"
    for name, value in (("sent_at", check_in.sent_at), ("lists_updated_at", check_in.lists_updated_at)):
        # Lists that were never updated have no instant.
        if parse_utc(value) is None and (value or name == "sent_at"):
            return f"{name} is no instant in UTC"
    if not 0 <= check_in.generation_max <= GENERATION_MAX:
        return "generation_max is out of bounds"
    if len(check_in.active) > ACTIVE_COUNT_MAX:
        return f"active has more than {ACTIVE_COUNT_MAX} orders"
    return _agent_problem(check_in.policy_mode, check_in.agent_version)


def cleaned_active(active: Iterable[ActiveOrder]) -> list[dict[str, str]]:
    """Return what a host says it is doing as it may be stored: texts cut, without NUL.

    It is for people to read; a host must not be shut out for a word in it.
    """
    return [
        {
            field.name: getattr(order, field.name).replace("\0", "")[:TEXT_LENGTH_MAX]
            for field in dataclasses.fields(order)
        }
        for order in active
    ]


def inventory_problem(upload: InventoryUpload) -> str:
    """Say what is wrong with an inventory report.

    Package names and versions are looked at one by one only where they are new (``package_problem``,
    ``offer_problem``): the catalogue holds none that did not pass.
    """
    if parse_utc(upload.observed_at) is None:
        return "observed_at is no instant in UTC"
    if upload.packages is None and upload.offers is None and upload.facts is None:
        return "it has no section"
    return (
        (upload.packages and _packages_problem(upload.packages))
        or (upload.offers and _offers_problem(upload.offers))
        or (upload.facts and _facts_problem(upload.facts))
        or ""
    )


def _packages_problem(section: PackagesSection) -> str:
    problem = _section_problem("packages", section.manager, section.status, section.reason)
    if problem:
        return problem
    if len(section.packages) > PACKAGE_COUNT_MAX:
        return f"packages.packages has more than {PACKAGE_COUNT_MAX} entries"
    if section.status == UNKNOWN and section.packages:
        return "packages.packages has entries although the section is unknown"
    if len(set(map(_NAME_AND_ARCHITECTURE, section.packages))) != len(section.packages):
        return f"packages.packages names {_twice(section.packages)} twice"
    states = set(map(_STATE, section.packages))
    if any(len(state) > STATE_LENGTH_MAX or not state.isprintable() for state in states):
        return "packages.packages has a state that is too long or not printable"
    return ""


def _twice(packages: Sequence[InstalledPackage]) -> str:
    seen: set[tuple[str, str]] = set()
    for package in packages:
        if (package.name, package.architecture) in seen:
            return f"{package.name[:80]!r}"
        seen.add((package.name, package.architecture))
    raise AssertionError("called only when a package is named twice")


def _offers_problem(section: OffersSection) -> str:
    problem = _section_problem("offers", section.manager, section.status, section.reason)
    if problem:
        return problem
    if len(section.offers) > OFFER_COUNT_MAX:
        return f"offers.offers has more than {OFFER_COUNT_MAX} entries"
    if len(section.repositories) > REPOSITORY_COUNT_MAX:
        return f"offers.repositories has more than {REPOSITORY_COUNT_MAX} entries"
    for index, offer in enumerate(section.offers):
        problem = _offer_texts_problem(offer)
        if problem:
            return f"offers.offers[{index}]{problem}"
    for index, repository in enumerate(section.repositories):
        origin = repository.origin
        texts = (origin.origin, origin.label, origin.suite, origin.codename, origin.component)
        if _unfit((repository.address, *texts)) or not 0 <= repository.package_count <= BYTES_MAX:
            return f"offers.repositories[{index}] has a text that is too long or holds a NUL or an impossible count"
    return ""


def _offer_texts_problem(offer: Offer) -> str:
    if len(offer.origins) > ORIGIN_COUNT_MAX:
        return f".origins has more than {ORIGIN_COUNT_MAX} entries"
    if not 0 <= offer.download_bytes <= BYTES_MAX:
        return ".download_bytes is out of bounds"
    texts = [offer.installed_version, offer.kept_back]
    for origin in offer.origins:
        texts += (origin.origin, origin.label, origin.suite, origin.codename, origin.component)
    return " has a text that is too long or holds a NUL" if _unfit(texts) else ""


def _facts_problem(facts: FactsSection) -> str:
    if not HOSTNAME_RE.fullmatch(facts.hostname):
        return "facts.hostname is no host name"
    if facts.machine_id_hash and not HASH_RE.fullmatch(facts.machine_id_hash):
        return "facts.machine_id_hash is no SHA-256 in hex"
    for name, value, limit in (
        ("os_id", facts.os_id, 40),
        ("os_version_id", facts.os_version_id, 40),
        ("os_name", facts.os_name, 120),
        ("architecture", facts.architecture, ARCHITECTURE_LENGTH_MAX),
        ("kernel_running", facts.kernel_running, 120),
        ("boot_id", facts.boot_id, 64),
        ("os_codename", facts.os_codename, 120),
        ("virtualisation", facts.virtualisation, 120),
        ("python_version", facts.python_version, 120),
    ):
        if len(value) > limit or not value.isprintable():
            return f"facts.{name} is too long or not printable"
    if facts.reboot_required not in ANSWERS or facts.stale_status not in STATUSES:
        return "facts.reboot_required or facts.stale_status is none of its words"
    return _agent_problem(facts.policy_mode, facts.agent_version) or _facts_lists_problem(facts)


def _facts_lists_problem(facts: FactsSection) -> str:
    for name, count, limit in (
        ("kernels", len(facts.kernels), KERNEL_COUNT_MAX),
        ("stale_services", len(facts.stale_services), SERVICE_COUNT_MAX),
        ("addresses", len(facts.addresses), ADDRESS_COUNT_MAX),
        ("reboot_required_packages", len(facts.reboot_required_packages), NAME_COUNT_MAX),
    ):
        if count > limit:
            return f"facts.{name} has more than {limit} entries"
    texts = [*facts.addresses, *facts.reboot_required_packages]
    for kernel in facts.kernels:
        texts += (kernel.release, kernel.package, kernel.version)
    for service in facts.stale_services:
        if len(service.packages) > NAME_COUNT_MAX or not 0 <= service.process_count <= BYTES_MAX:
            return "facts.stale_services has a service with too many packages or an impossible count"
        texts += (service.unit, *service.packages)
    return "facts has a text that is too long or holds a NUL in a list" if _unfit(texts) else ""


def _section_problem(name: str, manager: str, status: str, reason: str) -> str:
    if status not in STATUSES:
        return f"{name}.status is none of {', '.join(STATUSES)}"
    if _unfit((manager, reason)):
        return f"{name}.manager or {name}.reason is too long or holds a NUL"
    if status == UNKNOWN and not reason:
        return f"{name}.reason is empty although the section is unknown"
    return ""


def words_problem(name: str, version: str, architecture: str, source_name: str, source_version: str) -> str:
    """Say which of a package version's words is none."""
    for field, value in (
        ("name", name),
        ("version", version),
        ("architecture", architecture),
        ("source_name", source_name),
        ("source_version", source_version),
    ):
        if not WORD_RE.fullmatch(value):
            return f"{field} is empty, too long or not printable: {value[:40]!r}"
    if len(architecture) > ARCHITECTURE_LENGTH_MAX:
        return f"architecture is too long: {architecture[:40]!r}"
    return ""


def _unfit(texts: Iterable[str]) -> bool:
    # PostgreSQL keeps no NUL in a text.
    return any(len(text) > TEXT_LENGTH_MAX or "\0" in text for text in texts)
