"""The pure-Python verifier: RFC 8032's vectors, its refusals, and agreement with the server's library."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from oakum.agent.verifier import verify

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD_PRIME = 2**255 - 19

# RFC 8032, section 7.1: secret key, public key, message, signature.
VECTORS = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)


def public_key(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def library_verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize(("secret", "public", "message", "signature"), VECTORS)
def test_vectors_of_the_standard_hold(secret: str, public: str, message: str, signature: str) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    assert public_key(key).hex() == public, "the vector itself is mistyped"
    assert verify(bytes.fromhex(public), bytes.fromhex(signature), bytes.fromhex(message))
    assert not verify(bytes.fromhex(public), bytes.fromhex(signature), bytes.fromhex(message) + b"\0")


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=300))
@settings(max_examples=30, deadline=None)
def test_what_the_server_signs_is_accepted(seed: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert verify(public_key(key), key.sign(message), message)


@given(
    seed=st.binary(min_size=32, max_size=32),
    message=st.binary(min_size=1, max_size=100),
    where=st.integers(min_value=0, max_value=10_000),
    bit=st.integers(min_value=0, max_value=7),
)
@settings(max_examples=60, deadline=None)
def test_any_altered_bit_is_refused_and_the_library_agrees(seed: bytes, message: bytes, where: int, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    parts = bytearray(public_key(key) + key.sign(message) + message)
    parts[where % len(parts)] ^= 1 << bit
    altered = bytes(parts[:32]), bytes(parts[32:96]), bytes(parts[96:])
    assert verify(*altered) == library_verifies(*altered)
    assert not verify(*altered)


def test_a_signature_with_the_group_order_added_is_refused() -> None:
    """RFC 8032, 5.1.7: S must be below the group's order, else every signature has a twin."""
    _secret, public, message, signature = (bytes.fromhex(part) for part in VECTORS[1])
    s = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    twin = signature[:32] + s.to_bytes(32, "little")
    assert not verify(public, twin, message)
    assert not library_verifies(public, twin, message)


@pytest.mark.parametrize(
    "point",
    [
        (FIELD_PRIME + 1).to_bytes(32, "little"),  # y = 1, written as p + 1
        (FIELD_PRIME).to_bytes(32, "little"),  # y = 0, written as p
        (1 | 1 << 255).to_bytes(32, "little"),  # x = 0 with a sign
        ((FIELD_PRIME - 1) | 1 << 255).to_bytes(32, "little"),
        b"\xff" * 32,
    ],
)
def test_points_in_another_than_their_one_form_are_refused(point: bytes) -> None:
    """RFC 8032, 5.1.3: decoding fails for y of p or more, and for x of 0 with the sign bit set."""
    signature = bytes.fromhex(VECTORS[0][3])
    assert not verify(point, signature, b"")
    assert not verify(bytes.fromhex(VECTORS[0][1]), point + signature[32:], b"")
    # The neutral element as key and R makes S = 0 hold for any message; its canonical form is not ours to refuse.
    assert not verify(point, point + bytes(32), b"anything")


@pytest.mark.parametrize(("public", "signature"), [(31, 64), (33, 64), (32, 63), (32, 65), (0, 0)])
def test_other_lengths_are_refused_without_an_exception(public: int, signature: int) -> None:
    assert not verify(bytes(public), bytes(signature), b"")


def test_a_key_that_is_no_point_is_refused() -> None:
    not_on_the_curve = (2).to_bytes(32, "little")
    assert not verify(not_on_the_curve, bytes.fromhex(VECTORS[0][3]), b"")
