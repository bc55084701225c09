"""Databases that an earlier Oakum filled: what readers saw they see still, and the next import puts the rest right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from oakum.intel.models import Advisory, Feed, stands
from oakum.intel.queries import current_ranges
from oakum.intel.services import has_former_advisories, import_feed, remove_former_advisories
from tests.intel import feeds as files

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = ("intel", "0004_vex_statements")


@pytest.fixture
def apps_before() -> Iterator[Any]:
    """Go back to before advisories stayed, yield the models of then, and come back whatever happens."""
    executor = MigrationExecutor(connection)
    try:
        executor.migrate([BEFORE])
        yield MigrationExecutor(connection).loader.project_state([BEFORE]).apps
    finally:
        migrate()


def migrate() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_what_stood_stands_and_what_a_killed_import_left_is_cleared(
    tmp_path: Path, now: datetime, apps_before: Any
) -> None:
    feed = apps_before.get_model("intel", "Feed").objects.create(
        name="osv-debian",
        kind="osv",
        generation=2,
        generation_next=3,
        content_hash_next="0" * 64,
        record_count_next=300,
        advisory_id_next=10**9,
    )
    for generation in (1, 2, 3):
        advisory = apps_before.get_model("intel", "Advisory").objects.create(
            feed=feed, generation=generation, ref="DSA-1-1", title=f"of {generation}"
        )
        apps_before.get_model("intel", "AffectedRange").objects.create(
            advisory=advisory, stream="debian:12", name="openssl", scheme="deb.1", low_key=b"", high_key=b"\x01"
        )
    migrate()

    assert [row.title for row in Advisory.objects.filter(stands())] == ["of 2"]
    assert len(list(current_ranges(stream="debian:12", names=["openssl"]))) == 1
    assert has_former_advisories()
    assert remove_former_advisories(limit=10) == 1

    import_feed(files.write_zip(tmp_path / "all.zip", files.osv_record()), name="osv-debian", now=now)
    assert Feed.objects.get().generation == 4
    assert [row.title for row in Advisory.objects.filter(stands())] == ["DSA-1-1 - security update"]
    assert remove_former_advisories(limit=10) == 1
    assert Advisory.objects.count() == 1
