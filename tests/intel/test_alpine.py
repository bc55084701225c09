"""Alpine's secdb: origin packages, ids with several words, one advisory a vulnerability."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.advisories import AFFECTED, NOT_AFFECTED, AdvisoryRecord
from oakum.core.errors import FeedError
from oakum.core.versions import order_key
from oakum.intel.importers.alpine import AlpineSecdbImporter
from oakum.intel.importers.values import Read
from tests.intel.vendor_feeds import mutations, only_feed_errors


def repository(
    packages: Mapping[str, Mapping[str, Sequence[str]]], release: str = "v3.19", name: str = "main"
) -> dict[str, Any]:
    return {
        "apkurl": "{{urlprefix}}/{{distroversion}}",
        "archs": ["x86_64"],
        "reponame": name,
        "urlprefix": "https://example.org",
        "distroversion": release,
        "packages": [{"pkg": {"name": package, "secfixes": patches}} for package, patches in packages.items()],
    }


def read(folder: Path, *contents: object) -> list[Read]:
    for number, content in enumerate(contents):
        (folder / f"{number}.json").write_text(json.dumps(content))
    return list(AlpineSecdbImporter().records(folder))


def told(reads: Sequence[Read]) -> dict[str, list[tuple[str, str, str, str]]]:
    return {
        each.record.ref: [
            (package.stream, package.name, package.state, package.intervals[0].fixed_version)
            for package in each.record.affected
        ]
        for each in reads
        if isinstance(each.record, AdvisoryRecord)
    }


def test_a_version_that_brought_the_patch_ends_the_range_of_the_origin(tmp_path: Path) -> None:
    (found,) = read(tmp_path, repository({"openssl": {"3.1.4-r1": ["CVE-2023-5363"]}}))
    assert isinstance(found.record, AdvisoryRecord)
    (package,) = found.record.affected
    assert (found.record.ref, found.record.cves, package.level) == (
        "ALPINE-CVE-2023-5363", ("CVE-2023-5363",), "source",
    )  # fmt: skip
    assert package.intervals[0].interval.high == order_key("apk.1", "3.1.4-r1")
    assert told([found]) == {"ALPINE-CVE-2023-5363": [("alpine:3.19", "openssl", AFFECTED, "3.1.4-r1")]}


def test_version_zero_says_that_the_release_was_never_affected(tmp_path: Path) -> None:
    assert told(read(tmp_path, repository({"xen": {"0": ["CVE-2021-1"]}}))) == {
        "ALPINE-CVE-2021-1": [("alpine:3.19", "xen", NOT_AFFECTED, "")]
    }


def test_ids_with_several_words_are_one_flaw_with_other_names(tmp_path: Path) -> None:
    patches = {"4.12.1-r0": ["CVE-2019-17349 XSA-295", "CVE_2019-2426", "XSA-248", "CVE-2020-1111 CVE-2020-2222"]}
    reads = read(tmp_path, repository({"xen": patches}))
    assert list(told(reads)) == [
        *("ALPINE-CVE-2019-17349", "ALPINE-CVE-2019-2426", "ALPINE-XSA-248"),
        *("ALPINE-CVE-2020-1111", "ALPINE-CVE-2020-2222"),
    ]
    aliases = [each.record.aliases for each in reads if isinstance(each.record, AdvisoryRecord)]
    assert aliases == [("XSA-295",), (), ("XSA-248",), (), ()]


def test_releases_and_repositories_come_together_in_one_advisory(tmp_path: Path) -> None:
    patches = {"1.2-r3": ["CVE-2024-1"]}
    reads = read(
        tmp_path,
        repository({"a": patches}),
        repository({"b": patches}, name="community"),
        repository({"a": {"1.1-r9": ["CVE-2024-1"]}}, release="v3.18"),
        repository({"a": patches}, release="edge"),
    )
    assert told(reads) == {
        "ALPINE-CVE-2024-1": [
            ("alpine:3.19", "a", AFFECTED, "1.2-r3"),
            ("alpine:3.19", "b", AFFECTED, "1.2-r3"),
            ("alpine:3.18", "a", AFFECTED, "1.1-r9"),
            ("alpine:edge", "a", AFFECTED, "1.2-r3"),
        ]
    }


def test_of_several_patches_of_one_flaw_the_last_makes_it_whole(tmp_path: Path) -> None:
    patches = {"1.10-r0": ["CVE-2024-1"], "1.9-r4": ["CVE-2024-1"], "0": ["CVE-2024-1"]}
    assert told(read(tmp_path, repository({"a": patches}))) == {
        "ALPINE-CVE-2024-1": [("alpine:3.19", "a", AFFECTED, "1.10-r0")]
    }


def test_what_is_odd_is_left_out_and_counted(tmp_path: Path) -> None:
    reads = read(
        tmp_path,
        repository({"a": {"not a version": ["CVE-2024-1"], "1-r1": ["CVE-2024-2", "", 7]}}),  # type: ignore[list-item]
        repository({"a": {"1-r1": ["CVE-2024-3"]}}, release="../../etc"),
    )
    assert list(told(reads)) == ["ALPINE-CVE-2024-2"]
    skipped = [reason.partition(" (")[0] for each in reads for reason in each.skipped]
    assert skipped == ["repositories of ../../etc, which is none of Alpine's", "ranges with a version that is none"]


def test_one_repository_never_replaces_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "main.json"
    path.write_text(json.dumps(repository({})))
    assert AlpineSecdbImporter().default_name(path) == "alpine-secdb-v3.19-main"
    assert AlpineSecdbImporter().default_name(tmp_path) == "alpine-secdb"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "it lists no packages"),
        ({"distroversion": "v3.19"}, "it lists no packages"),
        (repository({"": {}}), "no name of a package"),
        (repository({"a": {"1-r1": ["\u0007"]}}), "an advisory has no id"),
    ],
)
def test_what_is_no_repository_is_refused(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(FeedError) as refused:
        read(tmp_path, content)
    assert said in refused.value.sentence


@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_and_nothing_else(data: st.DataObject, tmp_path_factory: Any) -> None:
    content = json.dumps(repository({"xen": {"4.12.1-r0": ["CVE-2019-17349 XSA-295"], "0": ["CVE-2019-2"]}}))
    only_feed_errors(AlpineSecdbImporter(), tmp_path_factory, data.draw(mutations(content.encode())), "main.json")
