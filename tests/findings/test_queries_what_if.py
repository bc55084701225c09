"""An advisory tried out: what it says before the import is what pages say after it, and nothing is stored."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest

from oakum.core.errors import OperatorError
from oakum.findings.index import keep_index
from oakum.findings.models import Finding
from oakum.findings.queries import WhatIf, findings, indexed, what_if
from oakum.findings.services import assess
from oakum.fleet.models import Group, Host
from oakum.identity.models import Organisation
from oakum.intel.models import Advisory, Feed
from oakum.intel.services import import_feed
from tests.factories import make_host, make_organisation
from tests.findings.world import CURL, FIX, NEW_SSL, OLD_SSL, OLD_SSL_TOOL, SIMPLE
from tests.intel.feeds import osv_package, osv_record

pytestmark = pytest.mark.django_db
KERNELS = tuple(
    (f"linux-image-6.1.0-{number}-amd64", f"6.1.{number}-1", "linux", f"6.1.{number}-1") for number in (8, 9)
)


@pytest.fixture(params=["read whole", "by the index"])
def organisation(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> Iterator[Organisation]:
    """Five hosts, whose package versions have been matched with nothing yet; looked at in either way."""
    indexed.forget_all()
    monkeypatch.setattr(indexed, "PLAIN_HOST_COUNT_MAX", 10_000 if request.param == "read whole" else 0)
    found = make_organisation(now=now)
    old = make_host(found, now=now, hostname="old", packages=[OLD_SSL, OLD_SSL_TOOL, CURL])
    tested = make_host(found, now=now, hostname="tested", packages=[OLD_SSL])
    make_host(found, now=now, hostname="new", packages=[NEW_SSL, CURL])
    booted = make_host(found, now=now, hostname="booted", packages=KERNELS)
    waiting = make_host(found, now=now, hostname="waiting", packages=KERNELS)
    Host.objects.filter(id=booted.id).update(kernel_running="6.1.0-9-amd64")
    Host.objects.filter(id=waiting.id).update(kernel_running="6.1.0-8-amd64")
    Host.objects.filter(id=tested.id).update(environment="staging")
    Group.objects.create(organisation=found, name="web").hosts.add(old)
    make_host(make_organisation(now=now, name="Other"), now=now, hostname="theirs", packages=[OLD_SSL])
    assess(now=now)
    keep_index(now=now, is_whole=True)
    yield found
    indexed.forget_all()


def file_of(*records: dict[str, Any]) -> bytes:
    if len(records) == 1:
        return json.dumps(records[0]).encode()
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for record in records:
            archive.writestr(f"{record['id']}.json", json.dumps(record))
    return stream.getvalue()


def ask(organisation: Organisation, content: bytes, now: datetime, **more: Any) -> WhatIf:
    own: dict[str, Any] = {"name": "file.json", "rules": SIMPLE, "now": now} | more
    return what_if(organisation_id=organisation.id, content=content, **own)


def hosts_in(page: Any) -> list[tuple[str, str, str, str, bool]]:
    return [(row.hostname, row.package, row.version, row.remedy.value, row.overdue) for row in page.rows]


def test_what_it_says_before_is_what_pages_say_after_the_import(now: datetime, organisation: Organisation) -> None:
    content = file_of(
        osv_record("DSA-1-1", osv_package("openssl", FIX)), osv_record("DSA-2-1", osv_package("linux", "6.1.9-1"))
    )
    before = ask(organisation, content, now, name="all.zip")
    assert (Finding.objects.count(), Advisory.objects.count(), Feed.objects.filter(kind="osv").count()) == (0, 0, 0)
    import_feed(BytesIO(content), name="osv-debian", now=now)
    assess(now=now)
    keep_index(now=now, is_whole=True)
    after = findings(organisation_id=organisation.id, rules=SIMPLE, now=now)
    assert hosts_in(before.findings) == hosts_in(after)
    assert {row[0]: row[3] for row in hosts_in(after)} == {
        "old": "missing",
        "tested": "missing",
        "waiting": "pending_reboot",
    }
    assert before.host_count == 3
    assert [row.deadline.due_at for row in before.findings.rows] == [row.deadline.due_at for row in after.rows]


def test_it_counts_by_group_and_environment_and_shows_the_comparison(now: datetime, organisation: Organisation) -> None:
    found = ask(organisation, file_of(osv_record("DSA-1-1", osv_package("openssl", FIX))), now)
    assert (found.host_count, found.version_count) == (2, 2)
    assert (found.by_group, found.by_environment) == ((("web", 1),), (("production", 1), ("staging", 1)))
    assert {(each.package, each.version, each.fixed_version) for each in found.versions} == {
        (OLD_SSL[0], OLD_SSL[1], FIX),
        (OLD_SSL_TOOL[0], OLD_SSL_TOOL[1], FIX),
    }
    assert all(FIX in each.evidence for each in found.versions)
    (advisory,) = found.advisories
    assert (advisory.ref, advisory.is_imported, advisory.packages) == ("DSA-1-1", False, ("debian:12 openssl",))


def test_a_page_at_a_time(now: datetime, organisation: Organisation) -> None:
    content = file_of(osv_record("DSA-1-1", osv_package("openssl", FIX)))
    pages = [ask(organisation, content, now, limit=1, offset=offset).findings for offset in (0, 1, 2)]
    assert [len(page.rows) for page in pages] == [1, 1, 0]
    assert {page.total_count for page in pages} == {2}


def test_an_advisory_that_reaches_nobody_or_is_withdrawn(now: datetime, organisation: Organisation) -> None:
    assert ask(organisation, file_of(osv_record("DSA-1-1", osv_package("curl", "7.0-1"))), now).host_count == 0
    withdrawn = osv_record("DSA-1-1", osv_package("openssl", FIX), withdrawn="2026-02-02T00:00:00Z")
    found = ask(organisation, file_of(withdrawn), now)
    assert (found.host_count, found.advisories[0].is_withdrawn) == (0, True)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "feed_format_unknown"),
        (b"hello", "feed_format_unknown"),
        (b'{"id": "DSA-1-1", "affected": [', "feed_unreadable"),
        (b"x" * 700_001, "advisory_too_large"),
        (json.dumps(osv_record("A-1", osv_package("x", "1", ecosystem="Nobody:1"))).encode(), "no_advisory"),
        (file_of(*(osv_record(f"DSA-{number}-1") for number in range(201))), "too_many_advisories"),
    ],
    ids=["empty", "no advisory", "cut", "large", "not for us", "many"],
)
def test_a_file_that_is_none_is_refused_by_name(
    now: datetime, organisation: Organisation, content: bytes, code: str
) -> None:
    with pytest.raises(OperatorError) as refusal:
        ask(organisation, content, now)
    assert refusal.value.code == code
    assert refusal.value.next_step


def test_a_name_cannot_lead_out_of_the_folder(now: datetime, organisation: Organisation) -> None:
    content = file_of(osv_record("DSA-1-1", osv_package("openssl", FIX)))
    for name in ("../../etc/passwd", "/etc/passwd", "a\x00b", "x" * 5_000, ""):
        assert ask(organisation, content, now, name=name).host_count == 2
