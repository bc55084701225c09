"""Ranges as the ecosystems' own tools read them: thousands of random questions, every answer the tool's."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from oakum.core.ranges import holds, intervals_of_native
from oakum.core.versions import order_key
from tests.core import range_oracles
from tests.core.range_oracles import Answers, Questions, disagreements, our_answers

QUESTION_COUNT = 6_000


class Writer:
    """Writes ranges and versions at random, of few numbers, so that they often meet."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - it shall be the same every time

    def pick(self, *options: str) -> str:
        return self.random.choice(options)

    def is_now(self, share: float) -> bool:
        return self.random.random() < share

    def number(self) -> str:
        return self.pick("0", "0", "1", "1", "2", "3", "10")

    def numbers(self, low: int, high: int) -> str:
        return ".".join(self.number() for _ in range(self.random.randint(low, high)))

    def several(self, write: Callable[[], str], *separators: str) -> str:
        return self.pick(*separators).join(write() for _ in range(self.random.choice((1, 1, 1, 2, 2, 3))))


class Npm(Writer):
    def version(self) -> str:
        tail = self.pick("", "", "", "-alpha", "-beta.1", "-0", "-1", "-rc.2", "-beta")
        return f"{self.numbers(3, 3)}{tail}"

    def partial(self) -> str:
        if self.is_now(0.55):
            return self.pick("", "", "v") + self.version() + self.pick("", "", "+b1")
        wild = self.pick("", ".x", ".*", ".X")
        return self.pick("x", "*") if self.is_now(0.1) else self.numbers(1, 2) + wild

    def comparator(self) -> str:
        if self.is_now(0.15):
            return f"{self.partial()} - {self.partial()}"
        return self.pick("", "^", "~", "~>", ">", "<", ">=", "<=", "=") + self.pick("", " ") + self.partial()

    def range(self) -> str:
        return self.several(lambda: self.several(self.comparator, " "), "||", " || ")


class Gem(Writer):
    def version(self) -> str:
        text = self.numbers(1, 4)
        while self.is_now(0.3):
            text += self.pick(".a", ".A", ".b1", ".rc1", ".pre", "-beta", ".0.a", "a", ".1", "-1", ".0")
        return text

    def range(self) -> str:
        signs = ("~>", "~>", "=", "!=", ">", "<", ">=", "<=", "")
        return self.several(lambda: self.pick(*signs) + self.pick("", " ") + self.version(), ",", ", ")


class Pypi(Writer):
    def version(self, locals_: tuple[str, ...] = ("", "", "", "+1", "+a.1", "+Ubuntu-1")) -> str:
        epoch = self.pick("", "", "", "v", "1!")
        pre = self.pick("", "", "", "a1", ".b", "-rc2", "_alpha.1", "c0")
        post = self.pick("", "", "", ".post1", "-1", ".rev0", "-r", "post")
        dev = self.pick("", "", "", ".dev0", "dev", "-dev2")
        return f"{epoch}{self.numbers(1, 3)}{pre}{post}{dev}{self.pick(*locals_)}"

    def specifier(self) -> str:
        operator = self.pick("==", "!=", "<", "<=", ">", ">=", "~=", "===")
        if operator in ("==", "!="):
            wild = self.is_now(0.3)
            return operator + (f"{self.numbers(1, 3)}.*" if wild else self.version())
        return operator + self.pick("", " ") + self.version(("",))

    def range(self) -> str:
        return self.several(self.specifier, ",", ", ")


class Composer(Writer):
    def version(self) -> str:
        tail = self.pick("", "", "", "-alpha", "-beta1", "-RC2", "-dev", "b2", "-p1", ".RC")
        return self.pick("", "v") + self.numbers(1, 4) + tail

    def constraint(self) -> str:
        if self.is_now(0.1):
            return f"{self.version()} - {self.version()}"
        if self.is_now(0.2):
            return self.pick("*", "x.x", "v*", "dev-main", "==dev-main", "!=dev-main", self.numbers(1, 3) + ".*")
        if self.is_now(0.4):
            return self.pick("^", "~") + self.version() + self.pick("", "", "@dev", "@beta")
        sign = self.pick("", ">", "<", ">=", "<=", "=", "==", "!=", "<>") + self.pick("", " ")
        return sign + self.version() + self.pick("", "", "", "@dev", "@beta", "@RC", "@stable")

    def range(self) -> str:
        return self.several(lambda: self.several(self.constraint, ",", " ", ", "), "||", " || ", "|")


class Maven(Writer):
    def version(self) -> str:
        return self.numbers(1, 3) + self.pick("", "", "", "-alpha-1", "-SNAPSHOT", "-rc1", ".Final", "-sp", "-xyz")

    def interval(self) -> str:
        if self.is_now(0.2):
            return f"[{self.version()}]"
        low, high = (self.pick("", self.version(), self.version()) for _ in range(2))
        return f"{self.pick('[', '(')}{low},{self.pick('', ' ')}{high}{self.pick(']', ')')}"

    def range(self) -> str:
        return self.several(self.interval, ",", ", ")


def questions_of(writer: Npm | Gem | Pypi | Composer | Maven) -> Questions:
    return [(writer.range(), writer.version()) for _ in range(QUESTION_COUNT)]


@pytest.mark.parametrize(
    ("scheme", "writer", "judge"),
    [
        ("npm.1", Npm(1), range_oracles.node_semver),
        ("gem.1", Gem(2), range_oracles.rubygems),
        ("pypi.1", Pypi(3), range_oracles.packaging),
        ("composer.1", Composer(4), range_oracles.composer),
    ],
    ids=["npm", "gem", "pypi", "composer"],
)
def test_a_range_holds_what_the_ecosystems_tool_says(
    scheme: str, writer: Npm | Gem | Pypi | Composer, judge: Callable[[Questions], Answers]
) -> None:
    questions = questions_of(writer)
    told = judge(questions)
    assert disagreements(questions, told, our_answers(scheme, questions)) == []
    assert len([answer for answer in told if answer]) > QUESTION_COUNT / 20  # or the questions ask nothing


def test_as_an_advisory_means_it_pre_releases_are_in_wherever_they_lie() -> None:
    questions = questions_of(Npm(5))
    told = range_oracles.node_semver(questions, prereleases=True)
    asked = [(each, answer) for each, answer in zip(questions, told, strict=True) if answer is not None]
    for (text, version), answer in asked:
        assert holds(intervals_of_native("npm.1", text), order_key("npm.1", version)) == answer, (text, version)


def test_mavens_intervals_hold_what_maven_says(tmp_path: Path) -> None:
    # The versions asked about are such that Maven 3, which is installed, and Maven 4, whose order ours is, agree.
    questions = questions_of(Maven(6))
    told = range_oracles.maven(questions, tmp_path)
    assert disagreements(questions, told, our_answers("maven.1", questions)) == []
