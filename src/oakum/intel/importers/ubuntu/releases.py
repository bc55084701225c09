"""Ubuntu's releases and archives by the names that Canonical's formats use.

It parses no format and says nothing of packages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from oakum.core.streams import stream_of

# Canonical publishes codenames; hosts tell VERSION_ID of os-release(5).  A new release is added here.
RELEASES: Final = {
    "warty": "4.10",
    "hoary": "5.04",
    "breezy": "5.10",
    "dapper": "6.06",
    "edgy": "6.10",
    "feisty": "7.04",
    "gutsy": "7.10",
    "hardy": "8.04",
    "intrepid": "8.10",
    "jaunty": "9.04",
    "karmic": "9.10",
    "lucid": "10.04",
    "maverick": "10.10",
    "natty": "11.04",
    "oneiric": "11.10",
    "precise": "12.04",
    "quantal": "12.10",
    "raring": "13.04",
    "saucy": "13.10",
    "trusty": "14.04",
    "utopic": "14.10",
    "vivid": "15.04",
    "wily": "15.10",
    "xenial": "16.04",
    "yakkety": "16.10",
    "zesty": "17.04",
    "artful": "17.10",
    "bionic": "18.04",
    "cosmic": "18.10",
    "disco": "19.04",
    "eoan": "19.10",
    "focal": "20.04",
    "groovy": "20.10",
    "hirsute": "21.04",
    "impish": "21.10",
    "jammy": "22.04",
    "kinetic": "22.10",
    "lunar": "23.04",
    "mantic": "23.10",
    "noble": "24.04",
    "oracular": "24.10",
    "plucky": "25.04",
    "questing": "25.10",
    "resolute": "26.04",
}

# Ubuntu Pro publishes later patches for the same packages of the same release.  FIPS, real-time and the other special
# archives hold other builds, whose versions compare with nothing else.
_MAINTENANCE_ARCHIVES: Final = frozenset({"esm", "esm-infra", "esm-apps", "esm-infra-legacy", "esm-apps-legacy"})
_PLAIN_POCKETS: Final = frozenset({"", "security", "updates"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Where a package is published: a release's stream, and whether by Ubuntu Pro's expanded maintenance."""

    stream: str
    is_maintenance: bool

    @property
    def words(self) -> str:
        """The archive for a sentence."""
        release = f"Ubuntu {self.stream.partition(':')[2]}"
        return f"{release} Pro" if self.is_maintenance else release


def archive_of(text: str, pocket: str = "") -> Archive | None:
    """Return the archive of a release as trackers write it, None where it is none that Oakum matches.

    >>> archive_of("jammy"), archive_of("upstream"), archive_of("fips-updates/jammy")
    (Archive(stream='ubuntu:22.04', is_maintenance=False), None, None)
    >>> archive_of("trusty/esm") == archive_of("esm-infra/trusty") == archive_of("trusty", "esm-infra-legacy")
    True
    """
    words = [*text.split("/"), *([] if pocket in _PLAIN_POCKETS else [pocket])]
    numbers = [RELEASES[word] for word in words if word in RELEASES]
    others = {word for word in words if word not in RELEASES}
    if len(numbers) != 1 or not others <= _MAINTENANCE_ARCHIVES:
        return None
    return Archive(stream=stream_of("ubuntu", numbers[0]), is_maintenance=bool(others))
