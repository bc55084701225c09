"""What a tenfold fleet costs per host, from the lines of one run.

It measures nothing.  1.0 means that a host costs the same in the larger fleet; below that it costs less.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any


def growth(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield one line for each measurement and step from one size of fleet to the next.

    A rate (``unit`` ends in a time) is a cost already per host; all other values are costs of the whole fleet.
    """
    found: dict[tuple[str, str], dict[int, tuple[float, str]]] = defaultdict(dict)
    for line in lines:
        told = json.loads(line)
        if told.get("hosts") and told["value"]:
            found[told["name"], told["database"]][told["hosts"]] = (told["value"], told["unit"])
    for (name, database), sizes in found.items():
        for (smaller, (before, unit)), (larger, (after, _)) in pairwise(sorted(sizes.items())):
            is_rate = "/s" in unit
            ratio = before / after if is_rate else after / before / (larger / smaller)
            yield {
                "name": "growth",
                "of": name,
                "value": round(ratio, 3),
                "unit": "cost per host, larger fleet / smaller",
                "hosts": larger,
                "hosts_before": smaller,
                "database": database,
            }
