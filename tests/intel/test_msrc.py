"""Microsoft's CVRF: builds under product names, and which KB article replaces which."""

from __future__ import annotations

from pathlib import Path

import pytest

from oakum.core.advisories import AdvisoryRecord
from oakum.core.errors import FeedError
from oakum.intel.importers.msrc import MsrcImporter
from oakum.intel.importers.values import Read, SupersedenceRecord

HEAD = """<?xml version="1.0"?>
<cvrf:cvrfdoc xmlns:cvrf="http://www.icasi.org/CVRF/schema/cvrf/1.1"
  xmlns:prod="http://www.icasi.org/CVRF/schema/prod/1.1" xmlns:vuln="http://www.icasi.org/CVRF/schema/vuln/1.1">
<prod:ProductTree>
  <prod:FullProductName ProductID="11923">Windows Server 2022</prod:FullProductName>
  <prod:FullProductName ProductID="10378">Windows Server 2012</prod:FullProductName>
</prod:ProductTree>
"""


def remedy(kb: str, *products: str, build: str = "", replaces: str = "", kind: str = "Vendor Fix") -> str:
    ids = "".join(f"<vuln:ProductID>{each}</vuln:ProductID>" for each in products)
    fixed = f"<vuln:FixedBuild>{build}</vuln:FixedBuild>" if build else ""
    former = f"<vuln:Supercedence>{replaces}</vuln:Supercedence>" if replaces else ""
    return (
        f'<vuln:Remediation Type="{kind}"><vuln:Description>{kb}</vuln:Description>{ids}{fixed}{former}'
        "</vuln:Remediation>"
    )


def vulnerability(*remedies: str, cve: str = "CVE-2024-21400") -> str:
    return f"""<vuln:Vulnerability Ordinal="1">
      <vuln:Title>A flaw</vuln:Title>
      <vuln:Notes><vuln:Note Type="Description">&lt;p&gt;It overflows.&lt;/p&gt;</vuln:Note></vuln:Notes>
      <vuln:CVE>{cve}</vuln:CVE>
      <vuln:Threats>
        <vuln:Threat Type="Severity"><vuln:Description>Important</vuln:Description></vuln:Threat>
        <vuln:Threat Type="Severity"><vuln:Description>Critical</vuln:Description></vuln:Threat>
        <vuln:Threat Type="Impact"><vuln:Description>Low</vuln:Description></vuln:Threat>
      </vuln:Threats>
      <vuln:CVSSScoreSets><vuln:ScoreSet>
        <vuln:Vector>CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H/E:P/RL:O/RC:C</vuln:Vector>
      </vuln:ScoreSet></vuln:CVSSScoreSets>
      <vuln:Remediations>{"".join(remedies)}</vuln:Remediations>
      <vuln:RevisionHistory><vuln:Revision><cvrf:Date>2024-03-12T07:00:00</cvrf:Date></vuln:Revision>
      </vuln:RevisionHistory>
    </vuln:Vulnerability>"""


def read(tmp_path: Path, *vulnerabilities: str, tail: str = "</cvrf:cvrfdoc>") -> list[Read]:
    path = tmp_path / "2024-Mar.xml"
    path.write_text(HEAD + "".join(vulnerabilities) + tail)
    return list(MsrcImporter().records(path))


def test_whatever_is_below_the_fixed_build_is_affected(tmp_path: Path) -> None:
    """A hotpatch and the full update both cure: the lower build counts."""
    builds = (
        remedy("5035857", "11923", build="10.0.20348.2340"),
        remedy("5035959", "11923", build="10.0.20348.2333"),
        remedy("5035857", "11923", build="10.0.1", kind="Mitigation"),
    )
    (found,) = read(tmp_path, vulnerability(*builds))
    record = found.record
    assert isinstance(record, AdvisoryRecord)
    assert (record.ref, record.cves, record.severity) == ("CVE-2024-21400", ("CVE-2024-21400",), "critical")
    assert record.details == "It overflows."
    assert record.cvss_vector.startswith("CVSS:3.1/")
    assert record.published_at is not None
    (package,) = record.affected
    assert (package.stream, package.name, package.level) == ("windows", "Windows Server 2022", "binary")
    assert package.intervals[0].fixed_version == "10.0.20348.2333"


def test_without_a_fixed_build_nothing_is_guessed_and_the_articles_are_kept(tmp_path: Path) -> None:
    (found,) = read(tmp_path, vulnerability(remedy("3147461", "10378", replaces="3140745; 3135174, Release Notes")))
    assert found.record is None
    assert found.skipped == ("remedies whose fixed build is not told",)
    assert found.more == tuple(
        SupersedenceRecord(update="KB3147461", replaces=each, product="Windows Server 2012")
        for each in ("KB3140745", "KB3135174")
    )


def test_products_that_the_tree_does_not_name_are_none(tmp_path: Path) -> None:
    (found,) = read(tmp_path, vulnerability(remedy("5035857", "404", build="10.0.1")))
    assert found.record is None
    assert found.skipped


def test_a_document_that_is_cut_is_refused_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"2024-Mar\.xml, line \d+: it is cut"):
        read(tmp_path, vulnerability(remedy("5035857", "11923", build="10.0.1")), tail="<vuln:Vulnerability>")


def test_a_document_with_entities_of_its_own_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "2024-Mar.xml"
    path.write_text('<!DOCTYPE x [<!ENTITY a "aaaa">]>' + HEAD.partition("?>")[2] + "</cvrf:cvrfdoc>")
    with pytest.raises(FeedError, match="DOCTYPE"):
        list(MsrcImporter().records(path))


def test_the_month_names_the_feed(tmp_path: Path) -> None:
    importer = MsrcImporter()
    (tmp_path / "2024-Mar.xml").write_text(HEAD)
    assert importer.default_name(tmp_path / "2024-Mar.xml") == "msrc-2024-mar"
    assert importer.default_name(tmp_path) == "msrc"
    assert importer.recognises(tmp_path, HEAD.encode())
    assert not importer.recognises(tmp_path, b"<updates>")
