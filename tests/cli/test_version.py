"""``oakum version``: what a script that compares thousands of versions relies on."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oakum import __version__
from oakum.cli.version_lines import LINE_LENGTH_MAX
from oakum.core.versions import UnknownScheme, scheme_of_name

OAKUM = (sys.executable, "-m", "oakum.cli.main", "version")


def ask(*words: str, told: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*OAKUM, *words], input=told, capture_output=True, check=False)


def answers(*words: str, lines: list[str]) -> list[str]:
    done = ask(*words, told="".join(f"{line}\n" for line in lines).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode().splitlines()


def scheme_names() -> list[str]:
    with pytest.raises(UnknownScheme) as refused:
        scheme_of_name("")
    return list(refused.value.known)


def test_alone_it_prints_the_version() -> None:
    assert ask(told=b"").stdout.decode() == f"oakum {__version__}\n"


def test_versions_are_compared_line_by_line_in_order() -> None:
    lines = ["1.0~rc1\t1.0", "1.0\t0:1.0-0", "2\t1", "1 0\t1", "1.0", "", "\t", "1\t2\t3", "1.0-1\t1.0-1+b1"]
    assert answers("compare", "deb", lines=lines) == ["<", "=", ">", "!", "!", "!", "!", "!", "<"]


def test_a_version_without_release_equals_the_same_with_any_as_for_rpm_and_pacman() -> None:
    lines = ["1.0\t1.0-1", "1.0-2\t1.0", "1.0-1\t1.0-2", "1.0\t1.0.1-1", "1.0\t1.0", "1:1.0\t1.0-1"]
    for scheme in ("rpm", "alpm"):
        assert answers("compare", scheme, lines=lines) == ["=", "=", "<", "<", "=", ">"]


def test_ranges_are_asked_line_by_line_in_order() -> None:
    lines = [
        "vers:npm/>=1.0.0|<2.0.0\t1.5.0",
        "^1.2 || ~2.1.0\t2.2.0",
        "introduced=1.0.0,last_affected=1.4.0\t1.4.0",
        "\t9.9.9",
        "^1.2\t1.x",
        "^^1\t1.0.0",
        "vers:deb/1.0.0\t1.0.0",
        "^1.2",
    ]
    assert answers("contains", "npm", lines=lines) == ["true", "false", "true", "true", "!", "!", "!", "!"]


def test_ranges_of_any_notation_are_written_as_vers() -> None:
    lines = [">= 1.0, << 2.0", "introduced=0,fixed=1:2.0-1", "", "what is this ?=", "> 2 < 1"]
    written = ["vers:deb/>=1.0|<2.0", "vers:deb/<1:2.0-1", "vers:deb/*", "!", "vers:none/*"]
    assert answers("vers", "deb", lines=lines) == written


def test_the_last_line_needs_no_end_and_a_line_may_end_as_on_windows() -> None:
    assert ask("compare", "deb", told=b"1\t2\r\n2\t1\r\n1\t1").stdout == b"<\n>\n=\n"
    assert ask("compare", "deb", told=b"").stdout == b""


def test_what_is_no_text_or_no_line_of_sane_length_is_answered_as_invalid() -> None:
    long = b"1" * LINE_LENGTH_MAX
    lines = [b"1\t2", b"\xff\t1", long + b"\t1", b"1\t1", b"1\x00\t1", b"2\t1", long + b"\t1"]
    assert ask("compare", "deb", told=b"\n".join(lines)).stdout == b"<\n!\n!\n=\n!\n>\n!\n"
    assert ask("contains", "deb", told=b"\n".join(lines)).stdout == b"false\n!\n!\ntrue\n!\nfalse\n!\n"


def test_a_line_of_a_hundred_megabytes_needs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    with path.open("wb") as made:
        made.write(b"1\t2\n")
        for _ in range(100):
            made.write(b"9" * 1_000_000)
        made.write(b"\n2\t1\n")
    bound = 400 * 1_048_576  # of address space, as the interpreter with its libraries has it

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))

    with path.open("rb") as file:
        done = subprocess.run(
            [*OAKUM, "compare", "deb"], stdin=file, capture_output=True, check=False, preexec_fn=limit
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"<\n!\n>\n", b"")


def test_an_answer_comes_before_the_next_question() -> None:
    with subprocess.Popen([*OAKUM, "compare", "deb"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        for question, answer in ((b"1\t2\n", b"<\n"), (b"2\t1\n", b">\n")):
            running.stdin.write(question)
            running.stdin.flush()
            assert running.stdout.readline() == answer
        running.stdin.close()
        assert running.wait(10) == 0


def test_who_stops_reading_ends_it_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    told = b"1\t2\n" * 200_000
    done = subprocess.run([*OAKUM, "compare", "deb"], input=told, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("word", ["compare", "contains", "vers"])
def test_an_unknown_scheme_is_a_misuse_that_lists_those_there_are(word: str) -> None:
    done = ask(word, "debs", told=b"")
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"there is no version scheme 'debs'" in done.stderr
    for name in scheme_names():
        assert name.encode() in done.stderr


def test_the_help_names_every_scheme_and_shows_how_it_is_typed() -> None:
    told = ask("--help", told=b"").stdout.decode()
    words = set(told.replace(",", " ").replace("(", " ").replace(")", " ").replace(".\n", " ").split())
    assert set(scheme_names()) - words == set()
    assert "| oakum version compare deb" in told
    for word in ("compare", "contains", "vers"):
        assert f"| oakum version {word} " in ask(word, "--help", told=b"").stdout.decode()


@pytest.mark.parametrize("scheme", ["deb", "debian", "DEB", "rpm", "pacman", "alpine", "pep440", "packagist", "winget"])
def test_a_scheme_answers_to_all_its_names(scheme: str) -> None:
    assert answers("compare", scheme, lines=["1.0\t2.0"]) == ["<"]


def test_it_starts_without_django() -> None:
    source = (
        "import sys; import oakum.cli.version\n"
        "print([name for name in sys.modules if name.startswith(('django', 'httpx', 'rich', 'uvicorn', 'msgspec'))])"
    )
    assert subprocess.run([sys.executable, "-c", source], capture_output=True, check=True).stdout.strip() == b"[]"


@pytest.mark.parametrize(
    ("word", "line"),
    [("compare", "1.{0}.{1}-{2}\t1.{1}.{0}-{2}"), ("contains", ">= 1.{3}, < 2.{3}\t1.{0}.{1}-{2}")],
)
def test_a_hundred_thousand_lines_take_a_second_or_two(word: str, line: str) -> None:
    # The promise is 100,000 lines/s on an idle core; a busy machine that runs tests gets four times as long.
    count = 100_000
    lines = [line.format(at % 331, at % 317, at, at % 50) for at in range(count)]
    told = "".join(f"{each}\n" for each in lines).encode()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    began = time.monotonic()
    done = ask(word, "deb", told=told)
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert done.stdout.count(b"\n") == count
    assert b"!" not in done.stdout
    assert used < 4, (used, time.monotonic() - began)
