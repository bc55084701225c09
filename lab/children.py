"""How the lab's own helper processes find the lab's code, wherever the caller stands."""

from __future__ import annotations

import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def package_environment() -> dict[str, str]:
    """Return our environment with this package importable in it."""
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


def python_argv(module: str, *arguments: str) -> list[str]:
    """Return the command that runs ``main()`` of one of our modules.

    Not ``-m``: the package imports the module as well, and Python would load it twice.
    """
    return [sys.executable, "-c", f"from {module} import main; main()", *arguments]
