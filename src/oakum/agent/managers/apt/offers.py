"""Put together what apt offers this host: candidates, what a full upgrade would do of them, and where they come from.

Five questions to apt, each asked once for all packages.  Nothing is guessed: where the answers do not fit together the
section is unknown.  The age of the lists is judged elsewhere (``lists``).
"""

from __future__ import annotations

from dataclasses import dataclass

from oakum.agent.managers import KNOWN, unknown_offers
from oakum.agent.managers.apt.candidates import Candidate, OfferedVersion, read_candidates
from oakum.agent.managers.apt.installed import MANAGER, is_in_the_middle
from oakum.agent.managers.apt.records import PackageRecord, read_records
from oakum.agent.managers.apt.run import AptProblem
from oakum.agent.managers.apt.simulation import Simulation, simulate_upgrade
from oakum.agent.managers.apt.targets import Target, count_packages, read_targets
from oakum.protocol.inventory import OFFER_COUNT_MAX, InstalledPackage, Offer, OffersSection, Origin, PackagesSection

ALL = "all"

KEPT_HELD = "held"
KEPT_PHASED = "phased"
KEPT_NEEDS_REMOVAL = "needs_removal"
# Something that the new version depends on cannot be had, or is itself kept back.
KEPT_UNMET = "unmet_dependencies"


@dataclass(frozen=True)
class Pending:
    """An offer before its source and size are known.  ``query`` is how apt names the package."""

    query: str
    name: str
    architecture: str
    installed_version: str
    offered: OfferedVersion
    kept_back: str


def read_offers(installed: PackagesSection, architecture: str) -> OffersSection:
    """Return what apt offers beyond ``installed``, or an unknown section with the reason."""
    if installed.status != KNOWN:
        return unknown_offers(MANAGER, installed.reason)
    if is_in_the_middle():
        return unknown_offers(
            MANAGER,
            "dpkg is at work or was interrupted, so apt cannot plan. If nothing is running, run: dpkg --configure -a.",
        )
    try:
        targets = read_targets()
        simulation = simulate_upgrade()
        added = [step.name for step in (*simulation.steps, *simulation.removing_steps) if not step.old]
        packages = {apt_name(package, architecture): package for package in installed.packages}
        candidates = read_candidates([*packages, *(name for name in added if name not in packages)])
        pending = list_pending(packages, candidates, simulation, architecture)
        records = read_records([f"{each.query}={each.offered.version}" for each in pending]) if pending else {}
        offers = render_offers(pending, records, targets)
        repositories = count_packages(targets)
    except AptProblem as problem:
        return unknown_offers(MANAGER, f"apt cannot say what it offers: {problem}")
    return OffersSection(manager=MANAGER, status=KNOWN, reason="", offers=offers, repositories=repositories)


def apt_name(package: InstalledPackage, architecture: str) -> str:
    """Return how apt names ``package`` on a host of ``architecture``: qualified only when it is a foreign one."""
    if package.architecture in (architecture, ALL):
        return package.name
    return f"{package.name}:{package.architecture}"


def list_pending(
    packages: dict[str, InstalledPackage],
    candidates: dict[str, Candidate],
    simulation: Simulation,
    architecture: str,
) -> tuple[Pending, ...]:
    """Return every offered change: those that a full upgrade would make, and those that something keeps back.

    Raises:
        AptProblem: the simulation installs a version that no repository is said to have.
    """
    pending: dict[str, Pending] = {}
    for steps, kept in ((simulation.steps, ""), (simulation.removing_steps, KEPT_NEEDS_REMOVAL)):
        for step in steps:
            foreign = step.architecture not in (architecture, ALL)
            query = f"{step.name}:{step.architecture}" if foreign else step.name
            candidate = candidates.get(query)
            offered = candidate.offered(step.new) if candidate else None
            if offered is None:
                raise AptProblem(f"the simulation would install {query} {step.new}, which no list has")
            pending[query] = Pending(query, step.name, step.architecture, step.old, offered, kept)
    for query, package in packages.items():
        candidate = candidates.get(query)
        newer = candidate.newer() if candidate and query not in pending else None
        if newer is not None:
            kept = KEPT_HELD if package.held else KEPT_PHASED if newer.phased else KEPT_UNMET
            pending[query] = Pending(query, package.name, package.architecture, package.version, newer, kept)
    if len(pending) > OFFER_COUNT_MAX:
        raise AptProblem(f"more than {OFFER_COUNT_MAX} packages are offered")
    return tuple(sorted(pending.values(), key=lambda each: (each.name, each.architecture)))


def render_offers(
    pending: tuple[Pending, ...], records: dict[tuple[str, str], PackageRecord], targets: tuple[Target, ...]
) -> tuple[Offer, ...]:
    """Join the pending changes with their records and with the lists that have them.

    Raises:
        AptProblem: a record is missing.
    """
    origins = {target.description: target.origin for target in targets}
    offers = []
    for each in pending:
        record = records.get((each.name, each.offered.version))
        if record is None:
            raise AptProblem(f"apt-cache show does not know {each.query}={each.offered.version}, which it offers")
        found: list[Origin] = []
        for description in each.offered.descriptions:
            origin = origins.get(description)
            if origin is not None and origin not in found:
                found.append(origin)
        offers.append(
            Offer(
                name=each.name,
                architecture=each.architecture,
                installed_version=each.installed_version,
                candidate_version=each.offered.version,
                source_name=record.source_name,
                source_version=record.source_version,
                origins=tuple(found),
                download_bytes=record.size,
                kept_back=each.kept_back,
            )
        )
    return tuple(offers)
