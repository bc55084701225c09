"""Rollouts by the command line, from the plan to the halt."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db.utils import OperationalError

from oakum.cli import rollout_watch
from oakum.fleet.models import Host
from oakum.rollout import queries
from oakum.rollout.models import Rollout
from tests.api.rolling import ask_permit, step, tell
from tests.cli.running import Shell
from tests.web.rows import CVE, World, add_host

PLAN = ("rollout", "plan", "--patch", "openssl", "--ring", "db01", "--ring", "web01", "--now", "4h", "--soak", "60s")


def utc_now() -> datetime:
    return datetime.now(tz=UTC)


def begin(operator: Shell, approver: Shell, *plan: str) -> None:
    operator(*(plan or PLAN)).ok()
    approver("rollout", "approve", "1", "--comment", "seen").ok()
    operator("rollout", "start", "1").ok()
    step(utc_now())


def test_a_plan_shows_what_will_happen_and_the_next_command(operator: Shell, world: World) -> None:
    add_host(world, "mute01", status="unknown")
    told = operator("rollout", "plan", "--security", "--all", "--now", "90m", "--soak", "1h", "--name", "openssl").ok()
    assert told.startswith("Rollout 1: openssl (awaiting approval)\nWaits for approval: 0 of 1 given.")
    assert "carries  libssl3" in told
    assert "ring 0   db01\nring 1   web01" in told or "ring 0   web01\nring 1   db01" in told
    assert "soak     1h before the next ring" in told
    assert "mute01: What is installed on the host is not known." in told
    assert told.endswith("Next: an approver who is not otto types: oakum rollout approve 1\n")


@pytest.mark.parametrize(
    ("options", "packages", "rings"),
    [
        (("--security", "--group", "web"), {"libssl3", "openssl"}, [["web01"]]),
        (("--cve", CVE, "--host", "web01", "--host", "db01", "--sizes", "1,1"), {"libssl3", "openssl"}, [1, 1]),
        (("--patch", "tzdata", "--patch", "openssl", "--all"), {"libssl3", "openssl", "tzdata"}, [1, 1]),
        (("--patch", "openssl", "--ring", "web01", "--ring", "db01"), {"libssl3", "openssl"}, [["web01"], ["db01"]]),
        (("--patch", "openssl", "--ring", "web01, db01"), {"libssl3", "openssl"}, [["db01", "web01"]]),
    ],
)
def test_every_way_to_say_what_and_where(
    operator: Shell, options: tuple[str, ...], packages: set[str], rings: list[Any]
) -> None:
    found = operator("rollout", "plan", *options, "--json").json()
    assert {pin["package"] for pin in found["pins"]} == packages
    for ring, wanted in zip(found["rings"], rings, strict=True):
        names = [host["hostname"] for host in ring["hosts"]]
        assert names == wanted or len(names) == wanted


def test_a_patch_by_id_and_a_window_by_name(operator: Shell) -> None:
    number = operator("patch", "list", "--search", "tzdata", "--json").json()["rows"][0]["id"]
    operator("window", "add", "nights", "--start", "2026-11-28T02:00", "--duration", "4h", "--rrule", "FREQ=DAILY").ok()
    told = operator("rollout", "plan", "--patch", str(number), "--all", "--window", "nights").ok()
    assert "tzdata" in told
    assert "Window nights" in told
    assert "times more" in told


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "Say which patches in one way"),
        (("--security",), "Say which hosts in one way"),
        (("--security", "--cve", "CVE-1", "--all"), "Say which patches in one way"),
        (("--security", "--all", "--host", "web01"), "Say which hosts in one way"),
        (("--security", "--all", "--window", "x", "--now", "4h"), "Say when in one way"),
        (("--security", "--all", "--sizes", "a"), "are no sizes"),
        (("--security", "--all", "--now", "soon"), "is no duration"),
    ],
)
def test_wishes_that_contradict_themselves_never_reach_the_server(
    operator: Shell, options: tuple[str, ...], words: str
) -> None:
    told = operator("rollout", "plan", *options)
    assert told.code == 2
    assert words in told.err


def test_nothing_to_do_is_said_with_the_reason(operator: Shell) -> None:
    words = operator("rollout", "plan", "--patch", "openssl", "--host", "web99").refused(2)
    assert "There is no host 'web99'" in words
    operator("rollout", "plan", "--patch", "nginx", "--all").refused(2)
    operator("rollout", "plan", "--security", "--all", "--window", "nowhere").refused(2)


def test_four_eyes_are_held_with_exit_code_3(operator: Shell, approver: Shell) -> None:
    operator(*PLAN).ok()
    assert "approver" in operator("rollout", "approve", "1").refused(3)
    assert "Next: oakum rollout start 1" in approver("rollout", "approve", "1", "--comment", "seen").ok()
    assert "You have approved this before" in approver("rollout", "approve", "1").refused(2)
    approver(*PLAN).ok()
    assert "never approves" in approver("rollout", "approve", "2").refused(3)
    assert "cannot be told to pause" in operator("rollout", "pause", "1").refused(2)
    operator(*PLAN).ok()
    assert "rejected by anna: no" in approver("rollout", "reject", "3", "--comment", "no").ok()
    assert "There is no rollout 9" in operator("rollout", "status", "9").refused(2)


def test_status_prints_the_report_and_the_hosts_by_ring(operator: Shell, approver: Shell) -> None:
    begin(operator, approver)
    found = operator("rollout", "status", "1", "--json").json()
    told = operator("rollout", "status", "1").ok()
    assert found["report"] in told
    rows = [line.split() for line in told.splitlines() if line.strip().startswith(("0 ", "1 "))]
    assert [(row[0], row[1], row[2]) for row in rows] == [("0", "db01", "released"), ("1", "web01", "waiting")]
    assert "oakum rollout halt 1" in told.splitlines()[-1]
    listed = operator("rollout", "list", "--state", "running").ok()
    assert "0/2" in listed
    assert "1 host released" in operator("rollout", "plans", "1").ok()
    assert "Moving: rollout 1" in operator("finding", "overview").ok()


def test_a_halt_prints_who_holds_a_permit_and_who_is_at_work(operator: Shell, approver: Shell, world: World) -> None:
    add_host(world, "app01")
    begin(operator, approver, *PLAN[:4], "--ring", "db01,web01,app01", "--now", "4h")
    for name in ("db01", "web01"):
        assert ask_permit(1, name, utc_now()).granted
    tell(1, "web01", "started", utc_now())
    told = operator("rollout", "halt", "1", "--reason", "smoke").ok()
    assert told.startswith("Rollout 1 is halted: no host starts any more.\n")
    holders, _, at_work = told.partition("At work, and will finish what they do: ")
    assert "db01" in holders
    assert "web01" not in holders
    assert at_work.startswith("web01.")
    assert not ask_permit(1, "app01", utc_now()).granted
    assert "smoke" in operator("rollout", "status", "1").ok()
    assert "halted" in operator("rollout", "list").ok()


def test_a_halt_without_anybody_under_way_says_so(operator: Shell, approver: Shell) -> None:
    begin(operator, approver)
    assert "No host holds an unanswered start permit." in operator("rollout", "halt", "1").ok()
    assert "approver" in operator("rollout", "resume", "1").refused(3)
    assert "is running" in approver("rollout", "resume", "1").ok()
    assert operator("rollout", "cancel", "1", typed="n\n").code == 1
    assert "is cancelled" in operator("rollout", "cancel", "1", "--yes").ok()


def test_what_was_taken_back_shows_its_reason_at_80_columns(operator: Shell, approver: Shell) -> None:
    begin(operator, approver)
    assert ask_permit(1, "db01", utc_now()).granted
    tell(1, "db01", "started", utc_now())
    health = ("unit openssl.service is failed, was active\x1b[2J",)
    tell(1, "db01", "rolled_back", utc_now(), reason="health_worse", sentence="It was worse after it.", health=health)
    step(utc_now())
    told = operator("rollout", "status", "1", COLUMNS="80").ok()
    assert "rolled back" in told
    assert "It was worse" in told
    assert "db01: unit openssl.service is failed, was active" in told
    assert "\x1b" not in told


def test_watching_ends_with_the_rollout_and_says_how(
    operator: Shell, approver: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happens between two looks happens here, where the watcher would sleep."""
    begin(operator, approver)
    steps = iter(["permit", "started", "rolled_back"])

    def meanwhile(_: float) -> None:
        what = next(steps)
        if what == "permit":
            assert ask_permit(1, "db01", utc_now()).granted
        else:
            tell(1, "db01", what, utc_now())
        step(utc_now())

    monkeypatch.setattr(rollout_watch, "sleep", meanwhile)
    told = operator("rollout", "status", "1", "--watch")
    assert told.code == 1
    assert "1 ordered" in told.out
    assert "Halted: 1 host of ring 0 went back" in told.out
    assert told.out.index("1 ordered") < told.out.index("Halted:")
    assert told.out.count("Halted:") == 1
    found = operator("rollout", "status", "1", "--watch", "--json")
    assert found.code == 1
    assert '"state": "halted"' in found.out


def test_watching_a_completed_rollout_exits_0(operator: Shell, approver: Shell) -> None:
    begin(operator, approver)
    Rollout.objects.update(state="completed", report="Completed: 2 of 2 hosts verified.", finished_at=utc_now())
    assert "Completed: 2 of 2 hosts verified." in operator("rollout", "status", "1", "--watch").ok()


def test_watching_outlives_a_restart_of_the_server(
    operator: Shell, approver: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away while the watcher sleeps for the first time, and back after the second."""
    begin(operator, approver)
    sleeps: list[float] = []

    def meanwhile(seconds: float) -> None:
        sleeps.append(seconds)
        if len(sleeps) == 1:
            monkeypatch.setattr(queries, "rollout", away)
        if len(sleeps) == 2:
            monkeypatch.setattr(queries, "rollout", there)
            operator("rollout", "cancel", "1", "--yes").ok()

    def away(**_: object) -> None:
        raise OperationalError("no connection")

    there = queries.rollout
    monkeypatch.setattr(rollout_watch, "sleep", meanwhile)
    told = operator("rollout", "status", "1", "--watch")
    assert told.code == 1
    assert "cannot reach its database, or the database is overloaded. Still watching." in told.err
    assert "Cancelled: by otto." in told.out
    monkeypatch.setattr(rollout_watch, "AWAY_SECONDS_MAX", 5)
    monkeypatch.setattr(queries, "rollout", away)
    assert operator("rollout", "status", "1", "--watch").code == 4
    assert len(sleeps) == 4


def test_a_large_rollout_shows_only_what_needs_a_look(
    operator: Shell, approver: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from oakum.cli import rollout_words

    monkeypatch.setattr(rollout_words, "HOST_SHOWN_COUNT", 1)
    begin(operator, approver)
    told = operator("rollout", "status", "1")
    assert "db01" in told.ok()
    assert "web01" not in told.out
    assert "Not shown: 1 waiting; --all shows them." in told.err
    assert "web01" in operator("rollout", "status", "1", "--all").ok()


def test_left_out_hosts_are_named_while_somebody_decides_and_counted_afterwards(
    operator: Shell, approver: Shell, world: World
) -> None:
    add_host(world, "look01", mode="report_only")
    assert Host.objects.count() == 3
    begin(operator, approver, "rollout", "plan", "--security", "--all", "--now", "4h")
    told = operator("rollout", "status", "1")
    assert "look01" not in told.ok()
    assert "1 left out; --all names them." in told.err
    assert "look01: The host's own policy is report-only." in operator("rollout", "status", "1", "--all").ok()
