"""Read what apt and dpkg print about a change: the simulated transaction, sizes, complaints, records.

Pure.  Every line that belongs to the answer must be understood; what cannot be is an AptProblem, never left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterable, Set, Tuple

from oakum.agent.managers.apt.run import AptProblem
from oakum.agent.managers.apt.simulation import Step, parse_steps
from oakum.agent.managers.apt.stanzas import parse_stanzas

COMPLAINT_LENGTH_MAX = 400

# What apt says when it does not know a version or a package: its lists may be older than the order.
_UNKNOWN_VERSION = re.compile(r"^E: (Version '.*' for '.*' was not found|Unable to locate package .*)$", re.MULTILINE)
_FETCH_TROUBLE = re.compile(
    r"^(?:E: Failed to fetch|W: Failed to fetch|Err:\d|E: Unable to fetch|E: Some index files failed"
    r"|W: Some index files failed|E: Could not|W: GPG error|E: The repository)",
    re.MULTILINE,
)
_LOCK_TROUBLE = re.compile(
    r"^E: (?:Could not get lock|Unable to acquire the dpkg frontend lock|Unable to lock)", re.MULTILINE
)
_ROOM_TROUBLE = re.compile(r"^E: You don't have enough free space", re.MULTILINE)
_REMOVAL = re.compile(r"^(?:Remv|Purg) (?P<name>\S+) \[(?P<version>[^\]\s]+)\]")
_URI = re.compile(r"^'(?P<uri>[^']*)' (?P<file>\S+) (?P<bytes>\d+)(?: .*)?$")
_GROWTH = re.compile(
    r"^After this operation, (?P<number>[\d.,]+) (?P<unit>[kMGTPE]?B) "
    r"(?P<way>of additional disk space will be used|disk space will be freed)\.$",
    re.MULTILINE,
)
_HARMLESS_AUDITS = ("md5sums control file", " architecture")
_SHELL_VALUE = re.compile(r"^(?P<name>[A-Z]+)='(?P<value>[^']*)'$", re.MULTILINE)
_POWERS = {"B": 0, "kB": 1, "MB": 2, "GB": 3, "TB": 4, "PB": 5, "EB": 6}


@dataclass(frozen=True)
class Transaction:
    """What apt would do: ``steps`` it installs, ``removed`` (name, version) it takes away and does not put back."""

    steps: Tuple[Step, ...]
    removed: Tuple[Tuple[str, str], ...]


@dataclass(frozen=True)
class Download:
    """One file that apt would fetch, by its name in the archive cache."""

    file_name: str
    size_bytes: int


@dataclass(frozen=True)
class Sizes:
    """What apt would fetch, and by how much the disk's use grows (below 0: shrinks), to apt's own rounding."""

    downloads: Tuple[Download, ...]
    growth_bytes: int

    @property
    def download_bytes(self) -> int:
        """The bytes to fetch."""
        return sum(each.size_bytes for each in self.downloads)


def parse_transaction(text: str) -> Transaction:
    """Parse a simulation.

    >>> parse_transaction("Remv old-tool [1.0]").removed
    (('old-tool', '1.0'),)

    Raises:
        AptProblem: a line has another form.
    """
    steps = parse_steps(text)
    installed = {step.name for step in steps}
    removed = []
    for line in text.splitlines():
        if line.startswith(("Remv ", "Purg ")):
            match = _REMOVAL.match(line)
            if match is None:
                raise AptProblem("apt-get -s printed a line that cannot be understood: %.120r" % line)
            # A package can be taken out and put back within one transaction; that is no removal.
            if match["name"].partition(":")[0] not in installed:
                removed.append((match["name"], match["version"]))
    return Transaction(steps=steps, removed=tuple(removed))


def parse_sizes(text: str) -> Sizes:
    """Parse what ``--print-uris install`` prints."""
    downloads = []
    for line in text.splitlines():
        match = _URI.match(line)
        if match:
            downloads.append(Download(match["file"], int(match["bytes"])))
    growth = 0
    found = _GROWTH.search(text)
    if found:
        number = float(found["number"].replace(",", ""))
        growth = int(number * 1000 ** _POWERS[found["unit"]])
        if found["way"].endswith("freed"):
            growth = -growth
    return Sizes(downloads=tuple(downloads), growth_bytes=growth)


def parse_hashes(text: str) -> Dict[Tuple[str, str, str], str]:
    """Return the SHA-256 of each (name, version, architecture) in ``apt-cache show``'s records that have one."""
    hashes = {}
    for fields in parse_stanzas(text):
        if fields.get("SHA256"):
            key = (fields.get("Package", ""), fields.get("Version", ""), fields.get("Architecture", ""))
            hashes[key] = fields["SHA256"].lower()
    return hashes


def parse_deb_fields(text: str) -> Tuple[str, str, str]:
    """Return name, version and architecture of a .deb; empty words where it does not say."""
    fields: Dict[str, str] = next(parse_stanzas(text), {})
    return (fields.get("Package", ""), fields.get("Version", ""), fields.get("Architecture", ""))


def parse_conffiles(text: str) -> Tuple[str, ...]:
    """Return the paths of the configuration files that packages still have."""
    paths = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0].startswith("/") and "obsolete" not in words[2:]:
            paths.append(words[0])
    return tuple(paths)


def parse_directories(text: str) -> Dict[str, str]:
    """Parse ``apt-config shell``."""
    return {match["name"]: match["value"].rstrip("/") for match in _SHELL_VALUE.finditer(text)}


def parse_audit(text: str) -> Tuple[str, ...]:
    r"""Return the packages that ``dpkg --audit`` finds in disorder, sorted.

    Flaws of a package's own making (no checksums, a strange architecture) are left out: nothing is in the middle of
    anything there.

    >>> parse_audit("The following packages are only half configured, ...:\n acme-web             Lab package\n")
    ('acme-web',)
    """
    packages: Set[str] = set()
    for paragraph in text.split("\n\n"):
        lines = paragraph.splitlines()
        header = " ".join(line for line in lines if not line.startswith(" "))
        if not any(words in header for words in _HARMLESS_AUDITS):
            packages.update(line.split()[0] for line in lines if line.startswith(" ") and line.strip())
    return tuple(sorted(packages))


def names_unknown_version(text: str) -> bool:
    """Say whether apt complained of a version or package that its lists do not have."""
    return _UNKNOWN_VERSION.search(text) is not None


def is_fetch_trouble(text: str) -> bool:
    """Say whether apt complained that a repository did not answer, or not with what it promised."""
    return _FETCH_TROUBLE.search(text) is not None


def is_lock_trouble(text: str) -> bool:
    """Say whether apt complained that another program holds its lock."""
    return _LOCK_TROUBLE.search(text) is not None


def is_room_trouble(text: str) -> bool:
    """Say whether apt complained of too little room for its archives."""
    return _ROOM_TROUBLE.search(text) is not None


def first_trouble(texts: Iterable[str]) -> str:
    r"""Return apt's or dpkg's first line of complaint, in its own words, cut to COMPLAINT_LENGTH_MAX characters.

    >>> first_trouble(["Reading lists\nE: Failed to fetch x  404  Not Found\nE: Some index files"])
    'Failed to fetch x  404  Not Found'
    """
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    for prefixes in (("E: ",), ("W: Failed", "Err:"), ("dpkg: error", "dpkg:")):
        for line in lines:
            if line.startswith(prefixes):
                return (line[3:] if line[:3] in ("E: ", "W: ") else line)[:COMPLAINT_LENGTH_MAX]
    return (lines[-1] if lines else "nothing was printed")[:COMPLAINT_LENGTH_MAX]
