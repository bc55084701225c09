"""The agent's command line: parse, call one verb, word the fault, choose the exit code.

Exit codes: 0 in order, 1 not in order (``status``), 2 misuse, 3 refused, 4 fault.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Sequence

from oakum import __version__
from oakum.agent.config import CONFIG_DIR, STATE_DIR
from oakum.agent.errors import EXIT_FAULT, EXIT_IN_ORDER, EXIT_MISUSE, EXIT_NOT_IN_ORDER, AgentError
from oakum.protocol.trust import MODES

TOKEN_LENGTH_MAX = 1_000

EXAMPLES = """\
examples:
  oakum-agent enrol --server https://oakum.example.test --token TOKEN --server-key HEX --mode report_only
  oakum-agent run --once
  oakum-agent status --json
  oakum-agent policy --mode apply
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = build_parser().parse_args(argv)
    try:
        return int(options.command(options))
    except AgentError as error:
        print(f"oakum-agent: {error.sentence}", file=sys.stderr)
        if error.next_step:
            print(f"Next step: {error.next_step}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_FAULT


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; every command takes the two directories."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config-dir", type=Path, default=Path(CONFIG_DIR), help="default: %(default)s")
    common.add_argument("--state-dir", type=Path, default=Path(STATE_DIR), help="default: %(default)s")
    parser = argparse.ArgumentParser(
        prog="oakum-agent",
        description="Reports what is installed here and, if the owner allows, carries out the server's signed orders.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"oakum-agent {__version__}")
    commands = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)
    _add_enrol(commands, common)
    _add_run(commands, common)
    status = commands.add_parser("status", parents=[common], help="say how the agent is; exit code 1 if not in order")
    status.add_argument("--json", action="store_true", help="print one JSON object")
    status.set_defaults(command=_status)
    policy = commands.add_parser(
        "policy", parents=[common], help="show what the server may order here, or set the mode"
    )
    policy.add_argument(
        "--mode", choices=MODES, default="", help="report_only: never change this host; apply: obey orders"
    )
    policy.set_defaults(command=_policy)
    obey = commands.add_parser(
        "obey", parents=[common], help="take a signed order that came by file; exit code 3 if it is refused"
    )
    obey.add_argument("file", type=Path, metavar="FILE", help="the envelope, as the server signed it")
    obey.set_defaults(command=_obey)
    return parser


def _add_enrol(commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    enrol = commands.add_parser("enrol", parents=[common], help="become a host of the organisation that gave the token")
    enrol.add_argument("--server", required=True, metavar="URL", help="https, or http on loopback")
    enrol.add_argument("--token", required=True, help="the enrolment token; - reads it from standard input")
    enrol.add_argument("--server-key", required=True, metavar="HEX", help="the key that the server signs orders with")
    enrol.add_argument(
        "--certificate", default="", metavar="SHA256", help="pin the server's certificate; no authority is asked"
    )
    enrol.add_argument(
        "--mode", choices=MODES, default="", help="report_only (default): never change this host; apply: obey orders"
    )
    enrol.add_argument("--force", action="store_true", help="replace an enrolment that is there")
    enrol.set_defaults(command=_enrol)


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    run = commands.add_parser("run", parents=[common], help="check in and do what is due; the timer calls this")
    manner = run.add_mutually_exclusive_group()
    manner.add_argument(
        "--once", action="store_true", help="one check-in, without waiting for a health check that is due soon"
    )
    manner.add_argument("--stay", action="store_true", help="go on until SIGTERM, at the server's interval")
    run.add_argument("--until-stdin-closes", action="store_true", help="with --stay: also end when standard input does")
    run.set_defaults(command=_run)


def _enrol(options: argparse.Namespace) -> int:
    # Each command imports its own part: status need not pay for the network, nor enrolment for the actor.
    from oakum.agent.broker.enrol import Enrolment, enrol  # noqa: PLC0415
    from oakum.agent.state import lock  # noqa: PLC0415

    token = sys.stdin.readline(TOKEN_LENGTH_MAX) if options.token == "-" else options.token  # noqa: S105 - a dash
    wish = Enrolment(
        server=options.server,
        token=token.strip(),
        server_key=options.server_key,
        certificate=options.certificate,
        mode=options.mode,
        force=options.force,
    )
    with lock(options.state_dir, "oakum-agent enrol") as holder:
        if holder:
            raise AgentError(
                code="agent_at_work", sentence=holder, next_step="Wait until it has ended, then try again."
            )
        config = enrol(wish, config_dir=options.config_dir, state_dir=options.state_dir)
    print(f"Enrolled as host {config.host_id} at {config.server}.")
    return EXIT_IN_ORDER


def _run(options: argparse.Namespace) -> int:
    from oakum.agent.run import ONCE, STAY, TIMER, run  # noqa: PLC0415

    if options.until_stdin_closes and not options.stay:
        print("oakum-agent: --until-stdin-closes goes with --stay only.", file=sys.stderr)
        return EXIT_MISUSE
    manner = STAY if options.stay else ONCE if options.once else TIMER
    return run(options.config_dir, options.state_dir, manner=manner, until_stdin_closes=options.until_stdin_closes)


def _status(options: argparse.Namespace) -> int:
    from oakum.agent.status import read_status, render_status, render_status_json  # noqa: PLC0415

    status = read_status(options.config_dir, options.state_dir)
    print(render_status_json(status) if options.json else render_status(status), end="")
    return EXIT_NOT_IN_ORDER if status.problems else EXIT_IN_ORDER


def _obey(options: argparse.Namespace) -> int:
    from oakum.agent.obey import obey  # noqa: PLC0415

    code, outcomes = obey(options.config_dir, options.state_dir, options.file)
    for outcome in outcomes:
        print(f"{outcome.kind}: {outcome.reason}: {outcome.sentence}")
    if not outcomes:
        print("Nothing new came of it: this very order was answered before, or is under way.")
    return code


def _policy(options: argparse.Namespace) -> int:
    from oakum.agent.broker.enrol import write_policy  # noqa: PLC0415
    from oakum.agent.tick import current_policy  # noqa: PLC0415

    if options.mode:
        write_policy(options.config_dir, options.mode)
    policy = current_policy(options.config_dir)
    local = policy.local
    print(f"mode            {local.mode}")
    print(f"verbs           {' '.join(local.verbs)}")
    print(f"packages        {' '.join(local.packages)}")
    print(f"packages_never  {' '.join(local.packages_never) or '(none)'}")
    print(f"windows         {len(local.windows) or 'any time'}")
    print(f"refresh_lists   {f'every {policy.refresh_lists_hours} h' if policy.refresh_lists_hours else 'never'}")
    if policy.problem:
        print(f"problem         {policy.problem}")
    return EXIT_NOT_IN_ORDER if policy.problem else EXIT_IN_ORDER
