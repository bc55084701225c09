"""Enrolment leaves a host that belongs to the server whose key a person pinned, or no trace at all."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from oakum.agent.broker.enrol import Enrolment, enrol, write_policy
from oakum.agent.config import load_config, load_policy, load_secret
from oakum.agent.errors import AgentError, HostError, MisuseError, RefusedError, ServerRefused
from oakum.agent.spool import Spool
from oakum.agent.state import StateStore, load_state
from oakum.protocol.codec import canonical_json, from_json
from oakum.protocol.messages import PATH_ENROL, EnrolReply, EnrolRequest, ErrorReply
from tests.agent.server import HOST_ID, ORGANISATION_ID, SERVER_KEY, FakeServer, serving
from tests.agent.values import make_outcome


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving(FakeServer()) as server:
        yield server


def go(server: FakeServer, place: Path, *, key: str = SERVER_KEY, mode: str = "", force: bool = False) -> None:
    wish = Enrolment(server=server.url, token="oak_token", server_key=key, certificate="", mode=mode, force=force)
    enrol(wish, config_dir=place / "config", state_dir=place / "state")


def files(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def test_an_enrolled_host_knows_whom_it_belongs_to(server: FakeServer, tmp_path: Path) -> None:
    go(server, tmp_path)
    config = load_config(tmp_path / "config")
    assert (config.host_id, config.organisation_id, config.server) == (HOST_ID, ORGANISATION_ID, server.url)
    assert config.server_key == SERVER_KEY
    assert load_state(tmp_path / "state").nonce == "nonce-1"
    assert load_policy(tmp_path / "config").local.mode == "report_only"


def test_the_secret_stays_on_the_host(server: FakeServer, tmp_path: Path) -> None:
    go(server, tmp_path)
    secret = load_secret(tmp_path / "config")
    sent = from_json(server.bodies(PATH_ENROL)[0], EnrolRequest)
    assert sent.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in server.bodies(PATH_ENROL)[0].decode()
    assert stat.S_IMODE((tmp_path / "config/secret").stat().st_mode) == 0o600


def test_two_hosts_never_have_the_same_secret(server: FakeServer, tmp_path: Path) -> None:
    go(server, tmp_path / "a")
    go(server, tmp_path / "b")
    assert load_secret(tmp_path / "a/config") != load_secret(tmp_path / "b/config")


def test_another_signing_key_leaves_no_file(server: FakeServer, tmp_path: Path) -> None:
    server.server_key = "cd" * 32
    with pytest.raises(RefusedError, match="signs its orders with another key"):
        go(server, tmp_path)
    assert files(tmp_path) == []


@pytest.mark.parametrize("host_id", ["", "../../root", "a b", "x" * 200])
def test_an_identity_that_is_no_id_leaves_no_file(server: FakeServer, tmp_path: Path, host_id: str) -> None:
    reply = EnrolReply(host_id, ORGANISATION_ID, "n", SERVER_KEY, 300)
    server.responders.append(lambda _: (200, canonical_json(reply)))
    with pytest.raises(RefusedError):
        go(server, tmp_path)
    assert files(tmp_path) == []


def test_a_refused_token_leaves_no_file(server: FakeServer, tmp_path: Path) -> None:
    words = ErrorReply("token_expired", "The token has expired.", "Ask for a new one.")
    server.responders.append(lambda _: (401, canonical_json(words)))
    with pytest.raises(ServerRefused, match="Ask for a new one"):
        go(server, tmp_path)
    assert files(tmp_path) == []
    assert len(server.bodies(PATH_ENROL)) == 1, "a token may be good for one host: it is not shown twice"


def test_an_enrolment_is_not_replaced_by_mistake(server: FakeServer, tmp_path: Path) -> None:
    go(server, tmp_path)
    secret = load_secret(tmp_path / "config")
    with pytest.raises(MisuseError, match="enrolled already"):
        go(server, tmp_path)
    assert load_secret(tmp_path / "config") == secret
    assert len(server.bodies(PATH_ENROL)) == 1


def test_a_new_enrolment_by_force_starts_anew_and_throws_nothing_away(server: FakeServer, tmp_path: Path) -> None:
    go(server, tmp_path, mode="apply")
    state = tmp_path / "state"
    StateStore(state).change(generation_max=9)
    Spool(state).add(make_outcome(1))
    (state / "orders/order-1").mkdir(parents=True)
    go(server, tmp_path, force=True)
    assert load_state(state).generation_max == 0
    assert Spool(state).count() == 0
    assert (state / "before-enrolment/orders/order-1").is_dir()
    assert load_state(state / "before-enrolment").generation_max == 9
    assert load_policy(tmp_path / "config").local.mode == "apply", "the owner's policy is not the server's to reset"


def test_a_new_enrolment_that_breaks_off_leaves_a_host_that_knows_it_is_not_enrolled(
    server: FakeServer, tmp_path: Path
) -> None:
    """Half of the old files and half of the new would look like a copied host to the server."""
    go(server, tmp_path)
    (tmp_path / "config/secret").unlink()
    (tmp_path / "config/secret").mkdir()
    with pytest.raises(HostError):
        go(server, tmp_path, force=True)
    with pytest.raises(HostError, match="not enrolled"):
        load_config(tmp_path / "config")


def test_the_mode_is_set_and_the_rest_of_the_policy_kept(server: FakeServer, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "policy.json").write_text(json.dumps({"mode": "report_only", "packages_never": ["linux-*"]}))
    go(server, tmp_path, mode="apply")
    assert load_policy(config).local.mode == "apply"
    assert load_policy(config).local.packages_never == ("linux-*",)
    write_policy(config, "report_only")
    assert load_policy(config).local.packages_never == ("linux-*",)


def test_a_damaged_policy_is_not_overwritten(server: FakeServer, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "policy.json").write_text("{")
    with pytest.raises(HostError, match=r"policy\.json"):
        go(server, tmp_path)
    assert server.seen == []


@pytest.mark.parametrize("key", ["", "ab", "zz" * 32, "ab" * 31 + "a"])
def test_a_malformed_key_is_misuse(server: FakeServer, tmp_path: Path, key: str) -> None:
    with pytest.raises(MisuseError):
        go(server, tmp_path, key=key)
    assert server.seen == []


def test_a_place_that_cannot_be_written_is_a_fault(server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where a directory should be")
    with pytest.raises(AgentError):
        go(server, tmp_path)
