"""What the apt proxy may serve for a request, and where from.

Pure: it opens no file and no connection, and knows no mirror by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

TARGET_CHARACTERS_MAX = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Answer with this status; apt prints the sentence (ASCII, one line)."""

    status: HTTPStatus
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeFile:
    """Answer from a folder of the lab, freshly read each time."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchThrough:
    """Answer from the cache, filled from the mirror."""

    url: str
    path: Path
    immutable: bool


Route = Refuse | ServeFile | FetchThrough


def route(target: str, *, upstreams: Mapping[str, str], local: Mapping[str, Path], cache: Path) -> Route:
    """Say how to answer a GET of ``target`` (absolute, as a client sends it to a proxy).

    ``upstreams`` maps an allowed host to the scheme it is fetched by, ``local`` a made-up host to the folder
    that plays it.  Files under pool/ and by-hash/ never change under their name, so they are kept for good.
    """
    if len(target) > TARGET_CHARACTERS_MAX:
        return Refuse(status=HTTPStatus.REQUEST_URI_TOO_LONG, sentence="address too long")
    try:
        parts = urlsplit(target)
    except ValueError:
        return Refuse(status=HTTPStatus.BAD_REQUEST, sentence="not an address")
    if parts.scheme != "http" or not parts.netloc:
        return Refuse(status=HTTPStatus.BAD_REQUEST, sentence="this is a proxy for plain HTTP addresses only")
    relative = _relative(parts.path)
    if relative is None or parts.query or parts.fragment:
        return Refuse(status=HTTPStatus.FORBIDDEN, sentence="not the address of a file in an archive")
    if parts.netloc in local:
        return ServeFile(path=local[parts.netloc] / relative)
    scheme = upstreams.get(parts.netloc)
    if scheme is None:
        return Refuse(status=HTTPStatus.FORBIDDEN, sentence="not an archive this machine's apt is set up for")
    return FetchThrough(
        url=parts._replace(scheme=scheme).geturl(),
        path=cache / parts.netloc / relative,
        immutable=bool({"pool", "by-hash"} & set(relative.parts)),
    )


def _relative(path: str) -> PurePosixPath | None:
    """Return the path below an archive's top, or None where it could lead out of it."""
    plain = PurePosixPath(unquote(path).lstrip("/"))
    if ".." in plain.parts or "\0" in path or "\0" in str(plain) or not plain.parts:
        return None
    return plain
