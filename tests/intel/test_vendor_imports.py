"""The vendors' formats on their way into the database, and a file that says not what it is for."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from oakum.cli.feed import feed
from oakum.core.errors import FeedError
from oakum.intel.models import AffectedRange, Vulnerability
from oakum.intel.services import import_feed

pytestmark = pytest.mark.django_db

UPDATEINFO = """<updates><update type="security" status="final"><id>ACME-2024:1</id><title>xz update</title>
<issued date="2024-01-01"/><severity>Critical</severity><description>Patched.</description>
<references><reference type="cve" id="CVE-2024-3094"/></references>
<pkglist><collection short="mirror"><name>mirror</name>
<package name="xz" epoch="0" version="5.2.5" release="8.el9_0" arch="x86_64"/>
<package name="xz" epoch="0" version="5.2.5" release="8.el9_0" arch="aarch64"/>
</collection></pkglist></update></updates>"""


def rows() -> list[tuple[Any, ...]]:
    fields = ("advisory__ref", "stream", "name", "level", "architectures", "state", "fixed_version")
    return list(AffectedRange.objects.order_by("id").values_list(*fields))


def test_debians_states_reach_the_database(tmp_path: Path, now: datetime) -> None:
    releases = {
        "bookworm": {"status": "open", "urgency": "low", "nodsa": "Minor issue", "nodsa_reason": "postponed"},
        "trixie": {"status": "resolved", "urgency": "low", "fixed_version": "3.0.1-2"},
        "sid": {"status": "resolved", "urgency": "low", "fixed_version": "3.0.1-2"},
    }
    path = tmp_path / "debian.json"
    path.write_text(json.dumps({"openssl": {"CVE-2024-0001": {"description": "A flaw.", "releases": releases}}}))
    report = import_feed(path, now=now)
    assert (report.feed_name, report.kind, report.record_count, report.affected_count) == (
        *("debian-tracker", "debian-tracker"),
        *(1, 2),
    )
    assert rows() == [
        ("DEBIAN-CVE-2024-0001", "debian:12", "openssl", "source", "", "deferred", ""),
        ("DEBIAN-CVE-2024-0001", "debian:13", "openssl", "source", "", "affected", "3.0.1-2"),
    ]
    assert Vulnerability.objects.get().summary.startswith("A flaw.")


def test_a_file_that_does_not_say_what_it_is_for_changes_nothing_until_somebody_says_it(
    tmp_path: Path, now: datetime
) -> None:
    path = tmp_path / "updateinfo.xml"
    path.write_text(UPDATEINFO)
    with pytest.raises(FeedError) as refused:
        import_feed(path, now=now)
    assert refused.value.code == "feed_stream_unknown"
    assert rows() == []
    report = import_feed(path, stream="rocky:9", now=now)
    assert (report.feed_name, report.record_count) == ("updateinfo-rocky-9-mirror", 1)
    assert rows() == [("ACME-2024:1", "rocky:9", "xz", "binary", "aarch64 x86_64", "affected", "5.2.5-8.el9_0")]


def test_one_content_may_be_for_two_streams(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "updateinfo.xml"
    path.write_text(UPDATEINFO)
    for stream in ("rocky:9", "almalinux:9"):
        assert import_feed(path, stream=stream, name="mirror", now=now).is_unchanged is False
    assert rows()[-1][1] == "almalinux:9"


def test_a_format_that_says_it_itself_takes_no_stream(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "all.json"
    path.write_text(json.dumps([{"name": "AVG-1", "packages": ["xz"], "status": "Vulnerable", "issues": []}]))
    with pytest.raises(FeedError, match="which says itself what its packages are for"):
        import_feed(path, stream="rocky:9", now=now)
    assert import_feed(path, now=now).feed_name == "arch"


@pytest.mark.django_db(transaction=True)
def test_the_stream_is_an_option_of_the_command(tmp_path: Path) -> None:
    path = tmp_path / "updateinfo.xml"
    path.write_text(UPDATEINFO)
    result = CliRunner().invoke(feed, ["import", "--stream", "almalinux:9", str(path)])
    assert result.exit_code == 0, result.output
    assert rows()[0][1] == "almalinux:9"
