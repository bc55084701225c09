"""The ``oakum`` command: which subcommand lives where, and how faults become exit codes.

Subcommands are imported when they are called, so that ``oakum host list`` does not pay for a web server.
Exit codes: 0 in order, 1 not in order, 2 misuse, 3 refused by policy, 4 fault.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from oakum.core.errors import NotAllowedError, OakumError, OperatorError

EXIT_NOT_IN_ORDER = 1
EXIT_MISUSE = 2
EXIT_REFUSED = 3
EXIT_FAULT = 4

# name -> (module, attribute, one line of help); the help stands here so that `oakum --help` imports nothing.
COMMANDS = {
    "up": ("oakum.cli.up.command", "up", "Start everything here: pages, API, gateway, loops, signer, local agent."),
    "web": ("oakum.cli.up.command", "web", "Start the pages, the API and the agents' gateway alone."),
    "loops": ("oakum.cli.up.command", "loops", "Start the loops alone."),
    "signer": ("oakum.cli.up.command", "signer", "Start the order signer alone."),
    "login": ("oakum.cli.login", "login", "Remember a server and a personal token for the commands below."),
    "host": ("oakum.cli.host", "host", "Hosts: list, show, set, groups, enrolment."),
    "finding": ("oakum.cli.finding", "finding", "Findings: list, export, compliance."),
    "what-if": ("oakum.cli.what_if", "what_if", "What would be: which hosts an advisory would reach, before import."),
    "patch": ("oakum.cli.patch", "patch", "Patches: list and show the catalogue of pending updates."),
    "rollout": ("oakum.cli.rollout", "rollout", "Rollouts: plan, approve, start, status, pause, resume, halt."),
    "window": ("oakum.cli.window", "window", "Maintenance windows and freezes."),
    "journal": ("oakum.cli.journal", "journal", "The journal: list, verify, export."),
    "scan": ("oakum.cli.scan", "scan", "Without a server: which advisories apply to what is installed here."),
    "sbom": ("oakum.cli.sbom", "sbom", "Without a server: check a bill of materials (CycloneDX, SPDX)."),
    "feed": ("oakum.cli.feed", "feed", "Feeds on this server: import, sync, list."),
    "admin": ("oakum.cli.admin", "admin", "On this server: people, passwords, tokens."),
    "db": ("oakum.cli.db", "db", "On this server: prepare or check the database."),
    "version": ("oakum.cli.version", "version", "Print the version; compare versions and ask ranges of any ecosystem."),
}


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the subcommands in the order in which people meet them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a subcommand."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Find what is out of date, patch it in rings, take it back where it harms, prove it.

    \b
    Start a server on this machine:      oakum up
    Talk to a server from anywhere:      oakum login https://oakum.example.test --token oak_...
                                         oakum finding list --overdue
    """  # noqa: D301 - click's mark against rewrapping


def exit_code_of(error: OakumError) -> int:
    """Choose the exit code of a fault: here, at the edge, and nowhere else."""
    if isinstance(error, NotAllowedError):
        return EXIT_REFUSED
    return EXIT_MISUSE if isinstance(error, OperatorError) else EXIT_FAULT


def main(argv: list[str] | None = None) -> Any:
    """Run the command line; words a fault in at most two lines and never shows a traceback for one."""
    try:
        return cli.main(args=argv, prog_name="oakum")
    except OakumError as error:
        click.echo(f"oakum: {error.sentence}", err=True)
        if error.next_step:
            click.echo(f"       {error.next_step}", err=True)
        sys.exit(exit_code_of(error))
    except Exception as error:
        if not type(error).__module__.startswith("django.db"):
            raise
        click.echo(f"oakum: The database refused: {str(error).strip()}.", err=True)
        click.echo("       Try again; if it stays, check its disk, its locks and OAKUM_DATABASE_URL.", err=True)
        sys.exit(EXIT_FAULT)


if __name__ == "__main__":
    main()
