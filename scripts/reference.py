#!/usr/bin/env python3
"""Writes docs/reference/cli.md and docs/reference/api.md from the program itself; ``--check`` only compares.

It words nothing of its own: help texts and docstrings are the source.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from oakum.cli.main import cli

ROOT = Path(__file__).resolve().parents[1]
DIRECTORY = ROOT / "docs" / "reference"
MADE_BY = "<!-- Made by scripts/reference.py from the program itself: change it there. -->"
ALWAYS_THERE = frozenset({"--json", "--help"})

CLI_HEAD = f"""{MADE_BY}

# Command line

`oakum login` once; after that every command but `up`, `web`, `loops`, `signer`, `feed`, `admin` and `db` talks to that
server as you. `OAKUM_URL`, `OAKUM_TOKEN` and `OAKUM_CERTIFICATE` stand above what was remembered. Every command that
answers takes `--json`: that is complete, while a table leaves columns out where the line is too short.

Exit codes: 0 in order; 1 not in order (findings with `--fail`, a journal that does not hold, a halted rollout under
`--watch`, a question answered with no); 2 misuse; 3 refused by role or policy; 4 fault of the server or the network.
"""
API_HEAD = f"""{MADE_BY}

# REST API

Everything is under `/api/v1`; for programs the same stands at `/api/v1/openapi.json`. Every request carries a personal
token, `Authorization: Bearer oak_...`. Bodies and answers are JSON, instants RFC 3339 in UTC. A field that is not known
is refused.

Every fault is `{{"code", "sentence", "next_step"}}`: 400 and 422 the request cannot be read, 401 no good token, 403
role or policy, 404 not there or not yours, 409 cannot be done so or now, 413 too large, 500 a fault of ours, 502 a
feed, 503 the database.
"""


def main() -> None:
    """Write both files, or say which are not as the program is."""
    texts = {"cli.md": "\n".join(cli_lines()) + "\n", "api.md": "\n".join(api_lines()) + "\n"}
    if "--check" in sys.argv[1:]:
        old = [name for name, text in texts.items() if read(DIRECTORY / name) != text]
        if old:
            sys.exit(f"docs/reference: {', '.join(old)} not as the program is: run scripts/reference.py")
        return
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")


def read(path: Path) -> str:
    """Return a file's text, nothing where there is none."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


# The command line -----------------------------------------------------------------------------------------------------


def cli_lines() -> Iterator[str]:
    """Yield the lines of cli.md."""
    yield CLI_HEAD.rstrip()
    context = click.Context(cli, info_name="oakum")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        yield ""
        yield f"## oakum {name}"
        yield from command_lines(command, f"oakum {name}", context)


def command_lines(command: click.Command, path: str, parent: click.Context) -> Iterator[str]:
    """Yield what there is to say of a command, then of those below it."""
    context = click.Context(command, info_name=path.rsplit(maxsplit=1)[-1], parent=parent)
    text, examples = split_help(command.help or "")
    yield ""
    if not isinstance(command, click.Group):
        arguments = " ".join(each.make_metavar(context) for each in command.params if isinstance(each, click.Argument))
        yield f"`{path} {arguments}`".replace(" `", "`")
        yield ""
    yield text
    yield from option_lines(command, context)
    if examples:
        yield ""
        yield from (f"    {line}" for line in examples)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield ""
            yield f"### {path} {name}"
            yield from command_lines(below, f"{path} {name}", context)


def option_lines(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the options, one a line, less those that every command has."""
    records = [
        each.get_help_record(context)
        for each in command.params
        if isinstance(each, click.Option) and not ALWAYS_THERE & set(each.opts)
    ]
    shown = [record for record in records if record is not None]
    if shown:
        yield ""
    for usage, words in shown:
        yield f"- `{usage}`" + (f": {words}" if words else "")


def split_help(text: str) -> tuple[str, list[str]]:
    """Return a help text as Markdown, and its examples; what click must not rewrap (after a backspace) is a block."""
    text, _, example = inspect.cleandoc(text).partition("Example:")
    parts = [part for part in text.split("\n\n") if part.replace("\b", "").strip()]
    shown = [block(part) if part.startswith("\b\n") else " ".join(part.split()) for part in parts]
    return "\n\n".join(shown), [line.strip() for line in example.splitlines() if line.strip()]


def block(text: str) -> str:
    """Return lines as a Markdown block."""
    return "\n".join(f"    {line.rstrip()}" for line in text.removeprefix("\b\n").splitlines())


# The API --------------------------------------------------------------------------------------------------------------


def api_lines() -> Iterator[str]:
    """Yield the lines of api.md."""
    document = load_document()
    schemas = document["components"]["schemas"]
    yield API_HEAD.rstrip()
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append((path, method, operation))
    for tag, operations in by_tag.items():
        yield ""
        yield f"## {tag}"
        for path, method, operation in operations:
            yield from operation_lines(path.removeprefix("/api/v1"), method, operation)
    yield ""
    yield "## Values"
    for name in sorted(set(names_in(document))):
        yield from schema_lines(name, schemas[name])


def names_in(value: object) -> Iterator[str]:
    """Yield the values that operations and other values speak of."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rpartition("/")[2]
        for each in value.values():
            yield from names_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from names_in(each)


def load_document() -> dict[str, Any]:
    """Return the OpenAPI document, without a database and without anybody's data directory."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "oakum.settings"
    os.environ["OAKUM_DATA_DIR"] = tempfile.gettempdir()
    import django  # noqa: PLC0415 - reads the settings that were named just now

    django.setup()
    from oakum.api.root import api  # noqa: PLC0415 - needs the tables' models

    return dict(api.get_openapi_schema(path_prefix="/api/v1/"))


def operation_lines(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    """Yield what there is to say of one operation."""
    yield ""
    yield f"### {method.upper()} {path}"
    yield ""
    yield prose(operation["description"])
    told = []
    parameters = [each for each in operation.get("parameters", []) if each["in"] == "query"]
    if parameters:
        told.append("query " + ", ".join(field(each["name"], each["schema"], each["required"]) for each in parameters))
    body = operation.get("requestBody")
    if body:
        told.append(f"body {type_of(body['content']['application/json']['schema'])}")
    answer = operation["responses"].get(200, {}).get("content")
    told.append(f"answer {type_of(answer['application/json']['schema'])}" if answer else "answer: a stream")
    yield ""
    yield from (f"- {line}" for line in told)


def schema_lines(name: str, schema: dict[str, Any]) -> Iterator[str]:
    """Yield one value's meaning and fields."""
    yield ""
    yield f"**{name}**: {prose(schema.get('description', ''))}".rstrip(": ")
    if "enum" in schema:
        yield f"One of {', '.join(f'`{each}`' for each in schema['enum'])}."
        return
    needed = set(schema.get("required", []))
    fields = [field(each, told, each in needed) for each, told in schema.get("properties", {}).items()]
    yield f"Fields: {', '.join(fields)}."


def field(name: str, schema: dict[str, Any], is_needed: bool) -> str:  # noqa: FBT001 - as JSON schema has it
    """Return a field with its type, and its default where it may be left out."""
    default = schema.get("default")
    tail = f" = {default}" if not is_needed and default not in (None, "", []) else ""
    return f"`{name}` {type_of(schema)}{tail}"


def type_of(schema: dict[str, Any]) -> str:
    """Return a type in words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(type_of(each) for each in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return "|".join(str(each) or "''" for each in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    if kind == "string":
        return {"date-time": "instant", "uuid": "id"}.get(schema.get("format", ""), "text")
    inner = schema.get("additionalProperties")
    bounds = f" {schema['minimum']} to {schema['maximum']}" if {"minimum", "maximum"} <= set(schema) else ""
    return f"object of {type_of(inner)}" if isinstance(inner, dict) else f"{kind}{bounds}"


def prose(text: str) -> str:
    """Return a docstring as one paragraph of Markdown."""
    return re.sub(r"``([^`]+)``", r"`\1`", " ".join(text.split()))


if __name__ == "__main__":
    main()
