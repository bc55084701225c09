"""Lines in, one answer a line out, in order: fast for many lines, and in bounded memory whatever the lines are.

It knows nothing of versions: ``oakum.cli.version`` brings what answers a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final, TypeVar

INVALID: Final = "!"  # the answer to a line that cannot be read
LINE_LENGTH_MAX: Final = 131_072  # bytes: a range and a version at their own maxima fit
_READ_SIZE: Final = 1_048_576

Answer = TypeVar("Answer")


def answer_lines(source: BinaryIO, sink: BinaryIO, answer: Callable[[str], str]) -> None:
    """Write for every line of the source what ``answer`` says of it; lines are told without their ends.

    INVALID stands for a line that is longer than LINE_LENGTH_MAX bytes or is not UTF-8.  What has been answered is
    written whenever the source pauses, so that a program may ask and wait.

    Raises:
        BrokenPipeError: nobody reads the sink any more.
    """
    for batch in _batches(source):
        answers = [INVALID if line is None else answer(line) for line in batch]
        sink.write("\n".join([*answers, ""]).encode())
        sink.flush()


def _batches(source: BinaryIO) -> Iterator[Iterable[str | None]]:
    """Yield lines as they come, at least one at a time; None stands for a line that cannot be read."""
    rest = b""
    is_skipping = False  # what comes belongs to a line that is too long already
    while chunk := source.read1(_READ_SIZE):  # type: ignore[attr-defined]  # BinaryIO has it, its annotation has not
        if is_skipping:
            _, newline, chunk = chunk.partition(b"\n")
            if not newline:
                continue
            is_skipping = False
            yield [None]
        lines, newline, behind = chunk.rpartition(b"\n")
        if newline:
            yield map(_decoded, (rest + lines).split(b"\n"))
            rest = behind
        else:
            rest += behind
        if len(rest) > LINE_LENGTH_MAX:
            rest, is_skipping = b"", True
    if rest or is_skipping:
        yield [None if is_skipping else _decoded(rest)]


def _decoded(line: bytes) -> str | None:
    try:
        return line.removesuffix(b"\r").decode() if len(line) <= LINE_LENGTH_MAX else None
    except UnicodeDecodeError:
        return None


class Remembered(dict[str, Answer]):
    """What a function says of texts, remembered; forgotten all at once when there are too many.

    A long text is not kept, so the bound on their number is one on memory.
    """

    def __init__(self, ask: Callable[[str], Answer], *, count_max: int, length_max: int) -> None:
        """Remember the function and the bounds."""
        super().__init__()
        self._ask = ask
        self._count_max = count_max
        self._length_max = length_max

    def __missing__(self, text: str) -> Answer:
        """Ask, and remember the answer."""
        answer = self._ask(text)
        if len(text) <= self._length_max:
            if len(self) >= self._count_max:
                self.clear()
            self[text] = answer
        return answer
