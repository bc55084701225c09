"""What every test may use: the instant, and the two databases.

``OAKUM_TEST_DATABASE_URL`` chooses PostgreSQL; without it the tests run on SQLite.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime

import pytest

# Settings read the data directory at import: tests never see a person's own.
os.environ["OAKUM_DATA_DIR"] = tempfile.mkdtemp(prefix="oakum-test-")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name functions by their names: their addresses differ between the processes that share the tests out."""
    return getattr(val, "__name__", None) if callable(val) else None


@pytest.fixture
def now() -> datetime:
    """Return the instant at which tests take place: a Sunday, away from any clock change."""
    return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
