"""`oakum scan --sbom` as people type it: the same table, outputs and exit codes as of a root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from oakum.scan.sbom.checking import check_sbom
from tests.intel.feeds import osv_package, osv_record, write_zip
from tests.scan.sboms import component, cyclonedx, spdx, spdx_package, write

OAKUM = (sys.executable, "-m", "oakum.cli.main")
OPENSSL = component(
    "libssl3", "3.0-1", purl="pkg:deb/debian/libssl3@3.0-1?arch=amd64&distro=debian-12&upstream=openssl"
)
RSA = component("rsa", "4.0", purl="pkg:pypi/rsa@4.0")


def oakum(data_dir: Path, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("OAKUM_")}
    environ = own | {"OAKUM_DATA_DIR": str(data_dir), "COLUMNS": "160"}
    return subprocess.run([*OAKUM, *argv], capture_output=True, text=True, check=False, env=environ, input=stdin)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("machine")
    records = (
        osv_record("DSA-1-1", osv_package("openssl", "3.0-2")),
        osv_record("PYSEC-1", osv_package("rsa", "4.7", ecosystem="PyPI")),
    )
    done = oakum(directory / "data", "feed", "import", str(write_zip(directory / "all.zip", *records)))
    assert done.returncode == 0, done.stderr
    return directory / "data"


def test_what_it_lists_is_assessed_like_what_a_root_has(tmp_path: Path, data_dir: Path) -> None:
    file = write(tmp_path / "image.json", cyclonedx(OPENSSL, RSA))
    done = oakum(data_dir, "scan", "--sbom", file)
    assert done.returncode == 1, done.stderr
    assert "openssl: libssl3  3.0-1      3.0-2      DSA-1-1" in done.stdout
    assert f"{file} (pypi)\n  unknown    rsa 4.0 -> 4.7" in done.stdout
    assert f"{file}: CycloneDX 1.6 (JSON), debian:12, 2 packages." in done.stdout


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (cyclonedx(component("rsa", "4.7", purl="pkg:pypi/rsa@4.7")), 0),
        (spdx(spdx_package("rsa", "4.7", "pkg:pypi/rsa@4.7")), 0),
        (spdx(spdx_package("rsa", "4.0", "pkg:pypi/rsa@4.0")), 1),
        (cyclonedx(component("rsa", "4.7", purl="pkg:pypi/rsa@4.7"), component("zlib")), 4),
        (cyclonedx(), 4),
        (cyclonedx(version="9.9"), 4),
        ("no document", 4),
    ],
)
def test_exit_codes(tmp_path: Path, data_dir: Path, content: Mapping[str, Any] | str, code: int) -> None:
    done = oakum(data_dir, "scan", "--sbom", write(tmp_path / "bom", content))
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr


def test_what_names_no_package_is_not_assessed_by_name(tmp_path: Path, data_dir: Path) -> None:
    file = write(
        tmp_path / "bom", cyclonedx(component("rsa", "4.7", purl="pkg:pypi/rsa@4.7"), component("zlib", "1.3"))
    )
    done = oakum(data_dir, "scan", "--sbom", file)
    assert "NOT ASSESSED: zlib 1.3 (1 package): it has no package URL" in done.stderr
    assert oakum(data_dir, "scan", "--sbom", file, "--allow-unassessed").returncode == 0


def test_misuse_exits_2(tmp_path: Path, data_dir: Path) -> None:
    file = write(tmp_path / "bom", cyclonedx(RSA))
    assert oakum(data_dir, "scan", "--sbom", str(tmp_path / "none")).returncode == 2
    assert oakum(data_dir, "scan", "--sbom", file, "--root", str(tmp_path)).returncode == 2


def test_a_pipe_is_read(data_dir: Path) -> None:
    done = oakum(data_dir, "scan", "--sbom", "-", "--json", stdin=json.dumps(cyclonedx(RSA)))
    assert done.returncode == 1
    assert [each["advisory"] for each in json.loads(done.stdout)["findings"]] == ["PYSEC-1"]


def test_its_outputs_are_documents_that_can_be_scanned_and_checked_again(tmp_path: Path, data_dir: Path) -> None:
    file = write(tmp_path / "bom", cyclonedx(OPENSSL, RSA))
    again = str(tmp_path / "again.json")
    assert oakum(data_dir, "scan", "--sbom", file, "--output-format", "cyclonedx", "--output", again).returncode == 1
    assert check_sbom(again).problems == ()
    first, second = (json.loads(oakum(data_dir, "scan", "--sbom", each, "--json").stdout) for each in (file, again))
    assert first["findings"] == second["findings"]
    assert first["packages"] == second["packages"]
    sarif = json.loads(oakum(data_dir, "scan", "--sbom", file, "--output-format", "sarif").stdout)
    assert len(sarif["runs"][0]["results"]) == 2
