"""How commands print, without a server: widths, hostile letters, durations, times."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from oakum.cli import output
from oakum.cli.duration import Duration, render_duration
from oakum.cli.output import Column, print_json, print_lines, print_table

HOSTILE = "a\x1b[2Jb\x07c\x9b31md\u202ee\u2028f\x7fg\ud800h\r\ni"
COLUMNS = (
    Column(name="host"),
    Column(name="count", is_number=True),
    Column(name="why", wraps=True),
    Column(name="extra", rank=1),
)
ROWS = [("web01", 7, "one two three four five six seven eight nine ten", "x" * 30), ("db", 12, "", "y")]


def run(function: object, *, columns: str = "") -> tuple[str, str]:
    """Return what a function printed to standard output and error."""
    runner = CliRunner()
    with runner.isolation(env={"COLUMNS": columns or None}) as (out, err, _):
        assert callable(function)
        function()
        return out.getvalue().decode(), err.getvalue().decode()


def test_without_a_terminal_a_table_never_wraps_and_loses_nothing() -> None:
    out, err = run(lambda: print_table(COLUMNS, ROWS, empty=""))
    assert len(out.splitlines()) == 3
    assert "ten" in out.splitlines()[1]
    assert "x" * 30 in out
    assert err == ""


def test_a_narrow_line_keeps_what_matters_and_names_what_it_has_no_room_for() -> None:
    out, err = run(lambda: print_table(COLUMNS, ROWS, empty=""), columns="40")
    assert max(map(len, out.splitlines())) <= 40
    assert " ".join(out.split()).startswith("host count why web01 7 one two three")
    assert "ten" in out
    assert "xx" not in out
    assert "no room for: extra" in err


def test_numbers_stand_right_and_no_line_ends_in_blanks() -> None:
    out, _ = run(lambda: print_table(COLUMNS, ROWS, empty=""))
    assert out.splitlines()[0].startswith("host   count  why")
    assert out.splitlines()[1].startswith("web01      7  one")
    assert all(line == line.rstrip() for line in out.splitlines())


@pytest.mark.parametrize("columns", ["1", "20", "0", "-5", "wide"])
def test_impossible_widths_print_something(columns: str) -> None:
    out, _ = run(lambda: print_table(COLUMNS, ROWS, empty=""), columns=columns)
    assert "w" in out


def test_an_empty_table_says_the_next_step() -> None:
    assert run(lambda: print_table(COLUMNS, [], empty="No host yet: `oakum host add`."))[0].startswith("No host yet")


def test_what_a_terminal_would_obey_is_never_printed() -> None:
    def all_ways() -> None:
        print_table(("a", "b"), [(HOSTILE, HOSTILE)], empty="")
        output.print_pairs([("label", HOSTILE)])
        output.say(HOSTILE)

    out, _ = run(all_ways)
    for letter in "\x1b\x07\x9b\u202e\u2028\x7f\r\x85":
        assert letter not in out
    assert "a?[2Jb?c" in out


def test_json_keeps_every_letter_and_obeys_none() -> None:
    out, _ = run(lambda: print_json({"name": HOSTILE, "k\x9b": "Köln 東京"}))
    for letter in "\x1b\x07\x9b\u202e\u2028\x7f\x85":
        assert letter not in out
    assert json.loads(out) == {"name": HOSTILE, "k\x9b": "Köln 東京"}
    assert "Köln 東京" in out


def test_an_export_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    run(lambda: print_lines(["a,b\r", HOSTILE.replace("\ud800", "")], str(file)))
    assert file.read_bytes().startswith(b"a,b\r\na\x1b[2Jb")

    def broken() -> None:
        def lines() -> object:
            yield "half"
            raise click.ClickException("the server went away")

        print_lines(lines(), str(file))  # type: ignore[arg-type] # a generator that fails

    with pytest.raises(click.ClickException):
        run(broken)
    assert file.read_bytes().startswith(b"a,b")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("4h", 14_400), ("2d", 172_800), ("1h30m", 5_400), ("0s", 0)]
)
def test_durations(text: str, seconds: int) -> None:
    assert Duration().convert(text, None, None) == seconds
    assert Duration().convert(render_duration(seconds), None, None) == seconds


@pytest.mark.parametrize("text", ["", "4", "h", "-1h", "4 h", "1.5h", "4h!", "9999999d", "4H"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter, match="90s, 15m, 4h, 2d or 1h30m"):
        Duration().convert(text, None, None)


def test_times_are_told_as_distances() -> None:
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    for delta, words in (
        (timedelta(seconds=-5), "5 s ago"),
        (timedelta(minutes=-3), "3 min ago"),
        (timedelta(hours=30), "in 1 d"),
        (timedelta(days=-40), "40 d ago"),
    ):
        assert output.since((now + delta).isoformat(), now=now) == words
    assert output.since(None) == "never"
    assert output.due(None, overdue=False) == "next upgrade"
    assert output.instant("2026-11-22T02:00:00+01:00") == "2026-11-22 01:00 UTC"
