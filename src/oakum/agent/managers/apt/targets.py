"""Which repositories apt is configured for, what it has of their lists, and what their Release files say.

apt is asked, never its files: lists can lie elsewhere, be compressed, and come from deb822 or one-line sources alike.
It judges no list's age (``lists``).
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from urllib.parse import urlsplit

from oakum.agent.command import ENVIRONMENT
from oakum.agent.managers.apt.run import AptProblem, read_apt
from oakum.agent.managers.apt.stanzas import parse_stanzas
from oakum.protocol.inventory import REPOSITORY_COUNT_MAX, Origin, Repository

APT_HELPER = "/usr/lib/apt/apt-helper"
COUNT_CHUNK_BYTES = 64 * 1024
RELEASE_NAMES = ("InRelease", "Release")

_PRINTED_URI = re.compile(r"^'(?P<uri>[^']*)' (?P<name>\S+) \d+")


@dataclass(frozen=True)
class ReleaseSource:
    """A suite that sources.list asks for: its ``address``, and the stem of its files in the lists directory."""

    address: str
    stem: str


@dataclass(frozen=True)
class Target:
    """A list of packages that apt has: ``description`` is how ``apt-cache policy`` names it."""

    description: str
    filename: str
    address: str
    origin: Origin


def read_sources() -> tuple[ReleaseSource, ...]:
    """Return every suite that apt is configured for, whether or not it has its lists; takes no lock, fetches nothing.

    Raises:
        AptProblem: the sources cannot be read; the sentence carries apt's own first complaint.
    """
    return parse_sources(read_apt(("apt-get", "--print-uris", "update")))


def parse_sources(text: str) -> tuple[ReleaseSource, ...]:
    """Parse what ``apt-get --print-uris update`` prints: one line a file, InRelease first for each suite."""
    sources = []
    for line in text.splitlines():
        match = _PRINTED_URI.match(line)
        # A CD does not go out of date, and is not there to be asked.
        if match and match["name"].endswith("_InRelease") and not match["uri"].startswith("cdrom:"):
            address = public_address(match["uri"])
            suite = match["uri"].rpartition("/")[0].rpartition("/dists/")[2]
            shown = f"{address} {suite}" if "/dists/" in match["uri"] else address
            sources.append(ReleaseSource(address=shown, stem=match["name"][: -len("InRelease")]))
    return tuple(sources[:REPOSITORY_COUNT_MAX])


def read_targets() -> tuple[Target, ...]:
    """Return the lists of packages that apt has.

    Raises:
        AptProblem: apt cannot say.
    """
    return parse_targets(read_apt(("apt-get", "indextargets", "Created-By: Packages")))


def parse_targets(text: str) -> tuple[Target, ...]:
    """Parse what ``apt-get indextargets`` prints.

    Raises:
        AptProblem: a paragraph lacks its description or file.
    """
    targets = []
    for fields in parse_stanzas(text):
        if not fields.get("Description") or not fields.get("Filename"):
            raise AptProblem("apt-get indextargets printed a paragraph without Description or Filename")
        origin = Origin(
            origin=fields.get("Origin", ""),
            label=fields.get("Label", ""),
            suite=fields.get("Suite", ""),
            codename=fields.get("Codename", ""),
            component=fields.get("Component", ""),
            trusted=fields.get("Trusted", "no") == "yes",
        )
        targets.append(
            Target(
                description=fields["Description"],
                filename=fields["Filename"],
                address=public_address(fields.get("Repo-URI") or fields.get("URI", "")),
                origin=origin,
            )
        )
    return tuple(targets[:REPOSITORY_COUNT_MAX])


def public_address(uri: str) -> str:
    """Return scheme and host of ``uri``, without user, password, path or query; the path for local repositories.

    >>> public_address("https://someone:secret@packages.example.test:8443/debian?token=1")
    'https://packages.example.test:8443'
    >>> public_address("file:/srv/packages/./InRelease")
    'file:/srv/packages/./InRelease'
    """
    parts = urlsplit(uri)
    if not parts.netloc:
        return uri if parts.scheme in ("file", "copy", "cdrom") else parts.scheme
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def count_packages(targets: tuple[Target, ...]) -> tuple[Repository, ...]:
    """Return each target as a repository with the number of package versions in its list.

    Raises:
        AptProblem: a list cannot be read.
    """
    return tuple(
        Repository(address=target.address, origin=target.origin, package_count=_count(target.filename))
        for target in targets
    )


def _count(filename: str) -> int:
    """Count the paragraphs of a list as it streams by: main has 60,000, 50 MB when unpacked."""
    count, tail = 0, b"\n"
    try:
        with subprocess.Popen(
            (APT_HELPER, "cat-file", filename),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
        ) as child:
            assert child.stdout is not None
            for chunk in iter(lambda: child.stdout.read(COUNT_CHUNK_BYTES), b""):  # type: ignore[union-attr]
                count += (tail + chunk).count(b"\nPackage:")
                tail = chunk[-len(b"Package:") :]
    except OSError as error:
        raise AptProblem(f"{APT_HELPER} cannot be started: {error.strerror}") from error
    if child.returncode != 0:
        raise AptProblem(f"the list {filename} cannot be read")
    return count
