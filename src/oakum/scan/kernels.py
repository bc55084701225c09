"""Which of several installed kernels is judged: the running one, and where that cannot be known the newest.

Old kernels stay installed so that one can go back; none of their code runs.  A root that is not this host's tells
nothing of what runs there.  It compares versions by their order keys and reads no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from oakum.core.versions import InvalidVersion, order_key, scheme_of_name
from oakum.scan.values import DEB, RPM, FoundPackage

# linux-image-6.1.0-37-amd64, linux-modules-extra-6.8.0-40-generic: the release is in the name.
_DEB_KERNEL: Final = re.compile(
    r"linux-(?:image|image-unsigned|modules|modules-extra|image-extra)-(?P<release>\d\S*)\Z"
)
_DEB_POINTER: Final = re.compile(r"linux-image-[a-z]\S*\Z")
# kernel-core, kernel-modules-core, kernel-rt-core, kernel-default: one version of each for every kernel kept.
_RPM_KERNEL: Final = re.compile(
    r"kernel(?:-(?:rt|64k|debug|uek|uki-virt|default|azure|longterm|lt|ml|zfcpdump))*"
    r"(?:-(?:core|modules|modules-core|modules-extra|modules-internal|base|devel))?\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernels:
    """Which kernel packages are not judged, and why; ``remark`` is for people, "" where nothing had to be chosen."""

    left_out: dict[FoundPackage, str]
    judged_release: str
    remark: str


def choose(packages: Iterable[FoundPackage], *, running: str) -> Kernels:
    """Choose among the installed kernels; ``running`` is what ``uname -r`` says, "" where nobody can know."""
    kernels = {each: release for each in packages if (release := release_of(each))}
    releases = sorted(set(kernels.values()))
    pointers = {each: "it only points to the newest kernel" for each in packages if kernels and _is_pointer(each)}
    if not releases:
        return Kernels(left_out={}, judged_release="", remark="")
    judged = next((each for each in releases if is_running(each, running)), "")
    if judged:
        reason, remark = f"not the running kernel ({running})", ""
    else:
        judged = _newest(kernels)
        reason = f"not the newest installed kernel ({judged})"
        cause = f"the running kernel {running} is none of the installed ones" if running else "which runs is not known"
        remark = f"The newest installed kernel ({judged}) is judged: {cause}."
    left_out = {each: reason for each, release in kernels.items() if release != judged}
    return Kernels(left_out=left_out | pointers, judged_release=judged, remark=remark)


def release_of(package: FoundPackage) -> str:
    """Return which kernel a package is a part of, "" where it is no part of any.

    >>> from oakum.scan.values import FoundPackage
    >>> release_of(FoundPackage(kind="deb", name="linux-image-6.1.0-37-amd64", version="6.1.140-1", place=""))
    '6.1.0-37-amd64'
    """
    if package.kind == DEB:
        found = _DEB_KERNEL.match(package.name)
        return found["release"] if found else ""
    if package.kind == RPM and _RPM_KERNEL.match(package.name):
        return f"{package.version.rpartition(':')[2]}.{package.architecture}"
    return ""


def is_running(release: str, running: str) -> bool:
    """Say whether an installed kernel's release is what ``uname -r`` says.

    The RHEL family appends a flavour (``+rt``), SUSE replaces the release's last number and the architecture by one.

    >>> is_running("5.14.0-70.el9.x86_64", "5.14.0-70.el9.x86_64+rt")
    True
    >>> is_running("5.14.21-150500.55.7.1.x86_64", "5.14.21-150500.55.7-default")
    True
    """
    if release == running.partition("+")[0] or release == running:
        return True
    version, dash, flavour = running.rpartition("-")
    return bool(dash and flavour.isalpha() and re.fullmatch(rf"{re.escape(version)}\.\d+\.\w+", release))


def _is_pointer(package: FoundPackage) -> bool:
    return package.kind == DEB and bool(_DEB_POINTER.match(package.name))


def _newest(kernels: dict[FoundPackage, str]) -> str:
    def key(package: FoundPackage) -> bytes:
        try:
            return order_key(scheme_of_name(package.kind), package.version)
        except InvalidVersion:
            return b""

    return kernels[max(kernels, key=lambda each: (key(each), each.name))]
