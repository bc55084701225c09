"""``oakum sbom``: bills of materials on this machine, without a server.

`oakum scan --sbom` assesses one, `oakum scan --output-format cyclonedx` and `oakum host sbom` write them.
"""

from __future__ import annotations

from typing import Final

import click

from oakum.cli.output import json_option, print_json, say
from oakum.scan.sbom.checking import Verdict, check_sbom

EXIT_NOT_IN_ORDER: Final = 1


@click.group()
def sbom() -> None:
    """Bills of materials: check whether one is valid."""


@sbom.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@json_option
def check(file: str, *, as_json: bool) -> None:
    """Say whether a bill of materials is valid, and where and why it is not.

    CycloneDX 1.2 to 1.7 (JSON, XML) by its official schema; SPDX 2.2 and 2.3 (JSON, tag-value) by the standard's rules.

    Exit codes: 0 valid, 1 not valid, 2 misuse, 4 it cannot be read or is too large to be judged.

    Example: oakum sbom check app.cdx.json

    Example: syft . -o spdx-json | oakum sbom check -
    """
    verdict = check_sbom(file)
    if as_json:
        print_json(_plain(file, verdict))
    else:
        _print(file, verdict)
    if not verdict.is_valid:
        raise SystemExit(EXIT_NOT_IN_ORDER)


def _plain(file: str, verdict: Verdict) -> dict[str, object]:
    return {
        "file": file,
        "format": verdict.format,
        "valid": verdict.is_valid,
        "problems": [{"place": each.place, "reason": each.reason} for each in verdict.problems],
        "all_problems": verdict.is_all,
    }


def _print(file: str, verdict: Verdict) -> None:
    if verdict.is_valid:
        say(f"{file}: valid {verdict.format}.")
        return
    say(f"{file}: not valid{f' {verdict.format}' if verdict.format else ''}.")
    for each in verdict.problems:
        say(f"{each.place}: {each.reason}" if each.place else each.reason)
    if not verdict.is_all:
        say("There are more; these are the first.")
