"""A root cannot make us leave it, wait for it, or read without end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from oakum.scan import walk as walking
from oakum.scan.root import Absent, Root, Unreadable
from oakum.scan.values import INCOMPLETE, LEFT_OUT, Note
from oakum.scan.walk import Candidate, remote_places, walk
from tests.scan.nobody import as_nobody, needs_root
from tests.scan.roots import put


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    return put(tmp_path, "outside/secret", "not yours")


@pytest.fixture
def root(tmp_path: Path, outside: Path) -> Iterator[Root]:
    assert outside.exists()
    (tmp_path / "root").mkdir()
    with closing(Root(tmp_path / "root")) as opened:
        yield opened


def test_an_absolute_link_starts_at_the_root_and_not_at_this_host(root: Root, outside: Path) -> None:
    put(root.path, "etc/own", "mine")
    (root.path / "link").symlink_to("/etc/own")
    (root.path / "escape").symlink_to(outside)
    assert root.read("link", size_max=10) == b"mine"
    with pytest.raises(Absent):
        root.read("escape", size_max=10)


@pytest.mark.parametrize("target", ["../outside/secret", "../../../../outside/secret", "/../outside/secret"])
def test_no_number_of_parents_leads_out_of_the_root(root: Root, target: str) -> None:
    (root.path / "link").symlink_to(target)
    with pytest.raises(Absent):
        root.read("link", size_max=10)
    with pytest.raises(Absent):
        root.read("../outside/secret", size_max=10)


def test_links_in_the_middle_of_a_path_are_followed_inside(root: Root) -> None:
    put(root.path, "usr/lib/sysimage/rpm/file", "rpm")
    (root.path / "var/lib").mkdir(parents=True)
    (root.path / "var/lib/rpm").symlink_to("../../usr/lib/sysimage/rpm")
    assert root.read("var/lib/rpm/file", size_max=10) == b"rpm"


def test_links_that_point_to_each_other_end(root: Root) -> None:
    (root.path / "a").symlink_to("b")
    (root.path / "b").symlink_to("a")
    with pytest.raises(Unreadable, match="symbolic links"):
        root.read("a", size_max=10)


def test_a_pipe_and_a_device_are_not_opened(root: Root) -> None:
    os.mkfifo(root.path / "pipe")
    with pytest.raises(Unreadable, match="no regular file"):
        root.read("pipe", size_max=10)
    with closing(Root(Path("/dev"))) as devices, pytest.raises(Unreadable, match="no regular file"):
        devices.read("zero", size_max=10)


def test_a_file_beyond_its_maximum_is_refused_after_so_many_bytes(root: Root) -> None:
    with put(root.path, "large").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(Unreadable, match="larger than 1,000 bytes"):
        root.read("large", size_max=1_000)


def everything(root: Root) -> list[Candidate | Note]:
    return list(walk(root, lambda _directory, _name: "any"))


def test_a_walk_follows_no_link_and_leaves_out_the_kernels_files_and_containers(root: Root, outside: Path) -> None:
    put(root.path, "a/b/file")
    put(root.path, "proc/1/file")
    put(root.path, "var/lib/docker/overlay2/x/usr/bin/file")
    (root.path / "a/loop").symlink_to("..")
    (root.path / "out").symlink_to(outside.parent)
    found = everything(root)
    assert [each.place for each in found if isinstance(each, Candidate)] == ["a/b/file"]
    assert [(each.kind, each.place) for each in found if isinstance(each, Note)] == [(LEFT_OUT, "var/lib/docker")]


def test_a_tree_of_any_depth_ends_with_a_note_and_gives_its_descriptors_back(root: Root) -> None:
    deep = root.path
    for _ in range(walking.DEPTH_MAX + 40):
        deep = deep / "d"
    deep.mkdir(parents=True)
    before = len(list(Path("/proc/self/fd").iterdir()))
    notes = [each for each in everything(root) if isinstance(each, Note)]
    assert [each.kind for each in notes] == [INCOMPLETE]
    assert "deep" in notes[0].reason
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_too_many_names_end_the_walk_with_a_note(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "ENTRY_COUNT_MAX", 5)
    for number in range(10):
        put(root.path, f"{number}/file")
    found = everything(root)
    assert isinstance(found[-1], Note)
    assert "rest was not looked at" in found[-1].reason


@needs_root
def test_a_directory_that_may_not_be_listed_is_told(root: Root) -> None:
    put(root.path, "closed/file")
    (root.path / "closed").chmod(0o700)
    told = as_nobody(lambda: [f"{each.kind} {each.place}" for each in everything(root) if isinstance(each, Note)])
    assert told == [f"{INCOMPLETE} closed"]


def test_what_is_mounted_from_other_hosts_is_told_apart() -> None:
    mounts = (
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "30 22 0:40 / /srv/share\\040one rw shared:5 master:2 - nfs4 server:/share rw\n"
        "31 22 0:41 / /mnt/fuse rw - fuse.sshfs host: rw\n"
        "broken line\n"
    )
    assert remote_places(mounts) == {
        "srv/share one": "nfs4: another host's files",
        "mnt/fuse": "fuse.sshfs: another host's files",
    }
