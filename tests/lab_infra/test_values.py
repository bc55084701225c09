"""The lab's pure parts: apt's words, the mirror, the recipe, names and owners."""

from __future__ import annotations

import doctest
import importlib
import json
import os
from datetime import date
from pathlib import Path

import pytest

from lab import REQUIRED_COMMANDS, LabError, aptoutput, check_requirements
from lab.lab import host_names
from lab.limits import INOTIFY_INSTANCES_WANTED, raise_inotify_limit, restore_inotify_limit
from lab.mirror import Mirror, parse_index_targets
from lab.places import Places, lab_id_of, owner_is_alive, places, record_owner
from lab.recipe import Recipe
from lab.roots import RELEASES_DEFAULT, releases_wanted

SIMULATION = """\
Reading package lists...
Inst openssl [3.0.20-1~deb12u2] (3.0.22-1~deb12u2 Debian-Security:12/oldstable-security [amd64]) []
Inst libc6 [2.36-9] (2.36-10 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64])
Inst tzdata [2024a] (2025b Debian:12-updates/oldstable-updates [all])
Inst libnew (1.0 Debian-Security:12/oldstable-security [amd64])
Conf openssl (3.0.22-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
"""
MIRROR = Mirror(main="https://mirror.example.test/debian/", security="https://mirror.example.test/security/")


def test_pending_security_takes_installed_packages_from_a_security_archive() -> None:
    assert aptoutput.pending_security(SIMULATION) == {("openssl", "3.0.22-1~deb12u2"), ("libc6", "2.36-10")}


def test_a_simulation_names_old_and_new_and_every_origin() -> None:
    lines = {line.name: line for line in aptoutput.parse_simulation(SIMULATION)}
    assert lines["libc6"].labels == ("Debian", "Debian-Security")
    assert lines["tzdata"].old == "2024a"
    assert lines["libnew"].old is None


def test_the_mirror_is_debians_own_archives_and_nobody_elses() -> None:
    lines = [
        "https://tools.example.test/apt/ bookworm Tools",
        "https://mirror.example.test/debian/ bookworm-backports Debian",
        "https://mirror.example.test/debian/ bookworm-updates Debian",
        "https://mirror.example.test/debian/ bookworm Debian",
        "https://mirror.example.test/security/ bookworm-security Debian",
    ]
    assert parse_index_targets(lines) == MIRROR
    assert parse_index_targets(lines[:4]) is None
    assert (
        parse_index_targets(["https://u.example.test/u/ noble Ubuntu", "https://u.example.test/u/ x-security "]) is None
    )


def test_hosts_speak_plain_http_to_the_proxy_which_keeps_the_mirrors_scheme() -> None:
    assert MIRROR.sources("trixie") == (
        "deb http://mirror.example.test/debian/ trixie main",
        "deb http://mirror.example.test/debian/ trixie-updates main",
        "deb http://mirror.example.test/security/ trixie-security main",
    )
    assert MIRROR.upstreams() == {"mirror.example.test": "https"}


def test_another_day_release_or_mirror_is_another_root() -> None:
    def key(release: str = "bookworm", day: int = 1, mirror: Mirror = MIRROR, architecture: str = "amd64") -> str:
        return Recipe(release=release, mirror=mirror, architecture=architecture, day=date(2026, 1, day)).key

    other = Mirror(main="http://b.example.test/debian/", security="http://b.example.test/security/")
    keys = [key(), key(release="trixie"), key(day=2), key(mirror=other), key(architecture="arm64")]
    assert len(set(keys)) == len(keys)
    assert key() == key()


def test_only_the_frozen_suite_goes_into_a_root_so_that_updates_are_pending() -> None:
    recipe = Recipe(release="bookworm", mirror=MIRROR, architecture="amd64", day=date(2026, 1, 1))
    argv = recipe.build_argv(target="/t", finish_script="/f", build_proxy="http://127.0.0.1:1")
    assert argv[-1] == "deb http://mirror.example.test/debian/ bookworm main"
    assert not any("-security" in word or "-updates" in word for word in argv)


def test_a_builders_mounts_are_its_own_and_end_with_it() -> None:
    """Else one that is killed leaves the machine's /dev bound into the folder that is removed next."""
    recipe = Recipe(release="bookworm", mirror=MIRROR, architecture="amd64", day=date(2026, 1, 1))
    argv = recipe.build_argv(target="/t", finish_script="/f", build_proxy="http://127.0.0.1:1")
    assert argv[:4] == ["unshare", "--mount", "--propagation=private", "mmdebstrap"]


def test_the_finish_script_leaves_no_placeholder_and_no_key() -> None:
    recipe = Recipe(release="bookworm", mirror=MIRROR, architecture="amd64", day=date(2026, 1, 1))
    script = recipe.finish_script("http://127.0.0.1:9")
    assert "root=$1" in script
    assert "bookworm-security main" in script
    assert 'rm -f "$root"/etc/ssh/ssh_host_*_key' in script


@pytest.mark.parametrize("name", ["labctl", "oklab", "oklab12", "oklab12-x", "xoklab12-1", "oklab-1"])
def test_a_foreign_name_is_never_ours(name: str) -> None:
    assert lab_id_of(name) is None


def test_one_labs_id_is_never_the_beginning_of_anothers() -> None:
    assert lab_id_of("oklab12-1.web01") == "oklab12-1"
    assert lab_id_of("oklab12-11.web01") == "oklab12-11"


def test_an_owner_is_dead_when_its_process_is_another_one(tmp_path: Path) -> None:
    ours = f"oklab{os.getpid()}-1"
    assert owner_is_alive(ours, tmp_path)
    record_owner(tmp_path)
    assert owner_is_alive(ours, tmp_path)
    record = json.loads((tmp_path / "owner.json").read_text())
    (tmp_path / "owner.json").write_text(json.dumps(record | {"started": record["started"] - 1}))
    assert not owner_is_alive(ours, tmp_path)
    assert not owner_is_alive("oklab4194305-1", tmp_path)  # Above the kernel's largest process id.


def test_the_last_lab_restores_the_inotify_limit(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    limit = tmp_path / "limit"
    limit.write_text("128\n")
    where = Places(top=tmp_path)
    for lab_id in ("a", "b", "b"):
        raise_inotify_limit(where, lab_id, limit=limit)
    restore_inotify_limit(where, "a", limit=limit)
    assert int(limit.read_text()) == INOTIFY_INSTANCES_WANTED
    restore_inotify_limit(where, "b", limit=limit)
    assert int(limit.read_text()) == 128
    restore_inotify_limit(where, "b", limit=limit)
    assert int(limit.read_text()) == 128


def test_a_limit_someone_else_set_meanwhile_stays(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    limit = tmp_path / "limit"
    limit.write_text("128")
    raise_inotify_limit(Places(top=tmp_path), "a", limit=limit)
    limit.write_text("500000")
    restore_inotify_limit(Places(top=tmp_path), "a", limit=limit)
    assert limit.read_text() == "500000"


def test_releases_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_RELEASES", raising=False)
    assert releases_wanted() == RELEASES_DEFAULT
    monkeypatch.setenv("LAB_RELEASES", "trixie, bookworm trixie")
    assert releases_wanted() == ("trixie", "bookworm")
    monkeypatch.setenv("LAB_RELEASES", "../etc")
    with pytest.raises(LabError, match="LAB_RELEASES"):
        releases_wanted()


def test_a_lab_directory_an_overlay_cannot_take_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OAKUM_LAB_DIR", str(tmp_path / "a,b"))
    with pytest.raises(LabError, match="plain path"):
        places()


def test_what_is_missing_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (sentence,) = check_requirements()
    if os.geteuid() == 0:
        assert "apt-get install" in sentence
        assert set(REQUIRED_COMMANDS.values()) <= set(sentence.replace("`", " ").split())
    else:
        assert "as root" in sentence


def test_host_names_are_distinct() -> None:
    assert len(set(host_names(200))) == 200


@pytest.mark.parametrize("module", ["aptoutput", "lab", "mirror", "places"])
def test_examples_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"lab.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
