"""``oakum login``: remember a server and a personal token, after trying them."""

from __future__ import annotations

import json
import os
from urllib.parse import urlsplit

import click

from oakum.cli.client import Client, settings_file
from oakum.cli.output import json_option, print_json, say
from oakum.core.errors import StoreError

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


@click.command()
@click.argument("url")
@click.option("--token", prompt=True, hide_input=True, envvar="OAKUM_TOKEN", help="A personal token, oak_...")
@click.option(
    "--certificate",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    default=None,
    envvar="OAKUM_CERTIFICATE",
    help="The server's own certificate (DATA_DIR/tls/certificate.pem), where it is self-signed.",
)
@json_option
def login(url: str, token: str, certificate: str | None, *, as_json: bool) -> None:
    """Remember a server and a personal token for the other commands.

    A token is made on the page under your name, or on the server by `oakum admin token`.

    Example: oakum login https://oakum.example.test:8800
    """
    client = Client(url=url, token=token, certificate=certificate or "")
    try:
        told = client.get("/me")
    finally:
        client.close()
    _remember({"url": client.url, "token": token.strip(), "certificate": certificate or ""})
    parts = urlsplit(client.url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        click.echo("Warning: without https the token can be read on its way.", err=True)
    if as_json:
        print_json(told)
    else:
        say(f"Logged in to {client.url} as {told['person']} ({told['role']} of {told['organisation']}).")


def _remember(settings: dict[str, str]) -> None:
    """Write the settings for this user alone, whole or not at all."""
    path = settings_file()
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(settings, file)
        part.replace(path)
    except OSError as error:
        raise StoreError(
            code="cli_settings_unwritable",
            sentence=f"{path} cannot be written: {error.strerror}.",
            next_step="Make its directory writable, or set OAKUM_URL and OAKUM_TOKEN instead.",
        ) from error
