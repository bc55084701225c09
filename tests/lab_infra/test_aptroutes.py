"""What the apt proxy may serve."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.aptroutes import FetchThrough, Refuse, Route, ServeFile, route

CACHE = Path("/cache")
LOCAL = {"repo.example.test": Path("/archive")}
UPSTREAMS = {"mirror.example.test": "https", "plain.example.test:8080": "http"}


def decide(target: str) -> Route:
    return route(target, upstreams=UPSTREAMS, local=LOCAL, cache=CACHE)


def test_an_allowed_host_is_fetched_by_its_own_scheme() -> None:
    decided = decide("http://mirror.example.test/debian/dists/x/InRelease")
    assert decided == FetchThrough(
        url="https://mirror.example.test/debian/dists/x/InRelease",
        path=CACHE / "mirror.example.test/debian/dists/x/InRelease",
        immutable=False,
    )


@pytest.mark.parametrize("path", ["debian/pool/main/a/a_1_all.deb", "debian/dists/x/main/by-hash/SHA256/aa"])
def test_what_never_changes_under_its_name_is_kept_for_good(path: str) -> None:
    decided = decide(f"http://plain.example.test:8080/{path}")
    assert isinstance(decided, FetchThrough)
    assert decided.immutable


def test_the_labs_own_repository_is_served_from_its_folder() -> None:
    assert decide("http://repo.example.test/pool/a%2bb.deb") == ServeFile(path=Path("/archive/pool/a+b.deb"))


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://elsewhere.example.test/debian/x", HTTPStatus.FORBIDDEN),
        ("http://plain.example.test/debian/x", HTTPStatus.FORBIDDEN),
        ("http://mirror.example.test@elsewhere.example.test/x", HTTPStatus.FORBIDDEN),
        ("https://mirror.example.test/debian/x", HTTPStatus.BAD_REQUEST),
        ("/debian/x", HTTPStatus.BAD_REQUEST),
        ("http://mirror.example.test/../../etc/passwd", HTTPStatus.FORBIDDEN),
        ("http://mirror.example.test/debian/%2e%2e/x", HTTPStatus.FORBIDDEN),
        ("http://repo.example.test/..%2f..%2fetc/passwd", HTTPStatus.FORBIDDEN),
        ("http://mirror.example.test/debian/x?y=1", HTTPStatus.FORBIDDEN),
        ("http://mirror.example.test/", HTTPStatus.FORBIDDEN),
        ("http://mirror.example.test/a%00b", HTTPStatus.FORBIDDEN),
        ("http://mirror.example.test/" + "a" * 3000, HTTPStatus.REQUEST_URI_TOO_LONG),
        ("http://[mirror/x", HTTPStatus.BAD_REQUEST),
    ],
)
def test_everything_else_is_refused(target: str, status: HTTPStatus) -> None:
    decided = decide(target)
    assert isinstance(decided, Refuse)
    assert decided.status == status


@given(st.sampled_from([*LOCAL, *UPSTREAMS]), st.text(alphabet="/.%2eEfF\\ab0", max_size=40))
def test_no_path_leads_out_of_its_folder(host: str, path: str) -> None:
    """A file served or written lies below the folder of the host that was asked, whatever the path."""
    decided = decide(f"http://{host}/{path}")
    top = LOCAL.get(host, CACHE / host)
    if not isinstance(decided, Refuse):
        assert ".." not in decided.path.parts
        assert decided.path.is_relative_to(top)
        assert decided.path != top
