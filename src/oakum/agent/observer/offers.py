"""What the package manager offers, asked only when something may have changed since it was asked last.

The answer is kept under STATE/cache with the manager's own key of everything it depends on but time; the age of the
lists is judged anew each time.  A section that could not be known is never kept.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from oakum.agent.errors import HostError
from oakum.agent.files import make_directory, read_bounded, write_atomically
from oakum.agent.log import log
from oakum.agent.managers import KNOWN, PackageManager
from oakum.protocol.codec import WireError, canonical_json, from_json
from oakum.protocol.inventory import UNKNOWN, OffersSection, PackagesSection

CACHE_DIR = "cache"
OFFERS_FILE = "offers.json"


@dataclass(frozen=True)
class KeptOffers:
    """The last known section, and the key and agent version under which it was made."""

    key: str
    agent_version: str
    section: OffersSection


def observe_offers(
    manager: PackageManager, installed: PackagesSection, *, state_dir: Path, agent_version: str, now: datetime
) -> OffersSection:
    """Return the offers; unknown, with the offers found, when the lists cannot be relied on."""
    key = manager.offers_key()
    kept = _load(state_dir)
    if key and kept and (kept.key, kept.agent_version) == (key, agent_version):
        section = kept.section
    else:
        section = manager.offers(installed)
        # The key is asked again: a change in between belongs to the next look.
        if section.status == KNOWN and key and manager.offers_key() == key:
            _save(state_dir, KeptOffers(key=key, agent_version=agent_version, section=section))
    problem = manager.lists_problem(now)
    if problem and section.status == KNOWN:
        return dataclasses.replace(section, status=UNKNOWN, reason=problem)
    return section


def _load(state_dir: Path) -> KeptOffers | None:
    try:
        content = read_bounded(state_dir / CACHE_DIR / OFFERS_FILE)
        return None if content is None else from_json(content, KeptOffers)
    except (HostError, WireError) as error:
        log("observer.cache_unreadable", error=error)
        return None


def _save(state_dir: Path, kept: KeptOffers) -> None:
    try:
        make_directory(state_dir / CACHE_DIR)
        write_atomically(state_dir / CACHE_DIR / OFFERS_FILE, canonical_json(kept))
    except HostError as error:
        log("observer.cache_unwritable", error=error)
