"""What the pages are handed at start, because floors forbid them to import it: set by the wiring, once.

It holds functions, never data.  A port that nobody has set raises, naming who must set it.
"""

from __future__ import annotations

from collections.abc import Callable

from oakum.core.errors import StoreError

InstallerLine = Callable[[str, str], str]  # (enrolment token's text, policy mode) -> the line to paste on the host


def _not_wired(_token: str, _mode: str) -> str:
    raise StoreError(
        code="port_not_wired",
        sentence="The installer's line is not wired into the pages.",
        next_step="Start the server with `oakum up`, which does it.",
    )


installer_line: InstallerLine = _not_wired
