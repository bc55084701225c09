"""Package versions by sets: made once, found again, refused by name."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from oakum.catalogue.models import PackageVersion
from oakum.catalogue.services import VersionRow, upsert_versions
from oakum.core.versions import order_key

pytestmark = pytest.mark.django_db


def row(
    name: str = "libssl3", version: str = "3.0-1", *, stream: str = "debian:12", source: str = "openssl"
) -> VersionRow:
    return VersionRow(stream, name, version, "amd64", source, version)


def test_a_row_is_made_with_its_keys_and_purl(now: datetime) -> None:
    made = upsert_versions(rows=[row()], now=now)
    stored = PackageVersion.objects.get(id=made.ids[row()])
    assert made.refused == {}
    assert stored.purl == "pkg:deb/debian/libssl3@3.0-1?arch=amd64&distro=debian-12"
    assert stored.scheme == "deb.1"
    assert bytes(stored.order_key) == order_key("deb.1", "3.0-1")
    assert stored.first_seen_at == now


def test_the_same_rows_again_are_the_same_ids_and_change_nothing(now: datetime) -> None:
    rows = [row(f"package-{number}") for number in range(1_300)]
    first = upsert_versions(rows=rows, now=now)
    again = upsert_versions(rows=[*reversed(rows), row("new")], now=now + timedelta(days=1))
    assert len(first.ids) == 1_300
    assert {each: again.ids[each] for each in rows} == first.ids
    assert PackageVersion.objects.count() == 1_301
    assert PackageVersion.objects.filter(first_seen_at=now).count() == 1_300


def test_the_source_is_part_of_the_identity(now: datetime) -> None:
    rows = [row(source="openssl"), row(source="innocent")]
    ids = upsert_versions(rows=rows, now=now).ids
    assert ids[rows[0]] != ids[rows[1]]
    assert upsert_versions(rows=rows, now=now).ids == ids


def test_names_that_an_ecosystem_holds_for_one_are_one_row(now: datetime) -> None:
    rows = [VersionRow("pypi", name, "5.0", "", name, "5.0") for name in ("Zope.Interface", "zope_interface")]
    made = upsert_versions(rows=rows, now=now)
    assert made.refused == {}
    assert len(set(made.ids.values())) == 1
    assert PackageVersion.objects.get().purl == "pkg:pypi/zope-interface@5.0"


def test_a_modules_package_is_a_row_of_its_module(now: datetime) -> None:
    modular = VersionRow("almalinux:8+nodejs:18", "nodejs", "1:18.9.1-1.el8", "x86_64", "nodejs", "1:18.9.1-1.el8")
    made = upsert_versions(rows=[modular], now=now)
    assert made.refused == {}
    purl = PackageVersion.objects.get().purl
    assert purl == "pkg:rpm/almalinux/nodejs@18.9.1-1.el8?arch=x86_64&distro=almalinux-8&epoch=1&rpmmod=nodejs:18"


def test_a_row_with_another_purl_is_still_found(now: datetime) -> None:
    """The whole identity decides: a row that was made before purls were written so is not made twice."""
    ids = upsert_versions(rows=[row()], now=now).ids
    PackageVersion.objects.update(purl="pkg:deb/debian/older-spelling@1")
    assert upsert_versions(rows=[row()], now=now).ids == ids


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (row(version="1:"), "'1:' is not a valid version: nothing follows the colon"),
        (row(stream="plan9:4"), "no version order is known for the stream 'plan9:4'"),
        (row(name="two words"), "name is empty, too long or not printable"),
        (row(name=""), "name is empty"),
        (row(name="x\x00"), "name is empty, too long or not printable"),
        (row(name="x" * 201), "name is empty, too long"),
        (VersionRow("debian:12", "a", "1", "amd64", "a", "1 0"), "source_version is empty, too long or not printable"),
    ],
)
def test_what_is_none_is_refused_by_name_and_holds_up_nobody(now: datetime, bad: VersionRow, words: str) -> None:
    made = upsert_versions(rows=[bad, row("good")], now=now)
    assert list(made.ids) == [row("good")]
    assert words in made.refused[bad]
    assert PackageVersion.objects.count() == 1
