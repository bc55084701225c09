"""record_inventory: whole or not at all, odd packages by name, what old code still runs, what changed."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oakum.catalogue.models import PackageVersion, Update
from oakum.core.errors import HostError
from oakum.fleet import queries
from oakum.fleet.models import Host, HostChange
from oakum.fleet.services import versions
from oakum.fleet.sets import load_set
from oakum.journal.models import Entry
from oakum.protocol.inventory import (
    FactsSection,
    InstalledKernel,
    InstalledPackage,
    OffersSection,
    PackagesSection,
    StaleService,
    section_hash,
)
from oakum.protocol.messages import InventoryUpload
from tests.factories import make_organisation
from tests.fleet.reports import FACTS, OFFERS, PACKAGES, SpeakingHost, enrol_host, payload_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def host(now: datetime) -> SpeakingHost:
    return enrol_host(make_organisation(now=now), now)


def row_of(host: SpeakingHost) -> Host:
    return Host.objects.get(id=host.id)


def installed(host: SpeakingHost) -> list[tuple[str, str]]:
    rows = PackageVersion.objects.filter(id__in=list(load_set(row_of(host).package_set)))
    return sorted(rows.values_list("name", "version"))


def with_packages(*packages: InstalledPackage) -> PackagesSection:
    return dataclasses.replace(PACKAGES, packages=packages)


def package(name: str, version: str = "1.0-1", **fields: str) -> InstalledPackage:
    return InstalledPackage(
        name=name,
        version=version,
        architecture="amd64",
        source_name=fields.get("source", name),
        source_version=fields.get("source_version", version),
    )


def refusal(host: SpeakingHost, now: datetime, *sections: str) -> HostError:
    with pytest.raises(HostError) as caught:
        host.upload(now, *sections)
    return caught.value


def test_a_first_report_is_stored_whole(host: SpeakingHost, now: datetime) -> None:
    assert host.upload(now) == ("packages", "offers", "facts")
    row = row_of(host)
    assert installed(host) == [
        ("bash", "5.2.15-2+b7"),
        ("libssl3", "3.0.15-1~deb12u1"),
        ("openssl", "3.0.15-1~deb12u1"),
    ]
    assert (row.packages_status, row.packages_reason, row.inventory_at) == ("known", "", now)
    assert row.packages_hash == section_hash(host.packages)
    assert row.offers_hash == section_hash(host.offers)
    assert row.facts_hash == section_hash(host.facts)
    assert (row.hostname, row.stream, row.kernel_running) == ("web01", "debian:12", "6.1.0-28-amd64")
    assert len(load_set(row.held_set)) == 1
    offer = row.offers[0]
    assert PackageVersion.objects.get(id=offer["id"]).version == "3.0.17-1~deb12u2"
    assert (offer["from"], offer["kept_back"], offer["download_bytes"]) == ("3.0.15-1~deb12u1", "", 2_000_000)
    assert Update.objects.get().source_name == "openssl"
    assert row.repositories[0]["address"] == "https://mirror.example.test"


def test_the_same_report_again_changes_nothing(host: SpeakingHost, now: datetime) -> None:
    host.upload(now)
    before = Host.objects.values().get(id=host.id)
    host.upload(now)
    assert Host.objects.values().get(id=host.id) == before
    assert HostChange.objects.count() == 1
    assert Update.objects.count() == 1


def test_what_changed_is_logged(host: SpeakingHost, now: datetime) -> None:
    organisation_id = row_of(host).organisation_id
    host.upload(now)
    newer = package("openssl", "3.0.17-1~deb12u2", source="openssl", source_version="3.0.17-1~deb12u2")
    host.packages = with_packages(PACKAGES.packages[0], newer, PACKAGES.packages[2])
    later = now + timedelta(hours=1)
    host.upload(later, "packages")
    newest, first = queries.host_changes(organisation_id=organisation_id, host_id=host.id)
    assert (newest.at, newest.added, newest.removed) == (
        later,
        ("openssl 3.0.17-1~deb12u2",),
        ("openssl 3.0.15-1~deb12u1",),
    )
    assert len(first.added) == 3
    assert first.removed == ()


def test_an_odd_package_is_left_out_by_name_and_the_rest_stays_known(host: SpeakingHost, now: datetime) -> None:
    host.packages = with_packages(package("bash"), package("mine", "nope:1"))
    host.upload(now)
    row = row_of(host)
    assert installed(host) == [("bash", "1.0-1")]
    assert row.packages_status == "known"
    assert "mine nope:1" in row.packages_reason
    assert row.packages_hash == section_hash(host.packages)  # so it is not asked for again
    host.packages = with_packages(package("bash"))
    host.upload(now)
    assert row_of(host).packages_reason == ""


def test_a_report_full_of_odd_packages_is_garbage_and_nothing_of_it_is_stored(
    host: SpeakingHost, now: datetime
) -> None:
    host.upload(now)
    before = Host.objects.values().get(id=host.id)
    host.packages = with_packages(*(package(f"p{number}", f"nope:{number}") for number in range(21)))
    host.facts = dataclasses.replace(FACTS, hostname="web99")
    fault = refusal(host, now)
    assert fault.code == "inventory_invalid"
    assert "packages.packages[0]" in fault.sentence
    assert Host.objects.values().get(id=host.id) == before


@pytest.mark.parametrize(
    ("packages", "place"),
    [
        ((package("bash"), package("")), "packages.packages[1].name"),
        ((package("ba sh"),), "packages.packages[0].name"),
        ((package("bash", "1.0\n"),), "packages.packages[0].version"),
        ((package("b" * 201),), "packages.packages[0].name"),
        ((package("bäsh"),), "packages.packages[0].name"),
        ((package("bash"), package("bash", "2.0-1")), "'bash' twice"),
        ((dataclasses.replace(package("bash"), architecture="a" * 31),), "packages.packages[0].architecture"),
        ((dataclasses.replace(package("bash"), state="s" * 41),), "packages.packages"),
        ((dataclasses.replace(package("bash"), state="\x00"),), "packages.packages"),
    ],
)
def test_garbage_is_refused_with_the_place(
    host: SpeakingHost, now: datetime, packages: tuple[InstalledPackage, ...], place: str
) -> None:
    host.packages = with_packages(*packages)
    fault = refusal(host, now)
    assert fault.code == "inventory_invalid"
    assert place in fault.sentence
    assert row_of(host).packages_status == "unknown"
    assert PackageVersion.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"hostname": ""}, "facts.hostname"),
        ({"hostname": "a/b"}, "facts.hostname"),
        ({"os_id": "o" * 41}, "facts.os_id"),
        ({"kernel_running": "k" * 121}, "facts.kernel_running"),
        ({"reboot_required": "perhaps"}, "facts.reboot_required"),
        ({"stale_status": "yes"}, "stale_status"),
        ({"machine_id_hash": "plain"}, "facts.machine_id_hash"),
        ({"addresses": ("192.0.2.1",) * 257}, "facts.addresses"),
        ({"addresses": ("a" * 1_001,)}, "facts"),
        ({"addresses": ("a\x00",)}, "facts"),
        ({"os_name": "Debian\x00"}, "facts.os_name"),
        ({"stale_services": (StaleService("a.service", ("p",), -1),)}, "facts.stale_services"),
        ({"kernels": (InstalledKernel("r", "p", "v"),) * 65}, "facts.kernels"),
    ],
)
def test_facts_that_are_none_are_refused_with_the_place(
    host: SpeakingHost, now: datetime, changes: dict[str, object], place: str
) -> None:
    host.facts = dataclasses.replace(FACTS, **changes)  # type: ignore[arg-type]
    fault = refusal(host, now)
    assert fault.code == "inventory_invalid"
    assert place in fault.sentence
    assert row_of(host).facts == {}


def test_offers_that_are_none_are_refused_with_the_place(host: SpeakingHost, now: datetime) -> None:
    (offer,) = OFFERS.offers
    for changes, place in (
        ({"candidate_version": ""}, "offers.offers[0].version"),
        ({"download_bytes": -1}, "offers.offers[0].download_bytes"),
        ({"kept_back": "k" * 1_001}, "offers.offers[0]"),
        ({"origins": OFFERS.offers[0].origins * 65}, "offers.offers[0].origins"),
    ):
        host.offers = dataclasses.replace(OFFERS, offers=(dataclasses.replace(offer, **changes),))
        assert place in refusal(host, now).sentence
    assert Update.objects.count() == 0


def test_packages_without_facts_wait_for_them(host: SpeakingHost, now: datetime) -> None:
    assert refusal(host, now, "packages").code == "facts_missing"
    host.upload(now, "facts")
    assert host.upload(now, "packages") == ("packages",)


def test_a_host_that_cannot_tell_is_unknown_and_keeps_what_was_known_last(host: SpeakingHost, now: datetime) -> None:
    host.upload(now)
    reason = "The installed packages cannot be read: dpkg is locked."
    host.packages = PackagesSection(manager="apt", status="unknown", reason=reason, packages=())
    host.offers = OffersSection(manager="apt", status="unknown", reason="No lists.", offers=(), repositories=())
    host.upload(now + timedelta(hours=1))
    row = row_of(host)
    assert (row.packages_status, row.packages_reason, row.offers_status) == ("unknown", reason, "unknown")
    assert row.inventory_at == now
    assert len(installed(host)) == 3
    (page,) = queries.host_by_name(organisation_id=row.organisation_id, name="web01", now=now)
    assert (page.package_count, page.offer_count) == (None, None)


def test_a_system_whose_versions_have_no_known_order_is_unknown(host: SpeakingHost, now: datetime) -> None:
    host.facts = dataclasses.replace(FACTS, os_id="plan9", os_version_id="4")
    host.upload(now)
    row = row_of(host)
    assert (row.stream, row.packages_status, row.stale_status) == ("plan9:4", "unknown", "unknown")
    assert "plan9:4" in row.packages_reason


def test_a_renamed_host_is_the_same_host(host: SpeakingHost, now: datetime) -> None:
    host.upload(now)
    host.facts = dataclasses.replace(FACTS, hostname="db01")
    host.upload(now, "facts")
    assert row_of(host).hostname == "db01"
    payload = payload_of("fleet.host_renamed")
    assert (payload["before"], payload["after"]) == ("web01", "db01")
    assert Host.objects.count() == 1


def test_an_upgraded_release_has_its_packages_filed_anew(host: SpeakingHost, now: datetime) -> None:
    host.report(now)
    host.facts = dataclasses.replace(FACTS, os_version_id="13")
    assert host.report(now) == ("facts",)
    assert host.report(now) == ("packages", "offers")
    streams = PackageVersion.objects.filter(id__in=list(load_set(row_of(host).package_set)))
    assert set(streams.values_list("stream", flat=True)) == {"debian:13"}
    assert Entry.objects.filter(kind="fleet.host_stream_changed").count() == 1


def test_old_code_that_runs_is_remembered_and_forgotten(host: SpeakingHost, now: datetime) -> None:
    kernel = package("linux-image-6.1.0-29-amd64", "6.1.123-1", source="linux-signed-amd64")
    host.packages = with_packages(*PACKAGES.packages, kernel)
    stale = dataclasses.replace(
        FACTS,
        stale_services=(StaleService(unit="nginx.service", packages=("libssl3",), process_count=3),),
        kernels=(
            InstalledKernel(release="6.1.0-28-amd64", package="linux-image-6.1.0-28-amd64", version="6.1.119-1"),
            InstalledKernel(release="6.1.0-29-amd64", package=kernel.name, version=kernel.version),
        ),
        reboot_required="yes",
    )
    host.facts = stale
    host.upload(now)

    def running_old() -> set[str]:
        ids = list(load_set(row_of(host).running_old_set))
        return set(PackageVersion.objects.filter(id__in=ids).values_list("name", flat=True))

    assert running_old() == {"libssl3", kernel.name}
    host.facts = dataclasses.replace(stale, stale_services=())
    host.upload(now, "facts")  # the packages stay as stored
    assert running_old() == {kernel.name}
    host.facts = dataclasses.replace(host.facts, kernel_running="6.1.0-29-amd64", reboot_required="no")
    host.upload(now, "facts")
    assert running_old() == set()
    assert row_of(host).stale_status == "known"
    host.facts = dataclasses.replace(host.facts, stale_status="unknown")
    host.upload(now, "facts")
    assert row_of(host).stale_status == "unknown"


def test_the_memory_of_versions_never_outlives_the_database(now: datetime, host: SpeakingHost) -> None:
    host.upload(now)
    kept = PackageVersion.objects.get(name="bash")
    versions._known["debian:12"] = {("bash", "5.2.15-2+b7", "amd64", "bash", "5.2.15-2"): kept.id + 1_000_000}
    host.upload(now)
    assert kept.id in load_set(row_of(host).package_set)
    assert not versions._known


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
any_package = st.builds(
    InstalledPackage,
    name=words,
    version=words,
    architecture=words,
    source_name=words,
    source_version=words,
    held=st.booleans(),
    state=words,
)
any_facts = st.builds(
    FactsSection,
    **{
        name: st.one_of(words, st.just(getattr(FACTS, name)))
        for name in FactsSection.__dataclass_fields__
        if isinstance(getattr(FACTS, name), str)
    },
    kernels=st.just(()),
    stale_services=st.lists(
        st.builds(StaleService, unit=words, packages=st.just(()), process_count=st.integers()), max_size=2
    ).map(tuple),
    addresses=st.lists(words, max_size=3).map(tuple),
    reboot_required_packages=st.lists(words, max_size=3).map(tuple),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.none(), st.lists(any_package, max_size=3).map(lambda each: with_packages(*each))),
    st.one_of(st.none(), any_facts),
    st.one_of(words, st.just("2026-11-22T12:00:00Z")),
)
def test_whatever_comes_is_stored_or_refused_in_words_and_never_breaks_the_database(
    host: SpeakingHost, now: datetime, packages: PackagesSection | None, facts: FactsSection | None, observed_at: str
) -> None:
    upload = InventoryUpload(protocol=1, observed_at=observed_at, packages=packages, offers=None, facts=facts)
    before = Host.objects.values().get(id=host.id)
    from oakum.fleet import services

    try:
        services.record_inventory(host_id=host.id, upload=upload, now=now)
    except HostError:
        assert Host.objects.values().get(id=host.id) == before
    else:
        row = row_of(host)
        assert packages is None or row.packages_hash == section_hash(packages)
        assert facts is None or row.facts_hash == section_hash(facts)
