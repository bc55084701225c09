"""``oakum db``: prepare or check this server's database.  It moves no data between databases."""

from __future__ import annotations

import click
from django.core.management import call_command

from oakum.cli import local


@click.group()
def db() -> None:
    """Prepare or check this server's database (OAKUM_DATABASE_URL)."""


@db.command()
def migrate() -> None:
    """Create the tables, or bring them up to date.

    Example: OAKUM_DATABASE_URL=postgresql://oakum@localhost/oakum oakum db migrate
    """
    local.setup_django()
    local.migrate()
    click.echo("The database is up to date.")


@db.command()
@local.require_prepared
def check() -> None:
    """Say whether the tables are those of this version; exit 1 if not."""
    try:
        call_command("migrate", check_unapplied=True, verbosity=0)
    except SystemExit:
        click.echo("Tables are missing or old: run `oakum db migrate`.", err=True)
        raise SystemExit(1) from None
    click.echo("The database is up to date.")
