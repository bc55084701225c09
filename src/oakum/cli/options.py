"""Options that several commands share: which findings are meant, and where an export goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

SEVERITIES = ("critical", "high", "medium", "low", "unknown")
REMEDIES = ("missing", "pending_restart", "pending_reboot", "no_fix", "unknown")
FILTER_OPTIONS = (
    click.option("--host", default=None, help="Only this host, by name or id."),
    click.option("--group", default=None, help="Only hosts of this group."),
    click.option("--cve", default=None, help="Only this CVE."),
    click.option("--package", default=None, help="Only this source or binary package."),
    click.option("--severity", type=click.Choice(SEVERITIES), default=None),
    click.option("--remedy", type=click.Choice(REMEDIES), default=None, help="How the remedy stands on the host."),
    click.option("--search", default=None, help="Part of a host's, package's, advisory's or CVE's name."),
    click.option("--kev", is_flag=True, default=None, help="Only what is known to be exploited."),
    click.option("--overdue", is_flag=True, default=None, help="Only what should be gone by now."),
)
FORMAT_OPTIONS = (
    click.option("--csv", "format_", flag_value="csv", default=None, help="Write CSV."),
    click.option("--json", "format_", flag_value="json", help="Write JSON."),
    click.option("--output", "-o", type=click.Path(dir_okay=False), help="A file instead of standard output."),
)


def with_options(options: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """Return a decorator that adds ``options`` in their order."""

    def add(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def chosen_format(format_: str | None, output: str | None) -> str:
    """Return csv or json: what was said, else what the file's name says, else csv."""
    return format_ or ("json" if output and output.endswith(".json") else "csv")
