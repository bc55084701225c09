"""Under which names and versions publishers speak of a package version, and which ranges can be taken at their word.

Source packages where the binary holds code, the binary itself always.  A package of a module whose stream nobody told
has no target: its version is in no order that a range could be in.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.matching.values import RangeFacts, Target, VersionFacts
from oakum.core.sources import codeless_reason, published_sources
from oakum.core.streams import BINARY, SOURCE, base_stream
from oakum.core.versions import RPM, InvalidVersion, order_key

# What the build systems of the RHEL family put into the release of every package of a module: ".module_el8.6.0+3072",
# ".module+el8.9.0+19521".
_MODULAR: Final = re.compile(r"\.module[_+]")
# What package managers call a package that fits every architecture; ecosystems without architectures tell none.
ANY_ARCHITECTURE: Final = frozenset({"", "all", "noarch", "any"})
UNKNOWN_MODULE: Final = "it belongs to a module, and nothing tells of which stream"


def left_out_reason(version: VersionFacts) -> str:
    """Return why no advisory on a package's source says anything of the package, empty where it does."""
    return UNKNOWN_MODULE if _is_stray_module(version) else codeless_reason(version.name)


def targets_of(version: VersionFacts) -> tuple[Target, ...]:
    """Return the targets of a package version, those on source level first; none where none can be judged."""
    if _is_stray_module(version):
        return ()
    own = Target(level=BINARY, name=version.name, version=version.version, key=version.key)
    return (own,) if codeless_reason(version.name) else (*_source_targets(version), own)


def _source_targets(version: VersionFacts) -> tuple[Target, ...]:
    found: list[Target] = []
    for each in published_sources(version.source_name, version.source_version):
        is_own = each.version == version.source_version
        key = version.source_key if is_own else _key_or_none(version.scheme, each.version)
        if key is not None:
            found.append(Target(level=SOURCE, name=each.name, version=each.version, key=key))
    return tuple(found)


def is_stray_range(each: RangeFacts) -> bool:
    """Say whether a range speaks of a module's packages without telling the module: it can be matched with nothing."""
    return each.scheme == RPM and base_stream(each.stream) == each.stream and bool(_MODULAR.search(each.fixed_version))


def speaks_of_architecture(each: RangeFacts, architecture: str) -> bool:
    """Say whether a range is about packages of an architecture; what fits every architecture is always meant."""
    return not each.architectures or architecture in each.architectures or architecture in ANY_ARCHITECTURE


def _is_stray_module(version: VersionFacts) -> bool:
    return (
        version.scheme == RPM
        and base_stream(version.stream) == version.stream
        and bool(_MODULAR.search(version.version))
    )


def _key_or_none(scheme: str, text: str) -> bytes | None:
    try:
        return order_key(scheme, text)
    except InvalidVersion:
        return None
