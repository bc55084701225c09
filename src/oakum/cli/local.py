"""Set-up for the few commands that work on this server's own database instead of through the API."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
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
        if "identity_organisation" not in connection.introspection.table_names():
            raise OperatorError(
                code="database_empty",
                sentence="This database holds no Oakum yet.",
                next_step="Start `oakum up` once, or run `oakum db migrate`; OAKUM_DATA_DIR says where to look.",
            )
        return function(*args, **kwargs)

    wrapped.__name__, wrapped.__doc__ = function.__name__, function.__doc__
    return wrapped
