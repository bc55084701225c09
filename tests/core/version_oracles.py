"""The platforms' own tools as judges of version orders: each compares many pairs in one process.

Each function returns a sign a pair (-1, 0, 1), or None where the tool refuses either side, and skips the test where
the tool is not installed (`make deps-lab` installs them).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from oakum.core.versions import InvalidVersion, order_key

Pairs = Sequence[tuple[str, str]]
Signs = list[int | None]

# The distribution's own interpreter has its bindings to libapt and librpm; the one that runs the tests has not.
_SYSTEM_PYTHON = shutil.which("python3", path="/usr/bin:/bin")
_TIMEOUT_SECONDS = 120

_LIBAPT = """
import apt_pkg, json, sys
apt_pkg.init_system()
for line in sys.stdin:
    told = apt_pkg.version_compare(*json.loads(line))
    print((told > 0) - (told < 0))
"""
_LIBRPM = """
import json, rpm, sys
def label(text):
    head, colon, rest = text.partition(":")
    epoch, rest = (head, rest) if colon else ("0", text)
    version, _, release = rest.partition("-")
    return epoch, version, release or None
for line in sys.stdin:
    one, other = json.loads(line)
    print(rpm.labelCompare(label(one), label(other)))
"""
_NODE_SEMVER = """
const semver = require(process.argv[1]);
const lines = require("fs").readFileSync(0, "utf8").split("\\n").filter((line) => line);
const parse = (text) => { try { return semver.parse(text, { loose: true }); } catch (error) { return null; } };
for (const line of lines) {
  const [one, other] = JSON.parse(line).map(parse);
  console.log(one && other ? one.compare(other) : "null");
}
"""


def our_signs(scheme: str, pairs: Pairs) -> Signs:
    """Return what the keys say, in the same form."""
    return [_our_sign(scheme, one, other) for one, other in pairs]


def disagreements(pairs: Pairs, told: Signs, ours: Signs) -> list[tuple[str, str, int | None, int | None]]:
    """Return each pair with the tool's word and ours, where they differ."""
    assert len(pairs) == len(told) == len(ours)
    return [(*pair, one, other) for pair, one, other in zip(pairs, told, ours, strict=True) if one != other]


def libapt(pairs: Pairs) -> Signs:
    """Ask libapt, which guesses where dpkg refuses: give it valid versions only."""
    return _ask(_python("apt_pkg", "python3-apt"), _LIBAPT, pairs)


def librpm(pairs: Pairs) -> Signs:
    """Ask librpm's labelCompare, which refuses nothing: give it valid versions only."""
    return _ask(_python("rpm", "python3-rpm"), _LIBRPM, pairs)


def libalpm(pairs: Pairs) -> Signs:
    """Ask libalpm's alpm_pkg_vercmp, which is vercmp(8)."""
    name = ctypes.util.find_library("alpm")
    if name is None:
        pytest.skip("libalpm is not installed here (pacman-package-manager): nobody to ask")
    compare = ctypes.CDLL(name).alpm_pkg_vercmp
    compare.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    told = [compare(one.encode(), other.encode()) for one, other in pairs]
    return [(sign > 0) - (sign < 0) for sign in told]


def node_semver(pairs: Pairs) -> Signs:
    """Ask node-semver, loose, in the copy that npm brings along."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed here: nobody to ask")
    folder = next((up / "node_modules" / "semver" for up in Path(npm).resolve().parents if _has_semver(up)), None)
    if folder is None:
        pytest.skip("npm has no semver of its own here: nobody to ask")
    return _ask([node, "-e"], _NODE_SEMVER, pairs, str(folder))


def _has_semver(folder: Path) -> bool:
    return (folder / "node_modules" / "semver" / "package.json").exists()


def _python(module: str, package: str) -> list[str]:
    if _SYSTEM_PYTHON is None:
        pytest.skip("the system has no python3: nobody to ask")
    found = subprocess.run([_SYSTEM_PYTHON, "-c", f"import {module}"], capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"{package} is not installed here: nobody to ask")
    return [_SYSTEM_PYTHON, "-c"]


def _ask(start: list[str], program: str, pairs: Pairs, *more: str) -> Signs:
    lines = "".join(json.dumps(pair) + "\n" for pair in pairs)
    argv = [*start, program, *more]
    told = subprocess.run(
        argv, input=lines, capture_output=True, text=True, check=True, timeout=_TIMEOUT_SECONDS, encoding="utf-8"
    )
    return [json.loads(line) for line in told.stdout.splitlines()]


def _our_sign(scheme: str, one: str, other: str) -> int | None:
    try:
        a, b = order_key(scheme, one), order_key(scheme, other)
    except InvalidVersion:
        return None
    return (a > b) - (a < b)
