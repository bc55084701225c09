"""Debian's and Ubuntu's package manager, reading side: ``managers.PackageManager`` answered by apt and dpkg.

The writing side (``change*``) is the actor's.
"""

from __future__ import annotations

import hashlib
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Iterator, Sequence

from oakum.agent.managers import ListsRefresh, PackageManager
from oakum.agent.managers.apt import lists
from oakum.agent.managers.apt.installed import MANAGER, database_key, read_installed
from oakum.agent.managers.apt.offers import read_offers
from oakum.agent.managers.apt.owners import read_owners
from oakum.agent.managers.apt.run import AptProblem, is_older, run_apt
from oakum.agent.managers.apt.targets import read_sources
from oakum.protocol.inventory import InstalledKernel, OffersSection, PackagesSection
from oakum.protocol.messages import NotesRequest, NotesUpload

CONFIG_FILE_COUNT_MAX = 5_000
# What lies in the lists directory and says nothing of the lists' content.
NOT_LISTS = ("lock", "partial", "auxfiles")

# linux-image-6.1.0-50-amd64 carries a kernel; linux-image-amd64 only points to the newest; -dbg carries symbols.
_KERNEL = re.compile(
    r"^(?:linux-image|pve-kernel|proxmox-kernel)-(?:unsigned-)?(?P<release>\d[^ ]*?)(?:-(?:un)?signed)?$"
)
_IN_PLACE = ("installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending")


class AptManager(PackageManager):
    """apt and dpkg of this host."""

    name = MANAGER

    def __init__(self) -> None:
        """Ask nothing yet."""
        self._settings: lists.AptSettings | None = None
        self._states: tuple[lists.ListState, ...] | None = None

    def architecture(self) -> str:
        """Return ``dpkg --print-architecture``."""
        return run_apt(("dpkg", "--print-architecture")).text.strip()

    def installed(self) -> PackagesSection:
        """Return every installed package (one call of dpkg-query)."""
        return read_installed()

    def offers(self, installed: PackagesSection) -> OffersSection:
        """Return what apt offers beyond ``installed`` (seconds of apt's time)."""
        return read_offers(installed, self.architecture())

    def offers_key(self) -> str:
        """Return a hash over the stamps of dpkg's database, apt's configuration and the lists' content."""
        try:
            settings = self._read_settings()
            database = database_key()
            if not database:
                return ""
            stamps = [
                database,
                *_stamps(settings.config_dir, recursive=True),
                *_stamps(settings.lists_dir, recursive=False),
            ]
        except (AptProblem, OSError):
            return ""
        return hashlib.sha256("\n".join(stamps).encode("utf-8", "surrogateescape")).hexdigest()

    def lists_problem(self, now: datetime) -> str:
        """Return why the lists cannot be relied on, or ""."""
        try:
            return lists.judge_lists(self._read_states(), now=now)
        except AptProblem as problem:
            return lists.settings_problem(problem)

    def lists_updated_at(self) -> datetime | None:
        """Return when any repository last answered."""
        try:
            return lists.newest_confirmation(self._read_states())
        except AptProblem:
            return None

    def refresh_lists(self) -> ListsRefresh:
        """Run ``apt-get update``."""
        self._states = None
        return lists.refresh()

    def owners(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the owners by ``dpkg-query -S``."""
        return read_owners(paths)

    def kernels(self, installed: PackagesSection) -> tuple[InstalledKernel, ...]:
        """Return the linux-image packages that carry a kernel."""
        kernels = []
        for package in installed.packages:
            match = _KERNEL.match(package.name)
            if match and package.state in _IN_PLACE and not package.name.endswith("-dbg"):
                kernels.append(InstalledKernel(release=match["release"], package=package.name, version=package.version))
        return tuple(kernels)

    def is_older(self, version: str, than: str) -> bool:
        """Compare by dpkg."""
        return is_older(version, than)

    def fetch_notes(self, request: NotesRequest) -> NotesUpload:
        """Download the package and read its changelog."""
        # Imported here: reading archives costs every other tick time and memory for nothing.
        from oakum.agent.managers.apt.release_notes import fetch_release_notes  # noqa: PLC0415

        return fetch_release_notes(request)

    def _read_settings(self) -> lists.AptSettings:
        if self._settings is None:
            self._settings = lists.read_settings()
        return self._settings

    def _read_states(self) -> tuple[lists.ListState, ...]:
        if self._states is None:
            self._states = lists.read_list_states(read_sources(), self._read_settings())
        return self._states


def _stamps(directory: Path, *, recursive: bool) -> Iterator[str]:
    """Yield a line per file: its name, size and time of change.  Raises OSError when there are too many of them."""
    waiting, count = [str(directory)], 0
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            if entry.name in NOT_LISTS:
                continue
            count += 1
            if count > CONFIG_FILE_COUNT_MAX:
                raise OSError(f"{directory} holds more than {CONFIG_FILE_COUNT_MAX} files")
            if entry.is_dir(follow_symlinks=False):
                if recursive:
                    waiting.append(entry.path)
                continue
            status = entry.stat()
            yield f"{entry.path} {status.st_size} {status.st_mtime_ns}"
