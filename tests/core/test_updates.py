"""What kind of update it is: a table of what repositories really say."""

from __future__ import annotations

import itertools

import pytest

from oakum.core.updates import BUGFIX, FEATURE, SECURITY, raised_kind, update_kind
from oakum.protocol.inventory import Origin


def debian(suite: str, codename: str, *, label: str = "Debian", trusted: bool = True) -> Origin:
    return Origin(origin="Debian", label=label, suite=suite, codename=codename, component="main", trusted=trusted)


def ubuntu(suite: str, *, origin: str = "Ubuntu") -> Origin:
    return Origin(origin=origin, label=origin, suite=suite, codename="jammy", component="main")


STABLE = debian("oldstable", "bookworm")
UPDATES = debian("oldstable-updates", "bookworm-updates")
SECURE = debian("oldstable-security", "bookworm-security", label="Debian-Security")
BACKPORTS = debian("stable-backports", "bookworm-backports", label="Debian Backports")
TESTING = debian("testing", "forky")
VENDOR = Origin(origin="Example", label="Example", suite="bookworm", codename="bookworm", component="main")

EXAMPLES = [
    # Debian: security, also when the point release offers the same version.
    ([SECURE], "3.0.19-1~deb12u1", "3.0.20-1~deb12u1", SECURITY),
    ([STABLE, SECURE], "3.0.19-1~deb12u1", "3.0.19-1~deb12u2", SECURITY),
    ([SECURE], "", "6.1.140-1", SECURITY),
    ([debian("oldoldstable", "buster/updates", label="Debian-Security")], "1-1", "1-2", SECURITY),
    # Debian: a point release or -updates repairs, whatever the upstream number does.
    ([STABLE], "252.38-1~deb12u1", "252.39-1~deb12u1", BUGFIX),
    ([UPDATES], "2025b-0+deb12u1", "2026a-0+deb12u1", BUGFIX),
    ([STABLE], "", "6.1.140-1", BUGFIX),
    # Debian: backports and what is in motion.
    ([BACKPORTS], "6.1.140-1", "6.12.9-1~bpo12+1", FEATURE),
    ([BACKPORTS], "1.0-1~bpo12+1", "1.0-2~bpo12+1", FEATURE),
    ([TESTING], "1.0-1", "1.1-1", FEATURE),
    ([TESTING], "1.0-1", "1.0-2", BUGFIX),
    # A repository whose signature nobody verified cannot claim to be a security repository.
    ([debian("x-security", "x", label="Debian-Security", trusted=False)], "1-1", "1-2", BUGFIX),
    # Ubuntu and its extended maintenance.
    ([ubuntu("jammy-security"), ubuntu("jammy-updates")], "1-1ubuntu1", "1-1ubuntu1.1", SECURITY),
    ([ubuntu("jammy-updates")], "1-1ubuntu1", "2-1ubuntu1", BUGFIX),
    ([ubuntu("jammy-apps-security", origin="UbuntuESMApps")], "1-1", "1-1ubuntu0.1~esm1", SECURITY),
    ([ubuntu("jammy-backports")], "1-1", "2-1~ubuntu22.04.1", FEATURE),
    # Others: only the version tells.
    ([VENDOR], "17.2-1", "17.3-1", FEATURE),
    ([VENDOR], "1:17.2-1", "1:17.2-2", BUGFIX),
    ([VENDOR], "", "17.3-1", BUGFIX),
    ([], "1-1", "2-1", FEATURE),
    ([VENDOR], "not a version", "2-1", BUGFIX),
]


@pytest.mark.parametrize(("origins", "installed", "candidate", "expected"), EXAMPLES)
def test_the_kind_of_an_update(origins: list[Origin], installed: str, candidate: str, expected: str) -> None:
    assert update_kind(origins, installed, candidate) == expected


@pytest.mark.parametrize(("origins", "installed", "candidate", "expected"), EXAMPLES)
def test_the_order_of_repositories_does_not_matter(
    origins: list[Origin], installed: str, candidate: str, expected: str
) -> None:
    for order in itertools.permutations(origins):
        assert update_kind(order, installed, candidate) == expected


def test_a_later_word_raises_to_security_and_never_lowers() -> None:
    for told in (SECURITY, BUGFIX, FEATURE):
        assert raised_kind(told, SECURITY) == SECURITY
        assert raised_kind(SECURITY, told) == SECURITY
    assert raised_kind(BUGFIX, FEATURE) == BUGFIX
    assert raised_kind(FEATURE, BUGFIX) == FEATURE
