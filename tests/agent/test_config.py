"""The owner's policy binds, and never allows more than it clearly says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.agent.config import OwnerPolicy, load_config, load_policy, load_secret, narrow_to_host
from oakum.agent.errors import HostError
from oakum.protocol.trust import DailyWindow, LocalPolicy


def put_policy(tmp_path: Path, text: str, mode: int = 0o644) -> OwnerPolicy:
    path = tmp_path / "policy.json"
    path.write_text(text)
    path.chmod(mode)
    return load_policy(tmp_path)


def test_what_the_owner_wrote_is_in_force(tmp_path: Path) -> None:
    window = {"start_minute": 120, "end_minute": 300, "days": [6, 7]}
    stated = {"mode": "apply", "packages": ["lib*"], "packages_never": ["libc6"], "windows": [window]}
    policy = put_policy(tmp_path, json.dumps(stated))
    assert policy.problem == ""
    assert policy.local == LocalPolicy(
        mode="apply", packages=("lib*",), packages_never=("libc6",), windows=(DailyWindow(120, 300, (6, 7)),)
    )


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", '{"mode": "everything"}', '{"mode": "apply", "verbs": ["shell"]}', '{"mode": 1}',
        '{"mode": "apply", "windows": [{"start_minute": 0, "end_minute": 5000}]}',
        '{"mode": "apply", "windows": [{"start_minute": 0, "end_minute": 5, "days": [0]}]}',
        '{"mode": "apply", "refresh_lists_hours": -1}',
    ],
)  # fmt: skip
def test_a_policy_that_cannot_be_understood_allows_nothing(tmp_path: Path, text: str) -> None:
    policy = put_policy(tmp_path, text)
    assert policy.local.mode == "report_only"
    assert "policy.json" in policy.problem


@given(text=st.text(max_size=80))
def test_no_garbage_allows_anything(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert put_policy(tmp_path_factory.mktemp("p"), text).local.mode == "report_only"


def test_a_policy_that_others_may_write_allows_nothing(tmp_path: Path) -> None:
    policy = put_policy(tmp_path, '{"mode": "apply"}', 0o666)
    assert policy.local.mode == "report_only"
    assert "chmod 644" in policy.problem


def test_an_absent_policy_allows_nothing(tmp_path: Path) -> None:
    assert load_policy(tmp_path).local.mode == "report_only"


@pytest.mark.parametrize(("is_root", "writable"), [(False, True), (True, False), (False, False)])
def test_who_cannot_change_the_host_reports_only(*, is_root: bool, writable: bool) -> None:
    policy = OwnerPolicy(local=LocalPolicy(mode="apply"), refresh_lists_hours=12, problem="")
    narrowed = narrow_to_host(policy, is_root=is_root, writable=writable)
    assert narrowed.local.mode == "report_only"
    assert narrowed.problem
    assert narrow_to_host(policy, is_root=True, writable=True) == policy


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("a" * 43 + "\n")
    path.chmod(0o600)
    assert load_secret(tmp_path) == "a" * 43
    path.chmod(0o640)
    with pytest.raises(HostError, match="read by other users"):
        load_secret(tmp_path)


@pytest.mark.parametrize("text", ["", "short", "line\nbreak" * 10, "ä" * 50, "a" * 40 + " b"])
def test_what_is_no_secret_is_not_sent(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(HostError):
        load_secret(tmp_path)


def test_without_enrolment_the_next_step_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostError) as caught:
        load_config(tmp_path)
    assert caught.value.code == "not_enrolled"
    assert "enrol" in caught.value.next_step


def test_a_damaged_configuration_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "agent.json").write_text('{"server": "x"}')
    with pytest.raises(HostError, match="cannot be understood"):
        load_config(tmp_path)
