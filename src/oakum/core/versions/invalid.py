"""How a version or a stream is refused: by name, with the reason.

These are refusals of other people's input, so they are plain ``ValueError``; who is at fault (a host, a feed) is known
only to the caller.
"""

from __future__ import annotations

_SHOWN_LENGTH_MAX = 80


class InvalidVersion(ValueError):  # noqa: N818 - named as the packaging libraries name it
    """The text is no version of its scheme; ``text`` and ``reason`` say which and why."""

    def __init__(self, text: str, reason: str) -> None:
        """Keep the text and the reason; long texts are cut in the message only."""
        shown = text if len(text) <= _SHOWN_LENGTH_MAX else f"{text[:_SHOWN_LENGTH_MAX]}…"
        super().__init__(f"{shown!r} is not a valid version: {reason}")
        self.text = text
        self.reason = reason


class UnknownStream(ValueError):  # noqa: N818 - as above
    """No version scheme is known for the stream, so none of its versions can be compared."""

    def __init__(self, stream: str) -> None:
        """Keep the stream."""
        super().__init__(f"no version order is known for the stream {stream[:_SHOWN_LENGTH_MAX]!r}")
        self.stream = stream


class UnknownScheme(ValueError):  # noqa: N818 - as above
    """There is no version scheme of that name; ``known`` are those there are."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        """Keep the name."""
        super().__init__(f"there is no version scheme {name[:_SHOWN_LENGTH_MAX]!r}; there are {', '.join(known)}")
        self.name = name
        self.known = known
