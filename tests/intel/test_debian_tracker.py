"""Debian's security tracker: states in Debian's words, releases by number, one advisory a vulnerability."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.advisories import (
    AFFECTED,
    DEFERRED,
    END_OF_LIFE,
    NOT_AFFECTED,
    STATES,
    UNDER_INVESTIGATION,
    WILL_NOT_FIX,
    AdvisoryRecord,
)
from oakum.core.errors import FeedError
from oakum.core.versions import order_key
from oakum.intel.importers.debian_tracker import RELEASES, DebianTrackerImporter, judge_release
from oakum.intel.importers.values import Read
from tests.intel.vendor_feeds import mutations, only_feed_errors


def release(status: str = "open", **more: Any) -> dict[str, Any]:
    return {"status": status, "repositories": {"bookworm": "1.2-3"}, "urgency": "not yet assigned"} | more


def tracker(**releases: dict[str, Any]) -> dict[str, Any]:
    return {"openssl": {"CVE-2024-0001": {"description": "A flaw.", "scope": "remote", "releases": releases}}}


def read(folder: Path, content: object) -> list[Read]:
    path = folder / "debian.json"
    path.write_text(json.dumps(content))
    return list(DebianTrackerImporter().records(path))


def one(folder: Path, content: object) -> AdvisoryRecord:
    (record,) = [each.record for each in read(folder, content) if each.record is not None]
    assert isinstance(record, AdvisoryRecord)
    return record


@pytest.mark.parametrize(
    ("told", "state", "fixed", "word"),
    [
        (release(), AFFECTED, "", ""),
        (release("resolved", fixed_version="1.2-4"), AFFECTED, "1.2-4", ""),
        (release("resolved", fixed_version="0"), NOT_AFFECTED, "", ""),
        (release("resolved", fixed_version="0", urgency="unimportant"), NOT_AFFECTED, "", "unimportant"),
        (release("resolved", fixed_version="1.2-4", urgency="unimportant"), NOT_AFFECTED, "1.2-4", "unimportant"),
        (release(urgency="unimportant"), NOT_AFFECTED, "", "unimportant"),
        (release(nodsa="Minor issue", nodsa_reason=""), DEFERRED, "", "no-dsa (Minor issue)"),
        (release(nodsa="Minor issue", nodsa_reason="postponed"), DEFERRED, "", "postponed (Minor issue)"),
        (release(nodsa="Too intrusive", nodsa_reason="ignored"), WILL_NOT_FIX, "", "ignored (Too intrusive)"),
        (release(urgency="end-of-life"), END_OF_LIFE, "", "end-of-life"),
        (release("undetermined"), UNDER_INVESTIGATION, "", "undetermined"),
    ],
)
def test_each_of_debians_words_becomes_a_state_and_stays_readable(
    tmp_path: Path, told: dict[str, Any], state: str, fixed: str, word: str
) -> None:
    record = one(tmp_path, tracker(bookworm=told))
    (package,) = record.affected
    (found,) = package.intervals
    assert (package.stream, package.name, package.level) == ("debian:12", "openssl", "source")
    assert (package.state, found.fixed_version) == (state, fixed)
    assert found.interval.high == (order_key("deb.1", fixed) if fixed else None)
    assert record.details == ("A flaw." + (f"\n\nopenssl in Debian 12: {word}" if word else ""))


def test_a_vulnerability_of_several_source_packages_is_one_advisory(tmp_path: Path) -> None:
    flaw = {"description": "Shared.", "releases": {"bookworm": release("resolved", fixed_version="2-1")}}
    content = {"zlib": {"CVE-2024-2": flaw, "CVE-2024-3": flaw}, "rsync": {"CVE-2024-3": flaw, "CVE-2024-2": flaw}}
    records = [each.record for each in read(tmp_path, content)]
    assert [(each.ref, [package.name for package in each.affected]) for each in records] == [  # type: ignore[union-attr]
        ("DEBIAN-CVE-2024-2", ["zlib", "rsync"]),
        ("DEBIAN-CVE-2024-3", ["zlib", "rsync"]),
    ]


def test_a_release_without_a_number_is_left_out_and_counted(tmp_path: Path) -> None:
    (found,) = read(tmp_path, tracker(sid=release(), bookworm=release(), noble=release()))
    assert isinstance(found.record, AdvisoryRecord)
    assert [package.stream for package in found.record.affected] == ["debian:12"]
    assert found.skipped == (
        "what is said of sid, which is no numbered release",
        "what is said of noble, which is no numbered release",
    )


def test_a_flaw_that_only_sid_has_is_no_advisory(tmp_path: Path) -> None:
    (found,) = read(tmp_path, tracker(sid=release()))
    assert found.record is None


def test_temporary_ids_are_kept(tmp_path: Path) -> None:
    record = one(tmp_path, {"mumble": {"TEMP-0000000-0CA7E3": {"releases": {"trixie": release()}}}})
    assert (record.ref, record.cves, record.aliases) == ("DEBIAN-TEMP-0000000-0CA7E3", (), ("TEMP-0000000-0CA7E3",))
    assert record.title == "mumble: TEMP-0000000-0CA7E3"


def test_the_severity_is_the_highest_urgency_with_or_without_stars(tmp_path: Path) -> None:
    told = {"bullseye": release(urgency="low"), "bookworm": release(urgency="high**")}
    assert one(tmp_path, tracker(**told)).severity == "high"


def test_a_version_that_is_none_and_an_unknown_state_leave_the_rest(tmp_path: Path) -> None:
    told = {
        "trixie": release("resolved", fixed_version="not a version"),
        "bullseye": release("resolved"),
        "buster": release("brand-new"),
        "bookworm": release(),
    }
    (found,) = read(tmp_path, tracker(**told))
    assert isinstance(found.record, AdvisoryRecord)
    assert [package.stream for package in found.record.affected] == ["debian:12"]
    assert [reason.partition(" (")[0] for reason in found.skipped] == [
        "ranges with a version that is none",
        "states that Oakum does not know",
        "states that Oakum does not know",
    ]


def test_odd_json_where_an_object_is_due_is_nothing_said(tmp_path: Path) -> None:
    (found,) = read(tmp_path, {"chromium": {"CVE-2022-0358": {"releases": []}}})
    assert (found.record, found.skipped) == (None, ("vulnerabilities of no release",))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("invalid", "not JSON"),
        ('{"a": {"CVE-1": {', "not JSON"),
        ('[{"a": 1}]', "a JSON object is expected"),
        ('{"a": []}', "no source package with its vulnerabilities"),
        ('{"a b": {}}', "no source package with its vulnerabilities"),
        ('{"a": {"": {}}}', "an advisory has no id"),
        ('{"a": {"CVE-2024-1": {"releases": {' + ",".join(f'"r{n}": {{}}' for n in range(101)) + "}}}}", "releases"),
        ('{"a": ' + "[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_tracker_is_refused_with_the_reason(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "debian.json"
    path.write_text(content)
    with pytest.raises(FeedError) as refused:
        list(DebianTrackerImporter().records(path))
    assert said in refused.value.sentence
    assert "debian.json" in refused.value.sentence


@given(
    status=st.sampled_from(["open", "resolved", "undetermined", "else", ""]),
    fixed=st.sampled_from(["", "0", "1.0-1"]),
    urgency=st.sampled_from(["low", "high", "unimportant", "end-of-life", "not yet assigned", ""]),
    nodsa=st.sampled_from(["", "no-dsa", "postponed", "ignored"]),
)
def test_every_combination_is_judged_and_a_patched_release_is_never_called_unpatched(
    status: str, fixed: str, urgency: str, nodsa: str
) -> None:
    """A state is one of ours or none; what is resolved is affected below its version or not affected."""
    state, _ = judge_release(status, fixed, urgency, nodsa)
    assert state in {"", *STATES}
    if status == "resolved" and fixed:
        assert state in {AFFECTED, NOT_AFFECTED}


def test_every_release_that_debian_supports_has_its_number() -> None:
    assert {RELEASES[name] for name in ("bullseye", "bookworm", "trixie", "forky")} == {"11", "12", "13", "14"}


@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_and_nothing_else(data: st.DataObject, tmp_path_factory: Any) -> None:
    content = json.dumps(tracker(bookworm=release(nodsa="x", nodsa_reason="ignored"), trixie=release("resolved")))
    only_feed_errors(DebianTrackerImporter(), tmp_path_factory, data.draw(mutations(content.encode())), "debian.json")
