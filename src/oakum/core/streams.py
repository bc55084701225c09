"""Streams: which line of versions a package belongs to, which scheme orders it, and on which level publishers speak.

A stream is the ecosystem and, for a distribution, its release and module stream: ``debian:12``, ``almalinux:8``,
``almalinux:8+nodejs:18``, ``alpine:3.19``, ``arch:rolling``, ``pypi``, ``npm``.  Versions of two streams are never
compared, and an advisory of one never speaks of a package of another.

What has no entry here is refused rather than guessed: a wrong order hides what is vulnerable.  It parses no feed's name
of an ecosystem (``intel.importers``) and no package URL (``core.purls``).
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.versions import (
    ALPM,
    APK,
    CARGO,
    COMPOSER,
    DEB,
    GEM,
    GOLANG,
    MAVEN,
    NPM,
    NUGET,
    PYPI,
    RPM,
    WINDOWS,
    UnknownStream,
)

# On which level a publisher speaks of packages: by the source package that binaries are built from, or by the package
# that is installed (language packages have no other).
SOURCE: Final = "source"
BINARY: Final = "binary"
LEVELS: Final = (SOURCE, BINARY)

STREAM_LENGTH_MAX: Final = 60

# A rolling or unreleased distribution has no VERSION_ID in os-release(5); its packages are in no release's order.
ROLLING: Final = "rolling"

_MODULE_MARK: Final = "+"

# Distributions by ID of os-release(5), grouped by the scheme that orders their packages.
_DISTRIBUTIONS: Final = {
    DEB: (
        *("debian", "ubuntu", "raspbian", "devuan", "kali", "linuxmint", "lmde", "pop", "elementary", "zorin", "neon"),
        *("pureos", "parrot", "deepin", "mx", "antix", "tails", "trisquel", "proxmox", "pve", "osmc", "armbian"),
    ),
    RPM: (
        *("rhel", "centos", "fedora", "almalinux", "rocky", "ol", "amzn", "photon", "azurelinux", "mariner"),
        *("sles", "sled", "sle-micro", "sl-micro", "opensuse-leap", "opensuse-tumbleweed", "opensuse-leap-micro"),
        *("openeuler", "anolis", "scientific", "virtuozzo", "mageia"),
    ),
    APK: ("alpine", "wolfi", "chainguard", "postmarketos"),
    ALPM: ("arch", "archarm", "manjaro", "endeavouros"),
}
# Ecosystems without releases, by purl type.
_ECOSYSTEMS: Final = {
    "pypi": PYPI,
    "npm": NPM,
    "cargo": CARGO,
    "golang": GOLANG,
    "maven": MAVEN,
    "gem": GEM,
    "nuget": NUGET,
    "composer": COMPOSER,
    "windows": WINDOWS,
}
_SCHEMES: Final = {name: scheme for scheme, names in _DISTRIBUTIONS.items() for name in names} | _ECOSYSTEMS

# Published and fixed per major version; Ubuntu's 22.04 and 22.10 and SUSE's 15.5 and 15.6 are two releases each.
_BY_MAJOR_VERSION: Final = frozenset(
    {"debian", "raspbian", "devuan", "rhel", "centos", "almalinux", "rocky", "ol", "scientific", "virtuozzo"}
)
# No release at all: VERSION_ID is the day of the snapshot, or absent.
_WITHOUT_RELEASE: Final = frozenset({"opensuse-tumbleweed", "arch", "archarm", "manjaro", "endeavouros"})
# Alpine's edge calls itself the release that it will become: 3.22_alpha20250108.
_EDGE: Final = "edge"
_BEFORE_RELEASE: Final = "_alpha"
# Published per first two numbers; the third is a point release.
_BY_MINOR_VERSION: Final = frozenset({"alpine", "postmarketos"})

_NAME_RUN: Final = re.compile(r"[-_.]+")


def scheme_of_stream(stream: str) -> str:
    """Return the stamp of the scheme that orders the versions of a stream.

    Raises:
        UnknownStream: no scheme is known for the stream's distribution or ecosystem.

    >>> scheme_of_stream("debian:12"), scheme_of_stream("almalinux:8+nodejs:18"), scheme_of_stream("pypi")
    ('deb.1', 'rpm.1', 'pypi.1')
    """
    scheme = _SCHEMES.get(stream.partition(":")[0])
    if scheme is None:
        raise UnknownStream(stream)
    return scheme


def level_of_stream(stream: str) -> str:
    """Return the level on which the publishers of a stream speak unless a range says otherwise.

    Debian, Ubuntu and Alpine name source packages, everybody else what is installed.

    >>> level_of_stream("debian:12"), level_of_stream("almalinux:8"), level_of_stream("npm")
    ('source', 'binary', 'binary')
    """
    return SOURCE if _SCHEMES.get(stream.partition(":")[0]) in {DEB, APK} else BINARY


def stream_of(os_id: str, os_version_id: str) -> str:
    """Return the stream of a host's packages from ID and VERSION_ID of os-release(5), "" if the system is not named.

    >>> stream_of("debian", "12"), stream_of("ubuntu", "22.04"), stream_of("debian", ""), stream_of("rocky", "9.4")
    ('debian:12', 'ubuntu:22.04', 'debian:rolling', 'rocky:9')
    >>> stream_of("alpine", "3.19.1"), stream_of("alpine", "3.22_alpha20250108"), stream_of("arch", "20260101.0.1")
    ('alpine:3.19', 'alpine:edge', 'arch:rolling')
    """
    distribution = os_id.strip().lower()
    release = os_version_id.strip().lower()
    if not distribution:
        return ""
    if distribution in _BY_MAJOR_VERSION:
        release = release.partition(".")[0]
    elif distribution in _BY_MINOR_VERSION:
        release = _EDGE if _BEFORE_RELEASE in release else ".".join(release.split(".")[:2])
    elif distribution in _WITHOUT_RELEASE:
        release = ""
    return f"{distribution}:{release or ROLLING}"


def module_stream(stream: str, module: str) -> str:
    """Return the stream of the packages of one module stream of a distribution's release (RHEL family).

    ``module`` is ``name:stream``; what follows (version, context) is left out.  No module, no change.

    >>> module_stream("almalinux:8", "nodejs:18:8060020220523160029:ad008a3a"), module_stream("almalinux:8", "")
    ('almalinux:8+nodejs:18', 'almalinux:8')
    """
    name, _, rest = module.partition(":")
    if not name:
        return stream
    return f"{stream}{_MODULE_MARK}{name}:{rest.partition(':')[0]}"[:STREAM_LENGTH_MAX]


def base_stream(stream: str) -> str:
    """Return a stream without its module.

    >>> base_stream("almalinux:8+nodejs:18"), base_stream("debian:12")
    ('almalinux:8', 'debian:12')
    """
    return stream.partition(_MODULE_MARK)[0]


def normal_name(stream: str, name: str) -> str:
    """Return a package's name as its ecosystem compares names: PyPI by PEP 503, NuGet and Composer without case.

    >>> normal_name("pypi", "Zope.Interface"), normal_name("nuget", "Newtonsoft.Json"), normal_name("npm", "JSONStream")
    ('zope-interface', 'newtonsoft.json', 'JSONStream')
    """
    if stream == "pypi":
        return _NAME_RUN.sub("-", name).lower()
    return name.lower() if stream in {"nuget", "composer"} else name
