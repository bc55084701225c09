"""How many random histories a test tells: all of them in continuous integration, half of them elsewhere.

It draws nothing itself.
"""

from __future__ import annotations

import os


def seeds(count: int) -> range:
    """Return the seeds to run of ``count``: each tells the same history wherever it runs."""
    return range(count if os.environ.get("HYPOTHESIS_PROFILE") == "ci" else (count + 1) // 2)
