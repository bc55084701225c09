"""Take a lab down knowing nothing but its id and its folder, so that anyone can do it for a lab that crashed.

Everything a lab makes carries its id, and every process it starts is in its cgroup.  Nothing else is touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from lab import cgroups, commands, network
from lab.cgroups import Cgroup
from lab.errors import CommandError, LabError
from lab.folders import mounts_below, remove_folder
from lab.limits import locked, restore_inotify_limit
from lab.places import Places, lab_id_of, owner_is_alive

UMOUNT_SECONDS_MAX = 5.0


def tear_down(places: Places, lab_id: str) -> None:
    """Remove every trace of the lab; running this again changes nothing.

    Goes on after a step that fails, and then raises one ``LabError`` that names all that is left.
    """
    assert lab_id_of(lab_id) == lab_id, lab_id
    # The owner, its guardian and another lab's `cleanup_stale` may come for the same lab at once.
    with locked(places.locks / "teardown.lock"):
        failures = _tear_down(places, lab_id)
    if failures:
        raise LabError(
            f"The lab {lab_id} did not come down whole:\n" + "\n".join(failures),
            remedy="run `python -m lab down` once what holds it is gone",
        )


def _tear_down(places: Places, lab_id: str) -> list[str]:
    """Do it, and return what failed."""
    run_dir = places.runs / lab_id
    group = Cgroup(path=lab_id)
    namespaces = [name for name in sorted(network.lab_namespaces()) if lab_id_of(name) == lab_id]
    steps: list[Callable[[], object]] = [group.kill]
    steps += [partial(_unmount, point) for point in reversed(mounts_below(run_dir))]
    steps += [partial(network.delete_namespace, name) for name in namespaces]
    steps += [group.remove, partial(remove_folder, run_dir), partial(restore_inotify_limit, places, lab_id)]
    failures = []
    for step in steps:
        try:
            step()
        except (LabError, OSError) as error:
            failures.append(str(error))
    return failures


def cleanup_stale(places: Places) -> tuple[str, ...]:
    """Take down every lab whose owner is dead, and return their ids."""
    names = network.lab_namespaces() | cgroups.lab_cgroups() | {entry.name for entry in places.runs.iterdir()}
    found = {lab_id for lab_id in map(lab_id_of, names) if lab_id is not None}
    stale = sorted(lab_id for lab_id in found if not owner_is_alive(lab_id, places.runs / lab_id))
    for lab_id in stale:
        tear_down(places, lab_id)
    return tuple(stale)


def _unmount(point: str) -> None:
    """Unmount; the last process of a container may hold it a moment longer."""
    deadline = time.monotonic() + UMOUNT_SECONDS_MAX
    while time.monotonic() < deadline:
        with suppress(CommandError):
            commands.run(["umount", point])
            return
        time.sleep(0.05)
    commands.run(["umount", "--lazy", point])
