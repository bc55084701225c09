"""Changelogs are read as deb-changelog(5) says, out of packages that nobody vouches for."""

from __future__ import annotations

import gzip
import shutil
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.agent.managers.apt.archive import (
    CHANGELOG_BYTES_MAX,
    DocFiles,
    choose_changelogs,
    linked_package,
    read_doc_files,
)
from oakum.agent.managers.apt.changelog import CUT_NOTE, cut_text, parse_changelog
from oakum.agent.managers.apt.owners import parse_owners, registered_names
from oakum.agent.managers.apt.release_notes import fetch_release_notes, select_entries
from oakum.protocol.messages import NOTES_TEXT_BYTES_MAX, ChangelogEntry, NotesRequest

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed here")

VERSION = st.text(string.digits + "abc.+~-:", min_size=1, max_size=12).map(lambda text: "1" + text)
LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), min_size=1, max_size=30)
ENTRY = st.builds(
    ChangelogEntry,
    version=VERSION,
    distribution=st.sampled_from(["bookworm-security", "unstable", "bookworm bullseye"]),
    urgency=st.sampled_from(["low", "medium", "high", "emergency", "critical"]),
    date=st.just("Wed, 21 Oct 2026 16:54:24 +0700"),
    text=st.lists(LINE.map(lambda line: "  * " + line), min_size=1, max_size=4).map("\n".join),
)


def render(entries: list[ChangelogEntry]) -> str:
    return "\n".join(
        f"openssl ({entry.version}) {entry.distribution}; urgency={entry.urgency}\n\n{entry.text}\n\n"
        f" -- Somebody <somebody@example.test>  {entry.date}\n"
        for entry in entries
    )


@given(entries=st.lists(ENTRY, max_size=5))
def test_what_is_rendered_is_parsed_back(entries: list[ChangelogEntry]) -> None:
    # deb-changelog(5): "PACKAGE (VERSION) DISTRIBUTIONS; METADATA", details indented, " -- NAME <MAIL>  DATE".
    assert list(parse_changelog(render(entries).split("\n"))) == entries


@given(entries=st.lists(ENTRY, min_size=1, max_size=4), cut=st.integers(min_value=0, max_value=2000))
def test_a_cut_file_loses_its_last_entry_and_invents_none(entries: list[ChangelogEntry], cut: int) -> None:
    found = list(parse_changelog(render(entries)[:cut].split("\n")))
    whole = entries[: len(found)]
    assert [entry.version for entry in found] == [entry.version for entry in whole]
    assert [entry.text for entry in found] == [entry.text for entry in whole]


@given(text=st.text(max_size=300), limit=st.integers(min_value=len(CUT_NOTE), max_value=200))
def test_a_cut_text_fits_and_says_so(text: str, limit: int) -> None:
    cut = cut_text(text, limit)
    size = len(text.encode("utf-8", "replace"))
    assert cut == text if size <= limit else cut.endswith(CUT_NOTE) and len(cut.encode()) <= limit


def test_a_binary_rebuild_and_odd_options_are_read() -> None:
    text = (
        "bash (5.2.15-2+b13) bookworm; urgency=low, binary-only=yes\n\n  * Rebuild.\n\n"
        " -- Daemon <daemon@example.test>  Thu, 07 May 2026 20:33:02 +0000\n\nvim: set ts=4:\n"
    )
    (entry,) = parse_changelog(text.split("\n"))
    assert (entry.version, entry.urgency, entry.text) == ("5.2.15-2+b13", "low", "  * Rebuild.")


def one_entry(version: str, text: str = "  * x") -> str:
    return render([ChangelogEntry(version, "unstable", "low", "Wed, 21 Oct 2026 16:54:24 +0700", text)])


@needs_dpkg
def test_entries_stop_at_the_version_that_is_known() -> None:
    text = one_entry("1.2") + one_entry("1.1") + one_entry("1.0")
    assert [entry.version for entry in select_entries((text,), "1.0")] == ["1.2", "1.1"]
    assert [entry.version for entry in select_entries((text,), "1.1~rc1")] == ["1.2", "1.1"]
    assert [entry.version for entry in select_entries((text,), "")] == ["1.2", "1.1", "1.0"]
    assert select_entries((text,), "2.0") == ()


@needs_dpkg
def test_a_version_named_by_two_files_is_given_once() -> None:
    assert [entry.version for entry in select_entries((one_entry("1.2"), one_entry("1.2")), "1.0")] == ["1.2"]


@needs_dpkg
def test_long_entries_are_cut_to_what_the_protocol_allows() -> None:
    (entry,) = select_entries((one_entry("1.2", "  * " + "x" * 50_000),), "1.0")
    assert len(entry.text.encode()) <= NOTES_TEXT_BYTES_MAX
    assert entry.text.endswith(CUT_NOTE)


def build_package(tmp_path: Path, name: str = "tool") -> Path:
    control = tmp_path / "tree" / "DEBIAN" / "control"
    control.parent.mkdir(parents=True, exist_ok=True)
    control.write_text(
        f"Package: {name}\nVersion: 1.2\nArchitecture: all\nMaintainer: A <a@example.test>\nDescription: x\n"
    )
    path = tmp_path / f"{name}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", str(tmp_path / "tree"), str(path)],
        check=True,
        capture_output=True,
    )
    return path


def put(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / "tree/usr/share/doc" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()))


@needs_dpkg
def test_a_packages_own_changelog_is_chosen_and_rebuilds_come_first(tmp_path: Path) -> None:
    put(tmp_path, "tool/changelog.gz", "upstream's")
    put(tmp_path, "tool/changelog.Debian.gz", "debian's")
    put(tmp_path, "tool/changelog.Debian.amd64.gz", "rebuild's")
    put(tmp_path, "aaa/changelog.Debian.gz", "another's")
    found = read_doc_files(str(build_package(tmp_path)))
    assert choose_changelogs(found, "tool") == ("rebuild's", "debian's")


@needs_dpkg
def test_a_native_packages_changelog_is_read(tmp_path: Path) -> None:
    put(tmp_path, "tool/changelog.gz", "native")
    assert choose_changelogs(read_doc_files(str(build_package(tmp_path))), "tool") == ("native",)


@needs_dpkg
def test_a_linked_directory_names_the_package_to_ask(tmp_path: Path) -> None:
    documents = tmp_path / "tree/usr/share/doc"
    documents.mkdir(parents=True)
    (documents / "tool").symlink_to("tool-common")
    found = read_doc_files(str(build_package(tmp_path)))
    assert choose_changelogs(found, "tool") == ()
    assert linked_package(found, "tool") == "tool-common"


def test_a_link_out_of_the_documentation_leads_nowhere() -> None:
    found = DocFiles(links={"usr/share/doc/tool": "etc/shadow"})
    assert linked_package(found, "tool") == ""


@needs_dpkg
def test_a_changelog_that_unpacks_to_much_is_cut(tmp_path: Path) -> None:
    put(tmp_path, "tool/changelog.Debian.gz", one_entry("1.2") + " " * (3 * CHANGELOG_BYTES_MAX))
    (text,) = choose_changelogs(read_doc_files(str(build_package(tmp_path))), "tool")
    assert len(text) == CHANGELOG_BYTES_MAX
    assert [entry.version for entry in parse_changelog(text.split("\n"))] == ["1.2"]


@needs_dpkg
@pytest.mark.parametrize("content", [b"", b"!<arch>\n", b"\x00" * 4096])
def test_what_is_no_package_is_a_problem(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.deb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read"):
        read_doc_files(str(path))


@pytest.mark.parametrize("name", ["-o", "--option=x", "a b", "a;b", "../x", "a=1", "*"])
def test_a_server_cannot_word_apts_command_line(name: str) -> None:
    upload = fetch_release_notes(NotesRequest("s", "1", name, "1.0", "amd64", ""))
    assert upload.entries == ()
    assert "no package name" in upload.problem


def test_diversions_own_no_file_and_shared_files_have_all_their_owners() -> None:
    text = (
        "diversion by dash from: /bin/sh\ndiversion by dash to: /bin/sh.distrib\ndash: /bin/sh\n"
        "libc6:amd64, libc6:i386: /usr/share/doc/libc6\nlocal diversion from: /etc/x\n"
    )
    assert parse_owners(text) == {"/bin/sh": ("dash",), "/usr/share/doc/libc6": ("libc6",)}


def test_a_merged_path_and_an_older_release_of_a_library_are_looked_up_too() -> None:
    assert registered_names("/lib/x86_64-linux-gnu/libc.so.6") == (
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
    )
    assert "/usr/lib/libexpat.so.1" in registered_names("/usr/lib/libexpat.so.1.8.10")


@pytest.mark.parametrize("path", ["relative", "/usr/lib/*", "/usr/lib/[a]", "/a\\b", "/a?"])
def test_a_path_that_dpkg_would_take_for_a_pattern_is_not_asked_for(path: str) -> None:
    assert registered_names(path) == ()
