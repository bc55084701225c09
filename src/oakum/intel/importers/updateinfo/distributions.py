"""Which distribution and release the packages of an updateinfo.xml are for.

The format does not say.  What does, mostly, is the collection's name, which is the repository's; else the release's
text, or the tag that a package's release ends in (``.fc41``, ``.amzn2023``).  ``.el9`` alone says nothing: a dozen
distributions build with it.  It guesses nothing: where none of these tells, the person who imports must.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from oakum.core.ranges import LOWEST
from oakum.core.streams import stream_of
from oakum.core.versions import RPM, InvalidVersion, order_key
from oakum.intel.importers.osv_ecosystems import line_of_ecosystem

_TEXT_LENGTH_MAX: Final = 200

# ID of os-release(5) by what repositories and releases are called.
_NAMES: Final = (
    ("almalinux", re.compile(r"alma ?linux[- ](?:os[- ])?([0-9]{1,2})\b", re.IGNORECASE)),
    ("rocky", re.compile(r"rocky[- ]linux[- ]([0-9]{1,2})\b", re.IGNORECASE)),
    ("rhel", re.compile(r"\b(?:rhel|red hat enterprise linux(?: [a-z]+)?)[- ]([0-9]{1,2})\b", re.IGNORECASE)),
    ("ol", re.compile(r"\b(?:oracle[- ]linux[- ]|ol)([0-9]{1,2})(?:\b|_)", re.IGNORECASE)),
    ("centos", re.compile(r"\bcentos[- ](?:linux[- ]|stream[- ])?([0-9]{1,2})\b", re.IGNORECASE)),
    ("amzn", re.compile(r"\bamazon[- ]linux[- ](20[0-9]{2}|2)\b", re.IGNORECASE)),
    ("fedora", re.compile(r"(?:\bfedora (?:linux )?|\AF)([0-9]{2,3})(?:[MC]?\Z| )", re.IGNORECASE)),
    ("photon", re.compile(r"\bphoton[- ](?:os[- ])?([0-9]\.[0-9])\b", re.IGNORECASE)),
)
# The first Amazon Linux rolled through its releases and ended as 2018.03.
_FIRST_AMAZON: Final = re.compile(r"\bamazon[- ]linux[- ]ami\b", re.IGNORECASE)
# "SUSE Linux Enterprise Module for Basesystem 15 SP5", "openSUSE Leap 15.5 Update".
_SUSE: Final = re.compile(
    r"\A(?:SUSE )?(Linux .*?)(?: Updates?)?\Z|\AopenSUSE ((?:Leap|Tumbleweed).*?)(?: Updates?)?\Z"
)
_EPEL: Final = re.compile(r"\bEPEL\b|\AEL-[0-9]+\Z")
_TAGS: Final = (
    ("fedora", re.compile(r"\.fc([0-9]{2,3})(?:\.|\Z)")),
    ("amzn", re.compile(r"\.amzn(20[0-9]{2}|2)(?:\.|\Z)")),
    ("mageia", re.compile(r"\.mga([0-9]{1,2})(?:\.|\Z)")),
)
_PHOTON_TAG: Final = re.compile(r"\.ph([0-9])\Z")
# Up to 15.2; later openSUSE takes SUSE's own packages, whose releases say no distribution.
_LEAP_TAG: Final = re.compile(r"\Alp(15)([0-2])\.")

# Amazon Linux 2 keeps newer lines of some packages in repositories of their own ("kernel-5.15", "postgresql14").
_AMAZON_TOPIC: Final = re.compile(r"\Aamazon-linux-2---[a-z0-9.-]*?([0-9]+(?:\.[0-9]+)*)\Z")


def streams_of_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the streams that a collection or release is for, by what it is called; none where that is not told.

    >>> streams_of_names(["almalinux-9-for-x86_64-baseos-rpms__9_1_default"]), streams_of_names(["Fedora EPEL 9"])
    (('almalinux:9',), ())
    """
    for name in (each.strip()[:_TEXT_LENGTH_MAX] for each in names):
        if _EPEL.search(name):
            return ()  # packages for a dozen distributions
        if _FIRST_AMAZON.search(name):
            return (stream_of("amzn", "2018.03"),)
        for distribution, pattern in _NAMES:
            if told := pattern.search(name):
                return (stream_of(distribution, told.group(1)),)
        if suse := _SUSE.match(name):
            line = line_of_ecosystem(f"SUSE:{suse.group(1)}" if suse.group(1) else f"openSUSE:{suse.group(2)}")
            if line is not None:
                return line.streams
    return ()


def streams_of_tag(release: str) -> tuple[str, ...]:
    """Return the streams that a package was built for, by the tag of its release; none where that is not told.

    >>> streams_of_tag("1.fc41"), streams_of_tag("8.el9_0")
    (('fedora:41',), ())
    """
    for distribution, pattern in _TAGS:
        if told := pattern.search(release[:_TEXT_LENGTH_MAX]):
            return (stream_of(distribution, told.group(1)),)
    if told := _LEAP_TAG.match(release):
        return (stream_of("opensuse-leap", f"{told.group(1)}.{told.group(2)}"),)
    photon = _PHOTON_TAG.search(release[:_TEXT_LENGTH_MAX])
    return (stream_of("photon", f"{photon.group(1)}.0"),) if photon else ()


def lowest_of_line(collection: str, epoch: str, version: str) -> bytes:
    """Return the key where a collection's own line of a package begins, LOWEST where it has all of them.

    Amazon Linux 2's ``kernel`` is 4.14, and its collection ``kernel-5.15`` has a ``kernel`` too: a patch of the one is
    none of the other.

    >>> lowest_of_line("amazon-linux-2---kernel-5.15", "0", "5.15.43") > LOWEST
    True
    >>> lowest_of_line("amazon-linux-2---kernel-5.15", "0", "1.0") == lowest_of_line("x", "0", "1.0") == LOWEST
    True
    """
    topic = _AMAZON_TOPIC.match(collection[:_TEXT_LENGTH_MAX])
    if topic is None or not f"{version}.".startswith(f"{topic.group(1)}."):
        return LOWEST
    try:
        return order_key(RPM, f"{epoch}:{topic.group(1)}")
    except InvalidVersion:
        return LOWEST
