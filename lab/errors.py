"""The lab's one family of faults.

Decides how a fault reads: what is wrong, then what to do about it.
It does not decide exit codes; ``lab.__main__`` does.
"""

from __future__ import annotations


class LabError(Exception):
    """Something the lab needs is missing or did not happen; carries the next step."""

    def __init__(self, sentence: str, *, remedy: str) -> None:
        """Say in a sentence what is wrong, and as ``remedy`` the next step."""
        super().__init__(f"{sentence}\n  Next step: {remedy}")
        self.sentence = sentence
        self.remedy = remedy


class CommandError(LabError):
    """A command the lab ran, on the machine or in a host, ended otherwise than asked."""

    def __init__(self, sentence: str, *, remedy: str, exit_status: int | None, output: str) -> None:
        """Carry the exit status (None: it did not end in time) and the last words too."""
        super().__init__(sentence, remedy=remedy)
        self.exit_status = exit_status
        self.output = output
