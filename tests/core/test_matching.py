"""Which package versions an advisory applies to, and the words of the evidence."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.advisories import NOT_AFFECTED, ToldNote, ToldUpdate, host_advisories
from oakum.core.matching import (
    EVIDENCE_LENGTH_MAX,
    Match,
    RangeFacts,
    RangeIndex,
    VersionFacts,
    left_out_reason,
    match,
    names_of,
    vers_of,
)
from oakum.core.sources import codeless_reason, published_names, published_sources
from oakum.core.versions import order_key

ORGANISATION = UUID(int=7)


def key(text: str) -> bytes:
    return order_key("deb.1", text)


def version(name: str, text: str, *, source: str = "", source_version: str = "", number: int = 1) -> VersionFacts:
    return VersionFacts(
        id=number,
        stream="debian:12",
        scheme="deb.1",
        name=name,
        version=text,
        key=key(text),
        source_name=source or name,
        source_version=source_version or text,
        source_key=key(source_version or text),
        architecture="amd64",
    )


def fixed_in(
    name: str, fixed: str, *, ref: str = "DSA-1-1", low: str = "", state: str = "affected", **more: object
) -> RangeFacts:
    facts: dict[str, object] = {
        "advisory_id": 1,
        "feed_name": "osv-debian",
        "organisation_id": None,
        "ref": ref,
        "stream": "debian:12",
        "scheme": "deb.1",
        "name": name,
        "low": key(low) if low else b"",
        "high": key(fixed) if fixed else None,
        "fixed_version": fixed,
        "state": state,
    }
    return RangeFacts(**(facts | more))  # type: ignore[arg-type]  # a test's short hand


def matches(versions: list[VersionFacts], ranges: list[RangeFacts]) -> list[Match]:
    return list(match(versions, RangeIndex(ranges)))


def evidence_of(version_: VersionFacts, range_: RangeFacts) -> list[str]:
    return [found.evidence for found in matches([version_], [range_])]


def test_the_evidence_says_which_comparison_held() -> None:
    found = evidence_of(
        version("openssl", "3.0.20-1~deb12u1"), fixed_in("openssl", "3.0.20-1~deb12u2", ref="DSA-5999-1")
    )
    comparison = "openssl 3.0.20-1~deb12u1 is older than 3.0.20-1~deb12u2, fixed by DSA-5999-1"
    assert found == [f"{comparison} (feed osv-debian, range vers:deb/<3.0.20-1~deb12u2)"]


def test_what_hosts_tell_is_worded_as_their_word() -> None:
    told = fixed_in("openssl", "3.0-2", ref="openssl 3.0-2", feed_name="host-notes", organisation_id=ORGANISATION)
    comparison = "openssl 3.0-1 is older than 3.0-2, which hosts tell is a security update"
    assert evidence_of(version("openssl", "3.0-1"), told) == [f"{comparison} (feed host-notes, range vers:deb/<3.0-2)"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("affected", "no fixed version is known"),
        ("deferred", "the publisher has deferred the fix"),
        ("will_not_fix", "the publisher will not fix it"),
        ("end_of_life", "the package gets no more fixes"),
        ("under_investigation", "the publisher is still looking into it"),
    ],
)
def test_without_a_fix_the_evidence_says_why(state: str, words: str) -> None:
    (found,) = matches([version("a", "1")], [fixed_in("a", "", state=state)])
    assert found.state == state
    assert found.fixed_version == ""
    assert found.evidence == f"a 1 is affected by DSA-1-1; {words} (feed osv-debian, range vers:deb/*)"


def test_a_closed_range_without_a_fix_says_so() -> None:
    ends = fixed_in("a", "", high=key("2"))
    assert evidence_of(version("a", "1"), ends) == [
        "a 1 is among the versions that DSA-1-1 names as affected (feed osv-debian)"
    ]


def test_binaries_match_by_their_source() -> None:
    found = matches(
        [version("libssl3", "3.0-1+b2", source="openssl", source_version="3.0-1")], [fixed_in("openssl", "3.0-2")]
    )
    assert [each.evidence.partition(" is")[0] for each in found] == ["openssl 3.0-1"]


def test_the_fixed_version_itself_is_not_affected() -> None:
    assert matches([version("a", "2"), version("a", "2+b1"), version("a", "3")], [fixed_in("a", "2")]) == []


def test_what_was_introduced_later_does_not_affect_older_versions() -> None:
    assert matches([version("a", "1")], [fixed_in("a", "3", low="2")]) == []
    assert len(matches([version("a", "2")], [fixed_in("a", "3", low="2")])) == 1


def test_another_package_or_scheme_does_not_match() -> None:
    installed = [version("a", "1")]
    assert matches(installed, [fixed_in("b", "2")]) == []
    assert matches(installed, [fixed_in("a", "2", scheme="deb.2")]) == []


def test_what_a_publisher_says_is_not_affected_is_kept_as_that() -> None:
    (found,) = matches([version("a", "1")], [fixed_in("a", "", state=NOT_AFFECTED)])
    assert (found.state, found.fixed_version) == (NOT_AFFECTED, "")
    assert found.evidence == "a 1 is not affected, says DSA-1-1 (feed osv-debian, range vers:deb/*)"


def test_an_advisory_matches_once_and_rather_with_a_fix() -> None:
    ranges = [fixed_in("a", ""), fixed_in("a", "2"), fixed_in("a", "3", ref="DSA-2-1")]
    found = matches([version("a", "1")], ranges)
    assert sorted((each.ref, each.fixed_version) for each in found) == [("DSA-1-1", "2"), ("DSA-2-1", "3")]


def test_one_ref_of_two_owners_is_two_findings() -> None:
    own = fixed_in("a", "2", organisation_id=ORGANISATION, feed_name="host-notes")
    assert len({each.key for each in matches([version("a", "1")], [fixed_in("a", "2"), own])}) == 2


def test_an_overlong_evidence_is_cut() -> None:
    (found,) = evidence_of(version("a", "1." + "1" * 190), fixed_in("a", "2." + "2" * 190, ref="R" * 200))
    assert len(found) == EVIDENCE_LENGTH_MAX


def rpm(name: str, text: str, *, stream: str = "almalinux:8", architecture: str = "x86_64") -> VersionFacts:
    own = order_key("rpm.1", text)
    return VersionFacts(
        id=1,
        stream=stream,
        scheme="rpm.1",
        name=name,
        version=text,
        key=own,
        source_name=name,
        source_version=text,
        source_key=own,
        architecture=architecture,
    )


def rpm_fixed(name: str, fixed: str, *, stream: str = "almalinux:8", **more: object) -> RangeFacts:
    own: dict[str, Any] = {"scheme": "rpm.1", "stream": stream, "level": "binary", "high": order_key("rpm.1", fixed)}
    return fixed_in(name, "1", **own | {"fixed_version": fixed} | more)


def test_the_rhel_family_is_matched_by_what_is_installed() -> None:
    headers = rpm("kernel-headers", "4.18.0-1.el8")
    assert len(matches([headers], [rpm_fixed("kernel-headers", "4.18.0-2.el8")])) == 1
    assert matches([headers], [rpm_fixed("kernel", "4.18.0-2.el8")]) == []
    assert matches([headers], [rpm_fixed("kernel-headers", "4.18.0-2.el8", level="source")]) == []


def test_a_modules_package_meets_its_own_streams_ranges_alone() -> None:
    installed = "1:18.9.1-1.module_el8.7.0"
    modular = rpm("nodejs", installed, stream="almalinux:8+nodejs:18")
    newer = "1:20.1.0-1.module_el8.9.0"
    assert len(matches([modular], [rpm_fixed("nodejs", "1:18.9.2-1.module_el8.7.0", stream=modular.stream)])) == 1
    assert matches([modular], [rpm_fixed("nodejs", newer, stream="almalinux:8+nodejs:20")]) == []
    assert matches([modular], [rpm_fixed("nodejs", "1:99-1.el8")]) == []
    assert matches([rpm("nodejs", "1:10-1.el8")], [rpm_fixed("nodejs", newer, stream="almalinux:8+nodejs:20")]) == []


def test_where_nobody_tells_the_module_nothing_is_guessed() -> None:
    stray = rpm("nodejs", "1:18.9.1-1.module_el8.7.0")
    assert left_out_reason(stray) == "it belongs to a module, and nothing tells of which stream"
    assert matches([stray], [rpm_fixed("nodejs", "1:99-1.el8"), rpm_fixed("nodejs", "1:99-1.module_el8.9.0")]) == []
    plain = rpm("nodejs", "1:10-1.el8")
    assert left_out_reason(plain) == ""
    assert matches([plain], [rpm_fixed("nodejs", "1:99-1.module_el8.9.0")]) == []
    assert matches([plain], [rpm_fixed("nodejs", "1:99-1.module+el8.9.0+1")]) == []


def test_a_range_speaks_of_its_architectures_alone() -> None:
    ours = rpm_fixed("a", "2-1", architectures=("x86_64", "i686"))
    assert len(matches([rpm("a", "1-1")], [ours])) == 1
    assert matches([rpm("a", "1-1", architecture="aarch64")], [ours]) == []
    # What fits every architecture is meant by each.
    assert len(matches([rpm("a", "1-1", architecture="noarch")], [ours])) == 1


def test_of_one_advisory_the_word_on_the_binary_package_counts() -> None:
    ranges = [fixed_in("a", "2"), fixed_in("b", "", level="binary", state=NOT_AFFECTED)]
    (found,) = matches([version("b", "1", source="a")], ranges)
    assert (found.state, found.fixed_version) == (NOT_AFFECTED, "")


def test_the_range_is_told_with_both_bounds_where_both_are_known() -> None:
    both = fixed_in("a", "3", low="1:1", introduced_version="1:1")
    assert vers_of(both) == "vers:deb/>=1:1|<3"
    assert vers_of(fixed_in("a", "3", low="1")) == ""
    assert vers_of(fixed_in("a", "", high=key("3"))) == ""


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=12),
    st.lists(st.integers(0, 9), min_size=1, max_size=6),
)
def test_the_index_finds_exactly_what_looking_at_every_range_finds(
    spans: list[tuple[int, int, bool]], installed: list[int]
) -> None:
    ranges = [
        fixed_in("a", "" if is_open else str(high), ref=str(number), low=str(low))
        for number, (low, high, is_open) in enumerate(spans)
        if is_open or low < high
    ]
    versions = [version("a", str(text), number=number) for number, text in enumerate(installed)]
    expected = {
        (each.id, span.ref)
        for each in versions
        for span in ranges
        if span.low <= each.source_key and (span.high is None or each.source_key < span.high)
    }
    assert {(each.package_version_id, each.ref) for each in matches(versions, ranges)} == expected


@pytest.mark.parametrize(
    "name",
    ["linux-headers-6.1.0-37-amd64", "linux-aws-headers-5.15.0-1001", "linux-libc-dev", "linux-libc-dev-cross",
     "linux-doc", "linux-kbuild-6.1", "linux-buildinfo-6.8.0-40-generic", "linux-source-6.1", "git-doc",
     "openssl-dbgsym", "python3-docs", "postgresql-doc-15", "firefox-esr-l10n-de", "language-pack-de-base",
     "linux-image-6.1.0-37-amd64-dbg", "nginx-filesystem", "fonts-opensymbol", "opencl-c-headers",
     "kernel-headers", "openssl-debuginfo"],
)  # fmt: skip
def test_binaries_without_code_never_match(name: str) -> None:
    assert codeless_reason(name)
    assert matches([version(name, "1", source="s")], [fixed_in("s", "2")]) == []


@pytest.mark.parametrize(
    "name",
    [
        "linux-image-6.1.0-37-amd64",
        "openssl",
        "libssl-dev",
        "docker.io",
        "linux-perf",
        "python3-dbg",
        "document-viewer",
        "perl-doc",
        "apache2-data",
        "linux-image-amd64",
        "linux-modules-6.8.0-40-generic",
        "linux-tools-6.8.0-40-generic",
        "firmware-linux-free",
        "libfontconfig1",
    ],
)
def test_binaries_with_code_match(name: str) -> None:
    assert codeless_reason(name) == ""
    assert len(matches([version(name, "1", source="s")], [fixed_in("s", "2")])) == 1


@pytest.mark.parametrize(
    ("source", "source_version", "published"),
    [
        ("linux-signed-amd64", "6.1.140+1", "linux 6.1.140-1"),
        ("linux-signed-arm64", "6.1.153+1~deb12u1", "linux 6.1.153-1~deb12u1"),
        ("linux-signed-6.12-amd64", "6.12.9+1~bpo12+1", "linux-6.12 6.12.9-1~bpo12+1"),
        ("grub-efi-amd64-signed", "1+2.06+13+deb12u1", "grub2 2.06-13+deb12u1"),
        ("linux-signed", "5.15.0-91.101", "linux 5.15.0-91.101"),
        ("linux-signed-hwe-6.8", "6.8.0-50.51~22.04.1", "linux-hwe-6.8 6.8.0-50.51~22.04.1"),
    ],
)
def test_what_only_signs_is_matched_as_what_it_signs(source: str, source_version: str, published: str) -> None:
    told = [f"{each.name} {each.version}" for each in published_sources(source, source_version)]
    assert told == [f"{source} {source_version}", published]
    assert published_names(source) == (source, published.partition(" ")[0])


def test_an_installed_kernel_matches_advisories_on_its_unsigned_source() -> None:
    image = version("linux-image-6.1.0-36-amd64", "6.1.139-1", source="linux-signed-amd64", source_version="6.1.139+1")
    assert names_of([image]) == {"linux", "linux-signed-amd64", "linux-image-6.1.0-36-amd64"}
    assert evidence_of(image, fixed_in("linux", "6.1.140-1")) == [
        (
            "linux 6.1.139-1 (signed as linux-signed-amd64 6.1.139+1) is older than 6.1.140-1, fixed by DSA-1-1"
            " (feed osv-debian, range vers:deb/<6.1.140-1)"
        )
    ]
    assert evidence_of(image, fixed_in("linux", "6.1.139-1")) == []


def update(text: str, *, stream: str = "debian:12", name: str = "openssl") -> ToldUpdate:
    return ToldUpdate(stream=stream, source_name=name, source_version=text, source_key=key(text))


def note(text: str, *cves: str, stream: str = "debian:12", dated: str = "") -> ToldNote:
    return ToldNote(stream=stream, source_name="openssl", version=text, key=key(text), dated=dated, cves=cves)


def test_a_security_update_is_a_notice_before_anybody_has_read_its_notes() -> None:
    (found,) = host_advisories([update("3-2")], [])
    assert (found.ref, found.cves, found.note) == ("openssl 3-2", (), None)
    assert [(each.stream, each.version) for each in found.ranges] == [("debian:12", "3-2")]


def test_each_entry_up_to_the_update_that_names_a_cve_is_a_notice() -> None:
    notes = [
        note("3-2"),
        note("3-1", "CVE-2024-0002"),
        note("2-9"),
        note("2-8", "CVE-2024-0001"),
        note("3-3", "CVE-2024-0003"),
    ]
    found = host_advisories([update("3-2")], notes)
    assert [(each.ref, each.cves) for each in found] == [
        ("openssl 2-8", ("CVE-2024-0001",)),
        ("openssl 3-1", ("CVE-2024-0002",)),
        ("openssl 3-2", ()),
    ]
    assert found[-1].note == note("3-2")


def test_one_version_in_two_streams_is_one_notice_with_two_ranges() -> None:
    updates = [update("3-2"), update("3-2", stream="debian:11")]
    (found,) = host_advisories(
        updates, [note("3-2", "CVE-2024-0001", stream="debian:11", dated="Sun, 22 Nov 2026 12:00:00 +0200")]
    )
    assert [each.stream for each in found.ranges] == ["debian:11", "debian:12"]
    assert found.cves == ("CVE-2024-0001",)
    assert found.published_at is not None
    assert found.published_at.isoformat() == "2026-11-22T10:00:00+00:00"


def test_notes_of_a_source_without_a_security_update_are_no_notice() -> None:
    assert host_advisories([update("3-2", name="other")], [note("3-2", "CVE-2024-0001")])[0].ref == "other 3-2"
    assert len(host_advisories([update("3-2", name="other")], [note("3-2", "CVE-2024-0001")])) == 1


@given(
    st.lists(st.sampled_from(["1", "2", "3"]), max_size=3),
    st.lists(st.tuples(st.sampled_from(["1", "2", "3"]), st.booleans()), max_size=4, unique_by=lambda pair: pair[0]),
)
def test_more_words_of_hosts_never_take_a_notice_back(updates: list[str], notes: list[tuple[str, bool]]) -> None:
    told_updates = [update(text) for text in updates]
    told_notes = [note(text, *(["CVE-2024-0001"] if names else [])) for text, names in notes]

    def said(some_updates: list[ToldUpdate], some_notes: list[ToldNote]) -> set[tuple[str, str]]:
        found = host_advisories(some_updates, some_notes)
        return {(each.ref, cve) for each in found for cve in ("", *each.cves)}

    whole = said(told_updates, told_notes)
    for number in range(len(told_updates)):
        assert said(told_updates[:number], told_notes) <= whole
    for number in range(len(told_notes)):
        assert said(told_updates, told_notes[:number]) <= whole
