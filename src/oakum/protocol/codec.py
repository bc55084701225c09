"""Turn the protocol's values into JSON and back, strictly.

Canonical JSON here: UTF-8, keys sorted, no white space, no NaN, only str, int, bool, None, lists and objects; the same
value always gives the same bytes, so hashes and signatures can cover them.  Unknown fields are ignored (the wire is
only ever added to); missing required fields and wrong types raise :class:`WireError`, naming the place.

It does not decompress, limit body sizes or authenticate: the doors do (``gateway``, ``agent.broker``).
"""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any, Callable, Dict, List, Type, TypeVar

T = TypeVar("T")

_Builder = Callable[[Any], Any]
_BUILDERS: Dict[Any, _Builder] = {}


class WireError(ValueError):
    """The text is not a value of the expected type; the message names where and why."""


def to_plain(value: Any) -> Any:
    """Return ``value`` as dicts, lists and scalars; tuples become lists, dataclasses become dicts."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if value is None or isinstance(value, (str, int, bool)):
        return value
    raise TypeError("a %s has no place on the wire" % type(value).__name__)


def canonical_json(value: Any) -> bytes:
    """Return the one canonical JSON encoding of ``value`` as UTF-8 bytes."""
    plain = to_plain(value)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def from_json(text: bytes, kind: Type[T]) -> T:
    """Parse ``text`` as a value of the dataclass ``kind``.

    Raises:
        WireError: not JSON, not UTF-8, or not of that shape.
    """
    try:
        plain = json.loads(text.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise WireError("not JSON: %s" % error) from error
    return from_plain(plain, kind)


def from_plain(plain: Any, kind: Type[T]) -> T:
    """Build a value of the dataclass ``kind`` from dicts and lists.

    Raises:
        WireError: not of that shape.
    """
    try:
        return typing.cast("T", _builder_of(kind)(plain))
    except _MisfitError as misfit:
        place = kind.__name__ + "".join(reversed(misfit.places))
        raise WireError("%s: %s" % (place, misfit)) from misfit


class _MisfitError(Exception):
    """What does not fit, and its place from the inside out: it is put into words only when something is wrong."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.places: List[str] = []

    def inside(self, place: str) -> "_MisfitError":
        self.places.append(place)
        return self


def _builder_of(kind: Any) -> _Builder:
    """Return what builds values of ``kind``; made once for each kind, because its annotations are slow to read."""
    if kind not in _BUILDERS:
        _BUILDERS[kind] = _make_builder(kind)
    return _BUILDERS[kind]


def _make_builder(kind: Any) -> _Builder:
    origin = typing.get_origin(kind)
    if origin is tuple:
        return _tuple_builder(_builder_of(typing.get_args(kind)[0]))
    if origin is typing.Union:
        (inner,) = [each for each in typing.get_args(kind) if each is not type(None)]
        return _optional_builder(_builder_of(inner))
    if dataclasses.is_dataclass(kind):
        return _dataclass_builder(typing.cast("type", kind))
    if kind in (str, int, bool):
        return _scalar_builder(kind)
    raise TypeError("%r is no wire type" % (kind,))


def _tuple_builder(build: _Builder) -> _Builder:
    def build_tuple(plain: Any) -> Any:
        if not isinstance(plain, list):
            raise _MisfitError("expected a list, got %s" % type(plain).__name__)
        items: List[Any] = []
        try:
            for item in plain:
                items.append(build(item))  # noqa: PERF401 - how far it came tells the place
        except _MisfitError as misfit:
            raise misfit.inside("[%d]" % len(items)) from None
        return tuple(items)

    return build_tuple


def _optional_builder(build: _Builder) -> _Builder:
    return lambda plain: None if plain is None else build(plain)


def _scalar_builder(kind: type) -> _Builder:
    def build_scalar(plain: Any) -> Any:
        # bool is an int to Python, never to the wire.
        if kind is int and isinstance(plain, bool):
            raise _MisfitError("expected a whole number, got a boolean")
        if not isinstance(plain, kind):
            raise _MisfitError("expected %s, got %s" % (kind.__name__, type(plain).__name__))
        return plain

    return build_scalar


def _dataclass_builder(kind: type) -> _Builder:
    hints = typing.get_type_hints(kind)
    fields = [(field.name, _builder_of(hints[field.name]), _is_required(field)) for field in dataclasses.fields(kind)]

    def build_dataclass(plain: Any) -> Any:
        if not isinstance(plain, dict):
            raise _MisfitError("expected an object, got %s" % type(plain).__name__)
        values = {}
        for name, build, is_required in fields:
            if name in plain:
                try:
                    values[name] = build(plain[name])
                except _MisfitError as misfit:
                    raise misfit.inside("." + name) from None
            elif is_required:
                raise _MisfitError("the field %r is missing" % name)
        try:
            return kind(**values)
        except ValueError as error:
            raise _MisfitError(str(error)) from error

    return build_dataclass


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
