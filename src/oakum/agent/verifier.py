"""Verify Ed25519 signatures in pure Python, as strictly as RFC 8032 demands.

The arithmetic is the public-domain reference code: the module ``oakum_ed25519`` that the zipapp carries, which is
securesystemslib's vendored copy; outside of a zipapp that copy itself.  Around it stand the checks of RFC 8032,
sections 5.1.3 and 5.1.7, that the arithmetic leaves out: S below the group's order (else a signature could be altered
and still hold), and points encoded in their one canonical way.

It neither signs nor keeps keys, and its time depends on its input, which is harmless for public values alone.
It checks without the cofactor, as the server's library does, and does not refuse public keys of small order: the one
key that it is ever given was pinned by a person.
"""

from __future__ import annotations

import importlib
from types import ModuleType

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64

_FIELD_PRIME = 2**255 - 19
_GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
_SIGN_BIT = 1 << 255

# Where the arithmetic may live, in order: inside the zipapp, else in the environment that the server runs in.
_MODULES = ("oakum_ed25519", "securesystemslib._vendor.ed25519.ed25519")


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether ``signature`` is the Ed25519 signature of ``message`` by ``public_key`` (32 bytes, 64 bytes).

    Malformed input is False, never an exception.  Raises ImportError when the arithmetic is not installed.
    """
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    if int.from_bytes(signature[32:], "little") >= _GROUP_ORDER:
        return False
    if not _is_canonical(public_key) or not _is_canonical(signature[:32]):
        return False
    arithmetic = _arithmetic()
    try:
        arithmetic.checkvalid(signature, message, public_key)
    except (ValueError, arithmetic.SignatureMismatch):
        return False
    return True


def _is_canonical(point: bytes) -> bool:
    """Say whether 32 bytes encode a point in the only way that RFC 8032, section 5.1.3, decodes."""
    number = int.from_bytes(point, "little")
    y = number & (_SIGN_BIT - 1)
    if y >= _FIELD_PRIME:
        return False
    x_is_zero = y in (1, _FIELD_PRIME - 1)
    return not (x_is_zero and number & _SIGN_BIT)


def _arithmetic() -> ModuleType:
    for name in _MODULES:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            # A broken module is a fault to be seen, an absent one is the other place's turn.
            if not name.startswith(str(error.name)):
                raise
    raise ImportError("no Ed25519 arithmetic: neither %s nor %s can be imported" % _MODULES)
