"""Packages out of dpkg's, apk's and pacman's databases, as the tools themselves tell them."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from oakum.scan.readers import apk, dpkg, pacman
from oakum.scan.root import Root
from oakum.scan.values import DAMAGED, FoundPackage, Note
from tests.scan.roots import debian_root, dpkg_stanza, packages_of, put


def test_dpkg_tells_source_and_hold_and_leaves_out_what_is_gone(tmp_path: Path) -> None:
    debian_root(
        tmp_path,
        dpkg_stanza("libssl3", "3.0.9-1", Source="openssl"),
        dpkg_stanza("bsdutils", "1:2.38.1-5+deb12u3", Source="util-linux (2.38.1-5+deb12u3)"),
        dpkg_stanza("held", status="hold ok installed"),
        dpkg_stanza("broken", status="install ok half-configured"),
        dpkg_stanza("gone", status="deinstall ok config-files"),
        dpkg_stanza("never", status="unknown ok not-installed"),
    )
    found = packages_of(tmp_path)
    assert set(found) == {"libssl3", "bsdutils", "held", "broken"}
    assert (found["libssl3"].source_name, found["libssl3"].source_version) == ("openssl", "3.0.9-1")
    assert (found["bsdutils"].source_name, found["bsdutils"].source_version) == ("util-linux", "2.38.1-5+deb12u3")
    assert found["held"].is_held
    assert not found["libssl3"].is_held


def test_images_without_dpkg_keep_a_file_a_package(tmp_path: Path) -> None:
    put(tmp_path, "var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n")
    put(tmp_path, "var/lib/dpkg/status.d/base.md5sums", f"{'0' * 32}  usr/lib/os-release\n")
    assert packages_of(tmp_path)["base-files"].version == "12.4"


def test_an_entry_without_a_version_is_told_and_hides_no_other(tmp_path: Path) -> None:
    debian_root(tmp_path, "Package: cut\nStatus: install ok installed\n", dpkg_stanza("whole"))
    with closing(Root(tmp_path)) as root:
        found = list(dpkg.read(root))
    assert [each.name for each in found if isinstance(each, FoundPackage)] == ["whole"]
    assert [(each.kind, each.reason) for each in found if isinstance(each, Note)] == [
        (DAMAGED, "the entry of cut has no version")
    ]


@pytest.mark.skipif(not Path("/var/lib/dpkg/status").exists(), reason="no dpkg here")
def test_dpkg_query_and_we_say_the_same_of_this_host() -> None:
    form = "${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n"
    told = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True).stdout
    expected = {
        tuple(line.split("\t")[1:])
        for line in told.splitlines()
        if line.split("\t")[0] not in {"not-installed", "config-files"}
    }
    with closing(Root(Path("/"))) as root:
        found = {
            (each.name, each.version, each.architecture, each.source_name, each.source_version)
            for each in dpkg.read(root)
            if isinstance(each, FoundPackage)
        }
    assert found == expected


def test_dpkg_search_and_we_name_the_same_owner_on_this_host() -> None:
    if not Path("/usr/bin/dpkg-query").exists():
        pytest.skip("no dpkg here")
    with closing(Root(Path("/"))) as root:
        assert ("usr/bin/dpkg-query", "dpkg") in list(dpkg.owners(root, {"usr/bin/dpkg-query", "no/such/file"}))


APK = """C:Q1abc=
P:libcrypto3
V:3.1.4-r5
A:x86_64
o:openssl
F:lib
R:libcrypto.so.3
a:0:0:755
Z:Q1x=

P:musl
V:1.2.4-r2
A:x86_64
o:musl
F:usr/bin
R:ldd

P:cut

"""


def test_apk_tells_origin_and_files(tmp_path: Path) -> None:
    put(tmp_path, "lib/apk/db/installed", APK)
    with closing(Root(tmp_path)) as root:
        found = list(apk.read(root))
        owners = list(apk.owners(root, {"usr/bin/ldd", "usr/bin/other"}))
    packages = [each for each in found if isinstance(each, FoundPackage)]
    assert [(each.name, each.version, each.source_name) for each in packages] == [
        ("libcrypto3", "3.1.4-r5", "openssl"),
        ("musl", "1.2.4-r2", "musl"),
    ]
    assert owners == [("usr/bin/ldd", "musl")]
    assert [each.kind for each in found if isinstance(each, Note)] == [DAMAGED]


def test_pacman_tells_base_and_files(tmp_path: Path) -> None:
    local = "var/lib/pacman/local"
    put(tmp_path, f"{local}/ALPM_DB_VERSION", "9\n")
    put(tmp_path, f"{local}/gcc-libs-13.2.1-3/desc", "%NAME%\ngcc-libs\n\n%VERSION%\n13.2.1-3\n\n%BASE%\ngcc\n\n")
    put(tmp_path, f"{local}/gcc-libs-13.2.1-3/files", "%FILES%\nusr/\nusr/lib/libgcc_s.so.1\n")
    put(tmp_path, f"{local}/cut-1-1/desc", "%NAME%\ncut\n")
    with closing(Root(tmp_path)) as root:
        found = list(pacman.read(root))
        owners = list(pacman.owners(root, {"usr/lib/libgcc_s.so.1"}))
    packages = [each for each in found if isinstance(each, FoundPackage)]
    assert [(each.name, each.version, each.source_name) for each in packages] == [("gcc-libs", "13.2.1-3", "gcc")]
    assert owners == [("usr/lib/libgcc_s.so.1", "gcc-libs")]
    assert [each.place for each in found if isinstance(each, Note)] == [f"{local}/cut-1-1/desc"]


@pytest.mark.skipif(not (shutil.which("pacman") and shutil.which("bsdtar")), reason="needs pacman and bsdtar")
def test_pacman_and_we_say_the_same_of_a_root_that_pacman_filled(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "var/lib/pacman").mkdir(parents=True)
    files = []
    for name, version in (("one", "1:2.0-1"), ("two-lib", "0.1.r5.gabc-2")):
        built = tmp_path / name
        put(built, f"usr/share/{name}/file", "x")
        info = f"pkgname = {name}\npkgbase = {name}\npkgver = {version}\narch = any\nsize = 1\nbuilddate = 1\n"
        put(built, ".PKGINFO", info)
        file = tmp_path / f"{name}-{version}-any.pkg.tar"
        subprocess.run(["bsdtar", "-cf", str(file), "-C", str(built), ".PKGINFO", "usr"], check=True)
        files.append(str(file))
    config = put(
        tmp_path, "pacman.conf", "[options]\nSigLevel = Never\nLocalFileSigLevel = Never\nArchitecture = auto\n"
    )
    pacman_argv = ["pacman", "--config", str(config), "--root", str(root), "--dbpath", str(root / "var/lib/pacman")]
    done = subprocess.run(
        [*pacman_argv, "-U", "--noconfirm", "--noscriptlet", *files], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"pacman cannot install here: {done.stderr.strip().splitlines()[-1]}")
    told = subprocess.run([*pacman_argv, "-Q"], capture_output=True, text=True, check=True).stdout
    found = packages_of(root)
    assert {f"{each.name} {each.version}" for each in found.values()} == set(told.splitlines())
    with closing(Root(root)) as opened:
        assert ("usr/share/one/file", "one") in list(pacman.owners(opened, {"usr/share/one/file"}))
