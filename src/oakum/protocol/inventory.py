"""What a host says of itself: the three sections of an inventory report, and their hashes.

It only states shapes.  It does not look at a host (``agent.observer``) and does not judge what is reported
(``fleet``, ``findings``).  A section's hash covers its canonical JSON, so a host whose sections hash as before
posts three hashes instead of three sections.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Tuple

from oakum.protocol.codec import canonical_json

# A Debian host has 300 to 4,000 packages; a limit ten times that bounds memory without meeting a real host.
PACKAGE_COUNT_MAX = 40_000
OFFER_COUNT_MAX = 40_000
REPOSITORY_COUNT_MAX = 1_000
SERVICE_COUNT_MAX = 2_000
ADDRESS_COUNT_MAX = 256
KERNEL_COUNT_MAX = 64
TEXT_LENGTH_MAX = 1_000

SECTIONS = ("packages", "offers", "facts")

# Three answers, never a boolean: a host without root cannot know.
YES = "yes"
NO = "no"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class InstalledPackage:
    """One installed package as dpkg names it.  ``state`` is dpkg's own status word, ``installed`` when in order."""

    name: str
    version: str
    architecture: str
    source_name: str
    source_version: str
    held: bool = False
    state: str = "installed"


@dataclass(frozen=True)
class PackagesSection:
    """Every installed package.  ``status`` is ``known``, or ``unknown`` with the ``reason`` in one sentence."""

    manager: str
    status: str
    reason: str
    packages: Tuple[InstalledPackage, ...]


@dataclass(frozen=True)
class Origin:
    """Where a repository's Release file says that it comes from (``apt-cache policy``: o, l, a, n, c).

    ``trusted`` is what the host's own package manager holds: whether the repository's signature is verified.
    """

    origin: str
    label: str
    suite: str
    codename: str
    component: str
    trusted: bool = True


@dataclass(frozen=True)
class Repository:
    """One repository that the host is configured for, and how many packages it offers.

    ``address`` is scheme and host without user name, password or query.
    """

    address: str
    origin: Origin
    package_count: int


@dataclass(frozen=True)
class Offer:
    """One pending change that the host's package manager would make in a full upgrade.

    ``installed_version`` is empty for a package that the upgrade would add (a kernel).  ``origins`` are all
    repositories that offer the candidate version.  ``kept_back`` names why an upgrade would not take it
    (``held``, ``phased``, ``needs_removal``), empty when installable.
    """

    name: str
    architecture: str
    installed_version: str
    candidate_version: str
    source_name: str
    source_version: str
    origins: Tuple[Origin, ...]
    download_bytes: int = 0
    kept_back: str = ""


@dataclass(frozen=True)
class OffersSection:
    """What the repositories offer beyond what is installed.

    ``status`` is ``known``, or ``unknown`` with the ``reason`` in one sentence (lists stale or absent, no apt):
    an unknown section is never read as "nothing pending".
    """

    manager: str
    status: str
    reason: str
    offers: Tuple[Offer, ...]
    repositories: Tuple[Repository, ...]


@dataclass(frozen=True)
class InstalledKernel:
    """An installed kernel: its release (``uname -r``), and the package that carries it."""

    release: str
    package: str
    version: str


@dataclass(frozen=True)
class StaleService:
    """A unit (or session) with a process that still maps a deleted file; ``packages`` own those files now."""

    unit: str
    packages: Tuple[str, ...]
    process_count: int


@dataclass(frozen=True)
class FactsSection:
    """What a host is and what runs on it.

    ``stale_status`` is ``known`` only when every process could be looked at (root); otherwise ``unknown``, and
    nothing on the host may count as verified by absence from ``stale_services``.
    ``reboot_required`` is one of YES, NO, UNKNOWN.  ``machine_id_hash`` is SHA-256 of machine-id, never the id.
    """

    hostname: str
    machine_id_hash: str
    os_id: str
    os_version_id: str
    os_codename: str
    os_name: str
    architecture: str
    kernel_running: str
    kernels: Tuple[InstalledKernel, ...]
    boot_id: str
    reboot_required: str
    reboot_required_packages: Tuple[str, ...]
    stale_status: str
    stale_services: Tuple[StaleService, ...]
    addresses: Tuple[str, ...]
    virtualisation: str
    policy_mode: str
    agent_version: str
    python_version: str


def section_hash(section: object) -> str:
    """Return the SHA-256, in hex, of a section's canonical JSON."""
    return hashlib.sha256(canonical_json(section)).hexdigest()
