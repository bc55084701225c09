"""Which stream a CSAF product tree's platform is: by its CPE name, or by Microsoft's own name for its Linux.

Subscriptions that get fixes of their own for an older minor release (Red Hat's EUS, AUS, TUS, E4S, ELS) are no stream
of ours: a host of the main release must never be measured by them.  Layered products are none either.
"""

from __future__ import annotations

import re
from functools import lru_cache

from oakum.core.streams import ROLLING, stream_of

_CACHE_COUNT_MAX = 4_096

# SLES is sold as a base and modules of the same release; a host has whichever of them it has registered.
_SUSE_BASE = re.compile(r"(?:sles|sled|sles_sap|sle-hpc|sle_hpc|sle-we|sle-sdk|sle-ha|sle-module-[a-z0-9-]+)\Z")
_SUSE_MICRO = re.compile(r"(?:sle-micro|sle_micro|sl-micro|suse-microos)\Z")
_SERVICE_PACK = re.compile(r"sp([0-9]+)\Z")
_MICROSOFT_LINUX = {"azure linux": "azurelinux", "cbl mariner": "mariner"}
_MARINER_VERSIONS = frozenset({"1.0", "2.0"})


@lru_cache(maxsize=_CACHE_COUNT_MAX)
def stream_of_cpe(cpe: str) -> str:
    """Return the stream of a CPE 2.2 name, empty for what is no release of ours.

    >>> stream_of_cpe("cpe:/a:redhat:enterprise_linux:9::appstream"), stream_of_cpe("cpe:/a:redhat:rhel_eus:9.2")
    ('rhel:9', '')
    >>> stream_of_cpe("cpe:/o:suse:sle-module-basesystem:15:sp5"), stream_of_cpe("cpe:/o:opensuse:leap:15.6")
    ('sles:15.5', 'opensuse-leap:15.6')
    """
    words = cpe.removeprefix("cpe:/").lower().split(":")
    if len(words) < 3:  # noqa: PLR2004 - part, vendor, product
        return ""
    _, vendor, product, *rest = words
    version = rest[0] if rest else ""
    update = rest[1] if len(rest) > 1 else ""
    if vendor == "redhat":
        return stream_of("rhel", version) if product == "enterprise_linux" and version else ""
    if vendor == "suse":
        return _suse(product, version, update)
    if vendor == "opensuse":
        return _opensuse(product, version)
    return ""


def _suse(product: str, version: str, update: str) -> str:
    if not version:
        return ""
    if _SUSE_MICRO.match(product):
        return stream_of("sl-micro" if version.startswith("6") else "sle-micro", version)
    if not _SUSE_BASE.match(product):
        return ""
    pack = _SERVICE_PACK.match(update)
    return stream_of("sles", f"{version}.{pack[1]}" if pack else version)


def _opensuse(product: str, version: str) -> str:
    if product == "tumbleweed":
        return stream_of("opensuse-tumbleweed", ROLLING)
    return stream_of("opensuse-leap", version) if product in {"leap", "opensuse"} and version else ""


def stream_of_microsoft_linux(name: str) -> str:
    """Return the stream of Azure Linux and its predecessor by the name that Microsoft gives them, empty for others.

    Version 2 is told under its new name, too, and still calls itself Mariner on hosts.

    >>> stream_of_microsoft_linux("Azure Linux 3.0"), stream_of_microsoft_linux("Azure Linux 2.0")
    ('azurelinux:3.0', 'mariner:2.0')
    """
    distribution, _, version = name.lower().rpartition(" ")
    found = "mariner" if version in _MARINER_VERSIONS else _MICROSOFT_LINUX.get(distribution)
    return stream_of(found, version) if found and distribution in _MICROSOFT_LINUX else ""
