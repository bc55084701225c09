"""How a range is refused: the text, the place in it, and the reason.

A refusal of other people's input, so a plain ``ValueError``, as ``core.versions.invalid`` has them.
"""

from __future__ import annotations

_SHOWN_LENGTH_MAX = 80


def shown(text: str) -> str:
    """Return a text in quotes for a message, cut where it is long."""
    return repr(text if len(text) <= _SHOWN_LENGTH_MAX else f"{text[:_SHOWN_LENGTH_MAX]}…")


class InvalidRange(ValueError):  # noqa: N818 - named as the packaging libraries name it
    """The text is no range of its scheme; ``at`` is the offset of what is wrong in ``text``, ``reason`` says why."""

    def __init__(self, text: str, at: int, reason: str) -> None:
        """Keep all three; long texts are cut in the message only."""
        super().__init__(f"{shown(text)} is not a valid range: at character {at + 1}, {reason}")
        self.text = text
        self.at = at
        self.reason = reason
