"""Render what an administrator pastes on a host: one line that fetches install.py, checks its SHA-256, and runs it.

The trust goes by hashes from the line on: line -> install.py -> the agent's file, the server's certificate and its
order key.  So it does not matter over which connection install.py comes, and nothing but the line need be copied from a
trusted page.  It serves no request and makes no tokens.
"""

from __future__ import annotations

import json
import re
import shlex
from importlib.resources import files
from urllib.parse import urlsplit

from oakum.protocol.messages import PATH_AGENT_FILE, PATH_INSTALLER
from oakum.protocol.trust import MODES

INSTALLER_PATH = PATH_INSTALLER
TEMPLATE = "install.py.tmpl"
# The line in the template that is replaced by the server's settings.
PLACEHOLDER = b"SETTINGS = {}  # the server fills this in\n"
INSTALLER_BYTES_MAX = 256 * 1024
FETCH_SECONDS = 60

PYTHON_CHECK = "import hashlib, json, ssl, urllib.request"
# One statement a step, so that the line can be read before it is pasted.
FETCH = (
    "import hashlib, ssl, sys, urllib.request; "
    'reply = urllib.request.urlopen("{url}", timeout={seconds}, context=ssl._create_unverified_context()); '
    "text = reply.read({limit}); "
    'hashlib.sha256(text).hexdigest() == "{sha256}" or '
    'sys.exit("Oakum: what was fetched is not the installer that this line names. Nothing was run."); '
    "exec(text)"
)
NO_PYTHON = "Oakum needs the whole python3, not python3-minimal. Run: apt-get install python3, then this again."


def render_installer(server_url: str, certificate: str, server_key: str, agent_sha256: str) -> bytes:
    """Return the text of install.py for this server.

    ``server_url`` is where hosts reach it; ``certificate`` the SHA-256 in hex of its certificate, empty when the
    system's authorities vouch for it; ``server_key`` the order signer's public key in hex.

    Raises:
        ValueError: an argument has another form.
    """
    settings = {
        "server": _check_url(server_url),
        "certificate": _check_hex(certificate) if certificate else "",
        "server_key": _check_hex(server_key),
        "agent_sha256": _check_hex(agent_sha256),
        "agent_path": PATH_AGENT_FILE,
    }
    template = files("oakum.gateway").joinpath(TEMPLATE).read_bytes()
    assert template.count(PLACEHOLDER) == 1
    # Every value is checked above to be plain ASCII, so JSON is Python here.
    return template.replace(PLACEHOLDER, f"SETTINGS = {json.dumps(settings, sort_keys=True)}\n".encode("ascii"))


def installer_line(url: str, installer_sha256: str, token: str, mode: str) -> str:
    """Return the shell line that installs the agent from the server at ``url`` and enrols the host with ``token``.

    Raises:
        ValueError: an argument has another form.
    """
    if mode not in MODES:
        raise ValueError(f"{mode!r} is no mode of an agent")
    if not re.fullmatch(r"[A-Za-z0-9_.~-]{1,500}", token):
        raise ValueError("the token holds characters that do not belong in a line to paste")
    fetch = FETCH.format(
        url=_check_url(url) + INSTALLER_PATH,
        seconds=FETCH_SECONDS,
        limit=INSTALLER_BYTES_MAX,
        sha256=_check_hex(installer_sha256),
    )
    check = (
        f"{{ python3 -c {shlex.quote(PYTHON_CHECK)} 2>/dev/null || {{ echo {shlex.quote(NO_PYTHON)} >&2; false; }}; }}"
    )
    return f"{check} && python3 -c {shlex.quote(fetch)} --token {shlex.quote(token)} --mode {mode}"


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    plain = re.fullmatch(r"https?://[A-Za-z0-9.\[\]:_-]+(?:/[A-Za-z0-9._~/-]*)?", url)
    if not plain or parts.username or not parts.hostname:
        raise ValueError(f"{url!r} is no address to install from")
    return url.rstrip("/")


def _check_hex(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"{text!r} is not 64 hexadecimal digits")
    return text
