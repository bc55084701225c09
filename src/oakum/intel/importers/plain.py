"""Look into JSON that others wrote: what is not of the expected kind is empty.

For optional parts of a record; what a record cannot do without is checked by its importer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def plain_object(value: object) -> Mapping[str, Any]:
    """Return a JSON object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def plain_list(value: object) -> Sequence[Any]:
    """Return a JSON list, an empty one for anything else."""
    return value if isinstance(value, list) else ()


def plain_text(value: object) -> str:
    """Return a JSON string, an empty one for anything else."""
    return value if isinstance(value, str) else ""
