"""fleet.nonce: honest hosts are never taken for copies, copies are always found.

The host modelled here keeps the agent's promise: an attempt is made before the first sending and kept until a reply
has come; the reply's nonce goes into the next check-in.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from oakum.fleet.nonce import Accepted, Clone, NonceState, NonceVerdict, SentAgain, judge_nonce


@dataclass
class Server:
    """The server's memory of one host, and a source of nonces that never repeat."""

    state: NonceState
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    released: bool = False

    def take(self, nonce: str, attempt: str) -> tuple[NonceVerdict, str]:
        verdict = judge_nonce(self.state, nonce=nonce, attempt=attempt, fresh=f"n{next(self.numbers)}")
        if isinstance(verdict, Accepted):
            self.state = verdict.state
        return verdict, self.state.current


@dataclass
class Host:
    """A host; ``copy`` is a clone of its disk, which makes attempts of its own from then on."""

    nonce: str
    name: str = "a"
    attempt: str = ""
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def check_in(self, server: Server, *, reply_arrives: bool = True) -> NonceVerdict:
        if not self.attempt:
            self.attempt = f"{self.name}{next(self.numbers)}"
        verdict, nonce = server.take(self.nonce, self.attempt)
        if reply_arrives and not isinstance(verdict, Clone):
            self.nonce, self.attempt = nonce, ""
        return verdict

    def copy(self, name: str) -> Host:
        return Host(nonce=self.nonce, name=name, attempt=self.attempt)


def enrolled() -> tuple[Server, Host]:
    state = NonceState(current="n0", previous="", previous_spent=False, attempt="")
    return Server(state), Host(nonce="n0")


@given(st.lists(st.booleans(), max_size=60))
def test_a_lost_reply_never_quarantines_whatever_the_number_of_retries(arrivals: list[bool]) -> None:
    server, host = enrolled()
    for reply_arrives in arrivals:
        assert not isinstance(host.check_in(server, reply_arrives=reply_arrives), Clone)


@given(st.lists(st.booleans(), max_size=20))
def test_a_repeated_check_in_gets_the_same_nonce_and_changes_nothing(arrivals: list[bool]) -> None:
    server, host = enrolled()
    for reply_arrives in arrivals:
        host.check_in(server, reply_arrives=reply_arrives)
    lost = host.check_in(server, reply_arrives=False)
    assert isinstance(lost, Accepted | SentAgain)
    before = server.state
    assert host.check_in(server, reply_arrives=False) == SentAgain()
    assert server.state == before


@given(st.lists(st.booleans(), max_size=20), st.lists(st.booleans(), max_size=20))
def test_one_power_cut_that_loses_the_last_write_never_quarantines(before: list[bool], after: list[bool]) -> None:
    server, host = enrolled()
    for reply_arrives in before:
        host.check_in(server, reply_arrives=reply_arrives)
    as_on_disk = host.copy("b")  # what survives the cut: the state before the last check-in
    host.check_in(server)
    for reply_arrives in after:
        assert not isinstance(as_on_disk.check_in(server, reply_arrives=reply_arrives), Clone)


@given(
    st.lists(st.booleans(), max_size=20),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), min_size=1, max_size=40),
)
def test_two_clones_are_found_within_two_further_check_ins(
    before: list[bool], in_mid_flight: object, turns: list[tuple[str, bool]]
) -> None:
    """Once one copy has moved on and the other one too, the first one's next word finds them, lost replies or not.

    Only check-ins that move the nonce on count: copies of a host in mid-flight first repeat the attempt they share.
    """
    server, host = enrolled()
    for reply_arrives in before:
        host.check_in(server, reply_arrives=reply_arrives)
    host.check_in(server, reply_arrives=not in_mid_flight)
    copies = {"a": host, "b": host.copy("b")}
    moved_on: list[str] = []
    for name, reply_arrives in turns:
        overtaken = bool(moved_on) and name in moved_on and moved_on[-1] != name
        verdict = copies[name].check_in(server, reply_arrives=reply_arrives)
        assert isinstance(verdict, Clone) or not overtaken
        if isinstance(verdict, Clone):
            return
        if isinstance(verdict, Accepted):
            moved_on.append(name)


def test_the_plain_case_of_two_copies() -> None:
    server, first = enrolled()
    second = first.copy("b")
    assert isinstance(first.check_in(server), Accepted)
    assert isinstance(second.check_in(server), Accepted)  # might be a power cut
    assert isinstance(first.check_in(server), Clone)


def test_an_old_check_in_replayed_is_a_clone() -> None:
    server, host = enrolled()
    host.check_in(server)
    host.check_in(server)
    assert isinstance(server.take("n0", "a1")[0], Clone)


@given(st.sampled_from(["", "n0", "made-up"]), st.lists(st.booleans(), max_size=10))
def test_after_a_release_the_next_check_in_is_taken_whatever_it_shows(nonce: str, arrivals: list[bool]) -> None:
    server = Server(NonceState(current="", previous="", previous_spent=False, attempt=""))
    host = Host(nonce=nonce)
    for reply_arrives in [False, False, True, *arrivals]:
        assert not isinstance(host.check_in(server, reply_arrives=reply_arrives), Clone)


def test_after_a_release_a_copy_that_is_still_there_is_found_again() -> None:
    server = Server(NonceState(current="", previous="", previous_spent=False, attempt=""))
    first, second = Host(nonce="n7"), Host(nonce="n9", name="b")
    assert isinstance(first.check_in(server), Accepted)
    assert isinstance(second.check_in(server), Clone)


def test_a_host_that_lost_its_state_shows_no_nonce_and_waits_for_a_person() -> None:
    server, _ = enrolled()
    assert isinstance(server.take("", "x1")[0], Clone)
