"""The scan's own SQL says what the ORM says, on both databases."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from oakum.core.errors import StoreError
from oakum.intel.models import Advisory, AffectedRange, Feed
from oakum.intel.queries import current_ranges, feeds, vex_statements
from oakum.intel.services import import_feed
from oakum.scan.store import Store, open_store
from tests.intel.feeds import kev_row, osv_package, osv_record, write_kev, write_zip
from tests.scan.nobody import as_nobody, needs_root
from tests.scan.vex import write_openvex

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Store:
    """Return a store on the connection of the test, so that it sees what the test's transaction has written."""
    connection.ensure_connection()
    raw: Any = connection.connection
    return Store(raw, mark="?" if connection.vendor == "sqlite" else "%s")


RECORDS = (
    osv_record("DSA-1-1", osv_package("openssl", "3.0-2"), osv_package("nginx", "1.22-1", ecosystem="Debian:11")),
    osv_record("DSA-2-1", osv_package("openssl", "3.0-5"), osv_package("bash", ""), upstream=["CVE-2024-0002"]),
    osv_record("DSA-3-1", osv_package("openssl", "9"), withdrawn="2026-01-04T00:00:00Z"),
    osv_record("PYSEC-1", osv_package("Django", "4.2", ecosystem="PyPI"), upstream=[], aliases=["CVE-2024-0003"]),
)


def test_ranges_are_those_that_stand_by_the_orm(tmp_path: Path, store: Store, now: datetime) -> None:
    for name in ("first", "second"):  # the first generation's rows are still there, and no longer stand
        import_feed(write_zip(tmp_path / f"{name}.zip", *RECORDS), kind="osv", name="osv-debian", now=now)
    wanted = [f"name-{number}" for number in range(1_200)] + ["openssl", "bash", "django"]
    for stream in ("debian:12", "debian:11", "pypi", "npm"):
        assert set(store.ranges(stream, wanted)) == set(current_ranges(stream=stream, names=wanted))
    assert len(list(store.ranges("debian:12", wanted))) == 3


def test_what_hosts_of_an_organisation_told_stays_with_it(store: Store, now: datetime) -> None:
    from oakum.identity.models import Organisation

    feed = Feed.objects.create(name="host-notes", kind="host")
    organisation = Organisation.objects.create(name="Own", created_at=now)
    advisory = Advisory.objects.create(feed=feed, generation=0, ref="openssl 3", organisation=organisation)
    AffectedRange.objects.create(
        advisory=advisory, stream="debian:12", name="openssl", scheme="deb.1", low_key=b"", high_key=b"\xff"
    )
    assert list(current_ranges(stream="debian:12", names=["openssl"]))
    assert list(store.ranges("debian:12", ["openssl"])) == []
    assert store.feeds_of("debian:12") == ()


def test_a_feed_speaks_of_a_stream_while_its_newest_generation_does(
    tmp_path: Path, store: Store, now: datetime
) -> None:
    import_feed(write_zip(tmp_path / "a.zip", *RECORDS), kind="osv", name="osv-mixed", now=now)
    assert store.feeds_of("debian:12") == ("osv-mixed",)
    assert store.feeds_of("debian:13") == ()
    only_pypi = write_zip(tmp_path / "b.zip", RECORDS[-1])
    import_feed(only_pypi, kind="osv", name="osv-mixed", now=now, accept_fewer=True)
    assert store.feeds_of("debian:12") == ()
    assert store.feeds_of("pypi") == ("osv-mixed",)


def test_feeds_and_advisories_and_what_is_known_of_a_vulnerability(tmp_path: Path, store: Store, now: datetime) -> None:
    import_feed(write_zip(tmp_path / "a.zip", *RECORDS), kind="osv", name="osv-debian", now=now)
    kev = write_kev(tmp_path / "kev.json", [kev_row("CVE-2024-0001", knownRansomwareCampaignUse="Known")])
    import_feed(kev, kind="kev", now=now)
    found = {each.name: each for each in store.feeds()}
    assert {each.name: each.imported_at for each in feeds() if each.generation} == {
        name: each.imported_at for name, each in found.items()
    }
    assert found["kev"].record_count == 1
    ids = dict(Advisory.objects.values_list("ref", "id"))
    facts = store.advisories([ids["DSA-1-1"]])[ids["DSA-1-1"]]
    assert facts.cves == ("CVE-2024-0001",)
    assert facts.published_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    threats = store.threats(["CVE-2024-0001", "CVE-2024-9999"])
    assert threats["CVE-2024-0001"].kev_listed_on == date(2026, 1, 2)
    assert threats["CVE-2024-0001"].kev_due_on == date(2026, 1, 23)
    assert threats["CVE-2024-0001"].ransomware == "known"
    assert threats["CVE-2024-9999"].kev_listed_on is None


def test_the_address_of_the_database_is_the_servers_own() -> None:
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        pytest.skip("the tests' SQLite database is in memory; test_cli opens real ones")
    user = f"{settings['USER']}:{settings['PASSWORD']}" if settings["PASSWORD"] else settings["USER"]
    address = f"postgresql://{user}@{settings['HOST'] if not str(settings['HOST']).startswith('/') else ''}"
    address += f":{settings['PORT']}" if settings["PORT"] else ""
    host = f"?host={settings['HOST']}" if str(settings["HOST"]).startswith("/") else ""
    opened = open_store(f"{address}/{settings['NAME']}{host}")
    assert opened is not None
    assert opened.feeds() == ()
    opened.close()


def test_a_database_that_was_never_made_is_none_and_one_that_is_broken_is_a_fault(tmp_path: Path) -> None:
    assert open_store(f"sqlite:///{tmp_path / 'none.sqlite3'}") is None
    (tmp_path / "broken.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="does not answer"):
        open_store(f"sqlite:///{tmp_path / 'broken.sqlite3'}")


@needs_root
def test_a_database_that_this_user_may_not_read_is_a_fault_and_one_that_it_may_read_is_read() -> None:
    # Not under pytest's own directory, which is its user's alone.
    with tempfile.TemporaryDirectory(prefix="oakum-test-") as name:
        data = Path(name)
        with closing(sqlite3.connect(data / "oakum.sqlite3")) as made:
            made.execute("PRAGMA journal_mode = WAL")
            made.execute("CREATE TABLE x (y)")

        def opened() -> str:
            try:
                store = open_store(f"sqlite:///{data / 'oakum.sqlite3'}")
            except StoreError as error:
                return error.code
            assert store is not None
            store.close()
            return "opened"

        data.chmod(0o755)
        assert as_nobody(opened) == "opened"
        data.chmod(0o700)
        assert as_nobody(opened) == "database_unreachable"


def test_statements_are_those_that_stand_by_the_orm(tmp_path: Path, store: Store, now: datetime) -> None:
    product = "pkg:deb/debian/openssl@3.0-1?distro=debian-12"
    path = write_openvex(tmp_path / "openvex.json", vulnerability="CVE-2024-0001", product=product)
    for _ in range(2):
        import_feed(path, now=now)
    (told,) = vex_statements(streams=["debian:12"], names=["openssl"])
    (found,) = store.statements("debian:12", ["openssl", "bash"])
    for field in ("author", "vulnerability", "aliases", "stream", "name", "level", "versions", "status", "said_at"):
        assert getattr(found, field) == getattr(told, field), field
    assert not list(store.statements("debian:11", ["openssl"]))
