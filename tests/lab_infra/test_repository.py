"""The lab's own packages and archive, judged by dpkg-deb, gpgv and apt's own index tool."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import LabError
from lab.repository import Channel, LocalRepository
from lab.requirements import REQUIRED_COMMANDS

pytestmark = pytest.mark.skipif(
    any(shutil.which(name) is None for name in ("dpkg-deb", "apt-ftparchive", "gpg", "gpgv")),
    reason="needs dpkg-deb, apt-ftparchive (apt-utils), gpg and gpgv",
)


@pytest.fixture
def repository() -> Iterator[LocalRepository]:
    # Not tmp_path: gpg-agent's socket needs a path shorter than pytest's folders.
    with tempfile.TemporaryDirectory(prefix="oklab-") as folder:
        yield LocalRepository(Path(folder), releases=("bookworm", "bullseye"), architecture="amd64")


def field(deb: Path, name: str) -> str:
    return subprocess.run(["dpkg-deb", "-f", deb, name], capture_output=True, text=True, check=True).stdout.strip()


def contents(deb: Path) -> dict[str, bytes]:
    data = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = [(member.name.removeprefix("./"), tar.extractfile(member)) for member in tar]
    return {name: file.read() for name, file in members if file is not None}


def versions(repository: LocalRepository, suite: str, package: str) -> list[str]:
    text = (repository.directory / f"dists/{suite}/main/binary-amd64/Packages").read_text()
    stanzas = [dict(line.split(": ", 1) for line in part.splitlines() if ": " in line) for part in text.split("\n\n")]
    return sorted(stanza["Version"] for stanza in stanzas if stanza.get("Package") == package)


def test_a_package_says_what_it_was_asked_to_say(repository: LocalRepository) -> None:
    deb = repository.build("acme-web", "1.0", service=True, port=8099, depends=("cron",))
    assert [field(deb, name) for name in ("Package", "Version", "Architecture")] == ["acme-web", "1.0", "all"]
    assert field(deb, "Depends") == "cron, python3"
    files = contents(deb)
    assert files["usr/share/acme-web/VERSION"] == b"1.0\n"
    assert b"http.server 8099" in files["lib/systemd/system/acme-web.service"]


def test_a_package_without_a_service_has_no_scripts(repository: LocalRepository) -> None:
    deb = repository.build("acme-tool", "1.0")
    assert field(deb, "Depends") == ""
    listing = subprocess.run(["dpkg-deb", "--info", deb], capture_output=True, text=True, check=True).stdout
    assert "postinst" not in listing


def test_the_changelog_keeps_older_entries_below(repository: LocalRepository) -> None:
    repository.build("acme-web", "1.0", cves=("CVE-2026-10001",))
    deb = repository.build("acme-web", "1.1", cves=("CVE-2026-10002", "CVE-2026-10003"))
    text = gzip.decompress(contents(deb)["usr/share/doc/acme-web/changelog.Debian.gz"]).decode()
    positions = [text.index(word) for word in ("acme-web (1.1)", "10002", "10003", "acme-web (1.0)", "10001")]
    assert positions == sorted(positions)


def test_old_and_new_stay_until_one_is_withdrawn(repository: LocalRepository) -> None:
    repository.build("acme-web", "1.0")
    repository.build("acme-web", "1.1")
    assert versions(repository, "bookworm-security", "acme-web") == ["1.0", "1.1"]
    assert versions(repository, "bullseye-security", "acme-web") == ["1.0", "1.1"]
    repository.withdraw("acme-web", "1.0")
    assert versions(repository, "bookworm-security", "acme-web") == ["1.1"]
    with pytest.raises(LabError, match=r"no acme-web 1\.0"):
        repository.withdraw("acme-web", "1.0")


def test_a_channel_is_an_archive_of_its_own(repository: LocalRepository) -> None:
    repository.build("acme-tool", "2.0", channel=Channel.UPDATES)
    assert versions(repository, "bookworm-updates", "acme-tool") == ["2.0"]
    assert versions(repository, "bookworm-security", "acme-tool") == []
    release = (repository.directory / "dists/bookworm-security/InRelease").read_text()
    for line in ("Origin: Debian", "Label: Debian-Security", "Codename: bookworm-security"):
        assert f"\n{line}\n" in release


def test_the_index_is_signed_by_the_key_hosts_get(repository: LocalRepository, tmp_path: Path) -> None:
    keyring = tmp_path / "key.gpg"
    keyring.write_bytes(repository.public_key())
    signed = tmp_path / "InRelease"
    signed.write_bytes((repository.directory / "dists/bullseye-updates/InRelease").read_bytes())
    argv = ["gpgv", "--keyring", str(keyring), str(signed)]
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 0
    signed.write_text(signed.read_text().replace("Codename: bullseye-updates", "Codename: bullseye-evil"))
    assert subprocess.run(argv, capture_output=True, check=False).returncode != 0


def test_no_gpg_agent_stays_behind(repository: LocalRepository) -> None:
    repository.build("acme-tool", "1.0")
    home = str(repository.directory.parent / "gpg")
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert not any(home.encode() in line for line in lines)


@pytest.mark.parametrize(("name", "version"), [("Acme", "1.0"), ("a b", "1.0"), ("acme", "1;reboot"), ("acme", "")])
def test_a_name_no_archive_takes_is_refused(repository: LocalRepository, name: str, version: str) -> None:
    with pytest.raises(LabError, match="no Debian package name"):
        repository.build(name, version)


def test_every_command_the_archive_needs_is_asked_for() -> None:
    assert {"dpkg-deb", "apt-ftparchive", "gpg"} <= set(REQUIRED_COMMANDS)
