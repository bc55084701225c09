"""An advisory tried out by the API: bounded, typed, and only for those who may look."""

from __future__ import annotations

import base64
import json

import pytest

from tests.api.calling import Caller
from tests.intel.feeds import osv_package, osv_record

pytestmark = pytest.mark.django_db


def body(**more: object) -> dict[str, object]:
    content = json.dumps(osv_record("DSA-7777-1", osv_package("openssl", "99.0-1"))).encode()
    return {"name": "a.json", "content_base64": base64.b64encode(content).decode()} | more


def test_whoever_may_look_may_try_an_advisory(viewer: Caller) -> None:
    found = viewer.call("POST", "/what-if/advisory", body()).ok()
    assert found["host_count"] == 2
    assert found["by_environment"] == [["production", 2]]
    assert {row["hostname"] for row in found["findings"]["rows"]} == {"web01", "db01"}


@pytest.mark.parametrize(
    "more",
    [
        {"content_base64": "no base64 at all!"},
        {"content_base64": "x" * 950_000},
        {"limit": 0},
        {"offset": -1},
        {"unknown": 1},
        {"kind": "nonsense"},
    ],
    ids=["garbage", "large", "limit", "offset", "field", "kind"],
)
def test_an_odd_body_is_refused_in_words(viewer: Caller, more: dict[str, object]) -> None:
    answer = viewer.call("POST", "/what-if/advisory", body(**more))
    assert 400 <= answer.status < 500, answer
    assert answer.body["sentence"]


def test_nobody_learns_anything_without_a_token() -> None:
    assert Caller().call("POST", "/what-if/advisory", body()).status == 401
