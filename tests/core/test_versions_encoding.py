"""The building blocks of order keys: numbers of any size, and caches that cannot grow without end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.versions import InvalidVersion
from oakum.core.versions.encoding import TOKEN_COUNT_MAX, TokenKeys, digits, number, table

numbers = st.one_of(
    st.integers(0, 70_000),
    st.integers(0, 10**40),
    st.builds(lambda bits, more: 2**bits + more, st.integers(100, 9_000), st.integers(-2, 2)),
)


@given(numbers, numbers)
def test_bytes_of_numbers_have_the_numbers_order_and_end_themselves(one: int, other: int) -> None:
    a, b = number(one), number(other)
    assert (a < b) == (one < other)
    assert (a == b) == (one == other)
    assert one == other or not (a.startswith(b) or b.startswith(a))


def test_every_step_in_length_keeps_the_order() -> None:
    edges = sorted({2**bits + more for bits in range(7, 9_000) for more in (-1, 0)} | set(range(300)))
    keys = [number(value) for value in edges]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(edges)


def test_small_numbers_are_dense() -> None:
    assert [len(number(value)) for value in (0, 9, 239, 240, 255, 256, 65_535, 65_536)] == [1, 1, 1, 2, 2, 3, 3, 4]


def test_leading_zeroes_do_not_count_and_no_digits_are_zero() -> None:
    assert digits("007") == number(7)
    assert digits("") == digits("000") == number(0)


def test_a_table_refuses_a_character_that_stands_twice() -> None:
    with pytest.raises(AssertionError, match="stands twice"):
        table("abca", 1)


def test_a_cache_never_holds_more_than_its_bound_nor_long_tokens() -> None:
    cache = TokenKeys(digits)
    for value in range(TOKEN_COUNT_MAX * 2):
        assert cache[str(value)] == number(value)
        assert len(cache) <= TOKEN_COUNT_MAX
    cache.clear()
    assert cache["9" * 100] == number(10**100 - 1)
    assert len(cache) == 0


def test_a_refused_token_is_not_kept() -> None:
    def refuse(token: str) -> bytes:
        raise InvalidVersion(token, "for the test")

    cache = TokenKeys(refuse)
    with pytest.raises(InvalidVersion, match="for the test"):
        cache["x"]
    assert len(cache) == 0
