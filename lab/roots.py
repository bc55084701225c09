"""Build and keep the base roots hosts are overlaid on, one for each release.

A root appears under its final name only when whole, is never changed afterwards, and is removed when its day
is over and no lab uses it.  It does not start hosts (``lab.container``).
"""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from lab import commands
from lab.cgroups import Cgroup
from lab.errors import CommandError, LabError
from lab.folders import remove_folder
from lab.limits import locked
from lab.mirror import machine_mirror
from lab.mirrorproxy import MirrorProxy
from lab.places import Places, new_lab_id, process_is_alive
from lab.recipe import Recipe

RELEASES_VARIABLE = "LAB_RELEASES"
# bullseye because its python is 3.9, the oldest the agent promises to run on.
RELEASES_DEFAULT = ("bookworm", "bullseye")
RELEASE_COUNT_MAX = 6
BUILD_SECONDS_MAX = 900.0
PACKAGE_CACHE_BYTES_MAX = 4 * 2**30

Progress = Callable[[str], None]
_RELEASE = re.compile(r"[a-z]{2,20}")


def releases_wanted() -> tuple[str, ...]:
    """Return the releases of ``LAB_RELEASES`` (names parted by commas or blanks), or the default two."""
    text = os.environ.get(RELEASES_VARIABLE, "")
    names = tuple(dict.fromkeys(re.split(r"[,\s]+", text.strip()))) if text.strip() else RELEASES_DEFAULT
    if len(names) > RELEASE_COUNT_MAX or not all(_RELEASE.fullmatch(name) for name in names):
        raise LabError(
            f"{RELEASES_VARIABLE}={text!r} does not name Debian releases.",
            remedy=f"set it to up to {RELEASE_COUNT_MAX} code names, such as {','.join(RELEASES_DEFAULT)}",
        )
    return names


def build_roots(places: Places, releases: Sequence[str], *, progress: Progress) -> dict[str, Path]:
    """Return a whole root for each release, building those that today's cache lacks, in parallel."""
    mirror = machine_mirror()
    architecture = commands.run(["dpkg", "--print-architecture"]).stdout.decode().strip()
    day = datetime.now(UTC).date()
    recipes = [Recipe(release=release, mirror=mirror, architecture=architecture, day=day) for release in releases]
    missing = [recipe for recipe in recipes if not (places.roots / recipe.key).exists()]
    if missing:
        _build_missing(places, missing, progress)
    return {recipe.release: places.roots / recipe.key for recipe in recipes}


def _build_missing(places: Places, missing: list[Recipe], progress: Progress) -> None:
    _remove_leftovers(places)
    workshop = places.roots / f".building-{os.getpid()}"
    workshop.mkdir(exist_ok=True)
    proxy = MirrorProxy(directory=workshop)
    builders = Cgroup(path=new_lab_id())
    builders.create()
    try:
        proxy.start(mirror=missing[0].mirror, cache=places.packages, address="127.0.0.1", port=0)
        build_proxy = f"http://127.0.0.1:{proxy.port}"
        for recipe in missing:
            _require_suites(recipe, build_proxy)
        with ThreadPoolExecutor(max_workers=len(missing)) as pool:
            waiting = [pool.submit(_build, places, r, workshop, builders, build_proxy, progress) for r in missing]
            try:
                for build in waiting:
                    build.result()
            except BaseException:
                builders.kill()
                builders.remove()  # A builder that only waits for its lock finds no cgroup to start in.
                raise
    finally:
        proxy.stop()
        builders.remove()
        remove_folder(workshop)


def _build(
    places: Places, recipe: Recipe, workshop: Path, builders: Cgroup, build_proxy: str, progress: Progress
) -> None:
    """Build one root, unless another process did while we waited for its lock."""
    final = places.roots / recipe.key
    with locked(places.locks / f"{recipe.release}.lock"):
        if final.exists():
            return
        progress(f"{recipe.release}: building the base root (a minute or two, once a day)")
        started = time.monotonic()
        script = workshop / f"{recipe.release}.finish"
        script.write_text(recipe.finish_script(build_proxy))
        script.chmod(0o755)
        target = workshop / recipe.release
        argv = recipe.build_argv(target=str(target), finish_script=str(script), build_proxy=build_proxy)
        _run_mmdebstrap(recipe, builders.joined(argv))
        _settle(target)
        target.rename(final)
        progress(f"{recipe.release}: base root ready after {time.monotonic() - started:.0f} s")


def _require_suites(recipe: Recipe, build_proxy: str) -> None:
    """Raise, naming the remedy, where the mirror does not carry the release; quicker and clearer than apt."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": build_proxy}))
    for line in recipe.mirror.sources(recipe.release):
        _, base, suite, _ = line.split()
        try:
            opener.open(f"{base.rstrip('/')}/dists/{suite}/InRelease", timeout=120).close()
        except urllib.error.HTTPError as error:
            error.close()
            raise LabError(
                f"This machine's mirror has no {suite}: it answered {error.code} {error.reason}.",
                remedy=f"choose releases the mirror carries, e.g. {RELEASES_VARIABLE}=bookworm,trixie, "
                "or point apt on this machine at a mirror that has it",
            ) from error


def _run_mmdebstrap(recipe: Recipe, argv: list[str]) -> None:
    try:
        commands.run(argv, timeout=BUILD_SECONDS_MAX, label=f"mmdebstrap {recipe.release}")
    except CommandError as error:
        remedy = "its last words above name the cause"
        if "NO_PUBKEY" in error.output or "not signed" in error.output:
            remedy = "install the package debian-archive-keyring, which holds the archive's keys"
        raise LabError(f"Building the {recipe.release} root failed. {error.sentence}", remedy=remedy) from error


def _settle(root: Path) -> None:
    """Take out of the root what came from this machine or only served the build."""
    (root / "etc/apt/apt.conf.d/99mmdebstrap").unlink()
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text("")
    (root / "etc/hostname").unlink(missing_ok=True)


def prune(places: Places) -> None:
    """Remove roots of other days that no lab uses, and the oldest packages beyond the cache's bound."""
    today = datetime.now(UTC).date().isoformat()
    used = {root for run in places.runs.iterdir() for root in _roots_of(run)}
    for root in places.roots.iterdir():
        if not root.name.startswith(".") and today not in root.name and str(root) not in used:
            doomed = root.with_name(f".building-{os.getpid()}-old-{root.name}")
            root.rename(doomed)
            remove_folder(doomed)
    _prune_packages(places.packages)


def _prune_packages(folder: Path) -> None:
    """Keep the packages used last, up to the cache's bound; another lab may be doing the same."""
    files = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file():
                files.append((path.stat(), path))
    kept_bytes = 0
    for status, path in sorted(files, key=lambda item: -item[0].st_atime):
        kept_bytes += status.st_size
        if kept_bytes > PACKAGE_CACHE_BYTES_MAX:
            path.unlink(missing_ok=True)


def record_roots(run_dir: Path, roots: dict[str, Path]) -> None:
    """Write down, in a lab's folder, which roots it stands on."""
    (run_dir / "roots.json").write_text(json.dumps([str(root) for root in roots.values()]))


def _roots_of(run_dir: Path) -> list[str]:
    try:
        return [str(root) for root in json.loads((run_dir / "roots.json").read_text())]
    except FileNotFoundError:
        return []


def _remove_leftovers(places: Places) -> None:
    """Remove half-built roots whose builder is gone."""
    for folder in places.roots.glob(".building-*"):
        if not process_is_alive(int(folder.name.split("-")[1])):
            remove_folder(folder)
