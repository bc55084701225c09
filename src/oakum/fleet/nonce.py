"""Tell a host's next check-in from one that was sent again, and from a copy of the host speaking.

Pure.  Every reply carries a nonce for the next check-in.  Two copies of a host (a cloned disk, a restored snapshot that
runs beside its original) share the secret, but soon not the nonce: the second one to speak shows an old one.  An honest
host shows an old one too, when a reply was lost; it then repeats its check-in under the same *attempt*.

It does not store, does not quarantine (``services.check_in``) and is no authentication: who has the secret is heard.
"""

from __future__ import annotations

from dataclasses import dataclass

CLONE_SENTENCE = (
    "Two machines check in with this host's identity: a nonce that had been used up was shown again. "
    "Most often a disk or an image was copied after the agent had enrolled, or a snapshot was restored."
)
CLONE_NEXT_STEP = (
    "Find the copies, delete the agent's state (/var/lib/oakum-agent and /etc/oakum/secret) on every machine but the "
    "original and enrol those again; then release this host from quarantine. If it is found again, enrol all of them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceState:
    """What the server remembers of a host's check-ins.

    ``current`` is the nonce of the newest reply; empty after a release: whatever comes next is taken once, even the
    empty nonce of a host that has lost its state.
    ``previous`` is the one that the newest accepted check-in showed, ``attempt`` that check-in's attempt, and
    ``previous_spent`` says whether another attempt has shown it already.
    """

    current: str
    previous: str
    previous_spent: bool
    attempt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The host's next check-in; ``state`` replaces what was remembered."""

    state: NonceState


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAgain:
    """The newest check-in once more, because its reply was lost: answer again, change nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """Another copy of the host has spoken in between."""


NonceVerdict = Accepted | SentAgain | Clone


def judge_nonce(state: NonceState, *, nonce: str, attempt: str, fresh: str) -> NonceVerdict:
    """Judge a check-in that shows ``nonce`` under ``attempt``; ``fresh`` becomes the next nonce if it is accepted.

    The previous nonce under another attempt is accepted once, because a host whose disk lost the last write (a power
    cut, a snapshot taken back) is honest; its second showing under yet another attempt is a clone's.
    """
    assert fresh, "an empty nonce means: take whatever comes"
    if nonce == state.current or not state.current:
        return Accepted(state=NonceState(current=fresh, previous=nonce, previous_spent=False, attempt=attempt))
    assert attempt, "an attempt is what tells a repetition from a copy"
    if nonce == state.previous and attempt == state.attempt:
        return SentAgain()
    if state.previous and nonce == state.previous and not state.previous_spent:
        return Accepted(state=NonceState(current=fresh, previous=nonce, previous_spent=True, attempt=attempt))
    return Clone()
