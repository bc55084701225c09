"""Envelopes: what the pinned key signed opens, and nothing else does."""

from __future__ import annotations

import base64
import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from oakum.agent.verifier import verify
from oakum.protocol.codec import WireError, canonical_json, from_json
from oakum.protocol.dsse import (
    PAYLOAD_BYTES_MAX,
    SIGNATURE_COUNT_MAX,
    Envelope,
    Signature,
    key_id,
    open_envelope,
    pre_authentication_encoding,
    seal,
)
from oakum.protocol.orders import ORDER_PAYLOAD_TYPE, order_payload
from tests.protocol.values import KEY, PUBLIC_KEY, make_order

PAYLOAD = order_payload(make_order())


def sealed(payload: bytes = PAYLOAD, kind: str = ORDER_PAYLOAD_TYPE) -> Envelope:
    return seal(kind, payload, public_key=PUBLIC_KEY, sign=KEY.sign)


def opened(envelope: Envelope, kind: str = ORDER_PAYLOAD_TYPE, public_key: bytes = PUBLIC_KEY) -> bytes | None:
    return open_envelope(envelope, kind, public_key=public_key, verify=verify)


@given(payload=st.binary(max_size=500))
@settings(max_examples=25, deadline=None)
def test_what_was_sealed_opens(payload: bytes) -> None:
    assert opened(sealed(payload)) == payload


def test_the_encoding_is_the_formats_own_example() -> None:
    """DSSE v1, protocol.md: PAE("http://example.com/HelloWorld", "hello world")."""
    found = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert found == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@given(where=st.integers(0, 100_000), change=st.integers(1, 255))
@settings(max_examples=150, deadline=None)
def test_any_altered_byte_of_an_envelope_is_refused_or_changes_nothing(where: int, change: int) -> None:
    """Whatever is done to an envelope's text, a payload that was not signed never comes out.

    A changed key name or base64's own slack may leave it as it was, or not; that is all.
    """
    text = bytearray(canonical_json(sealed()))
    text[where % len(text)] ^= change
    try:
        envelope = from_json(bytes(text), Envelope)
    except WireError:
        return
    assert opened(envelope) in (None, PAYLOAD)


@given(where=st.integers(0, 100_000), bit=st.integers(0, 7))
@settings(max_examples=100, deadline=None)
def test_any_altered_bit_of_payload_or_signature_is_refused(where: int, bit: int) -> None:
    envelope = sealed()
    raw = bytearray(PAYLOAD + base64.b64decode(envelope.signatures[0].sig))
    raw[where % len(raw)] ^= 1 << bit
    payload, signature = bytes(raw[: len(PAYLOAD)]), bytes(raw[len(PAYLOAD) :])
    forged = Envelope(
        payloadType=ORDER_PAYLOAD_TYPE,
        payload=base64.b64encode(payload).decode(),
        signatures=(Signature(envelope.signatures[0].keyid, base64.b64encode(signature).decode()),),
    )
    assert opened(forged) is None


def test_another_payload_type_is_refused_even_when_signed() -> None:
    """A signed checkpoint must never pass for an order."""
    assert opened(sealed(kind="application/vnd.oakum.checkpoint.v1+json")) is None
    relabelled = dataclasses.replace(sealed(kind="application/other"), payloadType=ORDER_PAYLOAD_TYPE)
    assert opened(relabelled) is None


def test_another_key_is_refused_though_it_borrows_the_pinned_keys_name() -> None:
    stranger = Ed25519PrivateKey.generate()
    public = stranger.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    envelope = seal(ORDER_PAYLOAD_TYPE, PAYLOAD, public_key=public, sign=stranger.sign)
    assert opened(envelope) is None
    borrowed = dataclasses.replace(envelope.signatures[0], keyid=key_id(PUBLIC_KEY))
    assert opened(dataclasses.replace(envelope, signatures=(borrowed,))) is None


def test_strangers_signatures_beside_the_pinned_keys_do_no_harm() -> None:
    good = sealed().signatures[0]
    stranger = Signature(keyid="0" * 64, sig="AAAA")
    broken = Signature(keyid=good.keyid, sig="not base64!")
    short = Signature(keyid=good.keyid, sig="AAAA")
    envelope = dataclasses.replace(sealed(), signatures=(stranger, broken, short, good))
    assert opened(envelope) == PAYLOAD


def test_no_signature_and_too_many_are_refused() -> None:
    good = sealed().signatures[0]
    assert opened(dataclasses.replace(sealed(), signatures=())) is None
    assert opened(dataclasses.replace(sealed(), signatures=(good,) * SIGNATURE_COUNT_MAX)) == PAYLOAD
    assert opened(dataclasses.replace(sealed(), signatures=(good,) * (SIGNATURE_COUNT_MAX + 1))) is None


@pytest.mark.parametrize("payload", ["%%%", "AAA", "ÄÖÜ", " " + base64.b64encode(PAYLOAD).decode()])
def test_a_payload_that_is_not_plain_base64_is_refused(payload: str) -> None:
    assert opened(dataclasses.replace(sealed(), payload=payload)) is None


def test_a_payload_over_the_limit_is_refused() -> None:
    assert opened(sealed(bytes(PAYLOAD_BYTES_MAX + 1))) is None
