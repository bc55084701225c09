"""The cgroups of a lab: one for each host, so that systemd in it has a tree of its own.

Serves pure cgroup v2 and the hybrid layout (a named v1 hierarchy for systemd beside v2).
It sets no limits on memory or CPU: hosts share the machine.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

CGROUP_MOUNT = Path("/sys/fs/cgroup")
SETTLE_SECONDS_MAX = 10.0
POLL_SECONDS = 0.01


def hierarchies() -> tuple[Path, ...]:
    """Return the mount points a process must join, cgroup v2 first; raise where v2 is absent."""
    if (CGROUP_MOUNT / "cgroup.controllers").exists():
        return (CGROUP_MOUNT,)
    unified, named = CGROUP_MOUNT / "unified", CGROUP_MOUNT / "systemd"
    if (unified / "cgroup.controllers").exists() and named.is_dir():
        return (unified, named)
    raise LabError(
        "This machine mounts no cgroup v2 tree under /sys/fs/cgroup, which hosts are stopped and frozen by.",
        remedy="boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1); in a container, run it --privileged",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cgroup:
    """One cgroup by its path below the mount points, in every hierarchy that matters."""

    path: str

    def create(self) -> None:
        """Make it; running this again changes nothing."""
        for folder in self._folders():
            folder.mkdir(parents=True, exist_ok=True)

    def child(self, name: str) -> Cgroup:
        """Return the cgroup of that name below this one."""
        return Cgroup(path=f"{self.path}/{name}")

    def joined(self, argv: list[str]) -> list[str]:
        """Return an argv that enters this cgroup and then becomes ``argv``."""
        return ["sh", "-c", f'{self.join_script()}\nexec "$@"', "join", *argv]

    def join_script(self) -> str:
        """Return shell lines by which the shell itself enters this cgroup."""
        return "\n".join(f"echo $$ > {shlex.quote(str(f / 'cgroup.procs'))} || exit 125" for f in self._folders())

    def processes(self) -> Iterator[int]:
        """Yield the id of every process in it or below it."""
        for folder, _, _ in os.walk(self._unified()):
            with suppress(OSError):  # The cgroup may vanish while we look: then nobody is in it.
                yield from (int(line) for line in (Path(folder) / "cgroup.procs").read_text().split())

    def kill(self) -> None:
        """End every process in it and below it, frozen or not, and wait until they are gone."""
        with suppress(FileNotFoundError):
            (self._unified() / "cgroup.kill").write_text("1")
            self._await_event("populated", "0")

    def freeze(self) -> None:
        """Stop every process in it until ``thaw``; returns once all stand still."""
        (self._unified() / "cgroup.freeze").write_text("1")
        self._await_event("frozen", "1")

    def thaw(self) -> None:
        """Let the processes go on."""
        (self._unified() / "cgroup.freeze").write_text("0")
        self._await_event("frozen", "0")

    def remove(self) -> None:
        """Remove it and all below it; its processes must be gone.  Absent already is fine."""
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        for folder in self._folders():
            while folder.exists() and not _remove_tree(folder):
                if time.monotonic() > deadline:
                    raise LabError(
                        f"The cgroup {folder} stays busy.",
                        remedy=f"see which processes `find {folder} -name cgroup.procs -exec cat {{}} +` names",
                    )
                time.sleep(POLL_SECONDS)

    def _unified(self) -> Path:
        return hierarchies()[0] / self.path

    def _folders(self) -> tuple[Path, ...]:
        return tuple(mount / self.path for mount in hierarchies())

    def _await_event(self, key: str, wanted: str) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while f"{key} {wanted}" not in (self._unified() / "cgroup.events").read_text().splitlines():
            if time.monotonic() > deadline:
                raise LabError(
                    f"The cgroup {self.path} did not reach `{key} {wanted}` in {SETTLE_SECONDS_MAX:.0f} s.",
                    remedy="a process in it may hang in the kernel: see `ps -eo pid,stat,wchan,args`",
                )
            time.sleep(POLL_SECONDS)


def _remove_tree(top: Path) -> bool:
    """Remove a cgroup depth first; False where one of them is still busy."""
    for folder, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):
            Path(folder).rmdir()
    return not top.exists()


def lab_cgroups() -> set[str]:
    """Return the names of all first-level cgroups, in every hierarchy; the caller picks its own."""
    return {entry.name for mount in hierarchies() for entry in mount.iterdir() if entry.is_dir()}
