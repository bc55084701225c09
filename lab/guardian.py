"""Outlive the lab's owner by a moment, and take its lab down if it could not.

A process of its own that waits for its standard input to close, which also happens when the owner is killed.
It does nothing while the owner lives, and nothing after an orderly close.
"""

from __future__ import annotations

import subprocess
import sys

from lab.children import package_environment, python_argv
from lab.places import Places, places
from lab.teardown import tear_down


def start_guardian(places: Places, lab_id: str) -> subprocess.Popen[bytes]:
    """Start the guardian of a lab; close its ``stdin`` to let it go."""
    environment = package_environment() | {"OAKUM_LAB_DIR": str(places.top)}
    return subprocess.Popen(
        python_argv("lab.guardian", lab_id),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )


def main() -> None:
    """Wait for the owner, then see that nothing of its lab is left."""
    sys.stdin.buffer.read()
    tear_down(places(), sys.argv[1])
