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
def reindex() -> None:
    """Make the index of which hosts have which package version anew, from what the hosts last told.

    It may run beside the server: readers see the former index until the new one is whole.
    """
    # Known only once Django is set up.
    from oakum.findings.index import rebuild_index  # noqa: PLC0415

    report = rebuild_index(now=local.utc_now())
    click.echo(
        f"{report.host_count:,} hosts are indexed: {report.bitmap_count:,} bitmaps in {report.shard_count} shards."
    )


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
