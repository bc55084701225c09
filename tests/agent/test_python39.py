"""The zipapp under the oldest Python that it promises, when one is at hand (Debian 11 has it).

OAKUM_PYTHON39 names the interpreter, or a whole command such as ``chroot ROOT python3`` with its words apart.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from oakum.gateway.agent_file import agent_file

PYTHON39 = os.environ.get("OAKUM_PYTHON39", "")
pytestmark = pytest.mark.skipif(not PYTHON39, reason="set OAKUM_PYTHON39 to a Python 3.9 to try the agent under it")


def run39(*words: str, typed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*shlex.split(PYTHON39), *words], input=typed, capture_output=True, check=False)


def test_it_is_the_version_that_we_promise() -> None:
    assert run39("-c", "import sys; print(sys.version_info[:2])").stdout.strip() == b"(3, 9)"


def test_every_module_compiles_and_imports() -> None:
    """The file goes in by standard input, because the interpreter may live in another root."""
    script = (
        "import importlib, os, pkgutil, sys, tempfile\n"
        "path = os.path.join(tempfile.mkdtemp(), 'agent.pyz')\n"
        "open(path, 'wb').write(sys.stdin.buffer.read())\n"
        "sys.path.insert(0, path)\n"
        "import oakum.agent, oakum.protocol\n"
        "rooms = (oakum.agent, oakum.protocol)\n"
        "names = [m.name for p in rooms for m in pkgutil.walk_packages(p.__path__, p.__name__ + '.')]\n"
        "[importlib.import_module(name) for name in names if not name.endswith('__main__')]\n"
        "from oakum.agent.main import main\n"
        "directory = tempfile.mkdtemp()\n"
        "code = main(['status', '--json', '--config-dir', directory, '--state-dir', directory])\n"
        "print(len(names), code)\n"
    )
    done = run39("-I", "-c", script, typed=agent_file().content)
    assert done.returncode == 0, done.stderr.decode()
    count, code = done.stdout.split()[-2:]
    assert (int(count) > 30, code) == (True, b"1")


def test_every_wire_value_is_understood_there() -> None:
    """Type hints are evaluated when a value is read, so a hint of a newer Python would fail only then."""
    script = (
        "import dataclasses, os, sys, tempfile, typing\n"
        "path = os.path.join(tempfile.mkdtemp(), 'agent.pyz')\n"
        "open(path, 'wb').write(sys.stdin.buffer.read())\n"
        "sys.path.insert(0, path)\n"
        "from oakum.protocol import dsse, inventory, messages, orders, trust\n"
        "from oakum.agent import config, state\n"
        "from oakum.agent.observer import offers\n"
        "count = 0\n"
        "for module in (dsse, inventory, messages, orders, trust, config, state, offers):\n"
        "    for value in vars(module).values():\n"
        "        if isinstance(value, type) and dataclasses.is_dataclass(value):\n"
        "            typing.get_type_hints(value); count += 1\n"
        "print(count)\n"
    )
    done = run39("-I", "-c", script, typed=agent_file().content)
    assert done.returncode == 0, done.stderr.decode()
    assert int(done.stdout) > 30


def test_the_installers_text_compiles_there() -> None:
    template = (Path(__file__).parents[2] / "src/oakum/gateway/install.py.tmpl").read_bytes()
    done = run39("-c", "import sys; compile(sys.stdin.buffer.read(), 'install.py', 'exec')", typed=template)
    assert done.returncode == 0, done.stderr.decode()
