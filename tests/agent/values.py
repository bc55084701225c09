"""Values that the agent's tests share."""

from __future__ import annotations

from datetime import UTC, datetime

from oakum.agent.observer import Observation
from oakum.protocol.inventory import FactsSection, OffersSection, PackagesSection, section_hash
from oakum.protocol.messages import Outcome
from oakum.protocol.orders import OUTCOME_APPLIED

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def make_observation() -> Observation:
    packages = PackagesSection("apt", "known", "", ())
    offers = OffersSection("apt", "known", "", (), ())
    facts = FactsSection(
        hostname="web01", machine_id_hash="", os_id="debian", os_version_id="12", os_codename="bookworm",
        os_name="Debian 12", architecture="amd64", kernel_running="6.1", kernels=(), boot_id="boot-1",
        reboot_required="no", reboot_required_packages=(), stale_status="known", stale_services=(), addresses=(),
        virtualisation="none", policy_mode="report_only", agent_version="0", python_version="3.11",
    )  # fmt: skip
    return Observation(
        observed_at=NOW,
        packages=packages,
        offers=offers,
        facts=facts,
        packages_hash=section_hash(packages),
        offers_hash=section_hash(offers),
        facts_hash=section_hash(facts),
        lists_updated_at="",
    )


def make_outcome(number: int, kind: str = OUTCOME_APPLIED, log: str = "") -> Outcome:
    return Outcome(
        outcome_id=f"outcome-{number}",
        order_id=f"order-{number}",
        order_hash="0" * 64,
        generation=number,
        attempt="attempt",
        kind=kind,
        reason="none",
        sentence="It went well.",
        at="2026-11-22T12:00:00Z",
        log=log,
    )
