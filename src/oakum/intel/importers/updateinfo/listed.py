"""Updates that a publisher's own JSON lists one by one: spooled as they come, read when all places are known.

What an update's fields are called is each publisher's own (``almalinux``, ``rocky``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from oakum.intel.importers.documents import Document, documents
from oakum.intel.importers.json_members import member_items
from oakum.intel.importers.plain import plain_list, plain_object
from oakum.intel.importers.spool import Spool
from oakum.intel.importers.updateinfo.updates import read_update
from oakum.intel.importers.values import Read, too_large

# Spools what an update says; returns why parts of it are left out.
Collect = Callable[[Document, Mapping[str, Any], Spool], Sequence[str]]


def read_listed(path: Path, member: str, collect: Collect) -> Iterator[Read]:
    """Yield each update of the lists called ``member`` once, in whichever documents it stands."""
    with Spool(path) as spool:
        for document in documents(path):
            for update in member_items(document, member):
                reasons = collect(document, plain_object(update), spool)
                if reasons:
                    yield Read(record=None, skipped=tuple(dict.fromkeys(reasons)))
        for ref, parts in spool.groups():
            yield read_update(ref, parts)


def packages_of(document: Document, ref: str, update: Mapping[str, Any], count_max: int) -> list[Mapping[str, Any]]:
    """Return an update's packages.

    Raises:
        FeedError: they are more than ``count_max``.
    """
    packages = [plain_object(each) for each in plain_list(update.get("packages"))]
    if len(packages) > count_max:
        raise too_large(document.path, document.at(ref), f"it names more than {count_max} packages")
    return packages
