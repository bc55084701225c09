"""Set-up for the few commands that work on this server's own database instead of through the API.

Commands that only read, or that need people and hosts, refuse a database that holds no Oakum.  Commands that fill it
(feeds) make the embedded one where there is none, so that `oakum scan` needs no server.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.db import connection
from django.db.utils import DatabaseError

from oakum.core.errors import OperatorError, StoreError


def setup_django() -> None:
    """Make the rooms' tables usable in this process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oakum.settings")
    django.setup()


def utc_now() -> datetime:
    """Read the clock: at the edge, and only there."""
    return datetime.now(tz=UTC)


def check_database() -> None:
    """Connect once.

    Raises:
        StoreError: the database does not answer; says which setting names it.
    """
    try:
        connection.ensure_connection()
    except (DatabaseError, OSError) as error:
        raise StoreError(
            code="database_unreachable",
            sentence=f"The database does not answer: {str(error).strip().splitlines()[0]}.",
            next_step="Check OAKUM_DATABASE_URL and that the server runs and lets this user in.",
        ) from error


def migrate() -> None:
    """Bring the tables up to date."""
    check_database()
    call_command("migrate", verbosity=0, interactive=False)


def require_prepared(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a command that needs the tables: an unprepared database gets a sentence, not a traceback."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        setup_django()
        check_database()
        if not _has_tables():
            raise OperatorError(
                code="database_empty",
                sentence="This database holds no Oakum yet.",
                next_step="Start `oakum up` once, or run `oakum db migrate`; OAKUM_DATA_DIR says where to look.",
            )
        return function(*args, **kwargs)

    wrapped.__name__, wrapped.__doc__ = function.__name__, function.__doc__
    return wrapped


def prepare(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a command that fills the database: the embedded one is made where there is none, any other must be prepared.

    A server on PostgreSQL is somebody's decision; its tables are made by `oakum up` or `oakum db migrate`.
    """
    needs_tables = require_prepared(function)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        setup_django()
        if connection.vendor == "sqlite":
            _make_embedded()
        return needs_tables(*args, **kwargs)

    wrapped.__name__, wrapped.__doc__ = function.__name__, function.__doc__
    return wrapped


def _has_tables() -> bool:
    return "identity_organisation" in connection.introspection.table_names()


def _make_embedded() -> None:
    """Make the embedded database's directory and tables, unless it has tables; `oakum up` may start meanwhile."""
    # Loads what makes certificates, which a command that finds its tables does without.
    from oakum.cli.up import preparation  # noqa: PLC0415

    path = Path(str(connection.settings_dict["NAME"]))
    if not path.is_absolute() or (path.exists() and _has_tables()):  # not absolute: in memory
        return
    preparation.make_data_dir(path.parent)
    with preparation.lock_data_dir(path.parent):
        migrate()
