"""Help that helps: it costs nothing to ask for it, and every command shows how it is typed."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from oakum.cli.main import COMMANDS, cli
from tests.cli.running import Shell

BY_API = ("login", "host", "finding", "patch", "rollout", "window", "journal")


def leaves(
    command: click.Command, path: tuple[str, ...], context: click.Context
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found, (*path, name), context)
    else:
        yield path, command


def all_leaves() -> dict[tuple[str, ...], click.Command]:
    context = click.Context(cli)
    found: dict[tuple[str, ...], click.Command] = {}
    for name in BY_API:
        command = cli.get_command(context, name)
        assert command is not None
        found |= dict(leaves(command, (name,), context))
    return found


LEAVES = all_leaves()


def test_asking_for_help_imports_no_command_and_no_server() -> None:
    source = (
        "import sys; from oakum.cli.main import cli\n"
        "try: cli.main(['--help'], prog_name='oakum')\n"
        "except SystemExit: pass\n"
        "heavy = ('oakum.cli.', 'django', 'httpx', 'rich', 'uvicorn', 'cryptography')\n"
        "print([name for name in sys.modules if name.startswith(heavy) and name != 'oakum.cli.main'], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


def test_the_help_of_the_root_names_a_way_in(tmp_path: Path) -> None:
    told = Shell(tmp_path)("--help", COLUMNS="80").ok()
    assert "oakum up" in told
    assert "oakum login" in told
    assert "No such command 'hots'" in Shell(tmp_path)("hots").err
    assert Shell(tmp_path)("version").ok().startswith("oakum ")


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_explains_itself_and_shows_an_example_that_parses(
    path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OAKUM_TOKEN", "oak_x")  # else `login` asks
    (tmp_path / "journal.jsonl").touch()
    told = Shell(tmp_path)(*path, "--help", COLUMNS="80").ok()
    lines = told.splitlines()
    assert all(len(line) <= 80 for line in lines)
    words = " ".join(told.split())
    assert "Example: oakum " + " ".join(path) in words, told
    for example in examples(lines):
        command, arguments = resolve(shlex.split(example)[1:])
        command.make_context("oakum", arguments, resilient_parsing=False)


def examples(lines: list[str]) -> Iterator[str]:
    """Yield the example commands of a help text, as they could be pasted."""
    text = "\n".join(lines).partition("Example:")[2].partition("Options:")[0].replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip().startswith("oakum "):
            yield line.strip()


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, words
        command, words = found, words[1:]
    return command, words


def test_every_command_that_answers_has_json() -> None:
    silent = [path for path, command in LEAVES.items() if not any("--json" in each.opts for each in command.params)]
    assert silent == [("host", "sbom"), ("journal", "export")]  # they are JSON, and JSON lines


def test_every_option_says_what_it_is() -> None:
    plain = {
        "--severity",
        "--kind",
        "--mode",
        "--reboot",
        "--failure-percent",
        "--failure-count",
    }  # their choices say it
    mute = [
        (" ".join(path), option.opts[0])
        for path, command in LEAVES.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help and option.opts[0] not in plain
    ]
    assert mute == []
