"""The agent's faults, one class per party that can put it right, each with a code, a sentence and a next step.

Refusals that are expected in the course of work (an order that may not be obeyed) are values, not these.
It prints nothing: ``main`` chooses exit codes and words the output.
"""

from __future__ import annotations

EXIT_IN_ORDER = 0
EXIT_NOT_IN_ORDER = 1
EXIT_MISUSE = 2
EXIT_REFUSED = 3
EXIT_FAULT = 4


class AgentError(Exception):
    """A fault: ``code`` is stable, ``sentence`` says what is wrong, ``next_step`` what to do about it."""

    exit_code = EXIT_FAULT

    def __init__(self, *, code: str, sentence: str, next_step: str = "") -> None:
        """Keep the three parts; ``str()`` gives sentence and next step."""
        super().__init__(f"{sentence} {next_step}".strip())
        self.code = code
        self.sentence = sentence
        self.next_step = next_step


class MisuseError(AgentError):
    """The command line asks for something that makes no sense, or that is already done."""

    exit_code = EXIT_MISUSE


class RefusedError(AgentError):
    """The agent will not do it: a key, a certificate or the host's own policy says no."""

    exit_code = EXIT_REFUSED


class HostError(AgentError):
    """Something on this host is not as it must be: a file, its mode, the disk, a tool."""


class ServerUnavailable(AgentError):  # noqa: N818 - the contract between talker and actor names it so
    """The server could not be reached or did not answer in time; the same call may work later."""


class ServerRefused(AgentError):  # noqa: N818 - as above
    """The server answered with a refusal; repeating the call unchanged will not help."""


class ServerAnswerError(AgentError):
    """What answered is not an Oakum server, or one that this agent does not understand."""
