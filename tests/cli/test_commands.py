"""Hosts, findings, patches, windows by the command line, against a real server with a real database."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from oakum.catalogue.models import ReleaseNote
from oakum.fleet.models import Host, HostState
from tests.cli.conftest import ShellOf
from tests.cli.running import Shell
from tests.findings.world import make_note
from tests.web.rows import CVE, EXPLOITED_CVE, NEW_OPENSSL, OLD_OPENSSL, World, add_host

HOSTILE = "evil\x1b[2J\x9b31m\u202e\r\nname"
LISTS = (
    ("host", "list"),
    ("host", "show", "web01"),
    ("host", "packages", "web01"),
    ("host", "changes", "web01"),
    ("host", "group", "list"),
    ("host", "token", "list"),
    ("finding", "list"),
    ("finding", "vulnerabilities"),
    ("finding", "vulnerability", CVE),
    ("finding", "overview"),
    ("patch", "list"),
    ("patch", "show", "openssl"),
    ("window", "list"),
    ("window", "freeze", "list"),
    ("rollout", "list"),
    ("journal", "list"),
)


def make_windows(operator: Shell) -> None:
    operator("window", "add", "nights", "--start", "2026-11-28T02:00", "--duration", "4h", "--rrule", "FREQ=DAILY").ok()
    times = ("--start", "2099-01-01T00:00:00Z", "--end", "2099-01-02T00:00:00+01:00")
    operator("window", "freeze", "add", "rest", *times, "--reason", "nobody is here").ok()
    operator("rollout", "plan", "--security", "--all", "--now", "4h").ok()


def test_every_list_is_readable_at_80_columns_and_whole_at_200(operator: Shell) -> None:
    make_windows(operator)
    for command in LISTS:
        for columns in (80, 200):
            told = operator(*command, COLUMNS=str(columns))
            lines = told.ok().splitlines()
            assert lines, command
            sentences = [line for line in lines if len(line) > columns]
            assert all("  " not in line.strip() or line.endswith(".") for line in sentences), (command, sentences)
        assert "no room for" not in told.err, command


def test_every_list_is_valid_json_with_everything_in_it(operator: Shell) -> None:
    make_windows(operator)
    for command in LISTS:
        found = operator(*command, "--json").json()
        rows = found if isinstance(found, list) else found.get("rows", found.get("entries", [found]))
        assert rows, command
        assert isinstance(rows[0], dict), command


def test_hosts(operator: Shell, world: World) -> None:
    add_host(world, "mute01", status="unknown")
    lines = operator("host", "list").ok().splitlines()
    assert lines[0].split()[:5] == ["host", "state", "seen", "pending", "reboot"]
    assert [line.split()[0] for line in lines[1:]] == ["db01", "mute01", "web01"]
    assert "  ?  " in lines[2]
    assert "mute01" not in operator("host", "list", "--search", "web").ok()
    assert "web01" in operator("host", "list", "--group", "web").ok()
    assert "oakum host add" in operator("host", "list", "--state", "quarantined").ok()
    shown = operator("host", "show", "web01").ok()
    assert f"{OLD_OPENSSL}  {NEW_OPENSSL}" in shown
    assert "1 open finding, 1 overdue" in shown
    mute = operator("host", "show", "mute01").ok()
    assert "Its packages are not known" in mute
    assert "0 open" not in mute
    assert "status file cannot be read" in mute


def test_what_people_say_of_hosts_and_groups(operator: Shell) -> None:
    assert operator("host", "set", "web01", "--reachability", "public").ok() == "web01: set.\n"
    assert "public (from: host)" in operator("host", "show", "web01").ok()
    operator("host", "set", "web01", "--reachability", "").ok()
    assert "(from: default)" in operator("host", "show", "web01").ok()
    assert "Give at least one of --reachability" in operator("host", "set", "web01").err
    operator("host", "group", "set", "eu/west 1", "--criticality", "high", "--description", "over there").ok()
    assert "has 2 hosts now" in operator("host", "group", "add", "eu/west 1", "web01", "db01").ok()
    assert "has 1 host now" in operator("host", "group", "remove", "eu/west 1", "db01").ok()
    assert "over there" in operator("host", "group", "list").ok()
    assert operator("host", "group", "delete", "eu/west 1", typed="n\n").code == 1
    operator("host", "group", "delete", "eu/west 1", "--yes").ok()
    assert "no group named 'eu/west 1'" in operator("host", "group", "delete", "eu/west 1", "--yes").refused(2)


@pytest.mark.usefixtures("installer")
def test_enrolment(operator: Shell) -> None:
    told = operator("host", "add", "--mode", "report_only", "--group", "web", "--note", "rack 7")
    assert told.ok().startswith("python3 installer --token oakenrol_")
    assert told.out.strip().endswith("--mode report_only")
    assert "as root on each host; it holds until" in told.err
    (row,) = [each for each in operator("host", "token", "list", "--json").json() if each["note"] == "rack 7"]
    operator("host", "token", "revoke", row["id"]).ok()
    (line,) = [line for line in operator("host", "token", "list").ok().splitlines() if "rack 7" in line]
    assert line.endswith("revoked")
    assert operator("host", "token", "revoke", "rack 7").code == 2


def test_release_and_retire(administrator: Shell, operator: Shell) -> None:
    assert "role administrator" in operator("host", "release", "web01").refused(3)
    Host.objects.filter(hostname="web01").update(state=HostState.QUARANTINED, state_reason="Two hosts are one.")
    assert "quarantined. Two hosts are one." in operator("host", "show", "web01").ok()
    assert "enrolled anew" in administrator("host", "release", "web01").ok()
    assert administrator("host", "retire", "web01", typed="n\n").code == 1
    administrator("host", "retire", "web01", "--yes").ok()
    assert "There is no host 'web01'" in operator("host", "show", "web01").refused(2)
    retired = operator("host", "list", "--state", "retired", "--json").json()["rows"][0]["id"]
    assert "retired" in operator("host", "show", retired).ok()


def test_findings(operator: Shell) -> None:
    lines = operator("finding", "list").ok().splitlines()
    assert lines[0].split()[0] == "due"
    assert len(lines) == 3
    assert all(line.startswith("OVERDUE ") and NEW_OPENSSL in line for line in lines[1:])
    assert "KEV=Y" in lines[1]
    assert operator("finding", "list", "--overdue", "--fail").code == 1
    assert operator("finding", "list", "--package", "bash", "--fail").code == 0
    assert "No finding matches." in operator("finding", "list", "--package", "bash").ok()
    assert "1 of 2; --limit 2 shows all." in operator("finding", "list", "--limit", "1").err
    assert "'pubic' is not one of" in operator("finding", "list", "--severity", "pubic").err
    assert "no group named 'wbe'" in operator("finding", "list", "--group", "wbe").refused(2)


def test_more_rows_than_one_page_are_fetched_in_pages(operator: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from oakum.cli import client

    monkeypatch.setattr(client.Client.rows, "__kwdefaults__", {"page_count": 1})
    found = operator("finding", "list", "--json").json()
    assert len(found["rows"]) == 2
    assert len({row["hostname"] for row in found["rows"]}) == 2
    assert len(operator("host", "list", "--limit", "1", "--json").json()["rows"]) == 1


def test_hosts_that_could_not_tell_are_named_beside_an_empty_list(operator: Shell, world: World) -> None:
    add_host(world, "mute01", status="unknown")
    told = operator("finding", "list", "--package", "bash")
    assert "1 host could not tell the packages" in told.err
    assert "1 host could not tell what is pending" in operator("patch", "list").err


def test_vulnerabilities(operator: Shell) -> None:
    told = operator("finding", "vulnerabilities").ok()
    assert told.index(EXPLOITED_CVE) < told.index(CVE)
    shown = operator("finding", "vulnerability", EXPLOITED_CVE.lower()).ok()
    assert "known since 2026-10-05 (KEV)" in shown
    assert "DSA-9999-1 (osv-debian)" in shown
    assert "web01" in shown
    assert "not that all is well" in operator("finding", "vulnerability", "CVE-1999-0001").ok()


def test_compliance_and_exports(operator: Shell, tmp_path: Path) -> None:
    told = operator("finding", "compliance")
    assert "2 overdue" in told.ok()
    assert "CISA BOD 26-04" in told.out
    assert operator("finding", "compliance", "--fail").code == 1
    rows = list(csv.DictReader(io.StringIO(operator("finding", "export").ok(), newline="")))
    assert sorted(row["hostname"] for row in rows) == ["db01", "web01"]
    for command in (("finding", "export"), ("finding", "compliance"), ("patch", "export")):
        file = tmp_path / f"{command[0]}-{command[1]}.json"
        told = operator(*command, "-o", str(file))
        assert told.ok() == ""
        assert f"Written to {file}." in told.err
        assert json.loads(file.read_text())["rows"]
        as_csv = operator(*command, "--csv").ok()
        assert len(list(csv.reader(io.StringIO(as_csv, newline="")))) > 1
    assert operator("finding", "export", "--group", "web", "--json").json()["rows"][0]["hostname"] == "web01"


def test_a_file_that_cannot_be_written_is_no_traceback(operator: Shell, tmp_path: Path) -> None:
    told = operator("finding", "export", "-o", str(tmp_path / "no" / "such" / "place.csv"))
    assert told.refused(2)


def test_patches(operator: Shell, world: World) -> None:
    host = Host.objects.get(hostname="web01")
    make_note(world.organisation, "openssl", NEW_OPENSSL, now=world.now, host=host, cves=(CVE,))
    ReleaseNote.objects.update(text="  * Fix \x1b[2J it.\n" * 60)
    lines = operator("patch", "list").ok().splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["debian:12", "debian:12"]
    assert "OVERDUE" in lines[1]
    shown = operator("patch", "show", "openssl").ok()
    assert f"openssl {NEW_OPENSSL} (security, debian:12" in shown
    assert "told by web01" in shown
    assert "\x1b" not in shown
    assert "(20 more lines; --json has everything)" in shown
    number = operator("patch", "list", "--search", "tzdata", "--json").json()["rows"][0]["id"]
    assert "tzdata" in operator("patch", "show", str(number)).ok()
    assert operator("patch", "show", "libssl3").ok() == shown
    assert "No update of nginx is pending" in operator("patch", "show", "nginx").refused(2)
    assert "There is no such patch" in operator("patch", "show", "999999").refused(2)


def test_windows_and_freezes(operator: Shell, world: World) -> None:
    make = ("window", "add", "nights", "--duration", "4h")
    told = operator(*make, "--start", "2026-11-28T02:00", "--rrule", "FREQ=WEEKLY;BYDAY=SA", "--zone", "Europe/Berlin")
    assert "for 4h" in told.ok()
    start = f"{world.now - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}"
    assert "OPEN until" in operator("window", "add", "now", "--start", start, "--duration", "4h").ok()
    assert operator("window", "list").ok().count("4h") == 2
    operator("window", "remove", "now").ok()
    assert "There is no maintenance window named 'now'" in operator("window", "remove", "now").refused(2)
    assert "never opens again" in operator(*make, "--start", "2001-01-01T00:00").refused(2)
    assert "is no duration" in operator("window", "add", "x", "--start", "2026-11-28T02:00", "--duration", "4").err
    times = ("--start", "2099-01-01T00:00:00Z", "--end", "2099-01-02T00:00:00+01:00")
    told = operator("window", "freeze", "add", "rest", *times, "--reason", "nobody is here")
    assert "from 2099-01-01 00:00 UTC until 2099-01-01 23:00 UTC" in told.ok()
    assert "nobody is here" in operator("window", "freeze", "list").ok()
    operator("window", "freeze", "remove", "rest").ok()
    assert "oakum window freeze list" in operator("window", "freeze", "remove", "rest").refused(2)
    operator("window", "freeze", "add", "x", "--start", "soon", "--end", "later").refused(2)


def test_what_hostile_hosts_call_themselves_is_never_obeyed(operator: Shell, world: World) -> None:
    add_host(world, "evil")
    Host.objects.filter(hostname="evil").update(hostname=HOSTILE, os_name=HOSTILE, state_reason=HOSTILE)
    operator("rollout", "plan", "--patch", "openssl", "--all", "--name", HOSTILE).ok()
    host_id = str(Host.objects.get(hostname=HOSTILE).id)
    commands: list[tuple[str, ...]] = [
        *LISTS,
        ("host", "show", host_id),
        ("rollout", "status", "1"),
        ("host", "set", host_id),
    ]
    commands += [("host", "list", "--json"), ("finding", "list", "--json"), ("finding", "compliance")]
    seen = 0
    for command in commands:
        told = operator(*command)
        for letter in "\x1b\x9b\u202e\r":
            assert letter not in told.out + told.err, (command, letter)
        seen += "evil" in told.out
    assert seen > 6
    names: list[Any] = [row["hostname"] for row in operator("host", "list", "--json").json()["rows"]]
    assert HOSTILE in names


def test_a_viewer_looks_and_changes_nothing(shell_of: ShellOf) -> None:
    viewer = shell_of("viewer")
    viewer("finding", "list").ok()
    for command in (
        ("host", "set", "web01", "--criticality", "high"),
        ("host", "group", "set", "x"),
        ("host", "add"),
        ("window", "add", "x", "--start", "2026-11-28T02:00", "--duration", "4h"),
        ("rollout", "plan", "--security", "--all"),
    ):
        assert "This needs the role operator; vera has viewer." in viewer(*command).refused(3)
