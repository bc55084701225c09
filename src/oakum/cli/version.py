"""``oakum version``: this program's own, and the order of everybody's: compare versions, ask ranges, line by line.

Everything here is the core's; neither Django nor a server is needed, so a script may start it often.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Final

import click

from oakum import __version__
from oakum.cli.version_lines import INVALID, Remembered, answer_lines
from oakum.core.ranges import InvalidRange, Range, parse_range, render_vers
from oakum.core.versions import InvalidVersion, UnknownScheme, order_key, scheme_of_name

# Keys are some 30 bytes and versions shorter: at most 20 MB.  Ranges are worth more and are fewer.
_KEY_COUNT_MAX: Final = 65_536
_VERSION_LENGTH_MAX: Final = 200
_RANGE_COUNT_MAX: Final = 2_048
_RANGE_LENGTH_MAX: Final = 2_000


def _stamp(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return the stamp of a scheme, or refuse the name with those there are."""
    try:
        return scheme_of_name(value)
    except UnknownScheme as error:
        raise click.BadParameter(str(error), ctx=ctx, param=param) from error


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def version(ctx: click.Context) -> None:
    """Print the version; or compare versions and ask ranges, of any ecosystem.

    The schemes, and their other names: deb (debian, dpkg), rpm, apk (alpine), alpm (arch, pacman), pypi (pep440),
    npm, semver, cargo (crates, crates.io), golang (go), maven, gem (rubygems), nuget, composer (packagist), windows
    (winget), generic.

    \b
    Example:
        oakum version
        printf '1.0~rc1\\t1.0\\n' | oakum version compare deb
        printf '>=1.0, <2.0\\t1.5-1\\n' | oakum version contains rpm
    """  # noqa: D301 - click's mark against rewrapping
    if ctx.invoked_subcommand is None:
        click.echo(f"oakum {__version__}")


@version.command()
@click.argument("scheme", callback=_stamp)
def compare(scheme: str) -> None:
    """Compare the two versions of each line.

    Reads `a<TAB>b` lines and prints a line for each, in order: `<`, `=`, `>`, or `!` where either is no version of the
    scheme or there is no tab. As rpm and pacman, a version without a release equals the same version with any.

    \b
    Example:
        printf '1.0\\t1.0-1\\n' | oakum version compare rpm
    """  # noqa: D301 - click's mark against rewrapping
    keys = _keys(scheme)

    def answer(line: str) -> str:
        left, tab, right = line.partition("\t")
        one, other = keys[left], keys[right] if tab else None
        if one is None or other is None:
            return INVALID
        if one < other:
            return "=" if other.startswith(one) else "<"  # a key that begins another says the same less exactly
        return "=" if one.startswith(other) else ">"

    _run(answer)


@version.command()
@click.argument("scheme", callback=_stamp)
def contains(scheme: str) -> None:
    """Say of each line's range whether it holds the line's version.

    Reads `range<TAB>version` lines and prints a line for each, in order: `true`, `false`, or `!` where the range or
    the version is none of the scheme or there is no tab.

    A range is a `vers:` string; OSV events, `introduced=1.0,fixed=1.4` or `introduced=1.0,last_affected=1.3`; the
    ecosystem's own syntax (npm, cargo, gem, PEP 440, Maven, NuGet, Composer), with its own rules for pre-releases; or
    comparators, where a comma or a blank means and, `||` means or, and a bare version means that version. An empty
    range is everything.

    \b
    Example:
        printf 'vers:npm/>=1.0.0|<2.0.0\\t1.5.0\\n' | oakum version contains npm
        printf '^1.2 || ~2.1.0\\t2.1.9\\n' | oakum version contains npm
        printf 'introduced=0,fixed=1.0-2\\t1.0-1\\n' | oakum version contains deb
    """  # noqa: D301 - click's mark against rewrapping
    ranges = _ranges(scheme)

    def answer(line: str) -> str:
        told, tab, text = line.partition("\t")
        within = ranges[told] if tab else None
        if within is None:
            return INVALID
        try:
            return "true" if within.contains(text) else "false"
        except InvalidVersion:
            return INVALID

    _run(answer)


@version.command()
@click.argument("scheme", callback=_stamp)
def vers(scheme: str) -> None:
    """Print each line's range as a `vers:` string.

    Reads ranges, one a line, in any notation that `oakum version contains` knows, and prints a line for each, in order:
    the range in VERS's strictest form, or `!` where it is none or VERS has no words for it.

    \b
    Example:
        printf '[1.0,2.0),[2.1]\\n' | oakum version vers maven
    """  # noqa: D301 - click's mark against rewrapping
    ranges = _ranges(scheme)

    def answer(told: str) -> str:
        within = ranges[told]
        try:
            return INVALID if within is None else render_vers(within)
        except ValueError:
            return INVALID

    _run(answer)


def _keys(scheme: str) -> Remembered[bytes | None]:
    def key(text: str) -> bytes | None:
        try:
            return order_key(scheme, text)
        except InvalidVersion:
            return None

    return Remembered(key, count_max=_KEY_COUNT_MAX, length_max=_VERSION_LENGTH_MAX)


def _ranges(scheme: str) -> Remembered[Range | None]:
    def parsed(text: str) -> Range | None:
        try:
            return parse_range(scheme, text)
        except InvalidRange:
            return None

    return Remembered(parsed, count_max=_RANGE_COUNT_MAX, length_max=_RANGE_LENGTH_MAX)


def _run(answer: Callable[[str], str]) -> None:
    """Answer standard input on standard output; who stops reading has seen enough."""
    try:
        answer_lines(sys.stdin.buffer, sys.stdout.buffer, answer)
    except BrokenPipeError:
        # What is left in the buffer goes nowhere, or Python would try to write it, and complain, as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
