"""Files, folders and archives as documents: what is read, in bounded memory, and where it is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import resource
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.errors import FeedError
from oakum.intel.importers import documents, json_members, unpacking, xml
from oakum.intel.importers.documents import Document, document_count, head_of
from oakum.intel.importers.json_members import array_items, object_members
from oakum.intel.importers.xml import elements

BODIES = {"a.json": b'{"a": 1}', "sub/b.json": b'{"b": 2}'}
MIB = 1024 * 1024


def write_tar(path: Path, mode: str, entries: dict[str, bytes]) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, body in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return path


def write_zip(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    return path


def write_folder(path: Path, entries: dict[str, bytes]) -> Path:
    for name, body in entries.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(body)
    return path


def read(path: Path) -> dict[str, bytes]:
    return {document.name: document.read() for document in documents.documents(path)}


def refusal(path: Path, suffixes: tuple[str, ...] = (".json",)) -> FeedError:
    with pytest.raises(FeedError, match="nothing was changed") as caught:
        [document.read() for document in documents.documents(path, suffixes=suffixes)]
    assert caught.value.next_step
    return caught.value


@pytest.mark.parametrize(
    "write",
    [
        lambda path, entries: write_zip(path / "x.zip", entries),
        lambda path, entries: write_tar(path / "x.tar", "w", entries),
        lambda path, entries: write_tar(path / "x.tar.gz", "w:gz", entries),
        lambda path, entries: write_tar(path / "x.tar.bz2", "w:bz2", entries),
        lambda path, entries: write_tar(path / "x.tar.xz", "w:xz", entries),
        lambda path, entries: write_folder(path / "x", entries),
    ],
)
def test_one_feed_however_it_is_packed(tmp_path: Path, write: Callable[[Path, dict[str, bytes]], Path]) -> None:
    entries = BODIES | {"README.md": b"no", "sub/._b.json": b"no", "c.json.gz": gzip.compress(b'{"c": 3}')}
    path = write(tmp_path, entries)
    assert read(path) == {"a.json": b'{"a": 1}', "b.json": b'{"b": 2}', "c.json": b'{"c": 3}'}
    assert document_count(path) in {3, None}
    assert head_of(path).startswith(b'{"')


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_single_file_is_a_document_whatever_its_name(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "feed"
    path.write_bytes(pack(b'{"a": 1}'))
    (document,) = [(each.place, each.name, each.read()) for each in documents.documents(path)]
    assert document == ("", "feed", b'{"a": 1}')


def test_two_packed_streams_one_after_the_other_are_one(tmp_path: Path) -> None:
    for name, pack in (("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        path = tmp_path / name
        path.write_bytes(pack(b"one ") + pack(b"two"))
        assert read(path) == {name: b"one two"}


def test_names_in_archives_and_links_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_bytes(b'{"secret": true}')
    folder = write_folder(tmp_path / "x", BODIES)
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    (folder / "up").symlink_to(tmp_path)
    assert set(read(folder)) == {"a.json", "b.json"}
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (
            ("link.json", tarfile.SYMTYPE),
            ("hard.json", tarfile.LNKTYPE),
            ("dev.json", tarfile.CHRTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, str(tmp_path / "secret.json")
            archive.addfile(member)
        member = tarfile.TarInfo("../../../tmp/evil.json")
        member.size = 2
        archive.addfile(member, io.BytesIO(b"{}"))
    before = sorted(tmp_path.rglob("*"))
    assert read(path) == {"evil.json": b"{}"}
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_a_bomb_is_refused_before_it_has_gone_off(tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"bomb.json.{suffix}"
    path.write_bytes(pack(b" " * (64 * MIB)))
    tracemalloc.start()
    error = refusal(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.code == "feed_too_large"
    assert peak < 40 * MIB
    tarred = write_tar(tmp_path / "bomb.tar", "w", {f"b.json.{suffix}": path.read_bytes()})
    assert refusal(tarred).code == "feed_too_large"


def test_xz_may_not_ask_for_all_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.json.xz"
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * MIB}]
    path.write_bytes(lzma.compress(b"{}", filters=filters))
    assert "cut or corrupt (Memory usage limit" in refusal(path).sentence


def test_a_zip_whose_entries_overlap_is_a_bomb(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {f"{number}.json": b"0" * 900_000 for number in range(40)})
    assert "unpacks to more than 200 times its size" in refusal(path).sentence


def test_a_tar_header_may_not_be_a_book(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    member = tarfile.TarInfo("n" * 200_000 + ".json")
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + b"\x00" * 1_024)
    assert "a header has 200006 bytes, more than 65536" in refusal(path).sentence


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.bz2", "x.tar.xz", "x.json.gz", "x.json.xz"])
def test_cut_anywhere_it_is_refused_or_whole(tmp_path: Path, name: str) -> None:
    """Whatever is missing: never fewer documents without a word."""
    path = tmp_path / name
    bodies = {f"{number}.json": json.dumps({"n": [number] * 50}).encode() for number in range(5)}
    if name.endswith("zip"):
        write_zip(path, bodies)
    elif ".tar" in name:
        write_tar(path, f"w:{name.rpartition('.')[2]}" if name != "x.tar" else "w", bodies)
    else:
        path.write_bytes((gzip if name.endswith("gz") else lzma).compress(b"".join(bodies.values())))
    whole, raw = read(path), path.read_bytes()
    for length in range(1, len(raw), max(1, len(raw) // 97)):
        path.write_bytes(raw[:length])
        with suppress(FeedError):
            found = {each.name: each.read() for each in documents.documents(path)}
            # Only the padding behind a tar's end may be missing, and so short a start is no archive at all.
            assert found == whole or len(found) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\x28\xb5\x2f\xfd....", "it is cut or corrupt"),
        (b"PK\x05\x06" + b"\x00" * 18, "it holds no file that ends in .json"),
        (b"\x1f\x8b\x08\x00broken", "it is cut or corrupt"),
        (b"PK\x03\x04", "the zip archive is cut or corrupt"),
    ],
)
def test_what_cannot_be_unpacked_is_refused(tmp_path: Path, body: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(body)
    assert words in refusal(tmp_path / "x").sentence


def test_what_is_not_there_or_has_nothing_is_refused(tmp_path: Path) -> None:
    assert "it cannot be read (No such file" in refusal(tmp_path / "absent").sentence
    (tmp_path / "empty").mkdir()
    assert "it holds no file that ends in .json" in refusal(tmp_path / "empty").sentence


def test_another_way_of_packing_inside_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.json", b"{}")
    assert "entry a.json: it is packed in a way that is not read" in refusal(tmp_path / "x.zip").sentence


def test_too_much_is_refused_by_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tar(tmp_path / "x.tar.gz", "w:gz", BODIES)
    folder = write_folder(tmp_path / "x", BODIES)
    cases = [
        (unpacking, "ENTRY_COUNT_MAX", 1, path, "it holds more than 1 entries"),
        (unpacking, "ENTRY_BYTES_MAX", 1, path, "entry a.json: it unpacks to more than 1 bytes"),
        (unpacking, "TOTAL_BYTES_MAX", 1, path, "it unpacks to more than 1 bytes"),
        (documents, "DOCUMENT_COUNT_MAX", 1, folder, "it holds more than 1 documents"),
        (documents, "FILE_BYTES_MAX", 1, path, "more than 1"),
    ]
    for module, name, value, place, words in cases:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            error = refusal(place)
            assert error.code == "feed_too_large"
            assert words in error.sentence


def one(path: Path, body: bytes) -> Document:
    path.write_bytes(body)
    return next(documents.documents(path))


def test_a_line_of_a_gigabyte_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.jsonl"
    with path.open("wb") as file:
        file.write(b'{"a": 1}\n')
        file.truncate(1024**3)
    began_at = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FeedError, match="line 2: it is longer than 16777216 bytes"):
        [list(document.lines()) for document in documents.documents(path)]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024
    assert time.monotonic() - began_at < 20
    monkeypatch.setattr(documents, "STREAM_BYTES_MAX", 10)
    with pytest.raises(FeedError, match="it has more than 10 bytes"):
        [list(document.chunks()) for document in documents.documents(path)]


def test_lines_end_as_lines_do(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a\r\n\n  \nb\nc")
    assert [line for each in documents.documents(path) for line in each.lines()] == [
        ("line 1", b"a"),
        ("line 4", b"b"),
        ("line 5", b"c"),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def document_of(body: bytes) -> Document:
    return Document(path=Path("x.json"), place="", name="x.json", stream=io.BytesIO(body))


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=6), st.sampled_from([None, 1, 3]), st.integers(1, 40))
def test_members_one_by_one_are_the_whole_document(value: dict[str, object], indent: int | None, size: int) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=size % 2 == 0).encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "_READ_BYTES", size)
        assert dict(object_members(document_of(body))) == value
        items = json.dumps(list(value.values()), indent=indent).encode()
        assert list(array_items(document_of(items))) == list(value.values())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[1]", "a JSON object is expected"),
        (b"", "a JSON object is expected"),
        (b'{"a": 1', "a comma or the object's end is expected"),
        (b'{"a": 1,}', "a member's name is expected"),
        (b'{"a" 1}', "a colon is expected"),
        (b'{"a": tru}', "it is not JSON"),
        (b'{"a": 1} x', "something follows the object's end"),
        (b'{"a": "\xff"}', "it is not UTF-8"),
        (b'{"a": ' + b"[" * 100_000, "it is not JSON"),
    ],
)
def test_a_large_document_that_is_no_object_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(FeedError, match=r"character [0-9]+: it is not JSON") as caught:
        list(object_members(document_of(body)))
    assert words in caught.value.sentence


def test_a_member_without_end_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_members, "MEMBER_LENGTH_MAX", 1_000)
    with pytest.raises(FeedError, match="a member is longer than 1000 characters"):
        list(object_members(document_of(b'{"a": "' + b"x" * 2 * MIB)))


UPDATES = b"""<?xml version="1.0"?>
<updates xmlns="urn:x"><update type="security"><id>A-1</id><pkglist><package name="a"/>tail</pkglist></update>
<other><update><id>A-2</id></update></other></updates>"""


def test_elements_are_handed_out_one_by_one() -> None:
    first, second = elements(document_of(UPDATES), {"update"})
    assert (first.get("type"), first.findtext("id"), second.findtext("id")) == ("security", "A-1", "A-2")
    assert [each.get("name") for each in first.iter("package")] == ["a"]


LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (LAUGHS, "line 1: it has a document type (DOCTYPE), which is refused"),
        (OUTSIDE, "it has a document type (DOCTYPE), which is refused"),
        (b'<!DOCTYPE x SYSTEM "http://x.test/x.dtd"><x/>', "it has a document type"),
        (b"<x>&undefined;</x>", "line 1: it is cut or no XML"),
        (UPDATES[:100], "line 2: it is cut or no XML"),
        (b"", "it is cut or no XML"),
        (b"<x>" * 100, "elements are nested more than 64 deep"),
        (b'<?xml version="1.0" encoding="x-none"?><x/>', "it is"),
        (b"<x>\x00</x>", "it is cut or no XML"),
    ],
)
def test_xml_that_does_more_than_tell_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(FeedError, match="nothing was changed") as caught:
        list(elements(document_of(body), {"x"}))
    assert words in caught.value.sentence


def test_an_element_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"<x>" + b"<y>12</y>" * 1_000 + b"</x>"
    assert len(list(elements(document_of(body), {"y"}))) == 1_000
    monkeypatch.setattr(xml, "CHILD_COUNT_MAX", 100)
    with pytest.raises(FeedError, match="an element holds more than 100 others"):
        list(elements(document_of(body), {"x"}))
    monkeypatch.setattr(xml, "CHILD_COUNT_MAX", 10_000)
    monkeypatch.setattr(xml, "ELEMENT_SIZE_MAX", 100)
    with pytest.raises(FeedError, match="an element has more than 100 characters"):
        list(elements(document_of(body), {"x"}))
