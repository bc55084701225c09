"""Which streams of ours an OSV ecosystem is, and on which level its publisher speaks of packages.

OSV's ecosystems are names with a suffix that each publisher chose.  What is not listed here is no stream of ours and is
left out, counted: Debian without a release, Ubuntu's FIPS and real-time lines, Red Hat's extended streams, and
everybody whose versions have no order here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from oakum.core.streams import BINARY, ROLLING, SOURCE, stream_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The streams that an ecosystem's packages are in, and the level of its names; ``modular``: it has modules."""

    streams: tuple[str, ...]
    level: str
    modular: bool = False


_LANGUAGES: Final = {
    "PyPI": "pypi",
    "npm": "npm",
    "Go": "golang",
    "crates.io": "cargo",
    "RubyGems": "gem",
    "Maven": "maven",
    "Packagist": "composer",
    "NuGet": "nuget",
}

_NUMBER: Final = re.compile(r"v?[0-9]{1,8}(?:\.[0-9]{1,8})*\Z")
# "Linux Enterprise Server 15 SP5-LTSS": product, release, service pack, whether support was prolonged.
_SUSE: Final = re.compile(
    r"(?P<product>(?:Linux (?:Enterprise|Micro)|Package Hub)[A-Za-z ,&()+.-]*?[A-Za-z)]?(?: 3(?= ))?) "
    r"(?P<release>[0-9]{2}(?:\.[0-9]+)?|[56]\.[0-9])(?: SP(?P<pack>[0-9]))?(?:[- ](?:LTSS|LTSS Extended Security))?\Z"
)
_SERVER: Final = ("sles",)
_SERVER_AND_DESKTOP: Final = ("sles", "sled")
# SUSE's products by how their names begin, the longest first; each product's packages are installed on these systems.
_SUSE_PRODUCTS: Final = (
    ("Linux Enterprise Micro", ("sle-micro",)),
    ("Linux Micro", ("sl-micro",)),
    ("Linux Enterprise Desktop", ("sled",)),
    ("Linux Enterprise Workstation Extension", _SERVER_AND_DESKTOP),
    ("Linux Enterprise Software Development Kit", _SERVER_AND_DESKTOP),
    ("Linux Enterprise Module for", _SERVER_AND_DESKTOP),
    ("Linux Enterprise Live Patching", _SERVER),
    ("Linux Enterprise High Availability Extension", _SERVER),
    ("Linux Enterprise Server for SAP Applications", _SERVER),
    ("Linux Enterprise Server LTSS Extended Security", _SERVER),
    ("Package Hub", _SERVER_AND_DESKTOP),
)
_OPENSUSE: Final = re.compile(r"(?P<product>Leap|Leap Micro) (?P<release>[0-9]{2}\.[0-9]|[56]\.[0-9])\Z")


@lru_cache(maxsize=4_096)
def line_of_ecosystem(ecosystem: str) -> Line | None:
    """Return what an OSV ecosystem is to us, None for what we do not match.

    >>> line_of_ecosystem("Debian:12")
    Line(streams=('debian:12',), level='source', modular=False)
    >>> line_of_ecosystem("SUSE:Linux Enterprise Module for Basesystem 15 SP5").streams
    ('sles:15.5', 'sled:15.5')
    >>> line_of_ecosystem("Debian")
    """
    name, _, rest = ecosystem.partition(":")
    if name in _LANGUAGES and not rest:
        return Line(streams=(_LANGUAGES[name],), level=BINARY)
    return _distribution(name, rest)


def _distribution(name: str, rest: str) -> Line | None:
    if name == "Ubuntu":
        # Ubuntu Pro publishes later versions of the same packages of the same release.
        words = [word for word in rest.split(":") if word not in {"LTS", "Pro"}]
        return _line("ubuntu", words[0], SOURCE) if len(words) == 1 else None
    if name == "Debian":
        return _line("debian", rest, SOURCE)
    if name == "Alpine":
        return _line("alpine", rest.removeprefix("v"), SOURCE)
    if name == "AlmaLinux":
        return _line("almalinux", rest, BINARY, modular=True)
    if name == "Rocky Linux":
        # Rocky's records name what was built (one "java-11-openjdk"), never its binary packages.
        return _line("rocky", rest, SOURCE, modular=True)
    if name == "Red Hat":
        return _red_hat(rest)
    return _suse(rest) if name == "SUSE" else _opensuse(rest) if name == "openSUSE" else None


def _line(distribution: str, release: str, level: str, *, modular: bool = False) -> Line | None:
    if not _NUMBER.match(release):
        return None
    return Line(streams=(stream_of(distribution, release),), level=level, modular=modular)


def _red_hat(rest: str) -> Line | None:
    """Return the line of a CPE's product and version: ``enterprise_linux:9::baseos``."""
    product, _, version = rest.partition(":")
    if product != "enterprise_linux":
        return None  # rhel_eus and others: later versions for minor releases that have left the main line
    return _line("rhel", version.partition(":")[0], BINARY, modular=True)


def _suse(rest: str) -> Line | None:
    told = _SUSE.match(rest)
    if told is None:
        return None
    product = told["product"]
    systems = next((systems for start, systems in _SUSE_PRODUCTS if product.startswith(start)), ())
    if product == "Linux Enterprise Server":
        systems = _SERVER
    release = told["release"] + (f".{told['pack']}" if told["pack"] else "")
    streams = tuple(stream_of(system, release) for system in systems)
    return Line(streams=streams, level=BINARY) if streams else None


def _opensuse(rest: str) -> Line | None:
    if rest == "Tumbleweed":
        return Line(streams=(f"opensuse-tumbleweed:{ROLLING}",), level=BINARY)
    told = _OPENSUSE.match(rest)
    if told is None:
        return None
    system = "opensuse-leap" if told["product"] == "Leap" else "opensuse-leap-micro"
    return Line(streams=(stream_of(system, told["release"]),), level=BINARY)
