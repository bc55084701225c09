"""Save the way back: the .debs of the versions that are installed now, before anything is changed.

Each is taken from where it can be had: beside the order already, kept from the order that brought it, in apt's archive
cache, or fetched again from the host's repositories (hashes checked by apt).  Where the lists know its hash, it must
have it; always it must say of itself that it is that very version.  None is rebuilt from installed files.

It also keeps what an order brought (``keep_debs``): repositories drop old versions, and what was installed here
last is what the next order has to go back to.
"""

from __future__ import annotations

from typing import Callable, Dict, Optional, Sequence, Tuple, Union

from oakum.agent.actor.changes import TROUBLE_LOCK, TROUBLE_MIRROR, TROUBLE_ROOM, Answer
from oakum.agent.actor.judge import REFUSED_NO_WAY_BACK, Defer, Installed, Refuse
from oakum.agent.actor.record import SavedDeb
from oakum.agent.actor.tools import Tools
from oakum.agent.managers.apt.change import ALL, Wanted
from oakum.protocol.orders import WorkOrder

# What is kept for later orders may not fill a disk.
KEPT_BYTES_MAX = 1024 * 1024 * 1024
KEPT_FREE_BYTES_MIN = 1024 * 1024 * 1024
NAMED_COUNT_MAX = 10

Hashes = Dict[Tuple[str, str, str], str]


def save_old_debs(tools: Tools, order: WorkOrder, old: Sequence[Wanted]) -> Union[Tuple[SavedDeb, ...], Refuse, Defer]:
    """Put the .debs of ``old`` beside the order; say why not when one cannot be had."""
    hashes = tools.apt.hashes(old)
    target = tools.store.old(order.order_id)
    archives = tools.apt.directories().archives
    saved = _collect(tools, old, hashes, target, archives)
    lacking = [wanted for wanted in old if wanted not in saved]
    fetches: Sequence[Callable[[Sequence[Wanted]], Answer]] = (
        tools.apt.download_old,
        lambda some: tools.apt.copy_old(some, target),
    )
    for fetch in fetches:
        if not lacking:
            break
        tools.system.make_directory(target)
        answer = fetch(lacking)
        saved.update(_collect(tools, lacking, hashes, target, archives))
        lacking = [wanted for wanted in lacking if wanted not in saved]
        if lacking and answer.trouble in (TROUBLE_MIRROR, TROUBLE_ROOM, TROUBLE_LOCK):
            words = "The present versions cannot be fetched for the way back: %s"
            return Defer(answer.trouble, words % answer.words)
    if lacking:
        names = ", ".join(wanted.spec for wanted in lacking[:NAMED_COUNT_MAX])
        return Refuse(
            REFUSED_NO_WAY_BACK,
            "No repository of this host has %s any more, so the change could not be taken back. "
            "Put the .deb into %s, or update this host by hand." % (names, archives),
        )
    return tuple(saved[wanted] for wanted in old)


def _collect(tools: Tools, old: Sequence[Wanted], hashes: Hashes, target: str, archives: str) -> Dict[Wanted, SavedDeb]:
    """Copy what can be found on this disk into ``target``."""
    saved = {}
    for wanted in old:
        for name in _file_names(wanted):
            deb = _take(tools, wanted, hashes, target, [target, tools.store.kept, archives], name)
            if deb is not None:
                saved[wanted] = deb
                break
    return saved


def _file_names(wanted: Wanted) -> Tuple[str, ...]:
    """Return the names that its .deb may have: a package can come to be ``all``, or cease to be."""
    other = Wanted(wanted.name, ALL, wanted.version)
    return (wanted.file_name,) if wanted.architecture == ALL else (wanted.file_name, other.file_name)


def _take(
    tools: Tools, wanted: Wanted, hashes: Hashes, target: str, places: Sequence[str], name: str
) -> Optional[SavedDeb]:
    """Return the first good copy among ``places``, copied into ``target``."""
    system = tools.system
    for place in places:
        path = "%s/%s" % (place, name)
        if system.size(path) <= 0:
            continue
        package, version, architecture = tools.apt.deb_fields(path)
        digest = system.sha256(path)
        expected = hashes.get((package, version, architecture), digest)
        if (package, version) != (wanted.name, wanted.version) or digest != expected:
            tools.context.log("actor.deb_unfit", file=path, package=package, version=version)
            continue
        kept = "%s/%s" % (target, name)
        if path != kept:
            system.copy(path, kept)
        return SavedDeb(wanted.name, architecture, wanted.version, kept, digest)
    return None


def keep_debs(tools: Tools, paths: Sequence[str], installed: Installed) -> None:
    """Keep the .debs of installed versions (``paths``), and drop those of versions that are no longer installed.

    Within KEPT_BYTES_MAX, and only while KEPT_FREE_BYTES_MIN stay free: a host short of room loses the comfort, and is
    told so when an order finds no way back.
    """
    system, kept = tools.system, tools.store.kept
    total = _drop_outdated(tools, installed)
    for path in paths:
        name = path.rpartition("/")[2]
        size = system.size(path)
        if size <= 0 or system.size("%s/%s" % (kept, name)) == size or not _is_current(name, installed):
            continue
        if total + size > KEPT_BYTES_MAX or system.room(kept).free_bytes - size < KEPT_FREE_BYTES_MIN:
            tools.context.log("actor.deb_not_kept", file=name, bytes=size)
            continue
        system.copy(path, "%s/%s" % (kept, name))
        total += size


def _drop_outdated(tools: Tools, installed: Installed) -> int:
    """Remove kept .debs of versions that are not installed; return the bytes that stay."""
    system, kept = tools.system, tools.store.kept
    total = 0
    for name in system.list_names(kept):
        path = "%s/%s" % (kept, name)
        if _is_current(name, installed):
            total += max(0, system.size(path))
        else:
            system.remove(path)
    return total


def _is_current(name: str, installed: Installed) -> bool:
    """Say whether a .deb, by its name in apt's archive cache, is of a version that is installed."""
    parts = name[: -len(".deb")].split("_") if name.endswith(".deb") else []
    if len(parts) != 3:  # noqa: PLR2004 - name_version_architecture
        return False
    found = installed.find(parts[0], parts[2])
    return found is not None and found.version == parts[1].replace("%3a", ":")


def clean_downloads(tools: Tools, order_id: str) -> None:
    """Remove from apt's archive cache what the order put there; what others fetched stays."""
    archives = tools.apt.directories().archives
    for name in tools.store.downloads(order_id):
        tools.system.remove("%s/%s" % (archives, name))
