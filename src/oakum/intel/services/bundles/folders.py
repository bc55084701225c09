"""Folders to unpack a bundle into: each goes with the import that made it, and a killed import's with the next one.

Whether an import still works in its folder is told by the lock that it holds on it, which ends with its process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from oakum.intel.services import contents

PREFIX: Final = "bundle-"
FOLDER_COUNT_MAX: Final = 1_000  # looked at in one go
_LOCK_NAME: Final = "bundles.lock"


@contextmanager
def bundle_folder() -> Iterator[Path]:
    """Make a folder for one bundle beside the copies of feeds, and take it away again.

    What killed imports left is taken away first.
    """
    contents.folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    parent = contents.folder().parent
    # Under a lock of its own, so that no folder is seen between being made and being locked.
    with ExitStack() as held:
        with _locked(parent / _LOCK_NAME, os.O_RDWR | os.O_CREAT):
            _remove_left(parent)
            made = Path(held.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent)))
            held.enter_context(_locked(made, os.O_RDONLY))
        yield made


@contextmanager
def _locked(path: Path, flags: int) -> Iterator[None]:
    file = os.open(path, flags, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _remove_left(parent: Path) -> None:
    for folder in sorted(parent.glob(f"{PREFIX}*"))[:FOLDER_COUNT_MAX]:
        with suppress(OSError):  # another import works in it, or it is gone
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(held)
