"""Values of the protocol for its tests: an order that may be obeyed, the host that it is for, and strategies."""

from __future__ import annotations

import typing
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import strategies as st

from oakum.protocol.orders import VERB_APPLY, PackageChange, WorkOrder
from oakum.protocol.trust import MODE_APPLY, HostTrust, LocalPolicy, render_instant

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
POLICY = LocalPolicy(mode=MODE_APPLY)


def make_order(**fields: Any) -> WorkOrder:
    values: dict[str, Any] = {
        "order_id": "o-1",
        "organisation_id": "org",
        "host_id": "host",
        "generation": 7,
        "verb": VERB_APPLY,
        "rollout_id": "r-1",
        "plan_number": 1,
        "plan_hash": "0" * 64,
        "issued_at": render_instant(NOW - timedelta(minutes=1)),
        "expires_at": render_instant(NOW + timedelta(days=1)),
        "windows": (),
        "packages": (PackageChange("openssl", "amd64", "3.0.1-1", "3.0.2-1"),),
    }
    return WorkOrder(**{**values, **fields})


def make_trust(**fields: Any) -> HostTrust:
    values: dict[str, Any] = {
        "host_id": "host",
        "organisation_id": "org",
        "generation_max": 6,
        "current_order_hash": "f" * 64,
        "finished_order_ids": (),
    }
    return HostTrust(**{**values, **fields})


# JSON can say every text but lone surrogates, which have no UTF-8.
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a wire type: what its annotations allow."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is typing.Union:
        inner = next(each for each in arguments if each is not type(None))
        return st.none() | values_of(inner)
    if kind is str:
        return TEXTS
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(-(2**53), 2**53)
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{name: values_of(hint) for name, hint in hints.items()})
