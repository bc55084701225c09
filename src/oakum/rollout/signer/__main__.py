"""``python -m oakum.rollout.signer [--until-stdin-closes]``: start the order signer; run exactly one.

Exit codes: 0 told to end, 3 the key or the database says no, 4 a fault.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from datetime import UTC, datetime

import django

# The rows below need Django set up before they are imported.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oakum.settings")
django.setup()

from oakum.config import read_config  # noqa: E402 - Django is set up before the rooms are imported
from oakum.core.errors import OakumError  # noqa: E402 - Django is set up before the rooms are imported
from oakum.parent import when_parent_ends  # noqa: E402 - Django is set up before the rooms are imported
from oakum.rollout.signer.process import open_key, run  # noqa: E402 - Django is set up before the rooms are imported

EXIT_REFUSED = 3


def utc_now() -> datetime:
    """Read the clock: at the edge, and only there."""
    return datetime.now(tz=UTC)


def main() -> int:
    """Run until SIGTERM, SIGINT, or the parent's end."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    when_parent_ends(stop.set)
    try:
        key = open_key(read_config().data_dir, now=utc_now())
    except OakumError as error:
        sys.stderr.write(f"oakum signer: {error.sentence}\nNext step: {error.next_step}\n")
        return EXIT_REFUSED
    run(key, stop=stop, clock=utc_now)
    return 0


if __name__ == "__main__":
    sys.exit(main())
