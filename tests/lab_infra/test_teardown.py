"""A lab leaves nothing behind, however it ends, and touches nothing that is not its own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab import Lab, LabError
from lab.cgroups import lab_cgroups
from lab.children import REPOSITORY, package_environment
from lab.folders import remove_folder
from lab.mirror import MIRROR_VARIABLE, SECURITY_MIRROR_VARIABLE
from lab.network import lab_namespaces
from lab.places import new_lab_id, places
from lab.roots import build_roots
from lab.teardown import cleanup_stale, tear_down

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab_machine")]

OWNER = """
import sys
from lab import Lab
with Lab(hosts=1) as lab:
    guardian = lab._guardian
    print(lab.id, guardian.pid, flush=True)
    sys.stdin.readline()
"""
END_SECONDS_MAX = 30


def traces(lab_id: str) -> list[str]:
    """Name everything on this machine that carries the lab's id."""
    found = [name for name in sorted(lab_namespaces() | lab_cgroups()) if name.split(".")[0] == lab_id]
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f"/{lab_id}/" in line]
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes() + (path / "cgroup").read_bytes()
            state = (path / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        # A dead process whose parent died too is process 1's to collect, not the lab's.
        if lab_id.encode() in words and int(path.name) != os.getpid() and state not in "ZX":
            found.append(f"process {path.name}: {words[:200]!r}")
    run_dir = places().runs / lab_id
    inotify = places().locks / "inotify.json"
    if run_dir.exists():
        found.append(str(run_dir))
    if inotify.exists() and lab_id in json.loads(inotify.read_text())["labs"]:
        found.append(str(inotify))
    return found


class Owner:
    """A process that holds a lab of one host."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env=package_environment(),
        )
        assert self.process.stdout is not None
        self.lab_id, guardian = self.process.stdout.readline().split()
        self.guardian = int(guardian)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        status = self.process.wait(timeout=END_SECONDS_MAX)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        return status


def test_nothing_is_left_after_the_block_even_when_it_raises() -> None:
    lab = Lab(hosts=2)
    try:
        with lab:
            server = lab.popen_in_namespace(["sleep", "600"])
            assert len(traces(lab.id)) > 10
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert traces(lab.id) == []
    assert server.wait(timeout=END_SECONDS_MAX) == -signal.SIGKILL
    lab.close()
    assert traces(lab.id) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_lab_in_good_order(number: signal.Signals) -> None:
    owner = Owner()
    assert traces(owner.lab_id)
    assert owner.end(number) != 0
    assert traces(owner.lab_id) == []


def test_the_guardian_clears_up_after_an_owner_that_was_killed() -> None:
    owner = Owner()
    guardian = os.pidfd_open(owner.guardian)
    owner.end(signal.SIGKILL)
    # A process file descriptor becomes readable when its process ends.
    _await_readable(guardian)
    assert traces(owner.lab_id) == []


def test_stale_labs_are_cleared_and_living_ones_are_not() -> None:
    dead, living = Owner(), Owner()
    os.kill(dead.guardian, signal.SIGKILL)
    dead.end(signal.SIGKILL)
    assert traces(dead.lab_id)
    cleared = cleanup_stale(places())
    assert dead.lab_id in cleared
    assert living.lab_id not in cleared
    assert traces(dead.lab_id) == []
    assert len(traces(living.lab_id)) > 5
    living.end(signal.SIGTERM)
    assert traces(living.lab_id) == []


def test_a_folder_with_a_mount_in_it_is_left_whole(tmp_path: Path) -> None:
    """A killed builder may leave the machine's own /dev/shm bound in its folder: nothing is removed through it."""
    doomed, precious = tmp_path / "doomed", tmp_path / "precious"
    (doomed / "dev/shm").mkdir(parents=True)
    precious.mkdir()
    for kept in (precious / "others", doomed / "own"):
        kept.write_text("kept")
    subprocess.run(["mount", "--bind", precious, doomed / "dev/shm"], check=True)
    try:
        with pytest.raises(LabError, match="is mounted in it"):
            remove_folder(doomed)
        assert (precious / "others").read_text() == "kept"
        assert (doomed / "own").read_text() == "kept"
    finally:
        subprocess.run(["umount", doomed / "dev/shm"], check=True)
    remove_folder(doomed)
    assert not doomed.exists()
    assert (precious / "others").read_text() == "kept"
    remove_folder(doomed)


def test_taking_down_what_never_came_up_changes_nothing() -> None:
    lab_id = new_lab_id()
    tear_down(places(), lab_id)
    assert traces(lab_id) == []


def test_a_release_the_mirror_lacks_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (MIRROR_VARIABLE, SECURITY_MIRROR_VARIABLE):
        monkeypatch.setenv(variable, "http://127.0.0.1:9/debian/")
    with pytest.raises(LabError, match="has no potato") as caught:
        build_roots(places(), ("potato",), progress=print)
    assert "LAB_RELEASES" in caught.value.remedy


def _await_readable(handle: int) -> None:
    ready, _, _ = select.select([handle], [], [], END_SECONDS_MAX)
    os.close(handle)
    assert ready, "the guardian did not end"
