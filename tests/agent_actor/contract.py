"""What the actor relies on, as checks that run on the simulated host and on real ones alike.

A check takes a ``Place`` and raises AssertionError.  Standard library and Python 3.9, for it also runs inside a lab
host (``python3 contract.py DIR NAME``), where there is no pytest.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import traceback
from datetime import datetime, timezone
from typing import Callable, Iterator  # noqa: UP035 - as in the agent

from oakum.agent.actor.changes import (
    TROUBLE_DOWNGRADE,
    TROUBLE_LOCK,
    TROUBLE_NONE,
    TROUBLE_OTHER,
    TROUBLE_VERSION,
    AptChanges,
)
from oakum.agent.actor.health import LISTENER_GONE, UNIT_FAILED, compare_health
from oakum.agent.actor.health_look import look_at_health
from oakum.agent.actor.health_state import MANAGER_ANSWERS
from oakum.agent.actor.real import RealSystem
from oakum.agent.actor.system import CHILD_ABSENT, CHILD_ENDED, CHILD_LOST, CHILD_RUNNING, Child, System
from oakum.agent.errors import HostError
from oakum.agent.managers.apt import change
from oakum.agent.managers.apt.change import Wanted

PATIENCE_SECONDS = 60.0
LOCK = "/var/lib/dpkg/lock-frontend"


class Place:
    """A host to check on: its system, a directory of its own, and how to wait and to hold a lock there.

    For the checks of packages acme-web 1.0 (a service on port 8081) is installed; the repositories offer it, 1.1, and
    1.2, whose service does not start.
    """

    architecture = "all"

    def __init__(self, system: System, directory: str) -> None:
        self.system, self.directory = system, directory
        self.apt = AptChanges(system)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def now(self) -> datetime:
        return datetime.now(timezone.utc)  # noqa: UP017 - not in Python 3.9

    @contextlib.contextmanager
    def locked(self, path: str) -> Iterator[int]:
        """Hold a lock as apt does, in another process; yields its id."""
        code = "import fcntl,sys;f=open(sys.argv[1],'a');fcntl.lockf(f,fcntl.LOCK_EX);print('held',flush=True);input()"
        with subprocess.Popen(
            [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield holder.pid
            holder.kill()

    def kill(self, name: str) -> None:
        """Kill a launched program and all below it, as a power cut does."""
        begun = self.system.read(f"{self.directory}/{name}.begun", 1_000)
        assert begun is not None
        session = begun.split(b"\n")[1].rpartition(b")")[2].split()[3]
        subprocess.run(["pkill", "-KILL", "-s", session.decode()], check=True)

    def ended(self, name: str) -> Child:
        """Wait for a launched program and return what became of it."""
        waited = 0.0
        while waited < PATIENCE_SECONDS:
            child = self.system.child(self.directory, name)
            if child.state != CHILD_RUNNING:
                return child
            self.sleep(0.05)
            waited += 0.05
        raise AssertionError(f"{name} never ends")

    def web(self, version: str) -> Wanted:
        return Wanted("acme-web", self.architecture, version)

    def web_version(self) -> str:
        found = self.apt.installed().find("acme-web", self.architecture)
        return "" if found is None else found.version

    def launch(self, name: str, argv: tuple[str, ...]) -> Child:
        self.system.launch(self.directory, name, argv, environment=change.environment())
        return self.ended(name)


# Files.


def check_what_was_written_is_read_and_the_end_of_it_if_it_is_long(place: Place) -> None:
    path = place.directory + "/deep/er/file"
    assert place.system.read(path, 10) is None
    assert place.system.size(path) == -1
    assert place.system.sha256(path) == ""
    place.system.write(path, b"0123456789abcdef")
    assert place.system.read(path, 100) == b"0123456789abcdef"
    assert place.system.read(path, 4) == b"cdef"
    assert place.system.size(path) == 16
    place.system.write(path, b"other")
    assert place.system.read(path, 100) == b"other"


def check_copies_are_the_same_and_removal_takes_all_below(place: Place) -> None:
    source, target = place.directory + "/a/one", place.directory + "/b/two"
    place.system.write(source, b"content")
    place.system.copy(source, target)
    assert place.system.sha256(target) == place.system.sha256(source) != ""
    assert place.system.list_names(place.directory) == ("a", "b")
    place.system.remove(place.directory + "/a")
    assert place.system.list_names(place.directory) == ("b",)
    place.system.remove(target)
    place.system.remove(target)
    assert place.system.size(target) == -1
    try:
        place.system.copy(source, target)
    except HostError:
        return
    raise AssertionError("a file that is not there was copied")


def check_identifiers_never_come_again(place: Place) -> None:
    made = {place.system.random_id() for _ in range(100)}
    assert len(made) == 100


def check_there_is_room_somewhere(place: Place) -> None:
    room = place.system.room(place.directory + "/not/there/yet")
    assert room.free_bytes > 0
    assert room.device == place.system.room(place.directory).device


# Launched programs.


def check_a_program_says_how_it_ended(place: Place) -> None:
    assert place.system.child(place.directory, "good").state == CHILD_ABSENT
    assert place.launch("good", ("true",)) == Child(CHILD_ENDED, code=0)
    assert place.launch("bad", ("false",)) == Child(CHILD_ENDED, code=1)
    # Whoever comes later finds the same.
    assert place.system.child(place.directory, "bad") == Child(CHILD_ENDED, code=1)


def check_a_program_runs_until_it_is_ended_and_says_so(place: Place) -> None:
    place.system.launch(place.directory, "long", ("sleep", "1000"), environment=change.environment())
    assert place.system.child(place.directory, "long").state == CHILD_RUNNING
    place.system.end_child(place.directory, "long")
    child = place.ended("long")
    assert (child.state, child.code >= 128) == (CHILD_ENDED, True)


def check_a_program_that_vanished_is_lost(place: Place) -> None:
    place.system.launch(place.directory, "lost", ("sleep", "1000"), environment=change.environment())
    place.kill("lost")
    assert place.ended("lost").state == CHILD_LOST


def check_a_lock_is_seen_with_its_holder(place: Place) -> None:
    path = LOCK
    assert place.system.lock_holder(path) is None
    assert place.system.lock_holder("/var/lib/dpkg/no-such-lock") is None
    with place.locked(path) as pid:
        holder = place.system.lock_holder(path)
        assert holder is not None
        assert holder.pid == pid
        assert holder.command
    assert place.system.lock_holder(path) is None


# Packages.


def check_the_simulation_names_exactly_what_would_happen(place: Place) -> None:
    answer, transaction = place.apt.simulate([place.web("1.1")])
    assert answer.trouble == TROUBLE_NONE, answer
    assert transaction is not None
    steps = [(s.name, s.architecture, s.old, s.new) for s in transaction.steps]
    assert steps == [("acme-web", place.architecture, "1.0", "1.1")], steps
    assert transaction.removed == ()
    assert place.web_version() == "1.0"


def check_an_unknown_version_and_a_downgrade_are_told_apart(place: Place) -> None:
    answer, transaction = place.apt.simulate([place.web("7.7")])
    assert (answer.trouble, transaction) == (TROUBLE_VERSION, None), answer
    assert "7.7" in answer.words
    assert place.launch("up", change.install_argv([place.web("1.1")], cached=False)).code == 0
    answer, transaction = place.apt.simulate([place.web("1.0")])
    assert (answer.trouble, transaction) == (TROUBLE_DOWNGRADE, None), answer


def check_a_held_lock_is_told_apart_from_other_trouble(place: Place) -> None:
    with place.locked(LOCK):
        child = place.launch("locked", change.install_argv([place.web("1.1")], cached=False))
        said = place.system.read(place.directory + "/locked.log", 10_000) or b""
    assert child.code != 0
    assert b"Could not get lock" in said or b"Unable to acquire the dpkg frontend lock" in said, said
    assert place.web_version() == "1.0"


def check_archives_lock_defers_a_download(place: Place) -> None:
    path = place.apt.directories().archives + "/lock"
    with place.locked(path):
        assert place.apt.lock_holders(), "the archives' lock is not seen"
        answer = place.apt.download([place.web("1.1")])
    assert answer.trouble in (TROUBLE_LOCK, TROUBLE_OTHER), answer


def check_there_and_back_again(place: Place) -> None:
    """Download, save, change, take back: by the very commands that the actor uses."""
    new, old = [place.web("1.1")], [place.web("1.0")]
    assert place.apt.sizes(new).download_bytes > 0
    assert place.apt.download(new).trouble == TROUBLE_NONE
    assert place.apt.are_cached(new)
    assert place.apt.download_old(old).trouble == TROUBLE_NONE
    archives = place.apt.directories().archives
    saved = place.directory + "/old/" + old[0].file_name
    place.system.copy(archives + "/" + old[0].file_name, saved)
    assert place.apt.deb_fields(saved) == ("acme-web", "1.0", place.architecture)
    assert place.apt.hashes(old) == {("acme-web", "1.0", place.architecture): place.system.sha256(saved)}
    assert place.apt.deb_fields(place.directory + "/nothing") == ("", "", "")

    assert place.launch("there", change.install_argv(new, cached=True)).code == 0
    assert (place.web_version(), place.apt.audit()) == ("1.1", ())

    answer, transaction = place.apt.simulate_rollback([saved], [])
    assert transaction is not None, answer
    assert [(s.name, s.old, s.new) for s in transaction.steps] == [("acme-web", "1.1", "1.0")]
    assert place.launch("back", change.rollback_argv([saved], [], simulate=False)).code == 0
    assert (place.web_version(), place.apt.audit()) == ("1.0", ())


def check_marks_are_lost_by_naming_and_can_be_restored(place: Place) -> None:
    wanted = place.web("1.1")
    assert place.apt.mark(auto=[wanted], manual=()) == ""
    assert "acme-web" in place.apt.auto_marks()
    assert place.launch("named", change.install_argv([wanted], cached=False)).code == 0
    assert "acme-web" not in place.apt.auto_marks()
    assert place.apt.mark(auto=[wanted], manual=()) == ""
    assert "acme-web" in place.apt.auto_marks()
    assert place.apt.mark(auto=(), manual=[Wanted("no-such-package", "all", "1")]) != ""


# Health.


def check_health_names_units_and_listeners_and_finds_harm(place: Place) -> None:
    before = look_at_health(place.system, place.now())
    assert before.manager == MANAGER_ANSWERS
    assert before.boot_id
    (unit,) = [each for each in before.units if each.name == "acme-web.service"]
    assert (unit.active, unit.enablement, unit.oneshot, unit.transient) == ("active", "enabled", False, False), unit
    owners = [each.unit for each in before.listeners if each.protocol == "tcp" and each.port == 8081]
    assert owners == ["acme-web.service"], before.listeners
    assert compare_health(before, look_at_health(place.system, place.now())) == ()

    assert place.launch("harm", change.install_argv([place.web("1.2")], cached=False)).code == 0
    place.sleep(1.0)
    found = compare_health(before, look_at_health(place.system, place.now()))
    assert [each.kind for each in found] == [UNIT_FAILED, LISTENER_GONE], found
    assert {each.unit for each in found} == {"acme-web.service"}


ANYWHERE: tuple[Callable[[Place], None], ...] = (
    check_what_was_written_is_read_and_the_end_of_it_if_it_is_long,
    check_copies_are_the_same_and_removal_takes_all_below,
    check_identifiers_never_come_again,
    check_there_is_room_somewhere,
    check_a_program_says_how_it_ended,
    check_a_program_runs_until_it_is_ended_and_says_so,
    check_a_program_that_vanished_is_lost,
)
PACKAGES: tuple[Callable[[Place], None], ...] = (
    check_a_lock_is_seen_with_its_holder,
    check_the_simulation_names_exactly_what_would_happen,
    check_an_unknown_version_and_a_downgrade_are_told_apart,
    check_a_held_lock_is_told_apart_from_other_trouble,
    check_archives_lock_defers_a_download,
    check_there_and_back_again,
    check_marks_are_lost_by_naming_and_can_be_restored,
    check_health_names_units_and_listeners_and_finds_harm,
)


def main(directory: str, name: str) -> str:
    """Run one check on this very host; return its complaint, empty when it holds."""
    (check,) = [each for each in (*ANYWHERE, *PACKAGES) if each.__name__ == name]
    try:
        check(Place(RealSystem(), f"{directory}/{name}"))
    except Exception:  # noqa: BLE001 - told to whoever asked
        return traceback.format_exc()
    return ""


if __name__ == "__main__":
    complaint = main(sys.argv[1], sys.argv[2])
    print(complaint)
    sys.exit(1 if complaint else 0)
