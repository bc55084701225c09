"""updateinfo.xml and the publishers' own JSON: streams, epochs, modules, architectures, and what is no advisory."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.advisories import AdvisoryRecord
from oakum.core.errors import FeedError
from oakum.core.ranges import LOWEST
from oakum.core.versions import order_key
from oakum.intel.importers import Importer
from oakum.intel.importers.updateinfo import AlmaLinuxImporter, FedoraImporter, RockyImporter, UpdateinfoImporter
from oakum.intel.importers.updateinfo.distributions import lowest_of_line, streams_of_names, streams_of_tag
from oakum.intel.importers.updateinfo.updates import parse_date
from oakum.intel.importers.values import Read
from tests.intel.vendor_feeds import mutations, only_feed_errors

ALMA = "almalinux-9-for-x86_64-baseos-rpms__9_1_default"


def package(name: str = "xz", version: str = "5.2.5", release: str = "8.el9_0", **more: str) -> str:
    told = {"name": name, "version": version, "release": release, "epoch": "0", "arch": "x86_64"} | more
    attributes = " ".join(f"{key}={quoteattr(value)}" for key, value in told.items() if value)
    return f"<package {attributes}><filename>{name}.rpm</filename></package>"


def collection(*packages: str, short: str = ALMA, module: str = "") -> str:
    return f"<collection short={quoteattr(short)}><name>{short}</name>{module}{''.join(packages)}</collection>"


def update(
    *collections: str, ref: str = "ALSA-2022:4940", kind: str = "security", status: str = "final", more: str = ""
) -> str:
    return (
        f'<update from="x@example.org" status="{status}" type="{kind}" version="1"><id>{ref}</id>'
        f'<title>Important: {ref} update</title><issued date="2022-06-08 00:00:00"/><updated date="1678210336"/>'
        f"<severity>Important</severity><description>It is patched.</description><references>"
        f'<reference href="x" id="CVE-2022-1271" type="cve" title="CVE-2022-1271"/></references>{more}'
        f"<pkglist>{''.join(collections) or collection(package())}</pkglist></update>"
    )


def document(*updates: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<updates>{"".join(updates)}</updates>'


def read(folder: Path, *updates: str, stream: str = "") -> list[Read]:
    path = folder / "updateinfo.xml.gz"
    path.write_bytes(gzip.compress(document(*updates).encode()))
    return list(UpdateinfoImporter(stream=stream).records(path))


def advisories(reads: Sequence[Read]) -> list[AdvisoryRecord]:
    return [each.record for each in reads if isinstance(each.record, AdvisoryRecord)]


def told(record: AdvisoryRecord) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(each.stream, each.name, each.intervals[0].fixed_version, each.architectures) for each in record.affected]


def test_an_update_is_an_advisory_of_installed_packages(tmp_path: Path) -> None:
    (record,) = advisories(read(tmp_path, update()))
    assert (record.ref, record.severity, record.cves) == ("ALSA-2022:4940", "high", ("CVE-2022-1271",))
    assert (record.title, record.details) == ("Important: ALSA-2022:4940 update", "It is patched.")
    assert [each and each.isoformat() for each in (record.published_at, record.modified_at)] == [
        "2022-06-08T00:00:00+00:00",
        "2023-03-07T17:32:16+00:00",
    ]
    assert told(record) == [("almalinux:9", "xz", "5.2.5-8.el9_0", ("x86_64",))]
    assert (record.affected[0].level, record.affected[0].scheme) == ("binary", "rpm.1")
    assert record.affected[0].intervals[0].interval.high == order_key("rpm.1", "0:5.2.5-8.el9_0")


@pytest.mark.parametrize(
    ("short", "stream"),
    [
        (ALMA, "almalinux:9"),
        ("almalinux-8-for-x86_64-appstream-rpms__8_default", "almalinux:8"),
        ("rocky-linux-9-x86-64-baseos-rpms", "rocky:9"),
        ("rhel-8-for-x86_64-baseos-rpms__8_DOT_6__x86_64", "rhel:8"),
        ("ol8_baseos_latest", "ol:8"),
        ("amazon-linux-ami", "amzn:2018.03"),
        ("amazon-linux-2", "amzn:2"),
        ("amazon-linux-2023---kernel-livepatch", "amzn:2023"),
        ("F43", "fedora:43"),
        ("F38M", "fedora:38"),
        ("Fedora 41", "fedora:41"),
        ("Oracle Linux 9", "ol:9"),
        ("Red Hat Enterprise Linux BaseOS 9", "rhel:9"),
        ("openSUSE Leap 15.5", "opensuse-leap:15.5"),
        ("openSUSE Leap 15.1 Update", "opensuse-leap:15.1"),
        ("rocky-linux-8-6-x86-64-legacy-baseos-rpms", "rocky:8"),
    ],
)
def test_a_collection_tells_its_stream(short: str, stream: str) -> None:
    assert streams_of_names([short]) == (stream,)


def test_an_enterprise_module_is_for_server_and_desktop() -> None:
    names = ["SUSE Linux Enterprise Module for Basesystem 15 SP5"]
    assert streams_of_names(names) == ("sles:15.5", "sled:15.5")


@pytest.mark.parametrize("names", [["x"], ["EL-6", "Fedora EPEL 6"], ["Fedora EPEL 9"], [""], ["Fedora"], ["FOO-9"]])
def test_a_collection_that_is_for_many_or_for_nobody_tells_none(names: list[str]) -> None:
    assert streams_of_names(names) == ()


@pytest.mark.parametrize(
    ("release", "stream"),
    [
        ("1.fc41", "fedora:41"),
        ("3.amzn2023.0.2", "amzn:2023"),
        ("2.mga9", "mageia:9"),
        ("1.ph5", "photon:5.0"),
        ("lp151.4.1", "opensuse-leap:15.1"),
    ],
)
def test_a_tag_tells_the_stream_of_a_package(release: str, stream: str) -> None:
    assert streams_of_tag(release) == (stream,)
    assert streams_of_tag("8.el9_0") == ()


def test_without_a_stream_the_file_is_refused_and_with_one_it_is_imported(tmp_path: Path) -> None:
    unnamed = update(collection(package(), short="mirror"))
    with pytest.raises(FeedError) as refused:
        read(tmp_path, unnamed)
    assert refused.value.code == "feed_stream_unknown"
    assert "updateinfo.xml.gz, ALSA-2022:4940: it does not say which distribution" in refused.value.sentence
    assert "--stream" in refused.value.next_step
    (record,) = advisories(read(tmp_path, unnamed, stream="rocky:9"))
    assert record.affected[0].stream == "rocky:9"


def test_a_stream_that_has_no_order_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="solaris"):
        read(tmp_path, update(), stream="solaris:11")


@pytest.mark.parametrize(
    ("unwanted", "reason"),
    [
        (update(kind="bugfix"), "updates of type bugfix"),
        (update(kind="enhancement"), "updates of type enhancement"),
        (update(status="retracted"), "updates that were taken back"),
        (update(ref="NOT-A-VALID-ADVISORY-ID"), "updates whose id is none ('NOT-A-VALID-ADVISORY-ID')"),
        (update(ref=" "), "updates whose id is none ('')"),
        (update(collection()), "security updates that name no package"),
        (update(collection(package(arch="src"))), "security updates that name no package"),
    ],
)
def test_what_is_no_security_update_is_left_out_and_counted(tmp_path: Path, unwanted: str, reason: str) -> None:
    reads = read(tmp_path, unwanted, update(ref="ALSA-2022:1"))
    assert [each.ref for each in advisories(reads)] == ["ALSA-2022:1"]
    assert (reason,) in [each.skipped for each in reads]


def test_an_epoch_is_kept_and_a_missing_one_is_left_to_the_import(tmp_path: Path) -> None:
    packages = [package("openssl", epoch="1"), package("curl", epoch=""), package("xz", epoch="0")]
    (record,) = advisories(read(tmp_path, update(collection(*packages))))
    assert [each[2] for each in told(record)] == ["1:5.2.5-8.el9_0", "5.2.5-8.el9_0", "5.2.5-8.el9_0"]


def test_architectures_of_one_version_are_one_range_and_noarch_is_for_every(tmp_path: Path) -> None:
    packages = [package(arch="x86_64"), package(arch="aarch64"), package(arch="i686", release="7.el9")]
    (record,) = advisories(read(tmp_path, update(collection(*packages, package("doc", arch="noarch")))))
    assert told(record) == [
        ("almalinux:9", "xz", "5.2.5-8.el9_0", ("aarch64", "x86_64")),
        ("almalinux:9", "xz", "5.2.5-7.el9", ("i686",)),
        ("almalinux:9", "doc", "5.2.5-8.el9_0", ()),
    ]


def test_of_several_rebuilds_the_lowest_has_the_patch(tmp_path: Path) -> None:
    packages = [package(release="8.el9_2"), package(release="8.el9_0"), package(release="8.el9_1")]
    (record,) = advisories(read(tmp_path, update(collection(*packages))))
    assert [each[2] for each in told(record)] == ["5.2.5-8.el9_0"]


def test_opensuses_numbers_are_ids_and_the_release_tells_the_stream(tmp_path: Path) -> None:
    bare = f"<collection>{package('hello', '2.10', 'lp151.4.1')}</collection>"
    reads = read(tmp_path, update(bare, ref="11749", more="<release>openSUSE Leap 15.1 Update</release>"))
    assert [(each.ref, each.affected[0].stream) for each in advisories(reads)] == [("11749", "opensuse-leap:15.1")]


MODULAR = "2.module_el8.6.0+3072+a1b2c3"


def test_a_collections_module_is_the_stream_of_its_packages(tmp_path: Path) -> None:
    module = '<module name="nodejs" stream="18" version="8060020220523160029" context="ad008a3a" arch="x86_64"/>'
    modular = collection(package("nodejs", release=MODULAR), module=module)
    (record,) = advisories(read(tmp_path, update(modular, collection(package()))))
    assert [(each[0], each[1]) for each in told(record)] == [("almalinux:9+nodejs:18", "nodejs"), ("almalinux:9", "xz")]


def test_a_module_that_only_the_title_names_is_recovered_from_it(tmp_path: Path) -> None:
    text = update(collection(package("nodejs", release=MODULAR)), ref="ALSA-2022:1")
    reads = read(tmp_path, text.replace("ALSA-2022:1 update", "nodejs:16 security update"))
    assert [each[0] for each in told(advisories(reads)[0])] == ["almalinux:9+nodejs:16"]


def test_a_module_that_nothing_names_is_counted_and_hides_no_other_package(tmp_path: Path) -> None:
    (found,) = read(tmp_path, update(collection(package("nodejs", release=MODULAR), package())))
    assert isinstance(found.record, AdvisoryRecord)
    assert [each[1] for each in told(found.record)] == ["xz"]
    assert found.skipped == ("packages of a module whose stream the advisory does not name (ALSA-2022:4940: nodejs)",)


def test_a_newer_line_of_amazon_linux_2_is_no_patch_of_the_older_one(tmp_path: Path) -> None:
    extra = collection(package("kernel", "5.15.43", "20.amzn2"), short="amazon-linux-2---kernel-5.15")
    (record,) = advisories(read(tmp_path, update(extra, ref="ALAS2KERNEL-5.15-2022-001")))
    (interval,) = record.affected[0].intervals
    assert record.affected[0].stream == "amzn:2"
    assert interval.interval.contains(order_key("rpm.1", "5.15.1-1.amzn2"))
    assert not interval.interval.contains(order_key("rpm.1", "4.14.355-1.amzn2"))
    assert not interval.interval.contains(order_key("rpm.1", "5.15.43-20.amzn2"))
    assert lowest_of_line("amazon-linux-2", "0", "4.14.1") == LOWEST


@pytest.mark.parametrize("advice", ["<reboot_suggested>True</reboot_suggested>", "<reboot_suggested/>"])
def test_the_advice_to_reboot_is_kept(tmp_path: Path, advice: str) -> None:
    (record,) = advisories(read(tmp_path, update(more=advice)))
    assert record.details.endswith("The publisher advises to reboot after this update.")


def test_where_nothing_refers_to_a_cve_as_such_the_texts_do(tmp_path: Path) -> None:
    text = update().replace('type="cve"', 'type="bugzilla"').replace("It is patched.", "It patches CVE-2024-24989.")
    (record,) = advisories(read(tmp_path, text))
    assert record.cves == ("CVE-2022-1271", "CVE-2024-24989")


def test_an_update_of_two_repositories_is_one_advisory(tmp_path: Path) -> None:
    for repository, name in (("BaseOS", "xz"), ("AppStream", "xz-devel")):
        folder = tmp_path / repository / "repodata"
        folder.mkdir(parents=True)
        (folder / "1-updateinfo.xml").write_text(document(update(collection(package(name)))))
    (record,) = advisories(list(UpdateinfoImporter().records(tmp_path)))
    assert [each[1] for each in told(record)] == ["xz-devel", "xz"]
    assert UpdateinfoImporter().default_name(tmp_path) == "updateinfo-almalinux-9"


def test_two_repositories_are_two_feeds_and_a_minor_release_is_none(tmp_path: Path) -> None:
    path = tmp_path / "updateinfo.xml"
    path.write_text(document(update()))
    assert UpdateinfoImporter().default_name(path) == "updateinfo-almalinux-9-for-x86_64-baseos-rpms"
    path.write_text("<updates/>")
    assert UpdateinfoImporter().default_name(path) == "updateinfo"


@pytest.mark.parametrize("text", ["", "x", "9" * 30, "-1", "2022-13-45", "\u0661"])
def test_an_odd_date_is_no_date(text: str) -> None:
    assert parse_date(text) is None or text == "9" * 30


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<updates><update type='security'>", "no XML"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><updates/>', "document type"),
        (document(update(collection(package("a b")))), "'a b' is no name of a package"),
        ("<updates><update type='" + "x" * (5 * 1024**2), "a tag has more than"),
        (document(update(more="<summary>" + "x" * (17 * 1024**2) + "</summary>")), "an element has more than"),
        ("<updates>" + "<a>" * 100, "nested more than"),
        ("<?xml version='1.0' encoding='nobody'?><updates/>", "no XML"),
    ],
)
def test_what_is_cut_or_hostile_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "updateinfo.xml"
    path.write_text(content)
    with pytest.raises(FeedError) as refused:
        list(UpdateinfoImporter().records(path))
    assert said in refused.value.sentence


def almalinux(**more: Any) -> dict[str, Any]:
    update = {
        "id": "ALSA-2019:3708",
        "issued_date": 1572983623,
        "updated_date": 1651142818,
        "severity": "Moderate",
        "title": "Moderate: mariadb:10.3 security update",
        "description": "Patched.",
        "type": "security",
        "packages": [
            {"name": "Judy", "epoch": "0", "version": "1.0.5", "release": "18.module_el8.5.0+1", "arch": "x86_64",
             "reboot_suggested": 1, "module": "mariadb:10.3:8050020220427075058:c5368500:x86_64"},
            {"name": "xz", "epoch": "1", "version": "1.0", "release": "1.el8_4", "arch": "noarch"},
        ],
        "references": [{"id": "CVE-2019-2510", "type": "cve"}, {"id": "RHSA-2019:3708", "type": "rhsa"}],
    } | more  # fmt: skip
    return {"schema_version": "1.0", "data": [update, {"id": "ALBA-2021:3049", "type": "bugfix"}]}


def test_almalinuxs_json_names_module_release_and_reboot(tmp_path: Path) -> None:
    path = tmp_path / "errata.full.json"
    path.write_text(json.dumps(almalinux()))
    reads = list(AlmaLinuxImporter().records(path))
    (record,) = advisories(reads)
    assert told(record) == [
        ("almalinux:8+mariadb:10.3", "Judy", "1.0.5-18.module_el8.5.0+1", ("x86_64",)),
        ("almalinux:8", "xz", "1:1.0-1.el8_4", ()),
    ]
    assert (record.severity, record.cves) == ("medium", ("CVE-2019-2510",))
    assert record.details == "Patched.\n\nThe publisher advises to reboot after this update."
    assert reads[0].skipped == ("updates of type bugfix",)
    assert AlmaLinuxImporter().default_name(path) == "almalinux-8"


def rocky(**more: Any) -> dict[str, Any]:
    advisory = {
        "red_hat_advisory_id": 1,
        "name": "RLSA-2025:21816",
        "synopsis": "Moderate: golang security update",
        "description": "Patched.",
        "kind": "Security",
        "severity": "Moderate",
        "published_at": "2025-11-27T09:11:22.820964+00:00",
        "cves": [{"cve": "CVE-2025-58183", "cvss3_scoring_vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],
        "packages": [
            {"nevra": "golang-0:1.25.3-1.el10_1.aarch64.rpm", "product_name": "Rocky Linux 10 aarch64"},
            {"nevra": "golang-0:1.25.3-1.el10_1.src.rpm", "product_name": "Rocky Linux 10 aarch64"},
            {"nevra": "skopeo-1:1.2-2.module+el8.4.0+1+2.x86_64.rpm", "product_name": "Rocky Linux 8.6 x86_64 (Legacy)",
             "module_name": "container-tools", "module_stream": "1.0"},
            {"nevra": "x-0:1-1.x86_64.rpm", "product_name": "Rocky Linux SIG Cloud"},
        ],
    } | more  # fmt: skip
    return {"advisories": [advisory], "total": 1}


def test_rockys_pages_name_binaries_products_and_modules(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"page{number}.json").write_text(json.dumps(rocky()))
    reads = list(RockyImporter().records(tmp_path))
    (record,) = advisories(reads)
    assert told(record) == [
        ("rocky:10", "golang", "1.25.3-1.el10_1", ("aarch64",)),
        ("rocky:8+container-tools:1.0", "skopeo", "1:1.2-2.module+el8.4.0+1+2", ("x86_64",)),
    ]
    assert record.cvss_vector.startswith("CVSS:3.1/")
    assert reads[0].skipped == ("packages of 'Rocky Linux SIG Cloud', which is no release of Rocky's",)


def fedora(**more: Any) -> dict[str, Any]:
    return {
        "alias": "FEDORA-2025-ddd4444444",
        "display_name": "java security update",
        "notes": "January 2025",
        "severity": "important",
        "type": "security",
        "status": "stable",
        "date_stable": "2025-01-25 12:00:00",
        "release": {"name": "F40", "id_prefix": "FEDORA"},
        "bugs": [{"title": "CVE-2025-9999 java-17-openjdk: vulnerability in JVM [fedora-40]"}],
        "builds": [
            {"nvr": "java-17-openjdk-17.0.14.0.7-1.fc40", "epoch": 1},
            {"nvr": "expat-2.7.0-1.fc40", "epoch": None},
        ],
    } | more


def test_bodhis_updates_name_what_was_built(tmp_path: Path) -> None:
    path = tmp_path / "updates.json"
    others = [fedora(type="bugfix"), fedora(status="testing"), fedora(release={"name": "EPEL-9"})]
    path.write_text(json.dumps({"updates": [fedora(), *others], "page": 1}))
    record, *rest = list(FedoraImporter().records(path))
    assert isinstance(record.record, AdvisoryRecord)
    assert (record.record.cves, record.record.severity) == (("CVE-2025-9999",), "high")
    assert told(record.record) == [
        ("fedora:40", "java-17-openjdk", "1:17.0.14.0.7-1.fc40", ()),
        ("fedora:40", "expat", "2.7.0-1.fc40", ()),
    ]
    assert {each.level for each in record.record.affected} == {"source"}
    assert [each.skipped for each in rest] == [
        ("updates of type bugfix",),
        ("updates that are testing",),
        ("updates for EPEL-9, which is no release of Fedora",),
    ]
    assert FedoraImporter().default_name(tmp_path / "FEDORA-2025-1.json") == "fedora-2025-1"


@pytest.mark.parametrize(
    ("importer", "content", "said"),
    [
        (AlmaLinuxImporter(), {"schema_version": "1.0"}, "a list 'data' is expected"),
        (AlmaLinuxImporter(), almalinux(packages=[{"name": ""}]), "no name of a package"),
        (RockyImporter(), {"advisories": {}}, "a JSON list is expected"),
        (RockyImporter(), rocky(packages=[{"nevra": "golang"}]), "no package's name, version and architecture"),
        (RockyImporter(), rocky(name=""), "an advisory has no id"),
        (FedoraImporter(), fedora(alias=""), "an advisory has no id"),
        (FedoraImporter(), fedora(builds=[{"nvr": "expat"}]), "no build's name, version and release"),
    ],
)
def test_json_that_is_no_such_feed_is_refused(tmp_path: Path, importer: Importer, content: object, said: str) -> None:
    path = tmp_path / "feed.json"
    path.write_text(json.dumps(content))
    with pytest.raises(FeedError) as refused:
        list(importer.records(path))
    assert said in refused.value.sentence


@given(data=st.data())
def test_damaged_files_are_refused_or_read_and_nothing_else(data: st.DataObject, tmp_path_factory: Any) -> None:
    module = '<module name="nodejs" stream="18"/>'
    feeds: list[tuple[Importer, str, str]] = [
        (UpdateinfoImporter(), document(update(collection(package(), module=module))), "updateinfo.xml"),
        (AlmaLinuxImporter(), json.dumps(almalinux()), "errata.full.json"),
        (RockyImporter(), json.dumps(rocky()), "page1.json"),
        (FedoraImporter(), json.dumps({"updates": [fedora()]}), "updates.json"),
    ]
    importer, content, name = data.draw(st.sampled_from(feeds))
    only_feed_errors(importer, tmp_path_factory, data.draw(mutations(content.encode())), name)
