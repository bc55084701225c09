"""The reading side on this machine's own apt, against an independent reading of what apt prints."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from oakum.agent.managers.apt import AptManager
from oakum.protocol.inventory import OffersSection

pytestmark = pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt is not on this machine")

ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


@pytest.fixture(scope="module")
def section() -> OffersSection:
    manager = AptManager()
    return manager.offers(manager.installed())


def test_the_offers_are_what_a_full_upgrade_would_install(section: OffersSection) -> None:
    if section.status != "known":
        pytest.skip(f"apt cannot say here: {section.reason}")
    done = subprocess.run(
        ["apt-get", "-s", "-o", "Debug::NoLocking=1", "dist-upgrade"],
        capture_output=True, text=True, check=True, env=ENVIRONMENT,
    )  # fmt: skip
    expected = set()
    for line in done.stdout.splitlines():
        words = line.split()
        if words and words[0] == "Inst":
            old = words[2].strip("[]") if words[2].startswith("[") else ""
            new = next(word for word in words if word.startswith("(")).lstrip("(")
            expected.add((words[1].partition(":")[0], old, new))
    installable = {
        (offer.name, offer.installed_version, offer.candidate_version)
        for offer in section.offers
        if offer.kept_back in {"", "needs_removal"}
    }
    assert installable == expected
    assert all(offer.origins and offer.source_name and offer.download_bytes for offer in section.offers)


def test_the_installed_packages_are_dpkgs_own() -> None:
    done = subprocess.run(
        ["dpkg", "-l"], capture_output=True, text=True, check=True, env={**ENVIRONMENT, "COLUMNS": "400"}
    )
    expected = {
        (line.split()[1].partition(":")[0], line.split()[2])
        for line in done.stdout.splitlines()
        if line[:2] in {"ii", "hi"}
    }
    packages = AptManager().installed().packages
    assert {(package.name, package.version) for package in packages if package.state == "installed"} == expected


def test_the_owner_of_a_file_is_found_under_both_its_names() -> None:
    (name,) = AptManager().owners(["/usr/bin/dpkg"])["/usr/bin/dpkg"]
    assert name == "dpkg"
    assert AptManager().owners(["/usr/bin/bash"])["/usr/bin/bash"] == ("bash",)
    assert AptManager().owners(["/nowhere/at/all"]) == {}


def test_the_key_holds_while_nothing_changes() -> None:
    assert AptManager().offers_key() == AptManager().offers_key() != ""
