"""Version text to order-preserving bytes, one module a scheme.

``a`` comes before ``b`` in the scheme exactly when ``order_key(a) < order_key(b)`` bytewise, so that an index of the
database knows the order of every scheme.  Keys of different schemes, or of different revisions of one, are never
compared: whoever stores a key stores the scheme's stamp (``deb.1``) beside it.  Equal keys are equal versions, not
equal texts (``1.0`` and ``1.0-0``), so the text is stored too.

It does not say which versions are affected (``core.ranges``) and knows no package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from oakum.core.versions import deb
from oakum.core.versions.invalid import InvalidVersion, UnknownStream

__all__ = ["DEB", "InvalidVersion", "UnknownStream", "order_key", "scheme_of_stream", "upstream_version"]

DEB: Final = deb.SCHEME

_KEYS: Final[dict[str, Callable[[str], bytes]]] = {deb.SCHEME: deb.order_key}
_UPSTREAMS: Final[dict[str, Callable[[str], str]]] = {deb.SCHEME: deb.upstream_version}

# Distributions, by ID of os-release(5), whose packages dpkg orders.  A distribution that is missing here is refused
# rather than guessed: a wrong order hides what is vulnerable.
_DEB_DISTRIBUTIONS: Final = frozenset(
    {
        *("debian", "ubuntu", "raspbian", "devuan", "kali", "linuxmint", "lmde", "pop", "elementary", "zorin"),
        *(
            "neon",
            "pureos",
            "parrot",
            "deepin",
            "mx",
            "antix",
            "tails",
            "trisquel",
            "proxmox",
            "pve",
            "osmc",
            "armbian",
        ),
    }
)


def order_key(scheme: str, text: str) -> bytes:
    """Return the order key of a version.

    Raises:
        InvalidVersion: the text is no version of the scheme.
    """
    return _KEYS[scheme](text)


def upstream_version(scheme: str, text: str) -> str:
    """Return the part of a version that the software's own authors gave it, without epoch and packaging revision.

    Raises:
        InvalidVersion: the text is no version of the scheme.
    """
    return _UPSTREAMS[scheme](text)


def scheme_of_stream(stream: str) -> str:
    """Return the stamp of the scheme that orders the versions of a stream.

    Raises:
        UnknownStream: no scheme is known for the stream's distribution.

    >>> scheme_of_stream("debian:12")
    'deb.1'
    """
    if stream.partition(":")[0] in _DEB_DISTRIBUTIONS:
        return DEB
    raise UnknownStream(stream)
