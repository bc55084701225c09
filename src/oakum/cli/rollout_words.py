"""How a rollout is printed: the report, who holds a permit, its hosts ring by ring, and the command to type next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import click

from oakum.cli.client import Client, address
from oakum.cli.duration import render_duration
from oakum.cli.output import Column, instant, listed, print_pairs, print_table, say, since, words

HOST_SHOWN_COUNT = 60  # more hosts than that: only those that something is up with
HOST_COUNT_MAX = 2_000
PIN_NAMED_COUNT = 8
HOST_NAMED_COUNT = 12
LEFT_OUT_NAMED_COUNT = 30
QUIET_STATES = frozenset({"waiting", "verified", "soaked"})
COLUMNS = (
    Column(name="ring", is_number=True),
    Column(name="host"),
    Column(name="state"),
    Column(name="since", rank=2),
    Column(name="remedy", rank=3),
    Column(name="why", rank=1, wraps=True),
)


def print_rollout(client: Client, found: dict[str, Any], *, shows_all: bool, shows_report: bool) -> None:
    """Print how a rollout stands: the report, then its hosts by ring."""
    say(f"Rollout {found['number']}: {found['name']} ({words(found['state'])})")
    if shows_report:
        say(found["report"])
    if found["holders"]:
        names = [each["hostname"] for each in found["holders"]]
        say(f"Hold a start permit, and not heard of since: {listed(names, HOST_NAMED_COUNT)}.")
    click.echo()
    hosts = list(_hosts(client, found, shows_all=shows_all))
    print_table(COLUMNS, [_row(host) for host in hosts], empty="No host needs a look.")
    _print_hidden(found, hosts)
    for host in hosts:
        for line in host["health"]:
            say(f"{host['hostname']}: {line}")
    if shows_all or found["state"] in {"awaiting_approval", "approved"}:
        print_left_out(found)
    elif found["left_out_count"]:
        click.echo(f"{found['left_out_count']} left out; --all names them.", err=True)
    say(next_step(found))


def _hosts(client: Client, found: dict[str, Any], *, shows_all: bool) -> Iterator[dict[str, Any]]:
    """Yield the hosts to show: all of a small rollout, of a large one those that something is up with."""
    path = address("rollouts", found["number"], "hosts")
    if found["host_count"] <= HOST_SHOWN_COUNT or shows_all:
        yield from client.rows(path, limit=HOST_COUNT_MAX)["rows"]
        return
    counts = _counts(found)
    loud = [state for state in counts if state not in QUIET_STATES]
    rows = [row for state in loud for row in client.rows(path, limit=HOST_COUNT_MAX, state=state)["rows"]]
    yield from sorted(rows, key=lambda row: (row["ring"], row["state"], row["hostname"]))


def _counts(found: dict[str, Any]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for ring in found["rings"]:
        counts.update(ring["counts"])
    return counts


def _print_hidden(found: dict[str, Any], shown: Sequence[dict[str, Any]]) -> None:
    hidden = _counts(found) - Counter(host["state"] for host in shown)
    if hidden:
        parts = ", ".join(f"{count} {words(state)}" for state, count in hidden.items())
        click.echo(f"Not shown: {parts}; --all shows them.", err=True)


def _row(host: dict[str, Any]) -> tuple[object, ...]:
    return (
        host["ring"],
        host["hostname"],
        words(host["state"]),
        since(host["changed_at"]),
        words(host["remedy"]),
        host["sentence"] or words(host["reason"]),
    )


def print_wish(found: dict[str, Any]) -> None:
    """Print what will happen if a plan is approved and started."""
    say(f"Rollout {found['number']}: {found['name']} ({words(found['state'])})")
    say(found["report"])
    click.echo()
    limits = found["limits"]
    pins = [f"{each['package']} {each['version']}" for each in found["pins"]]
    more = found["pin_count"] - len(pins)
    print_pairs(
        (
            ("carries", listed(pins, PIN_NAMED_COUNT) + (f" and {more} more" if more else "")),
            *((f"ring {ring['number']}", _ring_words(ring)) for ring in found["rings"]),
            ("window", found["window_text"]),
            ("opens", _window_words(found["windows"])),
            ("soak", f"{render_duration(found['soak_seconds'])} before the next ring"),
            (
                "halts",
                f"if over {limits['failure_percent_max']} % or {limits['failure_count_max']} hosts of a ring fail",
            ),
            ("reboots", words(found["reboot"])),
        )
    )
    print_left_out(found)
    say(next_step(found))


def _ring_words(ring: dict[str, Any]) -> str:
    names = [host["hostname"] for host in ring["hosts"]][:HOST_NAMED_COUNT]
    more = ring["host_count"] - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _window_words(spans: Sequence[dict[str, str]]) -> str:
    first = spans[0]
    more = len(spans) - 1
    return f"{instant(first['starts_at'])} until {instant(first['ends_at'])}" + (
        f", and {more} times more" if more else ""
    )


def print_left_out(found: dict[str, Any]) -> None:
    """Print which hosts, or which patches of a host, the rollout does not cover, and why."""
    if not found["left_out_count"]:
        return
    click.echo(f"\nLeft out ({found['left_out_count']}):")
    for each in found["left_out"][:LEFT_OUT_NAMED_COUNT]:
        say(f"  {each['hostname']}{' ' + each['source'] if each['source'] else ''}: {each['sentence']}")
    more = found["left_out_count"] - LEFT_OUT_NAMED_COUNT
    if more > 0:
        click.echo(f"  and {more} more; --json has them")


def print_holders(holders: Sequence[dict[str, Any]], *, at_work: Sequence[str]) -> None:
    """Print who may be changing although nobody starts any more."""
    if holders:
        click.echo("These were let go before, and nothing has been heard of them since:")
        rows = [(each["hostname"], since(each["permitted_at"])) for each in holders]
        print_table((Column(name="host"), Column(name="permit given")), rows, empty="")
    else:
        click.echo("No host holds an unanswered start permit.")
    if at_work:
        say(f"At work, and will finish what they do: {listed(at_work, HOST_NAMED_COUNT)}.")


def next_step(found: dict[str, Any]) -> str:
    """Return the command that brings a rollout on."""
    number, asked_by = found["number"], found["requested_by"]
    match found["state"]:
        case "awaiting_approval":
            return f"Next: an approver who is not {asked_by} types: oakum rollout approve {number}"
        case "approved":
            return f"Next: oakum rollout start {number}"
        case "running":
            return f"Next: oakum rollout status {number} --watch    (stop at once: oakum rollout halt {number})"
        case "paused":
            return f"Next: oakum rollout resume {number}"
        case "halted":
            return f"Next: an approver who is not {asked_by} types: oakum rollout resume {number}, or cancel {number}"
        case "completed":
            return "Next: oakum finding overview"
        case _:
            return "Next: it is over; oakum rollout plan makes a new one."
