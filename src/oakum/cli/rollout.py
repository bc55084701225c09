"""``oakum rollout``: plan one, say the seven things that people say to one, and look how it stands.

The report is the server's one text; here it is printed, never worded anew.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from oakum.cli.client import address, connect
from oakum.cli.output import (
    Column,
    json_option,
    limit_option,
    print_footing,
    print_json,
    print_table,
    say,
    since,
    words,
)
from oakum.cli.rollout_plan import plan
from oakum.cli.rollout_watch import watch_rollout
from oakum.cli.rollout_words import next_step, print_holders, print_rollout

PAGE_COUNT = 200
STATES = ("awaiting_approval", "approved", "running", "paused", "halted", "completed", "cancelled")
COLUMNS = (
    Column(name="#", is_number=True),
    Column(name="state"),
    Column(name="verified", is_number=True),
    Column(name="moving", is_number=True),
    Column(name="failed", is_number=True),
    Column(name="name", wraps=True),
    Column(name="by", rank=2),
    Column(name="planned", rank=1),
)


@click.group()
def rollout() -> None:
    """Rollouts: plan, approve, start, look, pause, resume, halt, cancel."""


rollout.add_command(plan)


@rollout.command("list")
@click.option("--state", type=click.Choice(STATES), default=None, help="Only rollouts in this state.")
@limit_option(50)
@json_option
def list_rollouts(state: str | None, limit: int, *, as_json: bool) -> None:
    """List rollouts, newest first.

    Example: oakum rollout list --state running
    """
    page = connect().rows("/rollouts", limit=limit, page_count=PAGE_COUNT, state=state)
    if as_json:
        print_json(page)
        return
    rows = [
        (
            row["number"],
            words(row["state"]),
            f"{row['verified_count']}/{row['host_count']}",
            row["moving_count"] or "",
            row["failed_count"] or "",
            row["name"],
            row["requested_by"],
            since(row["created_at"]),
        )
        for row in page["rows"]
    ]
    print_table(COLUMNS, rows, empty="No rollout matches. `oakum rollout plan --security --all` plans one.")
    print_footing(len(rows), page["total_count"])


@rollout.command()
@click.argument("number")
@click.option("--watch", is_flag=True, help="Print the report whenever it changes, until the rollout has settled.")
@click.option("--all", "shows_all", is_flag=True, help="Every host, also those that wait or are verified.")
@json_option
def status(number: str, *, watch: bool, shows_all: bool, as_json: bool) -> None:
    """Say how a rollout stands and what it waits for; then its hosts, ring by ring.

    With --watch it exits 0 once it is completed, 1 if it was halted or cancelled.

    Example: oakum rollout status 7 --watch
    """
    client = connect()
    found = watch_rollout(client, number, speaks=not as_json) if watch else client.get(address("rollouts", number))
    if as_json:
        print_json(found)
    else:
        print_rollout(client, found, shows_all=shows_all, shows_report=not watch)
    sys.exit(1 if watch and found["state"] != "completed" else 0)


@rollout.command()
@click.argument("number")
@click.option("--limit", type=click.IntRange(1, PAGE_COUNT), default=20, show_default=True, help="Rows at most.")
@json_option
def plans(number: str, limit: int, *, as_json: bool) -> None:
    """List what was decided when, newest first.

    Example: oakum rollout plans 7
    """
    found = connect().get(address("rollouts", number, "plans"), limit=limit)
    if as_json:
        print_json(found)
        return
    rows = [(each["number"], since(each["made_at"]), each["report"]) for each in found]
    columns = (Column(name="plan", is_number=True), Column(name="made"), Column(name="report", wraps=True))
    print_table(columns, rows, empty="No plan yet: it has not been started.")


@rollout.command()
@click.argument("number")
@click.option("--comment", default="", help="Why; it is journalled.")
@json_option
def approve(number: str, comment: str, *, as_json: bool) -> None:
    """Approve exactly these versions, hosts and windows.  Who asked for it cannot.

    Example: oakum rollout approve 7 --comment "seen on staging"
    """
    _say(number, "approve", {"comment": comment}, as_json=as_json)


@rollout.command()
@click.argument("number")
@click.option("--comment", default="", help="Why; it is journalled.")
@json_option
def reject(number: str, comment: str, *, as_json: bool) -> None:
    """Refuse approval, which ends the rollout.

    Example: oakum rollout reject 7 --comment "not on a Friday"
    """
    _say(number, "reject", {"comment": comment}, as_json=as_json)


@rollout.command()
@click.argument("number")
@json_option
def start(number: str, *, as_json: bool) -> None:
    """Let an approved rollout run; its first hosts go as soon as a window is open.

    Example: oakum rollout start 7
    """
    _say(number, "start", {}, as_json=as_json)


@rollout.command()
@click.argument("number")
@click.option("--reason", default="", help="Why; it is journalled and shown.")
@json_option
def pause(number: str, reason: str, *, as_json: bool) -> None:
    """Let no host start until it is resumed; what has started goes on.

    Example: oakum rollout pause 7 --reason "release at noon"
    """
    _say(number, "pause", {"reason": reason}, as_json=as_json)


@rollout.command()
@click.argument("number")
@click.option("--retry-failed", is_flag=True, help="After a halt: try the hosts that failed again.")
@json_option
def resume(number: str, *, retry_failed: bool, as_json: bool) -> None:
    """Go on after a pause, or after a halt (an approver who did not ask for it).

    Example: oakum rollout resume 7 --retry-failed
    """
    _say(number, "resume", {"retry_failed": retry_failed}, as_json=as_json)


def _say(number: str, verb: str, body: dict[str, object], *, as_json: bool) -> None:
    row = connect().post(address("rollouts", number, verb), body)
    if as_json:
        print_json(row)
        return
    say(f"Rollout {row['number']} is {words(row['state'])}. {row['report']}")
    say(next_step(row))


@rollout.command()
@click.argument("number")
@click.option("--reason", default="", help="Why; it is journalled and shown.")
@json_option
def halt(number: str, reason: str, *, as_json: bool) -> None:
    """Stop at once: after the answer no host starts.  It asks nothing back.

    Example: oakum rollout halt 7
    """
    _stop(number, "halt", reason, as_json=as_json)


@rollout.command()
@click.argument("number")
@click.option("--reason", default="", help="Why; it is journalled and shown.")
@click.confirmation_option(prompt="End this rollout for good? (`halt` can be resumed.)")
@json_option
def cancel(number: str, reason: str, *, as_json: bool) -> None:
    """End a rollout for good.

    Example: oakum rollout cancel 7 --yes --reason "superseded"
    """
    _stop(number, "cancel", reason, as_json=as_json)


def _stop(number: str, verb: str, reason: str, *, as_json: bool) -> None:
    client = connect()
    answer = client.post(address("rollouts", number, verb), {"reason": reason})
    if as_json:
        print_json(answer)
        return
    row = answer["rollout"]
    say(f"Rollout {row['number']} is {words(row['state'])}: no host starts any more.")
    print_holders(answer["holders"], at_work=_at_work(client, row["number"]))
    say(next_step(row))


def _at_work(client: Any, number: int) -> list[str]:
    found = client.rows(address("rollouts", number, "hosts"), limit=PAGE_COUNT, state="started")
    return [str(row["hostname"]) for row in found["rows"]]
