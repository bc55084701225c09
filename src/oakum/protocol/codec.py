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
from typing import Any, Dict, Type, TypeVar

T = TypeVar("T")

_HINTS: Dict[type, Dict[str, Any]] = {}


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
    return typing.cast("T", _build(plain, kind, kind.__name__))


def _build(plain: Any, kind: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin is tuple:
        return _build_tuple(plain, kind, where)
    if origin is typing.Union:
        return _build_optional(plain, kind, where)
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(plain, typing.cast("type", kind), where)
    # bool is an int to Python, never to the wire.
    if kind is int and isinstance(plain, bool):
        raise WireError("%s: expected a whole number, got a boolean" % where)
    if kind in (str, int, bool):
        if not isinstance(plain, kind):
            raise WireError("%s: expected %s, got %s" % (where, kind.__name__, type(plain).__name__))
        return plain
    raise TypeError("%s: %r is no wire type" % (where, kind))


def _build_tuple(plain: Any, kind: Any, where: str) -> Any:
    if not isinstance(plain, list):
        raise WireError("%s: expected a list, got %s" % (where, type(plain).__name__))
    item_kind = typing.get_args(kind)[0]
    return tuple(_build(item, item_kind, "%s[%d]" % (where, index)) for index, item in enumerate(plain))


def _build_optional(plain: Any, kind: Any, where: str) -> Any:
    if plain is None:
        return None
    (inner,) = [each for each in typing.get_args(kind) if each is not type(None)]
    return _build(plain, inner, where)


def _build_dataclass(plain: Any, kind: type, where: str) -> Any:
    if not isinstance(plain, dict):
        raise WireError("%s: expected an object, got %s" % (where, type(plain).__name__))
    if kind not in _HINTS:
        _HINTS[kind] = typing.get_type_hints(kind)
    hints = _HINTS[kind]
    values = {}
    for field in dataclasses.fields(kind):
        if field.name in plain:
            values[field.name] = _build(plain[field.name], hints[field.name], "%s.%s" % (where, field.name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise WireError("%s: the field %r is missing" % (where, field.name))
    try:
        return kind(**values)
    except ValueError as error:
        raise WireError("%s: %s" % (where, error)) from error
