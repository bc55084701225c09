"""The wire's JSON: one text for one value, strict about types, forgiving about what is new."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oakum.protocol import messages, orders
from oakum.protocol.codec import WireError, canonical_json, from_json, from_plain, to_plain
from oakum.protocol.dsse import Envelope
from oakum.protocol.inventory import FactsSection, OffersSection, PackagesSection
from tests.protocol.values import make_order, values_of

KINDS: tuple[type, ...] = (
    orders.WorkOrder,
    Envelope,
    PackagesSection,
    OffersSection,
    FactsSection,
    *(
        kind
        for kind in vars(messages).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == messages.__name__
    ),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_every_message_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    value = data.draw(values_of(kind))
    assert from_json(canonical_json(value), kind) == value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_msgspec_which_the_gateway_uses_reads_the_same(kind: type, data: st.DataObject) -> None:
    value = data.draw(values_of(kind))
    assert msgspec.json.decode(canonical_json(value), type=kind) == value


@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_the_canonical_text_depends_on_the_value_alone(data: st.DataObject) -> None:
    plain = to_plain(data.draw(values_of(orders.WorkOrder)))
    shuffled = dict(data.draw(st.permutations(list(plain.items()))))
    assert canonical_json(shuffled) == canonical_json(plain)
    assert json.loads(canonical_json(plain)) == plain


def test_the_canonical_text_is_as_documented() -> None:
    """Sorted keys, no white space, UTF-8 as it is: signatures made elsewhere must find the same bytes."""
    value = orders.PackageChange("a", "amd64", "", "1~ä")
    text = '{"architecture":"amd64","from_version":"","name":"a","to_version":"1~ä"}'
    assert canonical_json(value) == text.encode()


def test_unknown_fields_are_ignored_at_every_depth() -> None:
    """The wire is only ever added to: an old reader must not stumble over a new writer."""
    plain = to_plain(make_order())
    plain["colour"] = "blue"
    plain["packages"][0]["shade"] = {"deep": [1, 2]}
    assert from_plain(plain, orders.WorkOrder) == make_order()


def test_fields_with_a_default_may_be_missing_and_others_may_not() -> None:
    plain = to_plain(make_order())
    del plain["soak_seconds"]
    assert from_plain(plain, orders.WorkOrder).soak_seconds == 0
    del plain["verb"]
    with pytest.raises(WireError, match="'verb' is missing"):
        from_plain(plain, orders.WorkOrder)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("generation", "7", r"WorkOrder\.generation: expected int, got str"),
        ("generation", True, r"WorkOrder\.generation: expected a whole number, got a boolean"),
        ("generation", 7.0, r"WorkOrder\.generation: expected int, got float"),
        ("generation", None, r"WorkOrder\.generation: expected int, got NoneType"),
        ("verb", 1, r"WorkOrder\.verb: expected str, got int"),
        ("packages", {}, r"WorkOrder\.packages: expected a list, got dict"),
        ("packages", "openssl", r"WorkOrder\.packages: expected a list, got str"),
        ("packages", ["openssl"], r"WorkOrder\.packages\[0\]: expected an object, got str"),
        ("windows", [{"starts_at": "x", "ends_at": 1}], r"WorkOrder\.windows\[0\]\.ends_at: expected str, got int"),
    ],
)
def test_a_wrong_type_is_refused_and_the_place_is_named(field: str, value: object, words: str) -> None:
    with pytest.raises(WireError, match=words):
        from_plain({**to_plain(make_order()), field: value}, orders.WorkOrder)


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_value_of_another_type_in_any_place_never_becomes_an_order(data: st.DataObject) -> None:
    plain = to_plain(make_order())
    name = data.draw(st.sampled_from(sorted(plain)))
    strange: Any = data.draw(
        st.none() | st.booleans() | st.floats() | st.dictionaries(st.text(), st.none(), max_size=2)
    )
    with pytest.raises(WireError):
        from_plain({**plain, name: strange}, orders.WorkOrder)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"7", b"\xff\xfe", b'"text"', b"[" * 100_000])
def test_what_is_no_object_is_a_wire_error(text: bytes) -> None:
    with pytest.raises(WireError):
        from_json(text, orders.WorkOrder)


@given(text=st.binary(max_size=200))
def test_garbage_raises_nothing_but_a_wire_error(text: bytes) -> None:
    with pytest.raises(WireError):
        from_json(text, orders.WorkOrder)


@pytest.mark.parametrize("value", [1.5, math.nan, b"bytes", {1, 2}, object()])
def test_what_has_no_place_on_the_wire_is_refused_when_writing(value: object) -> None:
    with pytest.raises(TypeError, match="has no place on the wire"):
        canonical_json({"value": value})
