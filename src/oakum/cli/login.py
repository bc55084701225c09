"""``oakum login``: remember a server and a personal token, after trying them."""

from __future__ import annotations

import json
import os

import click

from oakum.cli.client import Client, settings_file


@click.command()
@click.argument("url")
@click.option("--token", prompt=True, hide_input=True, envvar="OAKUM_TOKEN", help="A personal token, oak_...")
@click.option(
    "--certificate",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    default="",
    help="The server's own certificate (DATA_DIR/tls/certificate.pem), where it is self-signed.",
)
def login(url: str, token: str, certificate: str) -> None:
    """Remember a server and a personal token for the other commands.

    Example: oakum login http://127.0.0.1:8800 --token "$(oakum admin token)"
    """
    told = Client(url=url, token=token, certificate=certificate).get("/me")
    path = settings_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"url": url, "token": token, "certificate": certificate}, file)
    click.echo(f"Logged in to {url} as {told['person']} ({told['role']} of {told['organisation']}).")
