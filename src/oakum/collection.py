"""How often a server's process looks for garbage that holds itself.

It collects nothing itself.  Nearly all garbage is gone the moment nobody holds it; what is left are circles, mostly of
exceptions.  Python looks for them after 700 new objects, which a batch of check-ins makes a dozen times and throws
away by itself: looking cost a fifth of all check-ins (measured).
"""

from __future__ import annotations

import gc
from typing import Final

OBJECT_COUNT: Final = 20_000  # new objects between two looks; at worst some 20 MB of garbage wait for the next


def collect_rarely() -> None:
    """Look for circles after OBJECT_COUNT new objects."""
    gc.set_threshold(OBJECT_COUNT, *gc.get_threshold()[1:])
