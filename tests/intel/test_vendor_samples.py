"""Every published sample of the distributions' own formats is imported, or refused for the right reason.

The samples are real, some damaged on purpose.  What no importer of ours is for is listed too: nothing may claim it.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

from oakum.core.advisories import AdvisoryRecord
from oakum.core.errors import FeedError
from oakum.intel.importers import IMPORTERS, importer_for
from oakum.intel.importers.documents import head_of
from tests.intel.vendor_feeds import check, sample_names, samples

FOLDERS = (
    *(
        "alma/",
        "alpine/secdb/",
        "amazon/",
        "arch/",
        "debian/tracker/",
        "debian-tracker-parsed/",
        "fedora/",
        "photon/cve/",
    ),
    *("rocky/errata/", "rocky/updateinfo/", "ubuntu/cve/", "ubuntu/notice/", "ubuntu/tracker/", "ubuntu/usndb/"),
    *("ubuntu/vex/", "vunnel-amazon/", "vunnel-debian/", "vunnel-fedora/", "vunnel-sles/"),
    *("vunnel-ubuntu/normalized", "vunnel-ubuntu/vex/"),
)
KINDS = {
    *(
        "debian-tracker",
        "ubuntu-usn",
        "ubuntu-cve",
        "ubuntu-vex",
        "updateinfo",
        "almalinux",
        "rocky",
        "fedora",
        "photon",
    ),
    *("alpine-secdb", "arch"),
}

# Name, importer, how many advisories, and how many affected packages they name.
IMPORTED = (
    ("alma/errata/errata.full.json", "almalinux", 1, 6),
    ("alma/updateinfo/happy/*/AppStream/*-updateinfo.xml.gz", "updateinfo", 1, 1),
    ("alma/updateinfo/happy/*/BaseOS/*-updateinfo.xml.gz", "updateinfo", 1, 1),
    ("alpine/secdb/edge/main.json", "alpine-secdb", 3, 3),
    ("alpine/secdb/edge/community.json", "alpine-secdb", 8, 8),
    ("alpine/secdb/v3.16/main.json", "alpine-secdb", 2, 2),
    ("alpine/secdb/v3.16/community.json", "alpine-secdb", 1, 1),
    ("alpine/secdb/v3.2/main.json", "alpine-secdb", 1, 1),
    ("amazon/updateinfo_1.xml.gz", "updateinfo", 1, 1),
    ("amazon/updateinfo_2.xml.gz", "updateinfo", 1, 1),
    ("amazon/updateinfo_2022.xml.gz", "updateinfo", 1, 2),
    ("amazon/updateinfo_2023.xml.gz", "updateinfo", 1, 21),
    ("amazon/updateinfo_2023_kernel-livepatch.xml.gz", "updateinfo", 1, 1),
    ("amazon/updateinfo_2023_nvidia.xml.gz", "updateinfo", 1, 6),
    ("amazon/updateinfo_2_kernel-5.15.xml.gz", "updateinfo", 1, 16),
    # Not packed, whatever its name says, and whole.
    ("amazon/updateinfo_invalid_gzip.xml.gz", "updateinfo", 1, 1),
    ("arch/advisory.json", "arch", 2, 2),
    ("debian/tracker/api/advisory.json", "debian-tracker", 4, 4),
    ("photon/cve/happy/cve_data_photon1.0.json", "photon", 2, 2),
    ("photon/cve/happy/cve_data_photon4.0.json", "photon", 2, 6),
    ("photon/cve/happy/cve_data_photon5.0.json", "photon", 2, 2),
    ("rocky/errata/happy/page1.json", "rocky", 1, 11),
    ("rocky/updateinfo/happy/*/9/BaseOS/*-updateinfo.xml.gz", "updateinfo", 1, 1),
    ("rocky/updateinfo/happy/*/8.6/BaseOS/*-updateinfo.xml.gz", "updateinfo", 1, 1),
    ("ubuntu/cve/happy/0_1.json", "ubuntu-cve", 1, 7),
    ("ubuntu/cve/happy/0_20.json", "ubuntu-cve", 2, 13),
    ("ubuntu/cve/happy/20_20.json", "ubuntu-cve", 1, 179),
    ("ubuntu/tracker/*/active/CVE-2022-36879", "ubuntu-cve", 1, 7),
    ("ubuntu/tracker/*/ignored/CVE-2006-0836", "ubuntu-cve", 1, 3),
    ("ubuntu/tracker/*/retired/CVE-1999-1572", "ubuntu-cve", 1, 3),
    ("ubuntu/usndb/happy/database-all.json.bz2", "ubuntu-usn", 3, 14),
    ("ubuntu/vex/vex-all.tar.xz", "ubuntu-vex", 2, 10),
    ("vunnel-debian/input/debian.json", "debian-tracker", 6, 19),
    ("vunnel-fedora/input/FEDORA-2025-*.json", "fedora", 1, 1),
    ("vunnel-fedora/merge-input/FEDORA-20*.json", "fedora", 1, 1),
    ("vunnel-ubuntu/vex/cve/2016/CVE-2016-20013.json", "ubuntu-vex", 1, 34),
    ("vunnel-ubuntu/vex/cve/2023/CVE-2023-38545.json", "ubuntu-vex", 1, 4),
)
# Name, and why nothing of it is an advisory.
EMPTY = (
    ("alma/updateinfo/badid/*-updateinfo.xml.gz", "updates whose id is none ('NOT-A-VALID-ADVISORY-ID')"),
    ("rocky/updateinfo/badid/*-updateinfo.xml.gz", "updates whose id is none ('NOT-A-VALID-ADVISORY-ID')"),
    ("fedora/*/epel/6.2017-11-07/*-updateinfo.xml.bz2", "updates of type bugfix"),
    ("fedora/*/43/*-updateinfo.xml.zst", "updates of type bugfix"),
    ("fedora/*/43/*-updateinfo.xml.zst", "updates of type bugfix"),
    ("fedora/*/38/Modular/*-updateinfo.xml.xz", "security updates that name no package"),
    ("rocky/errata/happy/page2.json", "updates of type bug fix"),
    ("rocky/updateinfo/happy/*/AppStream/*-updateinfo.xml.gz", "packages of a module whose stream the advisory does"),
    ("ubuntu/notice/happy/*.json", "packages of which no version is told"),
    ("ubuntu/tracker/*/ignored/CVE-2005-0406", "vulnerabilities of no package"),
    ("vunnel-fedora/merge-input/FEDORA-EPEL-*.json", "updates for EPEL-7, which is no release of Fedora"),
)
# Name, and what the refusal says.
REFUSED = (
    ("alma/errata/invalid.json", "of no format that Oakum knows"),
    ("alma/updateinfo/corruptcrc/*-updateinfo.xml.gz", "CRC check failed"),
    ("amazon/updateinfo_invalid_xml.xml.gz", "of no format that Oakum knows"),
    ("arch/invalid.json", "of no format that Oakum knows"),
    ("debian/tracker/api/invalid.json", "of no format that Oakum knows"),
    ("rocky/updateinfo/corruptcrc/*-updateinfo.xml.gz", "CRC check failed"),
    ("ubuntu/tracker/*/active/00boilerplate", "it holds no file named CVE-"),
    # Beside the feeds: lists of files, of modules, of releases, and what others made of the publishers' own formats.
    ("*/repomd.xml", "of no format that Oakum knows"),
    ("amazon/repomd_*.xml", "of no format that Oakum knows"),
    ("amazon/extras-catalog_*.json", "of no format that Oakum knows"),
    ("*-modules.yaml.*", "of no format that Oakum knows"),
    ("*fullfiletimelist*", "of no format that Oakum knows"),
    ("alpine/secdb/*indexof.html", "of no format that Oakum knows"),
    ("photon/cve/happy/photon_versions.json", "of no format that Oakum knows"),
    ("ubuntu/tracker/*/commits.json", "of no format that Oakum knows"),
    ("debian-tracker-parsed/*.json", "of no format that Oakum knows"),
    ("vunnel-amazon/*", "of no format that Oakum knows"),
    ("vunnel-debian/input/DSA", "of no format that Oakum knows"),
    ("vunnel-debian/input/legacy/*", "of no format that Oakum knows"),
    ("vunnel-sles/suse_truncated.xml", "of no format that Oakum knows"),
    ("vunnel-ubuntu/normalized-cve-data/*", "of no format that Oakum knows"),
)
# OSV's records, which its own importer reads.
OTHERS = ("alma/osv/*",)


def matching(table: tuple[tuple[str, ...], ...] | tuple[str, ...], name: str) -> bool:
    return any(fnmatch(name, row if isinstance(row, str) else row[0]) for row in table)


def test_every_sample_has_an_outcome() -> None:
    names = [name for name in sample_names() if name.startswith(FOLDERS)]
    tables = [tuple(row[0] for row in table) for table in (IMPORTED, EMPTY, REFUSED)]
    unlisted = [name for name in names if not any(matching(table, name) for table in (*tables, OTHERS))]
    assert len(names) > 100
    assert unlisted == []


@pytest.mark.parametrize(("pattern", "kind", "advisory_count", "package_count"), IMPORTED)
def test_a_sample_is_imported(tmp_path: Path, pattern: str, kind: str, advisory_count: int, package_count: int) -> None:
    for path in _matching_samples(tmp_path, pattern):
        importer = importer_for(path, None)
        records = [each.record for each in importer.records(path)]
        found = [record for record in records if isinstance(record, AdvisoryRecord)]
        for record in found:
            check(record)
        assert (importer.kind, len(found), sum(len(each.affected) for each in found)) == (
            kind,
            advisory_count,
            package_count,
        ), path.name


@pytest.mark.parametrize(("pattern", "reason"), EMPTY)
def test_a_sample_without_an_advisory_says_why(tmp_path: Path, pattern: str, reason: str) -> None:
    for path in _matching_samples(tmp_path, pattern):
        reads = list(importer_for(path, None).records(path))
        assert [each.record for each in reads if each.record is not None] == []
        assert any(each.startswith(reason) for read in reads for each in read.skipped), reads


@pytest.mark.parametrize(("pattern", "sentence"), REFUSED)
def test_a_sample_is_refused_for_the_right_reason(tmp_path: Path, pattern: str, sentence: str) -> None:
    for path in _matching_samples(tmp_path, pattern):
        with pytest.raises(FeedError) as refused:
            list(importer_for(path, None).records(path))
        assert sentence in refused.value.sentence


def test_no_importer_of_a_distribution_claims_anothers_sample(tmp_path: Path) -> None:
    """Of all samples of all vendors, each is recognised by at most one of these importers, and none is OSV's."""
    wanted = {pattern: kind for pattern, kind, _, _ in IMPORTED}
    for path in samples(tmp_path, ""):
        name = str(path.relative_to(tmp_path))
        try:
            head = head_of(path)
        except FeedError:
            continue  # cut or corrupt in its first bytes
        kinds = [each.kind for each in IMPORTERS if each.kind in KINDS and each.recognises(path, head)]
        assert len(kinds) <= 1, (name, kinds)
        if kinds:
            own = next((kind for pattern, kind in wanted.items() if fnmatch(name, pattern)), kinds[0])
            assert kinds == [own]
            assert name.startswith(FOLDERS), (name, kinds)


def _matching_samples(folder: Path, pattern: str) -> list[Path]:
    names = tuple(name for name in sample_names() if name.startswith(FOLDERS) and fnmatch(name, pattern))
    assert names, f"no sample is called {pattern}"
    return [path for path in samples(folder, *names) if str(path.relative_to(folder)) in names]
