"""``oakum scan`` as people type it, on a machine that never had a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import Shell, Told
from tests.intel.feeds import osv_package, osv_record, write_zip
from tests.scan.roots import debian_root, dpkg_stanza, elf, go_build_info, put

Scan = Callable[..., Told]
OAKUM = (sys.executable, "-m", "oakum.cli.main")


def oakum(data_dir: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("OAKUM_")}
    environ = own | {"OAKUM_DATA_DIR": str(data_dir), "COLUMNS": "160"}
    return subprocess.run([*OAKUM, *argv], capture_output=True, text=True, check=False, env=environ)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory that `oakum feed import` alone has made."""
    directory = tmp_path_factory.mktemp("machine")
    records = (
        osv_record("DSA-1-1", osv_package("openssl", "3.0-2"), osv_package("linux", "6.1.140-1")),
        osv_record("DSA-2-1", osv_package("bash", "")),
        osv_record("PYSEC-1", osv_package("rsa", "4.7", ecosystem="PyPI")),
    )
    done = oakum(directory / "data", "feed", "import", str(write_zip(directory / "all.zip", *records)))
    assert done.returncode == 0, done.stderr
    return directory / "data"


@pytest.fixture
def scan(tmp_path: Path, data_dir: Path) -> Scan:
    shell = Shell(tmp_path, OAKUM_DATA_DIR=str(data_dir), OAKUM_DATABASE_URL="")

    def run(*argv: str) -> Told:
        return shell("scan", "--root", str(tmp_path / "root"), *argv)

    return run


def test_a_vulnerable_root_is_not_in_order(tmp_path: Path, scan: Scan) -> None:
    debian_root(
        tmp_path / "root",
        dpkg_stanza("libssl3", "3.0-1", Source="openssl"),
        dpkg_stanza("openssl", "3.0-1", status="hold ok installed"),
        dpkg_stanza("bash", "5.2-1"),
        dpkg_stanza("zlib1g", "1.2-1", Source="zlib"),
    )
    put(tmp_path / "root", "opt/app/site-packages/rsa-4.0.dist-info/METADATA", "Name: rsa\nVersion: 4.0\n\n")
    told = scan()
    assert told.code == 1
    table = [line.split("  ") for line in told.out.splitlines()[:3]]
    assert [[cell.strip() for cell in line if cell] for line in table] == [
        ["risk", "package", "installed", "update to", "advisories", "vulnerabilities"],
        ["unknown", "bash", "5.2-1", "none yet", "DSA-2-1", "CVE-2024-0001"],
        ["unknown", "openssl: libssl3, openssl (held)", "3.0-1", "3.0-2", "DSA-1-1", "CVE-2024-0001"],
    ]
    assert "/opt/app/site-packages (pypi)\n  unknown    rsa 4.0 -> 4.7  CVE-2024-0001\n" in told.out
    assert "To update: apt-get install --only-upgrade libssl3\n" in told.out
    assert "Held, so no update comes by itself: openssl\n" in told.out
    assert told.out.splitlines()[-1].startswith(f"{tmp_path / 'root'}: Debian GNU/Linux 12 (bookworm), 5 packages.")
    assert told.out.splitlines()[-1].endswith("3 packages affected.")


def test_what_is_in_order_exits_0(tmp_path: Path, scan: Scan) -> None:
    debian_root(tmp_path / "root", dpkg_stanza("openssl", "3.0-2"))
    told = scan()
    assert told.code == 0
    assert told.out.endswith("Nothing known.\n")


def test_states_and_what_has_no_update_can_be_left_out(tmp_path: Path, scan: Scan) -> None:
    debian_root(tmp_path / "root", dpkg_stanza("bash", "5.2-1"))
    assert scan().code == 1
    assert scan("--ignore-unfixed").code == 0
    assert scan("--ignore-state", "absurd").code == 2


def test_packages_without_a_feed_are_no_clean_answer(tmp_path: Path, scan: Scan) -> None:
    debian_root(tmp_path / "root", dpkg_stanza("openssl", "3.0-1"), os_release='ID=debian\nVERSION_ID="13"\n')
    told = scan()
    assert told.code == 4
    assert "NOT ASSESSED: debian:13 (1 package): no feed for it: nothing can be said." in told.err
    assert "oakum feed sync" in told.err
    assert "NOT ALL WAS ASSESSED" in told.out
    assert scan("--allow-unassessed").code == 0
    as_json = scan("--json")
    assert as_json.code == 4
    assert json.loads(as_json.out)["unassessed"][0]["subject"] == "debian:13"


def test_a_damaged_database_is_no_clean_answer(tmp_path: Path, scan: Scan) -> None:
    debian_root(tmp_path / "root", dpkg_stanza("openssl", "3.0-2"), "Package: cut\nStatus: install ok installed\n")
    told = scan()
    assert told.code == 4
    assert "DAMAGED: /var/lib/dpkg/status: the entry of cut has no version" in told.err


def test_details_show_every_advisory_with_its_evidence(tmp_path: Path, scan: Scan) -> None:
    debian_root(tmp_path / "root", dpkg_stanza("openssl", "3.0-1"))
    told = scan("--details")
    assert "openssl 3.0-1: DSA-1-1" in told.out
    assert "openssl 3.0-1 is older than 3.0-2, fixed by DSA-1-1 (feed" in told.out


def test_an_output_goes_whole_to_a_file(tmp_path: Path, scan: Scan) -> None:
    debian_root(tmp_path / "root", dpkg_stanza("openssl", "3.0-1"))
    told = scan("--output-format", "json", "--output", str(tmp_path / "report.json"))
    assert (told.code, told.out) == (1, "")
    assert json.loads((tmp_path / "report.json").read_text())["findings"]
    assert scan("--output", str(tmp_path / "x")).code == 2


def test_programs_tell_what_they_were_built_from(tmp_path: Path, scan: Scan) -> None:
    debian_root(tmp_path / "root", dpkg_stanza("openssl", "3.0-2"))
    program = elf({".go.buildinfo": go_build_info("go1.20.3", ["dep\texample.test/x\tv1.0.0"])})
    put(tmp_path / "root", "usr/local/bin/tool", program, mode=0o755)
    told = scan()
    assert told.code == 4
    assert "NOT ASSESSED: golang (2 packages)" in told.err


def test_without_any_feed_it_says_which_command_imports_one(tmp_path: Path) -> None:
    debian_root(tmp_path / "root", dpkg_stanza("openssl", "3.0-1"))
    shell = Shell(tmp_path, OAKUM_DATA_DIR=str(tmp_path / "none"), OAKUM_DATABASE_URL="")
    told = shell("scan", "--root", str(tmp_path / "root"))
    assert told.code == 4
    assert "`oakum feed import FILE`" in told.err
    assert not (tmp_path / "none").exists()


def test_a_database_of_another_version_is_a_fault_with_a_next_step(tmp_path: Path) -> None:
    import sqlite3

    (tmp_path / "data").mkdir()
    sqlite3.connect(tmp_path / "data/oakum.sqlite3").execute("CREATE TABLE x (y)")
    debian_root(tmp_path / "root", dpkg_stanza("openssl", "3.0-1"))
    shell = Shell(tmp_path, OAKUM_DATA_DIR=str(tmp_path / "data"), OAKUM_DATABASE_URL="")
    assert "oakum db migrate" in shell("scan", "--root", str(tmp_path / "root")).refused(4)


def test_a_scan_loads_neither_django_nor_a_driver_it_does_not_need(tmp_path: Path, data_dir: Path) -> None:
    debian_root(tmp_path / "root", dpkg_stanza("openssl", "3.0-2"))
    code = (
        "import sys; from oakum.cli.main import cli;"
        f"cli.main(['scan', '--root', {str(tmp_path / 'root')!r}], standalone_mode=False);"
        "print(sorted({'django', 'psycopg', 'cryptography', 'httpx'} & set(sys.modules)))"
    )
    environ = {"PATH": os.environ["PATH"], "OAKUM_DATA_DIR": str(data_dir), "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif("OAKUM_TEST_DATA" not in os.environ, reason="OAKUM_TEST_DATA names no directory of real feeds")
def test_real_feeds_and_this_machine(tmp_path: Path) -> None:
    data = Path(os.environ["OAKUM_TEST_DATA"])
    for name in ("osv-debian-dsa-dla-all.zip", "osv-pypi-pypa-all.zip"):
        assert oakum(tmp_path, "feed", "import", str(data / name)).returncode == 0
    root = debian_root(
        tmp_path / "root",
        dpkg_stanza("libssl1.1", "1.1.1k-1", Source="openssl"),
        dpkg_stanza("sudo", "1.9.5p2-3"),
        os_release='ID=debian\nVERSION_ID="11"\n',
    )
    put(root, "site-packages/Django-3.2.1.dist-info/METADATA", "Name: Django\nVersion: 3.2.1\n\n")
    done = oakum(tmp_path, "scan", "--root", str(root), "--json")
    assert done.returncode == 1, done.stderr
    refs = {(each["name"], each["advisory"]) for each in json.loads(done.stdout)["findings"]}
    assert ("libssl1.1", "DSA-4963-1") in refs
    assert ("sudo", "DSA-5321-1") in refs
    assert any(name == "django" for name, _ in refs)
