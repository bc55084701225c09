"""CSV and JSON that other programs can trust."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.compliance import Remedy
from oakum.reporting.tables import GUARDED_STARTS, csv_lines, json_parts


def read(lines: list[str]) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(lines), newline="")))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=cmd|" /C calc"!A0', "'=1"])
def test_no_cell_begins_like_a_formula(text: str) -> None:
    (_, (cell,)) = read(list(csv_lines(["name"], [{"name": text}])))
    assert cell == f"'{text}"
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_whoever_takes_one_apostrophe_off_has_what_was_put_in(text: str) -> None:
    """The rule of the module: guarded cells get one apostrophe in front, all others none."""
    (_, (cell,)) = read(list(csv_lines(["name"], [{"name": text}])))
    assert cell.removeprefix("'") == text
    assert cell.startswith("'") == text.startswith(GUARDED_STARTS)


def test_lines_are_rfc_4180() -> None:
    lines = list(csv_lines(["a", "b"], [{"a": 'say "x", y', "b": "two\nlines"}]))
    assert lines == ["a,b\r\n", '"say ""x"", y","two\nlines"\r\n']


def test_values_have_one_spelling_each() -> None:
    row = {
        "none": None,
        "yes": True,
        "no": False,
        "count": 7,
        "share": 66.7,
        "at": datetime(2026, 11, 22, 13, 0, tzinfo=timezone(timedelta(hours=1))),
        "id": UUID(int=7),
        "remedy": Remedy.MISSING,
        "list": ("CVE-2026-1", "CVE-2026-2"),
    }
    (_, cells) = read(list(csv_lines(list(row), [row])))
    assert cells == [
        "",
        "yes",
        "no",
        "7",
        "66.7",
        "2026-11-22T12:00:00Z",
        "00000000-0000-0000-0000-000000000007",
        "missing",
        "CVE-2026-1 CVE-2026-2",
    ]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_parts_of_json_are_one_object(count: int) -> None:
    rows = [{"number": number, "name": "=1", "at": datetime(2026, 11, 22, tzinfo=UTC)} for number in range(count)]
    found = json.loads("".join(json_parts({"report": "test", "remedy": Remedy.MISSING}, rows)))
    assert found["meta"] == {"report": "test", "remedy": "missing"}
    assert found["rows"] == [{"number": number, "name": "=1", "at": "2026-11-22T00:00:00Z"} for number in range(count)]


def test_what_has_no_spelling_is_a_fault() -> None:
    with pytest.raises(TypeError, match="object"):
        list(json_parts({"what": object()}, []))
