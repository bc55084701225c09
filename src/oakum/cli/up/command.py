"""What people type: ``oakum up`` and the parts of it that can be started alone."""

from __future__ import annotations

import logging
import os
import signal
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import NoReturn

import click

from oakum.cli import local
from oakum.cli.up import preparation
from oakum.cli.up.supervisor import Supervisor, python_child
from oakum.config import Config, read_config
from oakum.core.errors import OakumError, StoreError

START_SECONDS_MAX = 60.0
POLL_SECONDS = 0.1

log = logging.getLogger("oakum.up")


@click.command()
@click.option("--no-local-agent", is_flag=True, help="Do not report on this machine itself.")
@click.option("--password-file", type=click.Path(), help="Also write the one-time password to this file (0600).")
def up(*, no_local_agent: bool, password_file: str | None) -> None:
    """Start everything here, in the foreground; Ctrl-C ends it.

    \b
    OAKUM_LISTEN        address and port (default 127.0.0.1:8800)
    OAKUM_DATA_DIR      where keys and the SQLite database live
    OAKUM_DATABASE_URL  sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME
    OAKUM_BEHIND_PROXY  1 when your own proxy speaks TLS in front of it
    OAKUM_PUBLIC_URL    the address that people and agents use, if it differs

    Example: OAKUM_LISTEN=127.0.0.1:9000 oakum up
    """  # noqa: D301 - click's mark against rewrapping
    config = read_config()
    preparation.make_data_dir(config.data_dir)
    lock = preparation.lock_data_dir(config.data_dir)
    try:
        preparation.check_port(config)
        preparation.make_session_key(config.data_dir)
        preparation.make_certificate(config, now=local.utc_now())
        local.setup_django()
        local.migrate()
        _run(config, with_local_agent=not no_local_agent, password_file=password_file)
    finally:
        lock.close()


def _run(config: Config, *, with_local_agent: bool, password_file: str | None) -> None:
    from oakum.identity import services  # noqa: PLC0415 - tables exist only after set-up

    first = services.first_start(now=local.utc_now())
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    supervisor = Supervisor(stop)
    try:
        supervisor.add(python_child("signer", "oakum.rollout.signer"))
        supervisor.add(python_child("web", "oakum.serve"))
        supervisor.add(python_child("loops", "oakum.loops"))
        _wait_until_serving(config, supervisor, stop)
        if not stop.is_set():
            _greet(config, first, password_file)
        if with_local_agent and not stop.is_set():
            threading.Thread(target=_add_local_agent, args=(config, supervisor), daemon=True).start()
        supervisor.watch()
    finally:
        click.echo("Oakum is ending ...", err=True)
        supervisor.end()


def _wait_until_serving(config: Config, supervisor: Supervisor, stop: threading.Event) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while not stop.is_set() and not _serves(config):
        ended = next((each for each in supervisor.children if each.process and each.process.poll() is not None), None)
        if ended is not None or time.monotonic() > deadline:
            name = ended.name if ended else "web"
            raise StoreError(
                code="start_failed",
                sentence=f"The {name} process did not start.",
                next_step="Its last lines stand above.",
            )
        stop.wait(POLL_SECONDS)


def _serves(config: Config) -> bool:
    """Ask our own /health; the certificate is our own file, so it need not be checked here."""
    from oakum.identity.queries import signer_key  # noqa: PLC0415 - tables exist only after set-up

    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104 - compared, not bound
    address = f"[{host}]" if ":" in host else host
    url = f"{'https' if config.uses_tls else 'http'}://{address}:{config.port}/health"
    context = ssl._create_unverified_context() if config.uses_tls else None  # noqa: S323, SLF001 - see above
    try:
        with urllib.request.urlopen(url, timeout=2, context=context) as reply:  # noqa: S310 - built above
            return reply.status == 200 and bool(signer_key())  # noqa: PLR2004 - HTTP
    except (urllib.error.URLError, OSError):
        return False


def _greet(config: Config, first: object, password_file: str | None) -> None:
    from oakum.identity.services import FirstStart  # noqa: PLC0415 - tables exist only after set-up

    click.echo(f"\nOakum is ready: {config.url}")
    if isinstance(first, FirstStart):
        click.echo(f"Sign in as {first.person_name} with the one-time password {first.password}")
        if password_file:
            with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(first.password)
    else:
        click.echo("Sign in as before (a lost password: `oakum admin reset-password`).")
    click.echo(f"Data: {config.data_dir}    End with Ctrl-C.\n")
    sys.stdout.flush()


def _add_local_agent(config: Config, supervisor: Supervisor) -> None:
    from django.db import connection  # noqa: PLC0415 - needs set-up

    from oakum.cli.up import local_agent  # noqa: PLC0415 - tables exist only after set-up
    from oakum.identity.models import Organisation  # noqa: PLC0415 - the same

    try:
        if not local_agent.is_enrolled(config.data_dir):
            organisation = Organisation.objects.order_by("created_at").first()
            assert organisation is not None
            local_agent.enrol(config, organisation_id=organisation.id, now=local.utc_now())
        supervisor.add(
            python_child(
                "local agent",
                "oakum.agent",
                "run",
                "--stay",
                *local_agent.arguments(config.data_dir),
                required=False,
            )
        )
    except OakumError as error:
        log.error("local_agent_failed %s", error)  # noqa: TRY400 - a sentence for a person, not a traceback
    finally:
        connection.close()


def _become(module: str) -> NoReturn:
    os.execv(sys.executable, [sys.executable, "-m", module])  # noqa: S606 - our own module, no shell


@click.command()
def web() -> None:
    """Start the pages, the API and the agents' gateway alone (the database must be prepared)."""
    _become("oakum.serve")


@click.command()
def loops() -> None:
    """Start the loops alone; several may run, leases decide which one works."""
    _become("oakum.loops")


@click.command()
def signer() -> None:
    """Start the order signer alone; run exactly one, and give it a user of its own."""
    _become("oakum.rollout.signer")
