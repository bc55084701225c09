"""Read dpkg's database: every package that is on the disk, in one call of dpkg-query.

It does not say what could be newer (``offers``), and never opens dpkg's files itself: the tool is the contract.
"""

from __future__ import annotations

import os
from pathlib import Path

from oakum.agent.managers import KNOWN, unknown_packages
from oakum.agent.managers.apt.run import AptProblem, read_apt
from oakum.protocol.inventory import PACKAGE_COUNT_MAX, InstalledPackage, PackagesSection

MANAGER = "apt"
ADMIN_DIR = Path("/var/lib/dpkg")

FIELDS = (
    "${db:Status-Want}",
    "${db:Status-Status}",
    "${Package}",
    "${Version}",
    "${Architecture}",
    "${source:Package}",
    "${source:Version}",
)
QUERY = ("dpkg-query", "-W", "-f=" + "\\t".join(FIELDS) + "\\n")

# Of these nothing but configuration files is left on the disk.
ABSENT_STATES = ("not-installed", "config-files")


def read_installed() -> PackagesSection:
    """Return every installed package sorted by name and architecture, or an unknown section with the reason."""
    try:
        packages = parse_installed(read_apt(QUERY))
    except AptProblem as problem:
        return unknown_packages(MANAGER, f"The installed packages cannot be read: {problem}")
    return PackagesSection(manager=MANAGER, status=KNOWN, reason="", packages=packages)


def parse_installed(text: str) -> tuple[InstalledPackage, ...]:
    """Parse QUERY's output.

    Raises:
        AptProblem: a line has another form, or there are more than PACKAGE_COUNT_MAX.
    """
    packages = []
    for line in text.splitlines():
        values = line.split("\t")
        if len(values) != len(FIELDS):
            raise AptProblem(f"dpkg-query printed a line that cannot be understood: {line[:80]!r}")
        want, state, name, version, architecture, source_name, source_version = values
        if state in ABSENT_STATES:
            continue
        packages.append(
            InstalledPackage(
                name=name,
                version=version,
                architecture=architecture,
                source_name=source_name,
                source_version=source_version,
                held=want == "hold",
                state=state,
            )
        )
    if len(packages) > PACKAGE_COUNT_MAX:
        raise AptProblem(f"the host has more than {PACKAGE_COUNT_MAX} packages")
    return tuple(sorted(packages, key=lambda package: (package.name, package.architecture)))


def database_key() -> str:
    """Return a text that changes with dpkg's database, or "" if it cannot be looked at.

    dpkg replaces ``status`` by rename at the end of a run and keeps what happens meanwhile in ``updates``.
    """
    try:
        status = (ADMIN_DIR / "status").stat()
        pending = sorted(os.listdir(ADMIN_DIR / "updates"))
    except OSError:
        return ""
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {','.join(pending)}"


def is_in_the_middle() -> bool:
    """Say whether dpkg is at work or was interrupted: its journal of unfinished changes is not empty."""
    try:
        return any(name.isdigit() for name in os.listdir(ADMIN_DIR / "updates"))
    except OSError:
        return False
