"""Which package archives the hosts use: those this machine's own apt uses, never a name of ours.

Pure but for ``machine_mirror``, which asks apt.  It does not fetch anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from lab import commands
from lab.errors import LabError

MIRROR_VARIABLE = "OAKUM_LAB_MIRROR"
SECURITY_MIRROR_VARIABLE = "OAKUM_LAB_SECURITY_MIRROR"
_INDEX_TARGETS = (
    "apt-get",
    "indextargets",
    "--format",
    "$(REPO_URI) $(RELEASE) $(ORIGIN)",
    "Created-By: Packages",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """The two archives of the distribution: releases with their updates, and security."""

    main: str
    security: str

    def upstreams(self) -> dict[str, str]:
        """Return host name (with its port, if any) -> scheme, for all that may be asked for."""
        return {urlsplit(url).netloc: urlsplit(url).scheme for url in (self.main, self.security)}

    def frozen_source(self, release: str) -> str:
        """Return the sources.list line of the release as it came out, without any update since."""
        return f"deb {as_plain_http(self.main)} {release} main"

    def sources(self, release: str) -> tuple[str, ...]:
        """Return all sources.list lines of a host of that release."""
        return (
            self.frozen_source(release),
            f"deb {as_plain_http(self.main)} {release}-updates main",
            f"deb {as_plain_http(self.security)} {release}-security main",
        )


def as_plain_http(url: str) -> str:
    """Return the address a host writes: the proxy speaks plain HTTP and keeps to the mirror's own scheme.

    >>> as_plain_http("https://mirror.example.test/debian/")
    'http://mirror.example.test/debian/'
    """
    return urlsplit(url)._replace(scheme="http").geturl()


def parse_index_targets(lines: Iterable[str]) -> Mirror | None:
    """Read `URI RELEASE ORIGIN` lines; None if they do not name both archives of Debian.

    Any other origin is somebody else's archive, whatever its suites are called.
    """
    main, security = None, None
    for line in lines:
        uri, release, *origin = line.split()
        if origin != ["Debian"] or urlsplit(uri).scheme not in {"http", "https"}:
            continue
        if release.endswith("-security"):
            security = security or uri
        elif "-" not in release and "/" not in release:
            main = main or uri
    return Mirror(main=main, security=security) if main and security else None


def machine_mirror() -> Mirror:
    """Return the archives of this machine's apt, or those of OAKUM_LAB_MIRROR and OAKUM_LAB_SECURITY_MIRROR."""
    main, security = os.environ.get(MIRROR_VARIABLE), os.environ.get(SECURITY_MIRROR_VARIABLE)
    if main and security:
        return Mirror(main=main, security=security)
    listing = commands.run(_INDEX_TARGETS).stdout.decode()
    found = parse_index_targets(sorted(set(listing.splitlines())))
    if found is None:
        raise LabError(
            "apt on this machine is not set up for Debian's main and security archives, so none can be derived.",
            remedy="run `apt-get update` if it never ran here (apt lists only what it has fetched), or set "
            f"{MIRROR_VARIABLE} and {SECURITY_MIRROR_VARIABLE} to the two addresses of a Debian mirror",
        )
    return found
