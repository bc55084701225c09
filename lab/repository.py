"""An apt repository of the lab's own: packages made on the spot, signed by a throw-away key.

It imitates a distribution's security archive in the fields apt and agents read (Origin, Label, Suite,
Codename), keeps every version until ``withdraw``, and is served to hosts by the apt proxy under a host name
that exists nowhere.  It does not serve itself, and no one outside the lab trusts its key.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum
from pathlib import Path

from lab import commands
from lab.debs import ChangelogEntry, DebDescription, build_deb
from lab.errors import LabError
from lab.hosts import LabHost

REPOSITORY_HOST = "lab-repo.example.test"
REPOSITORY_URL = f"http://{REPOSITORY_HOST}/"
KEY_NAME = "Oakum lab archive <archive@example.test>"
KEYRING_IN_HOST = "/etc/apt/keyrings/oakum-lab.gpg"
SOURCE_IN_HOST = "/etc/apt/sources.list.d/oakum-lab.list"


class Channel(Enum):
    """Which archive of a distribution a package seems to come from: suite suffix and Label."""

    SECURITY = ("security", "Debian-Security")
    UPDATES = ("updates", "Debian")

    @property
    def suffix(self) -> str:
        """Return what follows the release in the suite's name."""
        return self.value[0]

    @property
    def label(self) -> str:
        """Return the Label of its Release file."""
        return self.value[1]


class LocalRepository:
    """A repository for a few releases, in one folder; a folder is one repository's for good."""

    def __init__(self, directory: Path, *, releases: Sequence[str], architecture: str) -> None:
        """Make its key and its first, empty, indexes."""
        self.directory = directory / "archive"
        self._gpg_home = directory / "gpg"
        self._releases = tuple(releases)
        self._architecture = architecture
        self._changelogs: dict[str, tuple[ChangelogEntry, ...]] = {}
        self._gpg_home.mkdir(mode=0o700, parents=True)
        for channel in Channel:
            (self.directory / "pool" / channel.suffix).mkdir(parents=True)
        self._gpg("--quick-gen-key", KEY_NAME, "ed25519", "sign", "never")
        self._publish()

    def build(
        self,
        name: str,
        version: str,
        *,
        service: bool = False,
        port: int = 8081,
        broken: bool = False,
        depends: Sequence[str] = (),
        cves: Sequence[str] = (),
        channel: Channel = Channel.SECURITY,
    ) -> Path:
        """Build a version of a package, publish it in every suite of the channel, and return the .deb.

        ``service`` starts a listener on ``port``; ``broken`` makes that service fail to start, though the
        package installs.  The changelog names ``cves`` for this version and keeps the entries of the
        versions built before it, newest first.
        """
        entry = ChangelogEntry(
            version=version,
            suite=f"{self._releases[0]}-{channel.suffix}",
            lines=tuple(f"Fix {cve}" for cve in cves) or (f"Release {version}",),
            date=format_datetime(datetime.now(UTC)),
        )
        changelog = (entry, *self._changelogs.get(name, ()))
        description = DebDescription(
            name=name,
            version=version,
            port=port if service else None,
            broken=broken,
            depends=tuple(depends),
            changelog=changelog,
        )
        built = build_deb(description, self.directory / "pool" / channel.suffix)
        self._changelogs[name] = changelog
        self._publish()
        return built

    def withdraw(self, name: str, version: str) -> None:
        """Take one version out of the archive, as mirrors do with versions that are superseded."""
        found = list((self.directory / "pool").glob(f"*/{name}_{version}_all.deb"))
        if not found:
            raise LabError(f"The lab's repository has no {name} {version}.", remedy="build() it before withdrawing it")
        for deb in found:
            deb.unlink()
        self._publish()

    def public_key(self) -> bytes:
        """Return the archive's key as apt takes it in a keyring file."""
        return self._gpg("--export")

    def source_lines(self, release: str) -> str:
        """Return the sources.list.d file for a host of that release."""
        assert release in self._releases, f"the repository was made for {self._releases}"
        suites = (f"{release}-{channel.suffix}" for channel in Channel)
        lines = (f"deb [signed-by={KEYRING_IN_HOST}] {REPOSITORY_URL} {suite} main" for suite in suites)
        return "\n".join(lines) + "\n"

    def install_source(self, host: LabHost) -> None:
        """Make the host trust and know this repository, and fetch its indexes."""
        host.write_file(KEYRING_IN_HOST, self.public_key())
        host.write_file(SOURCE_IN_HOST, self.source_lines(host.release))
        host.apt_update()

    def _publish(self) -> None:
        """Write the indexes anew; each suite is replaced as a whole."""
        for channel in Channel:
            packages = commands.run(
                [
                    "sh",
                    "-c",
                    'cd "$1" && apt-ftparchive packages "$2"',
                    "sh",
                    str(self.directory),
                    f"pool/{channel.suffix}",
                ]
            ).stdout
            for release in self._releases:
                self._publish_suite(f"{release}-{channel.suffix}", channel, packages)

    def _publish_suite(self, suite: str, channel: Channel, packages: bytes) -> None:
        fresh = self.directory / "dists" / f".{suite}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        index = fresh / "main" / f"binary-{self._architecture}"
        index.mkdir(parents=True)
        (index / "Packages").write_bytes(packages)
        fields = {
            "Origin": "Debian",
            "Label": channel.label,
            "Suite": suite,
            "Codename": suite,
            "Architectures": self._architecture,
            "Components": "main",
        }
        options = [f"-oAPT::FTPArchive::Release::{field}={value}" for field, value in fields.items()]
        release_file = commands.run(["apt-ftparchive", *options, "release", str(fresh)]).stdout
        (fresh / "InRelease").write_bytes(self._gpg("--clearsign", data=release_file))
        final = self.directory / "dists" / suite
        shutil.rmtree(final, ignore_errors=True)
        fresh.rename(final)

    def _gpg(self, *arguments: str, data: bytes = b"") -> bytes:
        """Run gpg on the lab's own key ring, and end the agent it leaves behind."""
        home = ["--homedir", str(self._gpg_home)]
        try:
            flags = ["--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""]
            return commands.run(["gpg", *home, *flags, *arguments], data=data).stdout
        finally:
            commands.run(["gpgconf", *home, "--kill", "all"], check=False)
