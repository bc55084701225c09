"""A database that several threads can use: on SQLite a file (the tests' own is in memory and has one connection)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.gateway.driver import Door

# Tests that lock the database must not wait for as long as a server does.
LOCK_SECONDS_MAX = 0.3


@pytest.fixture
def shared_database(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    """Let threads see what the test writes, and clean up behind all of them."""
    if connection.vendor != "sqlite":
        with connection.cursor() as cursor:
            name = connection.settings_dict["NAME"]
            cursor.execute(f'ALTER DATABASE "{name}" SET lock_timeout = {int(LOCK_SECONDS_MAX * 1000)}')
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined] # PostgreSQL's: older sessions know no such timeout
        yield
        return
    connection.ensure_connection()
    path = tmp_path / "gateway.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])
    settings, options = connection.settings_dict, connection.settings_dict["OPTIONS"]
    in_memory, name = connection.connection, settings["NAME"]
    connection.connection = None
    settings["NAME"], settings["OPTIONS"] = str(path), options | {"timeout": LOCK_SECONDS_MAX}
    try:
        yield
    finally:
        connection.close()
        settings["NAME"], settings["OPTIONS"] = name, options
        connection.connection = in_memory


@pytest.fixture
def door(shared_database: None) -> Iterator[Door]:
    with Door() as door:
        yield door
