"""core.inventory: streams, package URLs, fingerprints, and what still runs old code."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core import inventory
from oakum.core.inventory import KNOWN, fingerprint, running_old
from oakum.core.streams import stream_of
from oakum.protocol.inventory import (
    UNKNOWN,
    FactsSection,
    InstalledKernel,
    InstalledPackage,
    Offer,
    OffersSection,
    Origin,
    PackagesSection,
    Repository,
    StaleService,
    section_hash,
)

FACTS = FactsSection(
    hostname="web01",
    machine_id_hash="",
    os_id="debian",
    os_version_id="12",
    os_codename="bookworm",
    os_name="Debian GNU/Linux 12 (bookworm)",
    architecture="amd64",
    kernel_running="6.1.0-28-amd64",
    kernels=(
        InstalledKernel(release="6.1.0-28-amd64", package="linux-image-6.1.0-28-amd64", version="6.1.119-1"),
        InstalledKernel(release="6.1.0-29-amd64", package="linux-image-6.1.0-29-amd64", version="6.1.123-1"),
    ),
    boot_id="b",
    reboot_required="yes",
    reboot_required_packages=(),
    stale_status=KNOWN,
    stale_services=(),
    addresses=(),
    virtualisation="",
    policy_mode="report_only",
    agent_version="0.1.0",
    python_version="3.11",
)
INSTALLED = [
    ("linux-image-6.1.0-28-amd64", "amd64"),
    ("linux-image-6.1.0-29-amd64", "amd64"),
    ("libssl3", "amd64"),
    ("libssl3", "i386"),
    ("libc6", "amd64"),
]

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
packages = st.builds(
    InstalledPackage,
    name=text,
    version=text,
    architecture=text,
    source_name=text,
    source_version=text,
    held=st.booleans(),
    state=text,
)
origins = st.builds(Origin, origin=text, label=text, suite=text, codename=text, component=text, trusted=st.booleans())
offers = st.builds(
    Offer,
    name=text,
    architecture=text,
    installed_version=text,
    candidate_version=text,
    source_name=text,
    source_version=text,
    origins=st.lists(origins, max_size=2).map(tuple),
    download_bytes=st.integers(0, 2**40),
    kept_back=text,
)


@pytest.mark.parametrize(
    ("os_id", "version_id", "stream"),
    [
        ("debian", "12", "debian:12"),
        ("debian", "12.5", "debian:12"),
        ("Debian", " 12 ", "debian:12"),
        ("debian", "", "debian:rolling"),
        ("ubuntu", "22.04", "ubuntu:22.04"),
        ("kali", "2026.3", "kali:2026.3"),
        ("", "12", ""),
    ],
)
def test_stream_of(os_id: str, version_id: str, stream: str) -> None:
    assert stream_of(os_id, version_id) == stream


@given(st.lists(packages, max_size=3), st.sampled_from(["known", "unknown"]), text)
def test_fingerprint_is_the_protocols_hash_of_packages(
    listed: list[InstalledPackage], status: str, reason: str
) -> None:
    section = PackagesSection(manager="apt", status=status, reason=reason, packages=tuple(listed))
    assert fingerprint(section) == section_hash(section)


@given(st.lists(offers, max_size=3), st.lists(origins, max_size=2))
def test_fingerprint_is_the_protocols_hash_of_offers(listed: list[Offer], told: list[Origin]) -> None:
    repositories = tuple(
        Repository(address="https://mirror.example.test", origin=each, package_count=3) for each in told
    )
    section = OffersSection(manager="apt", status=KNOWN, reason="", offers=tuple(listed), repositories=repositories)
    assert fingerprint(section) == section_hash(section)


def test_fingerprint_is_the_protocols_hash_of_facts() -> None:
    assert fingerprint(FACTS) == section_hash(FACTS)


def test_owners_of_deleted_files_wait_for_a_restart() -> None:
    stale = (StaleService(unit="nginx.service", packages=("libssl3:amd64", "libc6", "gone"), process_count=2),)
    verdict = running_old(INSTALLED, dataclasses.replace(FACTS, stale_services=stale, kernels=()), scheme="deb.1")
    assert verdict.pending_restart == {("libssl3", "amd64"), ("libc6", "amd64")}
    assert verdict.pending_reboot == frozenset()
    assert (verdict.restart_status, verdict.reboot_status) == (KNOWN, KNOWN)


def test_kernels_newer_than_the_running_one_wait_for_a_reboot() -> None:
    verdict = running_old(INSTALLED, FACTS, scheme="deb.1")
    assert verdict.pending_reboot == {("linux-image-6.1.0-29-amd64", "amd64")}
    booted = dataclasses.replace(FACTS, kernel_running="6.1.0-29-amd64", reboot_required="no")
    assert running_old(INSTALLED, booted, scheme="deb.1").packages == frozenset()


def test_what_the_distribution_lists_waits_for_a_reboot_and_not_for_a_restart() -> None:
    stale = (StaleService(unit="cron.service", packages=("libc6",), process_count=1),)
    facts = dataclasses.replace(FACTS, reboot_required_packages=("libc6",), stale_services=stale, kernels=())
    verdict = running_old(INSTALLED, facts, scheme="deb.1")
    assert verdict.pending_restart == frozenset()
    assert verdict.pending_reboot == {("libc6", "amd64")}


def test_a_running_kernel_that_is_not_installed_compares_with_nothing() -> None:
    # A container shares its host's kernel: that others are installed here says nothing.
    facts = dataclasses.replace(FACTS, kernel_running="6.6.87-other", reboot_required=UNKNOWN)
    verdict = running_old(INSTALLED, facts, scheme="deb.1")
    assert verdict.pending_reboot == frozenset()
    assert verdict.reboot_status == UNKNOWN


def test_a_kernel_with_a_version_that_is_none_takes_no_part() -> None:
    odd = InstalledKernel(release="6.9.0-mine", package="linux-image-mine", version="nope:1")
    facts = dataclasses.replace(FACTS, kernels=(*FACTS.kernels, odd))
    verdict = running_old([*INSTALLED, ("linux-image-mine", "amd64")], facts, scheme="deb.1")
    assert verdict.pending_reboot == {("linux-image-6.1.0-29-amd64", "amd64")}


@given(
    st.lists(st.sampled_from(["libssl3", "libc6", "other"]), max_size=3),
    st.lists(st.sampled_from(["libc6", "linux-image-6.1.0-28-amd64"]), max_size=2),
    st.sampled_from([KNOWN, UNKNOWN]),
    st.sampled_from(["yes", "no", UNKNOWN]),
)
def test_running_old_names_installed_packages_once_and_never_turns_unknown_into_known(
    stale: list[str], reboot: list[str], stale_status: str, reboot_required: str
) -> None:
    facts = dataclasses.replace(
        FACTS,
        stale_status=stale_status,
        reboot_required=reboot_required,
        reboot_required_packages=tuple(reboot),
        stale_services=(StaleService(unit="a.service", packages=tuple(stale), process_count=1),),
    )
    verdict = running_old(INSTALLED, facts, scheme="deb.1")
    assert verdict.packages <= set(INSTALLED)
    assert not verdict.pending_restart & verdict.pending_reboot
    assert (verdict.restart_status == UNKNOWN) == (stale_status == UNKNOWN)
    assert (verdict.reboot_status == UNKNOWN) == (reboot_required == UNKNOWN)


def test_examples_in_the_docstrings_hold() -> None:
    import doctest

    assert doctest.testmod(inventory).failed == 0
