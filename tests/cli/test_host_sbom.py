"""`oakum host sbom` against a real server."""

from __future__ import annotations

from pathlib import Path

from oakum.scan.sbom.checking import check_sbom
from tests.cli.conftest import ShellOf


def test_what_is_written_is_valid_by_oakums_own_check(tmp_path: Path, shell_of: ShellOf) -> None:
    viewer = shell_of("viewer")
    viewer("host", "sbom", "web01", "--output", str(tmp_path / "web01.json")).ok()
    assert check_sbom(str(tmp_path / "web01.json")).is_valid
    assert '"name": "web01"' in viewer("host", "sbom", "web01").ok()
    viewer("host", "sbom", "nowhere").refused(2)
