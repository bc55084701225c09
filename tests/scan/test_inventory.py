"""A root as a whole: who owns a language package's file, and which kernel counts."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from oakum.scan import inventory, kernels
from oakum.scan.values import DAMAGED, INCOMPLETE, FoundPackage
from tests.scan.roots import debian_root, dpkg_stanza, elf, go_build_info, inventory_of, packages_of, put, reasons_of

METADATA = "Name: {}\nVersion: 1.0\n\n"
DIST = "usr/lib/python3/dist-packages"


def test_language_packages_of_a_distribution_package_name_their_owner(tmp_path: Path) -> None:
    debian_root(tmp_path, dpkg_stanza("python3-thing"))
    put(tmp_path, f"{DIST}/thing-1.0.dist-info/METADATA", METADATA.format("thing"))
    put(tmp_path, f"{DIST}/by_hand-1.0.dist-info/METADATA", METADATA.format("by_hand"))
    put(tmp_path, "var/lib/dpkg/info/python3-thing.list", f"/.\n/{DIST}/thing-1.0.dist-info/METADATA\n")
    found = packages_of(tmp_path)
    assert found["thing"].owner == "python3-thing"
    assert found["by_hand"].owner == ""


def test_programs_of_a_distribution_are_not_opened_also_where_directories_were_merged(tmp_path: Path) -> None:
    program = elf({".go.buildinfo": go_build_info("go1.20.3", ["dep\texample.test/x\tv1.0.0"])})
    debian_root(tmp_path, dpkg_stanza("tool"))
    put(tmp_path, "usr/bin/tool", program, mode=0o755)
    put(tmp_path, "usr/local/bin/other", program, mode=0o755)
    (tmp_path / "bin").symlink_to("usr/bin")
    put(tmp_path, "var/lib/dpkg/info/tool:amd64.list", "/bin/tool\n")
    assert [each.place for each in inventory_of(tmp_path).packages if each.kind == "golang"] == [
        "usr/local/bin/other",
        "usr/local/bin/other",
    ]


def test_names_that_are_none_are_told_and_not_shown(tmp_path: Path) -> None:
    debian_root(tmp_path, dpkg_stanza("good"), dpkg_stanza("x" * 400), dpkg_stanza("e\x1b[2Jvil"))
    found = inventory_of(tmp_path)
    assert [each.name for each in found.packages] == ["good"]
    assert reasons_of(found.notes, INCOMPLETE) == [
        "a package's name is longer than 300 characters",
        r"a package's name is none: 'e\x1b[2Jvil'",
    ]


def test_a_database_that_is_no_file_is_damage_and_not_silence(tmp_path: Path) -> None:
    (tmp_path / "var/lib/dpkg/status").mkdir(parents=True)
    assert reasons_of(inventory_of(tmp_path).notes, DAMAGED) == ["it is no regular file"]


def deb(name: str, version: str) -> FoundPackage:
    return FoundPackage(kind="deb", name=name, version=version, source_name="linux", source_version=version, place="")


def rpm(name: str, version: str) -> FoundPackage:
    return FoundPackage(kind="rpm", name=name, version=version, architecture="x86_64", place="")


OLD = deb("linux-image-6.1.0-36-amd64", "6.1.139-1")
NEW = deb("linux-image-6.1.0-37-amd64", "6.1.140-1")
POINTER = deb("linux-image-amd64", "6.1.140-1")
OTHER = deb("openssl", "3.0.9-1")


def test_the_running_kernel_is_judged_and_not_those_kept_beside_it() -> None:
    chosen = kernels.choose([OLD, NEW, POINTER, OTHER], running="6.1.0-36-amd64")
    assert set(chosen.left_out) == {NEW, POINTER}
    assert chosen.remark == ""


def test_where_nobody_knows_what_runs_the_newest_is_judged_and_that_is_said() -> None:
    chosen = kernels.choose([NEW, OLD, OTHER], running="")
    assert set(chosen.left_out) == {OLD}
    assert chosen.remark == "The newest installed kernel (6.1.0-37-amd64) is judged: which runs is not known."


def test_in_a_container_the_hosts_kernel_is_none_of_the_installed_ones() -> None:
    assert kernels.choose([OTHER], running="6.18.44-cloud").left_out == {}
    assert "none of the installed ones" in kernels.choose([OLD, NEW], running="6.18.44-cloud").remark


def test_every_part_of_a_kernel_that_does_not_run_is_left_out() -> None:
    parts = ("kernel", "kernel-core", "kernel-modules", "kernel-modules-core", "kernel-devel")
    old = [rpm(name, "5.14.0-362.el9") for name in parts]
    new = [rpm(name, "5.14.0-427.el9") for name in parts]
    tools = rpm("kernel-tools", "5.14.0-427.el9")
    chosen = kernels.choose([*old, *new, tools], running="5.14.0-362.el9.x86_64")
    assert set(chosen.left_out) == set(new)


def test_a_database_of_nothing_but_lines_ends_soon_and_fills_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "PACKAGE_COUNT_MAX", 1_000)
    debian_root(tmp_path, "x\n\n" * 1_000_000)
    put(tmp_path, "lib/apk/db/installed", "\n" * 1_000_000 + "x\n\n" * 1_000_000)
    tracemalloc.start()
    try:
        notes = inventory_of(tmp_path).notes
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert {each.place for each in notes if "more than 1,000" in each.reason} == {
        "var/lib/dpkg/status",
        "lib/apk/db/installed",
    }
    assert peak < 40_000_000
