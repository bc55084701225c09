"""Ask apt and dpkg, and have them fetch: every question of the actor to the package manager, with typed answers.

It makes no change to what is installed but marks: the change itself is launched by ``starting`` and ``rolling``, to
outlive the agent.  It judges nothing (``judge``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

from oakum.agent.actor.judge import Installed
from oakum.agent.actor.system import Completed, LockHolder, System
from oakum.agent.managers.apt import change, change_parse
from oakum.agent.managers.apt.change import Wanted
from oakum.agent.managers.apt.change_parse import Sizes, Transaction
from oakum.agent.managers.apt.installed import QUERY, parse_installed
from oakum.agent.managers.apt.run import AptProblem

QUERY_SECONDS_MAX = 60.0
SIMULATE_SECONDS_MAX = 180.0
REFRESH_SECONDS_MAX = 600.0
DOWNLOAD_SECONDS_MAX = 3_600.0
# dpkg-query and apt-mark take the names on the command line; this many stay far below the kernel's limit.
NAMES_PER_CALL_MAX = 2_000

# What apt-get exits with when it ran and says no.
APT_REFUSES = 100

DPKG_LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock")

# Why apt could not do what it was asked.
TROUBLE_NONE = ""
TROUBLE_VERSION = "version_unavailable"
TROUBLE_MIRROR = "mirror_unavailable"
TROUBLE_LOCK = "apt_locked"
TROUBLE_ROOM = "disk_full"
TROUBLE_DOWNGRADE = "downgrade_refused"
TROUBLE_OTHER = "apt_failed"

_DOWNGRADE = "Packages were downgraded and -y was used without --allow-downgrades"


@dataclass(frozen=True)
class Answer:
    """What apt said: one of TROUBLE_*, its first complaint in its own words, and its whole standard output.

    ``ran`` is False when apt itself could not run, so that what it says is no verdict.
    """

    trouble: str
    words: str
    text: str
    ran: bool = True


@dataclass(frozen=True)
class Directories:
    """Where this host's apt keeps archives and lists."""

    archives: str
    lists: str


class AptChanges:
    """apt and dpkg on this host, for changing it."""

    def __init__(self, system: System) -> None:
        """Ask nothing yet."""
        self._system = system

    def installed(self) -> Installed:
        """Return what is installed.

        Raises:
            AptProblem: dpkg cannot say.
        """
        packages = parse_installed(self._text(QUERY))
        return Installed(packages, self._text(change.ARCHITECTURE).strip())

    def audit(self) -> Tuple[str, ...]:
        """Return the packages that dpkg finds in disorder."""
        completed = self._system.run(change.AUDIT, timeout_seconds=QUERY_SECONDS_MAX)
        found = change_parse.parse_audit(completed.out)
        if completed.code != 0 and not found:
            raise AptProblem("dpkg --audit failed: %s" % change_parse.first_trouble([completed.err]))
        return found

    def directories(self) -> Directories:
        """Return where apt keeps things."""
        found = change_parse.parse_directories(self._text(change.DIRECTORIES))
        try:
            return Directories(archives=found["ARCHIVES"], lists=found["LISTS"])
        except KeyError as error:
            raise AptProblem("apt-config does not say where %s lies" % error) from error

    def lock_holders(self) -> Dict[str, LockHolder]:
        """Return who holds which of apt's and dpkg's locks."""
        directories = self.directories()
        paths = (*DPKG_LOCKS, directories.lists + "/lock", directories.archives + "/lock")
        holders = {path: self._system.lock_holder(path) for path in paths}
        return {path: holder for path, holder in holders.items() if holder is not None}

    def dpkg_lock_holder(self) -> Optional[LockHolder]:
        """Return who works on dpkg's database now."""
        for path in DPKG_LOCKS:
            holder = self._system.lock_holder(path)
            if holder is not None:
                return holder
        return None

    def simulate(self, wanted: Sequence[Wanted]) -> Tuple[Answer, Optional[Transaction]]:
        """Return what the change would do; no transaction when apt refuses.

        Raises:
            AptProblem: apt printed something that cannot be understood.
        """
        return self._simulated(change.simulate_argv(wanted))

    def simulate_rollback(self, debs: Sequence[str], removals: Sequence[str]) -> Tuple[Answer, Optional[Transaction]]:
        """Return what taking back would do; no transaction when apt refuses or does not run."""
        return self._simulated(change.rollback_argv(debs, removals, simulate=True))

    def refresh(self) -> Answer:
        """Fetch the lists anew; trouble when any repository did not answer."""
        answer = self._answer(change.REFRESH, REFRESH_SECONDS_MAX, fetches=True)
        if not answer.trouble and change_parse.is_fetch_trouble(answer.words):
            return Answer(TROUBLE_MIRROR, change_parse.first_trouble([answer.words]), answer.text)
        return answer

    def sizes(self, wanted: Sequence[Wanted]) -> Sizes:
        """Return what the change fetches and how much room it takes."""
        return change_parse.parse_sizes(self._text(change.sizes_argv(wanted), SIMULATE_SECONDS_MAX))

    def old_sizes(self, wanted: Sequence[Wanted]) -> Sizes:
        """Return what fetching the installed versions again takes."""
        return change_parse.parse_sizes(self._text(change.old_sizes_argv(wanted), SIMULATE_SECONDS_MAX))

    def download(self, wanted: Sequence[Wanted]) -> Answer:
        """Fetch what the change needs into the archive cache."""
        return self._answer(change.download_argv(wanted), DOWNLOAD_SECONDS_MAX, fetches=True)

    def are_cached(self, wanted: Sequence[Wanted]) -> bool:
        """Say whether the .debs of all of ``wanted`` lie in apt's archive cache."""
        archives = self.directories().archives
        return all(self._system.size("%s/%s" % (archives, each.file_name)) > 0 for each in wanted)

    def download_old(self, wanted: Sequence[Wanted]) -> Answer:
        """Fetch the installed versions into the archive cache, those that some repository has."""
        return self._answer(change.download_old_argv(wanted), DOWNLOAD_SECONDS_MAX, fetches=True)

    def copy_old(self, wanted: Sequence[Wanted], directory: str) -> Answer:
        """Fetch the installed versions into ``directory``, from repositories on this disk, too."""
        return self._answer(change.copy_old_argv(wanted, directory), DOWNLOAD_SECONDS_MAX, fetches=True)

    def hashes(self, wanted: Sequence[Wanted]) -> Dict[Tuple[str, str, str], str]:
        """Return the SHA-256 of the versions that the lists know."""
        found: Dict[Tuple[str, str, str], str] = {}
        for chunk in _chunks(wanted):
            # Exits with 100 when one version is unknown, and prints the others all the same.
            completed = self._system.run(change.records_argv(chunk), timeout_seconds=SIMULATE_SECONDS_MAX)
            found.update(change_parse.parse_hashes(completed.out))
        return found

    def deb_fields(self, path: str) -> Tuple[str, str, str]:
        """Return name, version and architecture of a .deb; empty words when it is none."""
        completed = self._system.run(change.deb_fields_argv(path), timeout_seconds=QUERY_SECONDS_MAX)
        return change_parse.parse_deb_fields(completed.out) if completed.code == 0 else ("", "", "")

    def auto_marks(self) -> Tuple[str, ...]:
        """Return the packages that were installed for others' sake: ``name``, or ``name:architecture`` if foreign."""
        return tuple(self._text(change.AUTO_MARKS).split())

    def mark(self, *, auto: Sequence[Wanted], manual: Sequence[Wanted]) -> str:
        """Set the marks; returns apt's complaint, empty when all went well."""
        troubles = []
        for wanted, argv in ((auto, change.mark_auto_argv), (manual, change.mark_manual_argv)):
            for chunk in _chunks(wanted):
                completed = self._system.run(
                    argv([each.query for each in chunk]),
                    timeout_seconds=QUERY_SECONDS_MAX,
                    environment=change.environment(),
                )
                if completed.code != 0:
                    troubles.append(change_parse.first_trouble([completed.err, completed.out]))
        return "; ".join(troubles)

    def configuration_files(self, wanted: Sequence[Wanted]) -> Tuple[str, ...]:
        """Return the paths of the packages' configuration files."""
        paths: Tuple[str, ...] = ()
        for chunk in _chunks(wanted):
            paths += change_parse.parse_conffiles(self._text(change.conffiles_argv([each.query for each in chunk])))
        return paths

    def _simulated(self, argv: Sequence[str]) -> Tuple[Answer, Optional[Transaction]]:
        answer = self._answer(argv, SIMULATE_SECONDS_MAX)
        return answer, None if answer.trouble else change_parse.parse_transaction(answer.text)

    def _answer(self, argv: Sequence[str], timeout_seconds: float, *, fetches: bool = False) -> Answer:
        completed = self._system.run(argv, timeout_seconds=timeout_seconds, environment=change.environment())
        said = completed.err + "\n" + completed.out
        if completed.code == 0 and not completed.problem:
            return Answer(TROUBLE_NONE, completed.err, completed.out)
        words = completed.problem or change_parse.first_trouble([completed.err, completed.out])
        trouble = _trouble_of(completed, said, fetches=fetches)
        return Answer(trouble, words, completed.out, ran=completed.code == APT_REFUSES and not completed.problem)

    def _text(self, argv: Sequence[str], timeout_seconds: float = QUERY_SECONDS_MAX) -> str:
        completed = self._system.run(argv, timeout_seconds=timeout_seconds, environment=change.environment())
        if completed.code != 0:
            said = completed.problem or change_parse.first_trouble([completed.err, completed.out])
            raise AptProblem("%s failed: %s" % (argv[0], said))
        return completed.out


def _trouble_of(completed: Completed, said: str, *, fetches: bool) -> str:
    """Sort a failed call by what can be done about it; the lock first, for it brings other complaints with it."""
    if change_parse.is_lock_trouble(said):
        return TROUBLE_LOCK
    if change_parse.names_unknown_version(said):
        return TROUBLE_VERSION
    if _DOWNGRADE in said:
        return TROUBLE_DOWNGRADE
    if change_parse.is_room_trouble(said):
        return TROUBLE_ROOM
    if fetches and (completed.problem or change_parse.is_fetch_trouble(said)):
        return TROUBLE_MIRROR
    return TROUBLE_OTHER


def _chunks(wanted: Sequence[Wanted]) -> Tuple[Sequence[Wanted], ...]:
    return tuple(wanted[start : start + NAMES_PER_CALL_MAX] for start in range(0, len(wanted), NAMES_PER_CALL_MAX))
