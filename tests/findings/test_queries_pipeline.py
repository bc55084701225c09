"""From a feed's file and a host's word to what people read: import, assess, look; again when the feed has moved."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from oakum.catalogue.services import see_updates
from oakum.core.compliance import Remedy
from oakum.findings.queries import findings, patches, vulnerability
from oakum.findings.services import assess
from oakum.identity.models import Organisation
from oakum.intel.services import import_feed
from oakum.protocol.inventory import Offer, Origin
from tests.factories import make_host, make_organisation
from tests.findings.world import CURL, FIX, NEW_SSL, OLD_SSL, SIMPLE, STREAM
from tests.intel.feeds import osv_package, osv_record, write_zip

pytestmark = pytest.mark.django_db

SECURE = Origin(
    origin="Debian", label="Debian-Security", suite="stable-security", codename="bookworm-security", component="main"
)


@pytest.fixture
def organisation(now: datetime) -> Organisation:
    return make_organisation(now=now)


def packages(organisation: Organisation, now: datetime) -> list[str]:
    return [row.package for row in findings(organisation_id=organisation.id, rules=SIMPLE, now=now).rows]


def test_an_import_shows_once_it_is_assessed_and_never_makes_hosts_clean_for_a_while(
    tmp_path: Path, now: datetime, organisation: Organisation
) -> None:
    make_host(organisation, now=now, packages=[OLD_SSL, CURL])
    ssl = osv_record("DSA-6000-1", osv_package("openssl", FIX))
    import_feed(write_zip(tmp_path / "one.zip", ssl), name="osv-debian", now=now)
    assert packages(organisation, now) == []
    assess(now=now)
    (row,) = findings(organisation_id=organisation.id, rules=SIMPLE, now=now).rows
    assert (row.package, row.fixed_version, row.remedy) == ("openssl", FIX, Remedy.MISSING)
    assert "older than" in row.advisories[0].evidence

    later = now + timedelta(days=1)
    curl = osv_record("DSA-6001-1", osv_package("curl", "7.88.1-11"))
    import_feed(write_zip(tmp_path / "two.zip", curl), name="osv-debian", now=later)
    assert packages(organisation, later) == ["openssl"]
    assess(now=later)
    assert packages(organisation, later) == ["curl"]


def test_what_a_host_is_offered_is_a_finding_and_a_patch_of_its_own_organisation_only(
    now: datetime, organisation: Organisation
) -> None:
    other = make_organisation(now=now, name="Other")
    host = make_host(organisation, now=now, packages=[OLD_SSL], offers=[(NEW_SSL, OLD_SSL[1])])
    make_host(other, now=now, packages=[OLD_SSL])
    offer = Offer(
        name=NEW_SSL[0],
        architecture="amd64",
        installed_version=OLD_SSL[1],
        candidate_version=NEW_SSL[1],
        source_name=NEW_SSL[2],
        source_version=NEW_SSL[3],
        origins=(SECURE,),
    )
    see_updates(organisation_id=organisation.id, host_id=host.id, stream=STREAM, offers=(offer,), now=now)
    assess(now=now)
    (row,) = findings(organisation_id=organisation.id, rules=SIMPLE, now=now).rows
    assert (row.fixed_version, row.feeds, row.is_installable) == (FIX, ("host-notes",), "yes")
    assert row.deadline.rule == "severity=unknown as high"
    (patch,) = patches(organisation_id=organisation.id, rules=SIMPLE, now=now).rows
    assert (patch.kind, patch.finding_count, patch.due_at) == ("security", 1, now + timedelta(days=14))
    assert packages(other, now) == []


def test_a_vulnerability_of_a_feed_leads_to_its_hosts(
    tmp_path: Path, now: datetime, organisation: Organisation
) -> None:
    host = make_host(organisation, now=now, packages=[OLD_SSL])
    record = osv_record("DSA-6000-1", osv_package("openssl", FIX)) | {"upstream": ["CVE-2026-1000"]}
    import_feed(write_zip(tmp_path / "one.zip", record), name="osv-debian", now=now)
    assess(now=now)
    found = vulnerability(organisation_id=organisation.id, cve="CVE-2026-1000", rules=SIMPLE, now=now)
    assert [view.ref for view in found.advisories] == ["DSA-6000-1"]
    assert [row.host_id for row in found.findings.rows] == [host.id]
