"""``oakum rollout plan``: say which patches go to which hosts, in which rings, when."""

from __future__ import annotations

from typing import Any

import click

from oakum.cli.client import connect
from oakum.cli.duration import Duration
from oakum.cli.output import json_option, print_json
from oakum.cli.rollout_words import print_wish

SECONDS_PER_HOUR = 3600


class Sizes(click.ParamType[list[int]]):
    """Sizes of rings, ``1,3,10``."""

    name = "sizes"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """Parse ``1,3`` into numbers."""
        if isinstance(value, list):
            return value
        parts = str(value).split(",")
        if not all(part.strip().isdecimal() for part in parts):
            self.fail(f"{value!r} are no sizes; write 1,3,10", param, ctx)
        return [int(part) for part in parts]


@click.command()
@click.option("--security", is_flag=True, help="Every pending security update.")
@click.option("--patch", "patches", multiple=True, help="A source package, or a patch's id; may be repeated.")
@click.option("--cve", default=None, help="Every pending update that cures this CVE.")
@click.option("--host", "hosts", multiple=True, help="A host, by name or id; may be repeated.")
@click.option("--group", default=None, help="The hosts of this group.")
@click.option("--all", "all_hosts", is_flag=True, help="Every host.")
@click.option("--ring", "rings", multiple=True, metavar="HOST,HOST", help="A ring's hosts; repeated: ring 0, 1, ...")
@click.option(
    "--sizes", type=Sizes(), default=None, metavar="1,3,10", help="Sizes of the rings; the rest makes one more."
)
@click.option("--window", default=None, help="A maintenance window, by name.")
@click.option("--now", type=Duration(), default=None, help="From now on, for so long (4h). Without both: at any time.")
@click.option("--soak", type=Duration(), default=None, help="How long a ring is watched before the next one.")
@click.option("--health-delay", type=Duration(), default=None, help="When health is compared after the change.")
@click.option("--lost-after", type=Duration(), default=None, help="Silence after which a host counts as lost.")
@click.option("--failure-percent", "failure_percent_max", type=click.IntRange(0, 100), default=None)
@click.option("--failure-count", "failure_count_max", type=click.IntRange(min=0), default=None)
@click.option("--wave", "wave_count_max", type=click.IntRange(min=1), default=None, help="Hosts in hand at once.")
@click.option("--reboot", type=click.Choice(["never", "if_required", "always"]), default="never", show_default=True)
@click.option("--name", default="", help="What people call it.")
@json_option
def plan(*, as_json: bool, **options: Any) -> None:
    """Plan a rollout: pin exact versions and choose rings.  Nothing happens before it is approved and started.

    \b
    Example: oakum rollout plan --security --all --window nights
             oakum rollout plan --patch openssl --ring web01 --ring web02 --now 4h
    """  # noqa: D301 - click's mark against rewrapping
    found = connect().post("/rollouts", _body(options))
    if as_json:
        print_json(found)
    else:
        print_wish(found)


def _body(options: dict[str, Any]) -> dict[str, object]:
    body: dict[str, object] = {
        "patches": _patches(options),
        "hosts": _hosts(options),
        "rings": _rings(options),
        "window": _window(options),
        "name": options["name"],
        "reboot": options["reboot"],
        "soak_seconds": options["soak"],
        "health_delay_seconds": options["health_delay"],
        "lost_after_seconds": options["lost_after"],
        "failure_percent_max": options["failure_percent_max"],
        "failure_count_max": options["failure_count_max"],
        "wave_count_max": options["wave_count_max"],
    }
    return {name: value for name, value in body.items() if value is not None}


def _one_of(options: dict[str, Any], what: str, names: dict[str, str], *, is_needed: bool) -> str:
    given = [name for name in names if options[name]]
    if len(given) > 1 or (is_needed and not given):
        message = f"Say {what} in one way: {', '.join(names.values())}."
        raise click.UsageError(message)
    return given[0] if given else ""


def _patches(options: dict[str, Any]) -> object:
    names = {"security": "--security", "patches": "--patch", "cve": "--cve"}
    match _one_of(options, "which patches", names, is_needed=True):
        case "security":
            return "security"
        case "cve":
            return {"cve": options["cve"]}
        case _:
            return [int(each) if each.isdecimal() else each for each in options["patches"]]


def _hosts(options: dict[str, Any]) -> object:
    names = {"hosts": "--host", "group": "--group", "all_hosts": "--all", "rings": "--ring"}
    match _one_of(options, "which hosts", names, is_needed=True):
        case "all_hosts":
            return "all"
        case "group":
            return {"group": options["group"]}
        case "rings":
            return None
        case _:
            return list(options["hosts"])


def _rings(options: dict[str, Any]) -> object:
    match _one_of(options, "which rings", {"rings": "--ring", "sizes": "--sizes"}, is_needed=False):
        case "rings":
            return [[name.strip() for name in ring.split(",") if name.strip()] for ring in options["rings"]]
        case "sizes":
            return {"sizes": options["sizes"]}
        case _:
            return None


def _window(options: dict[str, Any]) -> object:
    match _one_of(options, "when", {"window": "--window", "now": "--now"}, is_needed=False):
        case "window":
            return {"name": options["window"]}
        case "now":
            return {"now_hours": options["now"] / SECONDS_PER_HOUR}
        case _:
            return None
