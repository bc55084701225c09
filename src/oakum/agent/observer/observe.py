"""One look at the host: the three sections and their hashes.

It calls the parts of this room and puts their answers together; each part says ``unknown`` for itself.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from oakum import __version__
from oakum.agent.managers import NO_MANAGER, PackageManager, unknown_offers, unknown_packages
from oakum.agent.observer import reboot, system
from oakum.agent.observer.offers import observe_offers
from oakum.agent.observer.processes import scan_processes
from oakum.agent.observer.stale import list_stale_services
from oakum.protocol.codec import canonical_json
from oakum.protocol.inventory import (
    KERNEL_COUNT_MAX,
    TEXT_LENGTH_MAX,
    UNKNOWN,
    FactsSection,
    InstalledKernel,
    OffersSection,
    PackagesSection,
    section_hash,
)
from oakum.protocol.trust import render_instant


@dataclass(frozen=True)
class Observation:
    """What was seen at ``observed_at``; the hashes are those of the sections."""

    observed_at: datetime
    packages: PackagesSection
    offers: OffersSection
    facts: FactsSection
    packages_hash: str
    offers_hash: str
    facts_hash: str
    lists_updated_at: str


def observe(
    manager: PackageManager | None,
    *,
    state_dir: Path,
    policy_mode: str,
    now: datetime,
    ignored_pids: frozenset[int] = frozenset(),
) -> Observation:
    """Look at this host now.  ``manager`` None means that Oakum knows no package manager here."""
    if manager is None:
        packages, offers, lists_at = unknown_packages("", NO_MANAGER), unknown_offers("", NO_MANAGER), None
    else:
        packages = manager.installed()
        offers = observe_offers(manager, packages, state_dir=state_dir, agent_version=__version__, now=now)
        lists_at = manager.lists_updated_at()
    facts = observe_facts(manager, packages, policy_mode=policy_mode, ignored_pids=ignored_pids)
    return Observation(
        observed_at=now,
        packages=packages,
        offers=offers,
        facts=facts,
        packages_hash=hash_packages(packages),
        offers_hash=section_hash(offers),
        facts_hash=section_hash(facts),
        lists_updated_at=render_instant(lists_at) if lists_at else "",
    )


def hash_packages(section: PackagesSection) -> str:
    """Return ``section_hash(section)``, without ever holding all packages as text: that is 1 MB less on any host."""
    frame = canonical_json(dataclasses.replace(section, packages=()))
    # A quotation mark inside a text is escaped, so this can only be the field itself.
    head, mark, tail = frame.partition(b'"packages":[')
    digest = hashlib.sha256(head + mark)
    for index, package in enumerate(section.packages):
        digest.update((b"," if index else b"") + canonical_json(package))
    digest.update(tail)
    return digest.hexdigest()


def observe_facts(
    manager: PackageManager | None,
    packages: PackagesSection,
    *,
    policy_mode: str,
    ignored_pids: frozenset[int] = frozenset(),
) -> FactsSection:
    """Look at what the host is and what runs on it."""
    release = system.read_os_release()
    kernels = manager.kernels(packages)[:KERNEL_COUNT_MAX] if manager else ()
    verdict = _judge_reboot(manager, kernels)
    scan = scan_processes(ignored_pids=ignored_pids)
    services, stale_status = list_stale_services(scan, manager.owners if manager else lambda _: {})
    return FactsSection(
        hostname=os.uname().nodename,
        machine_id_hash=system.read_machine_id_hash(),
        os_id=_short(release.get("ID", "")),
        os_version_id=_short(release.get("VERSION_ID", "")),
        os_codename=_short(release.get("VERSION_CODENAME", "")),
        os_name=_short(release.get("PRETTY_NAME", "")),
        architecture=(manager.architecture() if manager else "") or os.uname().machine,
        kernel_running=os.uname().release,
        kernels=kernels,
        boot_id=system.read_boot_id(),
        reboot_required=verdict.required,
        reboot_required_packages=verdict.packages,
        stale_status=stale_status,
        stale_services=services,
        addresses=system.read_addresses(),
        virtualisation=system.read_virtualisation(),
        policy_mode=policy_mode,
        agent_version=__version__,
        python_version=platform.python_version(),
    )


def _judge_reboot(manager: PackageManager | None, kernels: tuple[InstalledKernel, ...]) -> reboot.RebootVerdict:
    try:
        flag = reboot.read_flag()
    except OSError:
        return reboot.RebootVerdict(UNKNOWN, ())
    running = reboot.parse_running_kernel(os.uname().release, os.uname().version)
    if manager is None:
        return reboot.RebootVerdict(UNKNOWN if flag is None else "yes", flag or ())
    return reboot.judge_reboot(
        flag,
        running=running,
        kernels=kernels,
        shares_kernel=bool(kernels) and system.is_container(),
        is_older=manager.is_older,
    )


def _short(text: str) -> str:
    return text[:TEXT_LENGTH_MAX]
