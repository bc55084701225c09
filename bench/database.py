"""A database for one measurement: SQLite in a new directory, or the PostgreSQL that OAKUM_TEST_DATABASE_URL names.

It measures nothing.  ``python -m bench`` runs each measurement once on either.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

SQLITE = "sqlite"
POSTGRESQL = "postgresql"


def database_kind() -> str:
    """Return which database this process measures on."""
    return POSTGRESQL if os.environ.get("OAKUM_TEST_DATABASE_URL") else SQLITE


@contextmanager
def database() -> Iterator[str]:
    """Set Django up on an empty database, yield the data directory, and take it away again."""
    data_dir = tempfile.mkdtemp(prefix="oakum-bench-")
    os.environ["OAKUM_DATA_DIR"] = data_dir
    os.environ["DJANGO_SETTINGS_MODULE"] = "oakum.settings"
    os.environ.pop("OAKUM_DATABASE_URL", None)
    try:
        import django  # noqa: PLC0415 - reads the settings, which read the directory above

        django.setup()
        from django.core.management import call_command  # noqa: PLC0415

        call_command("migrate", verbosity=0, skip_checks=True)
        yield data_dir
    finally:
        shutil.rmtree(data_dir)


def refresh_statistics() -> None:
    """Do at once what the database does by itself in the background."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == POSTGRESQL else "ANALYZE")
