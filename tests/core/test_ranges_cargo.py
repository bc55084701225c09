"""Cargo's requirements against the semver crate's rules, stated here version by version instead of as intervals."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from oakum.core.ranges import parse_range
from oakum.core.versions import order_key

Numbers = tuple[int, ...]

number = st.sampled_from([0, 0, 1, 2, 10])
prerelease = st.sampled_from(["", "", "", "-0", "-alpha", "-beta.1", "-rc"])
versions = st.builds(
    lambda numbers, tail: f"{'.'.join(map(str, numbers))}{tail}", st.tuples(number, number, number), prerelease
)
partials = st.builds(lambda numbers: ".".join(map(str, numbers)), st.lists(number, min_size=1, max_size=2))
wild = st.builds(lambda numbers: f"{numbers}.*", partials)
signs = st.sampled_from(["", "^", "~", "=", ">", ">=", "<", "<="])
comparators = st.one_of(st.builds("{}{}".format, signs, st.one_of(versions, partials)), wild, st.just("*"))
requirements = st.lists(comparators, min_size=1, max_size=3)


def parsed(text: str) -> tuple[Numbers, str]:
    numbers, _, tail = text.partition("-")
    return tuple(int(each) for each in numbers.split(".")), tail


def is_pre_at_least(tail: str, other: str) -> bool:
    return order_key("cargo.1", f"0.0.0{tail and '-' + tail}") >= order_key("cargo.1", f"0.0.0{other and '-' + other}")


def is_exact(told: Numbers, told_tail: str, numbers: Numbers, tail: str) -> bool:
    return numbers[: len(told)] == told and tail == told_tail


def is_greater(told: Numbers, told_tail: str, numbers: Numbers, tail: str) -> bool:
    if numbers[: len(told)] != told:
        return numbers[: len(told)] > told
    return len(told) == 3 and not is_pre_at_least(told_tail, tail)


def is_less(told: Numbers, told_tail: str, numbers: Numbers, tail: str) -> bool:
    if numbers[: len(told)] != told:
        return numbers[: len(told)] < told
    return len(told) == 3 and not is_pre_at_least(tail, told_tail)


def is_tilde(told: Numbers, told_tail: str, numbers: Numbers, tail: str) -> bool:
    if numbers[: min(2, len(told))] != told[:2]:
        return False
    if len(told) == 3 and numbers[2] != told[2]:
        return numbers[2] > told[2]
    return is_pre_at_least(tail, told_tail)


def is_caret(told: Numbers, told_tail: str, numbers: Numbers, tail: str) -> bool:
    kept = next((at for at, each in enumerate(told, 1) if each), len(told))
    if numbers[:kept] != told[:kept] or numbers[: len(told)] < told:
        return False
    return numbers[: len(told)] > told or len(told) < 3 or is_pre_at_least(tail, told_tail)


def is_admitted(comparator: str, version: str) -> bool:
    if comparator == "*":
        return True
    numbers, tail = parsed(version)
    sign = re.match(r"[<>=~^]*", comparator)[0]  # type: ignore[index]
    told, told_tail = parsed(comparator.removeprefix(sign).removesuffix(".*"))
    question = (told, told_tail, numbers, tail)
    if comparator.endswith("*") or sign == "=":
        return is_exact(*question)
    if sign in (">", ">="):
        return is_greater(*question) or (sign == ">=" and is_exact(*question))
    if sign in ("<", "<="):
        return is_less(*question) or (sign == "<=" and is_exact(*question))
    return is_tilde(*question) if sign == "~" else is_caret(*question)


def names_prerelease_of(comparator: str, version: str) -> bool:
    told, told_tail = parsed(re.sub(r"[<>=~^*]|\.\*", "", comparator) or "0")
    return bool(told_tail) and told == parsed(version)[0]


@settings(max_examples=1_000)
@given(requirements, versions)
def test_a_requirement_holds_what_the_crate_admits(told: list[str], version: str) -> None:
    expected = all(is_admitted(each, version) for each in told)
    if parsed(version)[1]:
        expected = expected and any(names_prerelease_of(each, version) for each in told)
    assert parse_range("cargo.1", ", ".join(told)).contains(version) == expected, (told, version)
