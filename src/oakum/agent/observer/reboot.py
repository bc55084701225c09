"""Does the host have to be rebooted?  Three answers.

Debian's flag /run/reboot-required is trusted when it is there.  Its absence says little (plain Debian sets it for
few packages), so the running kernel is compared with the installed ones.  Old code in running services is not this
module's matter (``stale``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from oakum.protocol.inventory import KERNEL_COUNT_MAX, NO, UNKNOWN, YES, InstalledKernel

FLAG_FILE = Path("/run/reboot-required")
FLAG_PACKAGES_FILE = Path("/run/reboot-required.pkgs")

_BUILT_AS = re.compile(r"\bDebian (?P<version>[0-9][^\s)]*)")


@dataclass(frozen=True)
class RunningKernel:
    """``uname``: ``release`` (-r), and ``package_version`` if the build says of which package version it is."""

    release: str
    package_version: str


@dataclass(frozen=True)
class RebootVerdict:
    """``required`` is YES, NO or UNKNOWN; ``packages`` are those that ask for it."""

    required: str
    packages: tuple[str, ...]


def parse_running_kernel(release: str, version: str) -> RunningKernel:
    """Read ``uname -r`` and ``uname -v``.

    >>> parse_running_kernel("6.1.0-50-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-06-01)")
    RunningKernel(release='6.1.0-50-amd64', package_version='6.1.176-1')
    """
    match = _BUILT_AS.search(version)
    return RunningKernel(release=release, package_version=match["version"] if match else "")


def read_flag() -> tuple[str, ...] | None:
    """Return the packages that asked for a reboot by Debian's flag, None if the flag is not set.

    Raises:
        OSError: /run cannot be looked at.
    """
    if not FLAG_FILE.exists():
        return None
    try:
        text = FLAG_PACKAGES_FILE.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    return tuple(sorted(set(text.split())))


def judge_reboot(
    flag: tuple[str, ...] | None,
    *,
    running: RunningKernel,
    kernels: tuple[InstalledKernel, ...],
    shares_kernel: bool,
    is_older: Callable[[str, str], bool],
) -> RebootVerdict:
    """Say whether a reboot is required.

    ``shares_kernel`` is true in a container: its kernel is not its own, so only the flag counts.  ``is_older`` compares
    versions in the package manager's order.
    """
    if flag is not None:
        return RebootVerdict(YES, flag)
    if shares_kernel or not kernels:
        return RebootVerdict(NO, ())
    rivals = [kernel for kernel in kernels[:KERNEL_COUNT_MAX] if flavour(kernel.release) == flavour(running.release)]
    version = running.package_version or next(
        (kernel.version for kernel in rivals if kernel.release == running.release), ""
    )
    if version:
        newer = sorted({kernel.package for kernel in rivals if is_older(version, kernel.version)})
        known = bool(rivals)
    else:
        # The running kernel's package is gone; releases sort well enough to tell that a newer one waits.
        newer = sorted({kernel.package for kernel in rivals if is_older(running.release, kernel.release)})
        known = False
    if newer:
        return RebootVerdict(YES, tuple(newer))
    return RebootVerdict(NO if known else UNKNOWN, ())


def flavour(release: str) -> str:
    """Return what of a kernel's release names its kind: a reboot does not go from one kind to another by itself.

    >>> flavour("6.1.0-50-cloud-amd64"), flavour("6.12.9+bpo-amd64"), flavour("6.8.12-4-pve")
    ('cloud-amd64', 'amd64', 'pve')
    """
    return "-".join(part for part in release.split("-")[1:] if part and not part[0].isdigit())
