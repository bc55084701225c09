"""Package managers: one interface, one folder an implementation, and ``detect`` that finds the host's own.

This is the reading side: nothing here changes what is installed.  Changes belong to the actor, which has its own part
of each implementation's folder.
"""

from __future__ import annotations

import abc
import shutil
from dataclasses import dataclass
from datetime import datetime
from typing import Sequence

from oakum.protocol.inventory import UNKNOWN, InstalledKernel, OffersSection, PackagesSection
from oakum.protocol.messages import NotesRequest, NotesUpload


@dataclass(frozen=True)
class ListsRefresh:
    """What came of refreshing the package lists; ``problem`` is empty when every repository answered."""

    problem: str


class PackageManager(abc.ABC):
    """What the observer asks of a package manager.  None of it needs root; all of it may take seconds."""

    name: str

    @abc.abstractmethod
    def offers_key(self) -> str:
        """Return a text that changes whenever the answer of ``offers`` may have; "" if that cannot be known."""

    @abc.abstractmethod
    def installed(self) -> PackagesSection:
        """Return every installed package, or an unknown section with the reason."""

    @abc.abstractmethod
    def offers(self, installed: PackagesSection) -> OffersSection:
        """Return what a full upgrade would do, or an unknown section with the reason; judges no list's age."""

    @abc.abstractmethod
    def lists_problem(self, now: datetime) -> str:
        """Return why the repositories' lists cannot be relied on at ``now`` (absent, old), or "" if they can."""

    @abc.abstractmethod
    def lists_updated_at(self) -> datetime | None:
        """Return when a repository's list was last confirmed to be current, or None if never."""

    @abc.abstractmethod
    def refresh_lists(self) -> ListsRefresh:
        """Fetch the repositories' lists anew.  Needs root; changes no installed package."""

    @abc.abstractmethod
    def owners(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return, for each of ``paths`` that a package owns, the owners' names."""

    @abc.abstractmethod
    def kernels(self, installed: PackagesSection) -> tuple[InstalledKernel, ...]:
        """Return which of the installed packages carry a kernel, and its release (``uname -r``)."""

    @abc.abstractmethod
    def architecture(self) -> str:
        """Return the host's own architecture in the manager's word (amd64), "" if it cannot be told."""

    @abc.abstractmethod
    def is_older(self, version: str, than: str) -> bool:
        """Say whether ``version`` sorts before ``than`` in this manager's order."""

    @abc.abstractmethod
    def fetch_notes(self, request: NotesRequest) -> NotesUpload:
        """Fetch and read an offered version's release notes; a failure is an upload with a ``problem``."""


def detect() -> PackageManager | None:
    """Return the host's package manager, or None if Oakum knows none here."""
    if shutil.which("dpkg-query", path="/usr/bin:/bin") is not None:
        # Imported here so that a host pays for its own manager alone.
        from oakum.agent.managers.apt import AptManager  # noqa: PLC0415

        return AptManager()
    return None


KNOWN = "known"
NO_MANAGER = "No package manager that Oakum knows (apt) was found on this host."


def unknown_packages(manager: str, reason: str) -> PackagesSection:
    """Return the section of a host whose packages cannot be known."""
    return PackagesSection(manager=manager, status=UNKNOWN, reason=reason, packages=())


def unknown_offers(manager: str, reason: str) -> OffersSection:
    """Return the section of a host whose offers cannot be known."""
    return OffersSection(manager=manager, status=UNKNOWN, reason=reason, offers=(), repositories=())
