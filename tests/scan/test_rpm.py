"""rpm's databases in their three formats, against rpm itself where it is installed, and cut or changed at any byte."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oakum.scan.readers import rpm
from oakum.scan.readers.rpm import sqlite
from oakum.scan.readers.rpm.header import Damaged, Header
from oakum.scan.root import Root
from oakum.scan.values import DAMAGED, Found, FoundPackage, Note
from tests.scan.roots import BASH, KEY, OPENSSL, ndb, put, rpm_header

SQLITE = "usr/lib/sysimage/rpm/rpmdb.sqlite"
NDB = "usr/lib/sysimage/rpm/Packages.db"
BDB = "var/lib/rpm/Packages"
QUERY = "%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\n"

needs_rpm = pytest.mark.skipif(not (shutil.which("rpm") and shutil.which("rpmbuild")), reason="needs rpm and rpmbuild")
needs_bdb = pytest.mark.skipif(not shutil.which("db5.3_load"), reason="needs db5.3-util (db5.3_load)")


def read(root: Path) -> list[Found]:
    with closing(Root(root)) as opened:
        return list(rpm.read(opened))


def packages(found: list[Found]) -> list[tuple[str, str]]:
    return [(each.name, each.version) for each in found if isinstance(each, FoundPackage)]


def notes(found: list[Found]) -> list[str]:
    return [each.reason for each in found if isinstance(each, Note)]


def write_sqlite(root: Path, headers: list[bytes], *, place: str = SQLITE) -> Path:
    path = put(root, place)
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(each,) for each in headers])
        connection.commit()
    return path


def write_bdb(root: Path, headers: list[bytes]) -> Path:
    path = put(root, BDB)
    path.unlink()
    pairs = [(bytes(4), (len(headers)).to_bytes(4, "little"))]
    pairs += [(number.to_bytes(4, "little"), header) for number, header in enumerate(headers, start=1)]
    dump = "VERSION=3\nformat=bytevalue\ntype=hash\nHEADER=END\n"
    dump += "".join(f" {key.hex()}\n {value.hex()}\n" for key, value in pairs) + "DATA=END\n"
    subprocess.run(["db5.3_load", str(path)], input=dump, text=True, check=True)
    return path


EXPECTED = [("bash", "5.1.8-6.el9"), ("openssl", "1:3.0.7-24.el9")]


def test_sqlite_and_ndb_say_the_same(tmp_path: Path) -> None:
    write_sqlite(tmp_path / "sqlite", [KEY, BASH, OPENSSL])
    put(tmp_path / "ndb", NDB, ndb([KEY, BASH, OPENSSL]))
    for root in (tmp_path / "sqlite", tmp_path / "ndb"):
        found = read(root)
        assert packages(found) == EXPECTED
        assert notes(found) == []
        openssl = found[-1]
        assert isinstance(openssl, FoundPackage)
        assert (openssl.source_name, openssl.source_version) == ("openssl", "3.0.7-24.el9")
        assert openssl.vendor == "AlmaLinux"


def test_the_owner_of_a_file_is_the_package_that_lists_it(tmp_path: Path) -> None:
    put(tmp_path, NDB, ndb([BASH, OPENSSL]))
    with closing(Root(tmp_path)) as root:
        assert list(rpm.owners(root, {"usr/bin/openssl", "usr/local/bin/openssl"})) == [("usr/bin/openssl", "openssl")]


def test_a_database_that_was_not_closed_is_read_with_its_log_and_not_written_to(tmp_path: Path) -> None:
    path = write_sqlite(tmp_path, [BASH])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("INSERT INTO Packages (blob) VALUES (?)", (OPENSSL,))
    connection.commit()
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "usr", copy / "usr")
    connection.close()
    (copy / f"{SQLITE}-shm").unlink()
    before = {each: each.read_bytes() for each in copy.rglob("*") if each.is_file()}
    assert packages(read(copy)) == EXPECTED
    assert {each: each.read_bytes() for each in copy.rglob("*") if each.is_file()} == before


def test_one_damaged_package_is_told_and_hides_no_other(tmp_path: Path) -> None:
    cut = rpm_header(name="cut", version="1")[:-3]
    write_sqlite(tmp_path / "sqlite", [BASH, cut, OPENSSL])
    put(tmp_path / "ndb", NDB, ndb([BASH, cut, OPENSSL]))
    for root in (tmp_path / "sqlite", tmp_path / "ndb"):
        found = read(root)
        assert packages(found) == EXPECTED
        assert [each.kind for each in found if isinstance(each, Note)] == [DAMAGED]
        assert "header is damaged" in notes(found)[0]


@pytest.mark.parametrize("place", [SQLITE, NDB, BDB])
@pytest.mark.parametrize("content", [b"", b"no database", bytes(10_000)])
def test_what_is_no_database_is_told(tmp_path: Path, place: str, content: bytes) -> None:
    put(tmp_path, place, content)
    found = read(tmp_path)
    assert packages(found) == []
    assert [each.kind for each in found if isinstance(each, Note)] == [DAMAGED]


def test_a_database_made_to_loop_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "STEP_COUNT", 1_000)
    monkeypatch.setattr(sqlite, "STEPS_COUNT_MAX", 10)
    write_sqlite(tmp_path, [BASH] * 5_000)
    assert any("interrupted" in each for each in notes(read(tmp_path)))


def test_a_view_in_the_tables_place_is_not_asked(tmp_path: Path) -> None:
    path = write_sqlite(tmp_path, [])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE Packages")
        connection.execute("CREATE VIEW Packages AS SELECT randomblob(1000) AS blob")
        connection.commit()
    assert "it has no table of packages (after 0 packages)" in notes(read(tmp_path))


SMALL_NDB = ndb([BASH, OPENSSL])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(SMALL_NDB) - 1), value=st.integers(0, 255), cut=st.integers(0, len(SMALL_NDB)))
def test_an_ndb_changed_at_any_byte_and_cut_anywhere_is_read_or_told(
    tmp_path: Path, place: int, value: int, cut: int
) -> None:
    changed = bytearray(SMALL_NDB)
    changed[place] = value
    put(tmp_path, NDB, bytes(changed))
    for each in read(tmp_path):
        assert isinstance(each, FoundPackage | Note)
    put(tmp_path, NDB, SMALL_NDB[:cut])
    assert len(packages(read(tmp_path))) + len(notes(read(tmp_path))) >= 1


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, len(OPENSSL) - 1), value=st.integers(0, 255), cut=st.integers(0, len(OPENSSL)))
def test_a_header_changed_at_any_byte_is_read_or_refused(place: int, value: int, cut: int) -> None:
    changed = bytearray(OPENSSL)
    changed[place] = value
    for content in (bytes(changed), OPENSSL[:cut]):
        try:
            header = Header(content)
            _ = header.text("name"), header.number("epoch"), list(header.files({"METADATA"}))
        except Damaged:
            continue


@needs_bdb
def test_a_berkeley_db_says_the_same(tmp_path: Path) -> None:
    large = rpm_header({f"/usr/share/{number}/": ["file"] for number in range(2_000)}, name="large", version="1")
    write_bdb(tmp_path, [KEY, BASH, OPENSSL, large])
    found = read(tmp_path)
    assert sorted(packages(found)) == sorted([*EXPECTED, ("large", "1")])
    assert notes(found) == []
    with closing(Root(tmp_path)) as root:
        assert list(rpm.owners(root, {"usr/share/1999/file"})) == [("usr/share/1999/file", "large")]


@needs_bdb
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_berkeley_db_changed_at_any_byte_and_cut_anywhere_is_read_or_told(
    tmp_path: Path, data: st.DataObject
) -> None:
    original = tmp_path / "original"
    if not original.exists():
        write_bdb(original, [BASH, OPENSSL])
    content = bytearray((original / BDB).read_bytes())
    # The pages' heads and the places in them are where it hurts.
    page = data.draw(st.integers(0, len(content) // 4096 - 1)) * 4096
    content[page + data.draw(st.integers(0, 80))] = data.draw(st.integers(0, 255))
    put(tmp_path / "changed", BDB, bytes(content[: data.draw(st.integers(0, len(content)))]))
    for each in read(tmp_path / "changed"):
        assert isinstance(each, FoundPackage | Note)


SPEC = """Name: {name}
{epoch}
Version: {version}
Release: {release}
Summary: x
License: MIT
BuildArch: noarch
{module}
%description
x
%install
mkdir -p %{{buildroot}}/usr/share/{name}
echo x > %{{buildroot}}/usr/share/{name}/file
%files
/usr/share/{name}
"""
BUILT = (
    ("one", "Epoch: 2", "1.0~rc1", "3.el9", ""),
    ("two", "", "5.4^git1", "1", ""),
    ("three", "", "18.12", "2.module_el8", "ModularityLabel: nodejs:18:8070020221208011823:bd1311ed"),
)


@pytest.fixture(scope="module")
def rpms(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    directory = tmp_path_factory.mktemp("rpms")
    for name, epoch, version, release, module in BUILT:
        spec = put(
            directory,
            f"{name}.spec",
            SPEC.format(name=name, epoch=epoch, version=version, release=release, module=module),
        )
        argv = ["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {directory}", str(spec)]
        subprocess.run(argv, check=True, capture_output=True)
    return sorted(directory.rglob("*.rpm"))


def query(root: Path, *defines: str) -> set[tuple[str, ...]]:
    argv = ["rpm", "--dbpath", str(root / "usr/lib/sysimage/rpm"), *defines, "-qa", "--qf", QUERY]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return {tuple(line.split("\t")) for line in told.splitlines()}


def ours(found: list[Found]) -> set[tuple[str, ...]]:
    return {
        (each.name, each.version, each.architecture, f"{each.source_name}-{each.source_version}.src.rpm")
        for each in found
        if isinstance(each, FoundPackage)
    }


@needs_rpm
def test_rpm_and_we_say_the_same_of_a_database_that_rpm_filled(tmp_path: Path, rpms: list[Path]) -> None:
    database = tmp_path / "usr/lib/sysimage/rpm"
    database.mkdir(parents=True)
    argv = ["rpm", "--dbpath", str(database), "-i", "--justdb", "--nodeps", "--noscripts", *map(str, rpms)]
    subprocess.run(argv, check=True, capture_output=True)
    found = read(tmp_path)
    assert notes(found) == []
    assert ours(found) == query(tmp_path)
    assert {each.module for each in found if isinstance(each, FoundPackage)} == {
        "",
        "nodejs:18:8070020221208011823:bd1311ed",
    }
    with closing(Root(tmp_path)) as root:
        assert list(rpm.owners(root, {"usr/share/two/file"})) == [("usr/share/two/file", "two")]


@needs_rpm
@needs_bdb
def test_rpm_and_we_say_the_same_of_its_headers_in_a_berkeley_db(tmp_path: Path, rpms: list[Path]) -> None:
    filled = tmp_path / "filled"
    (filled / "usr/lib/sysimage/rpm").mkdir(parents=True)
    argv = ["rpm", "--dbpath", str(filled / "usr/lib/sysimage/rpm"), "-i", "--justdb", "--nodeps", "--noscripts"]
    subprocess.run([*argv, *map(str, rpms)], check=True, capture_output=True)
    with closing(sqlite3.connect(filled / SQLITE)) as connection:
        headers = [row[0] for row in connection.execute("SELECT blob FROM Packages")]
    moved = tmp_path / "moved"
    write_bdb(moved, headers)
    assert ours(read(moved)) == ours(read(filled))
    (moved / "usr/lib/sysimage").mkdir(parents=True)
    (moved / "usr/lib/sysimage/rpm").symlink_to("../../../var/lib/rpm")
    told = query(moved, "--define", "_db_backend bdb_ro")
    if not told:
        pytest.skip("this rpm cannot read Berkeley DB")
    assert ours(read(moved)) == told
