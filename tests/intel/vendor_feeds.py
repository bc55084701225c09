"""Damage done to feeds, and the distributions' published samples, for the tests of the vendors' importers."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from oakum.core.advisories import STATES, AdvisoryRecord
from oakum.core.errors import FeedError
from oakum.intel.importers import Importer

SAMPLES = "vendor-format-samples.tar.xz"
_ODD = ["", " ", "\x00", "null", "[]", "{}", "-1", "1e999", "NaN", '"', "\\ud800", "9" * 400, "<", ">", "&a;", "\ufeff"]


@st.composite
def mutations(draw: st.DrawFn, content: bytes) -> bytes:
    """Cut, repeat, overwrite and stuff a document in a few places."""
    damaged = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(0, len(damaged) - 1)))
        end = min(len(damaged), start + draw(st.integers(0, 40)))
        kind = draw(st.sampled_from(["cut", "drop", "repeat", "bytes", "odd"]))
        if kind == "cut":
            del damaged[start:]
        elif kind == "drop":
            del damaged[start:end]
        elif kind == "repeat":
            damaged[start:start] = damaged[start:end] * draw(st.integers(1, 50))
        elif kind == "bytes":
            damaged[start:end] = draw(st.binary(max_size=8))
        else:
            damaged[start:end] = draw(st.sampled_from(_ODD)).encode("utf-8", "surrogatepass")
    return bytes(damaged)


def only_feed_errors(importer: Importer, folders: Any, content: bytes, name: str) -> None:
    """Read a damaged document: what is refused is refused as a feed's fault, what is read is whole."""
    path = folders.mktemp("damaged") / name
    path.write_bytes(content)
    with suppress(FeedError):
        importer.recognises(path, content[:4096])
        importer.default_name(path)
        for read in importer.records(path):
            check(read.record)


def check(record: object) -> None:
    """Say what every advisory of every importer must be."""
    if not isinstance(record, AdvisoryRecord):
        return
    assert record.ref.isprintable()
    assert 0 < len(record.ref) <= 200
    assert record.title
    assert "\x00" not in record.title + record.details
    assert record.affected
    for package in record.affected:
        assert package.state in STATES
        assert 0 < len(package.name) <= 200
        assert len(package.stream) <= 60
        assert package.intervals
        for each in package.intervals:
            assert len(each.fixed_version) <= 200
            assert each.interval.high is None or each.interval.low < each.interval.high


@cache
def sample_names() -> tuple[str, ...]:
    with tarfile.open(_archive()) as archive:
        return tuple(member.name.removeprefix("./") for member in archive if member.isfile())


def samples(folder: Path, *starts: str) -> Iterator[Path]:
    """Yield the published samples whose names begin so, unpacked."""
    with tarfile.open(_archive()) as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if member.isfile() and name.startswith(starts):
                content = archive.extractfile(member)
                assert isinstance(content, io.BufferedReader)
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
                yield path


def _archive() -> Path:
    folder = os.environ.get("OAKUM_TEST_DATA", "")
    if not folder or not (Path(folder) / SAMPLES).is_file():
        pytest.skip(f"OAKUM_TEST_DATA names no folder with {SAMPLES}")
    return Path(folder) / SAMPLES
