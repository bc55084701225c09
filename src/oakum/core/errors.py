"""Faults, grouped by who must act.

Refusals that are expected are values, not these.  Status and exit codes are chosen at the edges; here a fault has a
stable code, a sentence, and the next step for the one who must act.
"""

from __future__ import annotations


class OakumError(Exception):
    """The base of all faults that Oakum words itself."""

    def __init__(self, *, code: str, sentence: str, next_step: str = "") -> None:
        """Keep the stable code, what happened, and what to do about it."""
        super().__init__(f"{sentence} {next_step}".strip())
        self.code = code
        self.sentence = sentence
        self.next_step = next_step


class OperatorError(OakumError):
    """The person at the keyboard must act: a wrong argument, a missing right, a conflicting state."""


class NotFoundError(OperatorError):
    """What was named does not exist, or not for this organisation."""


class NotAllowedError(OperatorError):
    """The person's role, or policy, forbids it."""


class HostError(OakumError):
    """A host sent something that cannot be accepted; its owner must act."""


class FeedError(OakumError):
    """A feed cannot be fetched or read; whoever runs the import must act."""


class StoreError(OakumError):
    """The database or the disk failed us; whoever runs the server must act."""
