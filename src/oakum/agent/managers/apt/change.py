"""The commands by which apt and dpkg change a host, as data: which options, and why each.

Pure: it builds argument lists and environments.  It runs nothing (``change_run``), reads no output (``change_parse``)
and does not decide whether a change may be made (``agent.actor``).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, Sequence, Tuple

from oakum.agent.managers.apt.run import PASSED_ON

# One package of a transaction: which exact version.  ``all`` packages carry no architecture in apt's own words.
ALL = "all"


@dataclass(frozen=True)
class Wanted:
    """An exact package version."""

    name: str
    architecture: str
    version: str

    @property
    def query(self) -> str:
        """The package as apt and dpkg-query take it."""
        return self.name if self.architecture == ALL else "%s:%s" % (self.name, self.architecture)

    @property
    def spec(self) -> str:
        """The exact version as apt-get install takes it."""
        return "%s=%s" % (self.query, self.version)

    @property
    def file_name(self) -> str:
        """The name of its .deb in apt's archive cache: the epoch's colon is written %3a."""
        return "%s_%s_%s.deb" % (self.name, self.version.replace(":", "%3a"), self.architecture)


# What the host is asked with.  HOME and PATH because maintainer scripts rely on them under a service manager.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C",
    "LC_ALL": "C",
    "TERM": "dumb",
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "APT_LISTCHANGES_FRONTEND": "none",
    "UCF_FORCE_CONFFOLD": "1",  # ucf(1): what confold is to dpkg
    "NEEDRESTART_SUSPEND": "1",  # its hook would restart services before we look; we restart them ourselves
    "NEEDRESTART_MODE": "l",
}

# A dead mirror must not hold the agent for minutes; the order is tried again later anyway.
_FETCH = (
    "-o", "Acquire::http::Timeout=20",
    "-o", "Acquire::https::Timeout=20",
    "-o", "Acquire::Retries=1",
)  # fmt: skip

# A configuration file that the owner changed stays as it is; others follow the package.
_CONFIGURATION = ("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold")

# What shapes the transaction, the same in the simulation and in the real run.  Recommended packages that the order does
# not name stay out: the order is the whole transaction.
_TRANSACTION = (
    "-y",
    "--no-install-recommends",
    "-o", "APT::Get::AutomaticRemove=false",
)  # fmt: skip

# The lock is taken at once or not at all: a change that waited would begin after its permit lapsed.
_RUN = ("-q", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=0")

# Only what is installed and what lies on the disk: a rollback must not depend on any repository, nor be offered others'
# versions of the same packages.  The caches are named away so that apt's own are left alone.
_LOCAL_ONLY = (
    "-o", "Dir::Etc::SourceList=/dev/null",
    "-o", "Dir::Etc::SourceParts=/dev/null",
    "-o", "Dir::Cache::pkgcache=",
    "-o", "Dir::Cache::srcpkgcache=",
)  # fmt: skip

_SIMULATION = ("-s", "-o", "Debug::NoLocking=1")

CONFIGURE = ("dpkg", "--force-confdef", "--force-confold", "--configure", "-a")
AUDIT = ("dpkg", "--audit")
REFRESH = ("apt-get", "-q", *_FETCH, "update")
ARCHITECTURE = ("dpkg", "--print-architecture")
AUTO_MARKS = ("apt-mark", "showauto")
DIRECTORIES = ("apt-config", "shell", "ARCHIVES", "Dir::Cache::archives/d", "LISTS", "Dir::State::lists/d")


def environment() -> Dict[str, str]:
    """Return the environment of every program that changes the host, with the owner's own settings for apt."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return dict(ENVIRONMENT, **passed)


def simulate_argv(wanted: Sequence[Wanted]) -> Tuple[str, ...]:
    """Return the command that says what the change would do, and does nothing."""
    return ("apt-get", *_SIMULATION, *_TRANSACTION, "install", *_specs(wanted))


def sizes_argv(wanted: Sequence[Wanted]) -> Tuple[str, ...]:
    """Return the command that prints what is to be downloaded, and how the disk's use changes."""
    return ("apt-get", "--print-uris", *_TRANSACTION, "-o", "Debug::NoLocking=1", "install", *_specs(wanted))


def download_argv(wanted: Sequence[Wanted]) -> Tuple[str, ...]:
    """Return the command that fetches what the change needs into apt's archive cache, hashes checked by apt."""
    return ("apt-get", *_RUN, *_FETCH, *_TRANSACTION, "--download-only", "install", *_specs(wanted))


def install_argv(wanted: Sequence[Wanted], *, cached: bool) -> Tuple[str, ...]:
    """Return the command that makes the change; ``cached``: from the archive cache alone, for all of it is there.

    It is the simulated one, and may remove nothing: a simulation that removed something was refused.  Packages of a
    repository on the host's own disk are never in the cache, and apt cannot install them with --no-download.
    """
    options = (*_RUN, *_CONFIGURATION, *_TRANSACTION, "--no-remove", *(("--no-download",) if cached else ()))
    return ("apt-get", *options, "install", *_specs(wanted))


def old_sizes_argv(wanted: Sequence[Wanted]) -> Tuple[str, ...]:
    """Return the command that prints what ``download_old_argv`` would fetch."""
    options = ("--print-uris", *_TRANSACTION, "-o", "Debug::NoLocking=1", "--reinstall")
    return ("apt-get", *options, "install", *_specs(wanted))


def download_old_argv(wanted: Sequence[Wanted]) -> Tuple[str, ...]:
    """Return the command that fetches the very versions that are installed, and installs nothing."""
    options = (*_RUN, *_FETCH, *_TRANSACTION, "--reinstall", "--download-only")
    return ("apt-get", *options, "install", *_specs(wanted))


def copy_old_argv(wanted: Sequence[Wanted], directory: str) -> Tuple[str, ...]:
    """Return the command that puts .debs into ``directory``, also from repositories on the host's own disk.

    Those are never copied into the archive cache.
    """
    return ("env", "-C", directory, "apt-get", "-q", *_FETCH, "download", *_specs(wanted))


def rollback_argv(debs: Sequence[str], removals: Sequence[str], *, simulate: bool) -> Tuple[str, ...]:
    """Return the command that installs ``debs`` (absolute paths) over newer versions and removes ``removals``.

    apt checks the dependencies of the result against what is installed and these files, nothing else.
    """
    how = _SIMULATION if simulate else (*_RUN, *_CONFIGURATION)
    # --reinstall: a package can be half installed in the very version that it goes back to.
    options = (*how, *_TRANSACTION, *_LOCAL_ONLY, "--allow-downgrades", "--reinstall")
    return ("apt-get", *options, "install", *debs, *("%s-" % query for query in removals))


def dpkg_rollback_argv(debs: Sequence[str]) -> Tuple[str, ...]:
    """Return the last resort where apt itself does not run: dpkg alone."""
    return ("dpkg", "--force-confdef", "--force-confold", "--force-downgrade", "--install", *debs)


def mark_auto_argv(queries: Sequence[str]) -> Tuple[str, ...]:
    """Return the command that marks packages as installed for others' sake."""
    return ("apt-mark", "auto", *queries)


def mark_manual_argv(queries: Sequence[str]) -> Tuple[str, ...]:
    """Return the command that marks packages as installed for their own sake."""
    return ("apt-mark", "manual", *queries)


def records_argv(wanted: Sequence[Wanted]) -> Tuple[str, ...]:
    """Return the command that prints the lists' records, with hashes, of exact versions."""
    return ("apt-cache", "show", *_specs(wanted))


def deb_fields_argv(path: str) -> Tuple[str, ...]:
    """Return the command that prints whose .deb a file is."""
    return ("dpkg-deb", "-f", path, "Package", "Version", "Architecture")


def conffiles_argv(queries: Sequence[str]) -> Tuple[str, ...]:
    """Return the command that prints packages' configuration files."""
    return ("dpkg-query", "-W", "-f=${Conffiles}\\n", *queries)


def _specs(wanted: Sequence[Wanted]) -> Tuple[str, ...]:
    return tuple(each.spec for each in wanted)
