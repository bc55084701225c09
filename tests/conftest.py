"""What every test may use: the instant, and the two databases.

``OAKUM_TEST_DATABASE_URL`` chooses PostgreSQL, for the tests that meet a database; without it all run on SQLite.
``HYPOTHESIS_PROFILE=ci`` draws more examples, and the same ones each time.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

# Settings read the data directory at import: tests never see a person's own.
os.environ["OAKUM_DATA_DIR"] = tempfile.mkdtemp(prefix="oakum-test-")

# Fewer examples draw other ones at each run, and there are many runs a day; a law that needs more says so itself.  No
# deadline: how long an example takes says how loaded the computer is.
hypothesis_settings.register_profile("quick", max_examples=40, deadline=None)
hypothesis_settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

MEETS_DATABASE = frozenset({"db", "transactional_db", "live_server"})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL leave out what would say the same as a minute ago: what meets no database, and how pages look."""
    if "OAKUM_TEST_DATABASE_URL" not in os.environ:
        return
    left_out = [item for item in items if not _meets_database(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _meets_database(item)]


def _meets_database(item: pytest.Item) -> bool:
    from django.test import SimpleTestCase

    if item.get_closest_marker("browser"):
        return False
    if item.get_closest_marker("django_db") or not MEETS_DATABASE.isdisjoint(getattr(item, "fixturenames", ())):
        return True
    made_of = getattr(item, "cls", None)
    return made_of is not None and issubclass(made_of, SimpleTestCase)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name functions by their names: their addresses differ between the processes that share the tests out."""
    return getattr(val, "__name__", None) if callable(val) else None


@pytest.fixture
def now() -> datetime:
    """Return the instant at which tests take place: a Sunday, away from any clock change."""
    return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Make the database; emptying it fills in no permissions again: Oakum asks Django's for none, it has roles."""
    from django.contrib.contenttypes.management import create_contenttypes
    from django.db.models.signals import post_migrate

    del django_db_setup
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)


@pytest.fixture
def no_offers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine's apt know of no repository: weighing its offers takes seconds, and is tried elsewhere."""
    lists = tmp_path / "lists"
    (lists / "partial").mkdir(parents=True)
    file = tmp_path / "apt.conf"
    file.write_text(f'Dir::State::Lists "{lists}/";\nDir::Cache "{tmp_path}/";\n')
    monkeypatch.setenv("APT_CONFIG", str(file))
