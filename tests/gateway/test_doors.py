"""The rest of the door: enrolment, uploads and their limits, permits, outcomes, files."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import logging
import random
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oakum.core.errors import HostError
from oakum.fleet.models import Host
from oakum.gateway import bodies, wire
from oakum.gateway.installer import INSTALLER_PATH
from oakum.gateway.throttle import ENROL_FAILURE_COUNT_MAX, LOG_LINE_COUNT_MAX, PERIOD_SECONDS, Counter
from oakum.identity.models import Installation
from oakum.protocol.codec import canonical_json, from_json
from oakum.protocol.inventory import InstalledPackage, PackagesSection, section_hash
from oakum.protocol.messages import (
    BODY_BYTES_MAX,
    INVENTORY_BODY_BYTES_MAX,
    INVENTORY_PLAIN_BYTES_MAX,
    OUTCOME_COUNT_MAX,
    PATH_AGENT_FILE,
    PATH_CHECK_IN,
    PATH_ENROL,
    PATH_INVENTORY,
    PATH_NOTES,
    PATH_OUTCOMES,
    PATH_PERMIT,
    EnrolReply,
    NotesUpload,
    Outcome,
    OutcomesUpload,
    PermitReply,
    PermitRequest,
)
from tests.factories import make_organisation
from tests.fleet.reports import SIGNER_KEY, SpeakingHost, enrol_host, enrol_request, make_installation, make_token
from tests.gateway.driver import NOW, Door, Sender, headers_of

CHUNK = b"0" * 65_536
HUNDRED_MB = 100_000_000


@pytest.fixture
def host(door: Door) -> SpeakingHost:
    return enrol_host(make_organisation(now=NOW), NOW)


def endless(size: int) -> Iterator[bytes]:
    for _ in range(0, size, len(CHUNK)):
        yield CHUNK


def test_a_stranger_with_a_token_becomes_a_host(door: Door) -> None:
    make_installation(NOW)
    organisation = make_organisation(now=NOW)
    reply = door.enrol(canonical_json(enrol_request(make_token(organisation, NOW))))
    value = from_json(reply.body, EnrolReply)
    assert (reply.status, value.server_key, value.check_in_seconds) == (200, SIGNER_KEY, 300)
    host = SpeakingHost(id=Host.objects.get().id, secret="s3cret", nonce=value.nonce)
    assert door.check_in(host).status == 200


def test_wrong_tokens_are_refused_and_soon_throttled_for_that_address_alone(door: Door) -> None:
    make_installation(NOW)
    organisation = make_organisation(now=NOW)
    guess = canonical_json(enrol_request("oakenrol_guess"))
    for _ in range(ENROL_FAILURE_COUNT_MAX):
        reply = door.enrol(guess)
        assert (reply.status, reply.error().code) == (401, "token_invalid")
    throttled = door.enrol(guess)
    assert (throttled.status, throttled.error().code) == (429, "enrol_throttled")
    good = canonical_json(enrol_request(make_token(organisation, NOW)))
    assert door.enrol(good).status == 429
    assert door.enrol(good, client="192.0.2.2").status == 200


def test_a_counter_starts_anew_each_period() -> None:
    instants = [0.0]
    counter = Counter(2, monotonic=lambda: instants[0])
    assert [counter.count("a") for _ in range(3)] == [True, True, False]
    assert counter.over_count == 1
    assert not counter.is_full("b")
    assert counter.is_full("a")
    instants[0] = PERIOD_SECONDS
    assert counter.count("a")
    assert counter.over_count == 0


def test_without_a_signer_enrolment_and_installer_wait(door: Door) -> None:
    token = make_token(make_organisation(now=NOW), NOW)
    for reply in (door.enrol(canonical_json(enrol_request(token))), door.request("GET", INSTALLER_PATH)):
        assert (reply.status, reply.error().code) == (503, "signer_key_missing")


def test_paths_methods_and_media_types(door: Door, host: SpeakingHost) -> None:
    assert door.post("/agent/v1/nowhere", b"{}", headers_of(host)).error().code == "path_unknown"
    assert door.request("GET", PATH_CHECK_IN, headers_of(host)).status == 405
    assert door.post(PATH_AGENT_FILE, b"", []).status == 405
    text = [(b"authorization", b"x"), (b"content-type", b"text/plain")]
    assert door.post(PATH_CHECK_IN, b"{}", text).status == 415
    brotli = headers_of(host, (b"content-encoding", b"br"))
    assert door.post(PATH_CHECK_IN, b"{}", brotli).status == 415
    assert door.post(PATH_ENROL, b"{}", []).status == 415


@pytest.mark.parametrize(
    ("path", "limit"),
    [(PATH_INVENTORY, INVENTORY_BODY_BYTES_MAX), (PATH_PERMIT, BODY_BYTES_MAX), (PATH_CHECK_IN, BODY_BYTES_MAX)],
)
def test_a_hundred_megabytes_are_refused_after_the_limit_and_not_read_to_their_end(
    door: Door, host: SpeakingHost, path: str, limit: int
) -> None:
    door.check_in(host)
    sender = Sender(endless(HUNDRED_MB))
    tracemalloc.start()
    reply = door.run(door.ask("POST", path, headers_of(host), sender))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (reply.status, reply.error().code) == (413, "body_too_large")
    assert reply.headers[b"connection"] == b"close"
    assert limit < sender.read_count <= limit + len(CHUNK)
    assert peak < limit + 4_000_000


@pytest.mark.parametrize("declared", [b"100000000", b"-1", b"1e9", b"9" * 30])
def test_a_body_that_is_declared_too_large_is_not_read_at_all(door: Door, host: SpeakingHost, declared: bytes) -> None:
    sender = Sender(endless(HUNDRED_MB))
    reply = door.run(door.ask("POST", PATH_INVENTORY, headers_of(host, (b"content-length", declared)), sender))
    assert (reply.status, sender.read_count) == (413, 0)


def test_a_hundred_megabytes_to_enrol_are_refused_too(door: Door) -> None:
    sender = Sender(endless(HUNDRED_MB))
    reply = door.run(door.ask("POST", PATH_ENROL, [(b"content-type", b"application/json")], sender))
    assert reply.status == 413
    assert sender.read_count <= BODY_BYTES_MAX + len(CHUNK)


def test_a_gzip_bomb_is_refused_before_it_goes_off(door: Door, host: SpeakingHost) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b" " * 1_000_000) for _ in range(1_000)) + packer.flush()
    assert len(bomb) < 1_100_000
    tracemalloc.start()
    reply = door.post(PATH_INVENTORY, bomb, headers_of(host, (b"content-encoding", b"gzip")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (reply.status, reply.error().code) == (413, "body_too_large")
    assert peak < 3 * INVENTORY_PLAIN_BYTES_MAX
    small = gzip.compress(b" " * (BODY_BYTES_MAX + 1))
    reply = door.post(PATH_CHECK_IN, small, headers_of(host, (b"content-encoding", b"gzip")))
    assert (reply.status, reply.error().code) == (413, "body_too_large")


def test_what_claims_to_be_gzip_must_be_one_whole_member() -> None:
    whole = gzip.compress(b"{}")
    assert wire.inflate(whole, 10) == b"{}"
    for broken in (b"", b"{}", whole[:-1], whole + b"x", whole + whole, b"\x1f\x8b" + b"\x00" * 20):
        with pytest.raises(HostError) as caught:
            wire.inflate(broken, 10)
        assert caught.value.code == "body_garbage"


@given(st.binary(max_size=200), st.integers(0, 300))
def test_inflating_gives_back_what_was_packed_or_refuses(plain: bytes, limit: int) -> None:
    packed = gzip.compress(plain)
    if len(plain) <= limit:
        assert wire.inflate(packed, limit) == plain
    else:
        with pytest.raises(HostError):
            wire.inflate(packed, limit)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(gzip.compress)), st.booleans())
def test_garbage_in_any_verb_is_a_refusal_in_words(door: Door, host: SpeakingHost, body: bytes, packed: object) -> None:
    headers = headers_of(host, *([(b"content-encoding", b"gzip")] if packed else []))
    for path in (PATH_INVENTORY, PATH_PERMIT, PATH_OUTCOMES, PATH_NOTES, PATH_CHECK_IN):
        reply = door.post(path, body, headers)
        assert (reply.status, reply.error().code) == (422, "body_garbage")


def test_garbage_in_an_inventory_is_refused_with_the_place_and_nothing_is_stored(
    door: Door, host: SpeakingHost
) -> None:
    door.upload(host)
    before = Host.objects.values().get(id=host.id)
    host.packages = PackagesSection(
        manager="apt", status="known", reason="", packages=(InstalledPackage("a b", "1", "amd64", "a", "1"),)
    )
    reply = door.upload(host)
    assert (reply.status, reply.error().code) == (422, "inventory_invalid")
    assert "packages.packages[0].name" in reply.error().sentence
    nul = canonical_json(dataclasses.replace(host.upload_value(NOW, "facts"), packages=None)).replace(
        b"kvm", b"\\u0000"
    )
    assert b"u0000" in nul
    assert door.post(PATH_INVENTORY, nul, headers_of(host)).error().code == "inventory_invalid"
    assert Host.objects.values().get(id=host.id) == before


def test_the_doors_fingerprint_is_the_protocols_hash() -> None:
    every = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    words = [every[start : start + 4_096] for start in range(0, len(every), 4_096)]
    rng = random.Random(1)  # noqa: S311 - the same choice each time
    packages = tuple(InstalledPackage(word, rng.choice(words), "a", "", word[:3], held=True) for word in words)
    section = PackagesSection(manager="apt", status="known", reason="", packages=packages)
    assert wire.fingerprint(section) == section_hash(section)


def test_a_host_asks_for_a_permit_for_an_order_that_does_not_exist(door: Door, host: SpeakingHost) -> None:
    request = PermitRequest(protocol=1, order_id="no-such-order", order_hash="h", generation=1, attempt="a")
    reply = door.post(PATH_PERMIT, canonical_json(request), headers_of(host))
    assert reply.status == 200
    assert not from_json(reply.body, PermitReply).granted
    for number in (-1, 2**63, 2**70):
        wrong = dataclasses.replace(request, generation=number, attempt=f"a{number}")
        reply = door.post(PATH_PERMIT, canonical_json(wrong), headers_of(host))
        assert (reply.status, from_json(reply.body, PermitReply).granted) == (200, False)


def test_outcomes_are_acknowledged_and_bounded(door: Door, host: SpeakingHost) -> None:
    outcome = Outcome(
        outcome_id="o1",
        order_id="no-such-order",
        order_hash="h",
        generation=1,
        attempt="a",
        kind="refused",
        reason="expired",
        sentence="The order has expired.",
        at="2026-11-22T12:00:00Z",
    )
    upload = OutcomesUpload(protocol=1, outcomes=(outcome,))
    for _ in range(2):
        reply = door.post(PATH_OUTCOMES, canonical_json(upload), headers_of(host))
        assert (reply.status, json.loads(reply.body)) == (200, {"stored": ["o1"]})
    many = dataclasses.replace(upload, outcomes=(outcome,) * (OUTCOME_COUNT_MAX + 1))
    assert door.post(PATH_OUTCOMES, canonical_json(many), headers_of(host)).status == 422
    odd = dataclasses.replace(outcome, outcome_id="o2", generation=2**70, log="a\x00b", kind="levitated")
    reply = door.post(PATH_OUTCOMES, canonical_json(dataclasses.replace(upload, outcomes=(odd,))), headers_of(host))
    assert (reply.status, json.loads(reply.body)) == (200, {"stored": ["o2"]})  # its spool must empty


def test_notes_that_nobody_asked_for_are_not_stored(door: Door, host: SpeakingHost) -> None:
    upload = NotesUpload(protocol=1, source_name="openssl", source_version="1", problem="", entries=())
    reply = door.post(PATH_NOTES, canonical_json(upload), headers_of(host))
    assert (reply.status, json.loads(reply.body)) == (200, {"stored_count": 0})


def test_the_agents_file_and_its_installer_are_for_everybody(door: Door) -> None:
    make_installation(NOW)
    agent = door.request("GET", PATH_AGENT_FILE)
    assert (agent.status, agent.headers[b"content-type"]) == (200, b"application/zip")
    assert "__main__.py" in zipfile.ZipFile(io.BytesIO(agent.body)).namelist()
    digest = hashlib.sha256(agent.body).hexdigest()
    assert agent.headers[b"etag"] == f'"{digest}"'.encode()
    again = door.request("GET", PATH_AGENT_FILE, [(b"if-none-match", agent.headers[b"etag"])])
    assert (again.status, again.body) == (304, b"")
    head = door.request("HEAD", PATH_AGENT_FILE)
    assert (head.status, head.body, head.headers[b"content-length"]) == (
        200,
        b"",
        str(len(agent.body)).encode(),
    )
    installer = door.request("GET", INSTALLER_PATH)
    assert installer.status == 200
    assert digest in installer.body.decode()
    assert SIGNER_KEY in installer.body.decode()
    compile(installer.body, "install.py", "exec")
    assert Installation.objects.count() == 1


def test_a_client_that_hangs_up_leaves_no_trace(door: Door, host: SpeakingHost) -> None:
    door.check_in(host)
    reply = door.run(door.ask("POST", PATH_INVENTORY, headers_of(host), Sender(iter([b"{"]), gone=True)))
    assert reply.status == 0


def test_a_body_that_trickles_is_cut_off(door: Door, host: SpeakingHost, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    door.check_in(host)
    monkeypatch.setattr(bodies, "BODY_SECONDS_MAX", 0.05)

    class Slow(Sender):
        async def receive(self) -> dict[str, object]:
            await asyncio.sleep(0.01)
            return await super().receive()

    sender = Slow(iter([b" "] * 1_000))
    reply = door.run(door.ask("POST", PATH_INVENTORY, headers_of(host), sender))
    assert (reply.status, reply.error().code) == (408, "body_slow")
    assert reply.headers[b"connection"] == b"close"


def test_refusals_in_the_log_are_bounded_and_tell_no_secret(
    door: Door, host: SpeakingHost, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="oakum.gateway"):
        for _ in range(LOG_LINE_COUNT_MAX + 40):
            door.post(PATH_CHECK_IN, b"{", headers_of(host))
    lines = [record.getMessage() for record in caplog.records if record.name == "oakum.gateway"]
    assert len(lines) == LOG_LINE_COUNT_MAX + 1
    assert str(host.id) in lines[0]
    assert "code=body_garbage" in lines[0]
    assert all(host.secret not in line for line in lines)
