"""The line that an administrator pastes, run by a real shell against a real (loopback) server, below a directory."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from oakum.gateway.agent_file import agent_file
from oakum.gateway.installer import INSTALLER_BYTES_MAX, INSTALLER_PATH, installer_line, render_installer
from oakum.protocol.messages import PATH_AGENT_FILE, PATH_ENROL
from tests.agent.server import SERVER_KEY, FakeServer, serving

HEX = "ab" * 32


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving(FakeServer()) as server:
        installer = render_installer(server.url, "", SERVER_KEY, agent_file().sha256)
        server.files.update({PATH_AGENT_FILE: agent_file().content, INSTALLER_PATH: installer})
        yield server


def line(server: FakeServer, root: Path, mode: str = "report_only") -> str:
    sha256 = hashlib.sha256(server.files[INSTALLER_PATH]).hexdigest()
    return f"{installer_line(server.url, sha256, 'oak_token', mode)} --root {root}"


def paste(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", text], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"}
    )


def test_the_line_installs_and_enrols(server: FakeServer, tmp_path: Path) -> None:
    done = paste(line(server, tmp_path))
    assert done.returncode == 0, done.stderr
    agent = tmp_path / "usr/local/lib/oakum/oakum-agent.pyz"
    with zipfile.ZipFile(agent) as installed, zipfile.ZipFile(io.BytesIO(agent_file().content)) as served:
        sources = {name: installed.read(name) for name in installed.namelist() if not name.endswith(".pyc")}
        assert sources == {name: served.read(name) for name in served.namelist()}
    assert (tmp_path / "usr/local/lib/oakum/install.py").read_bytes() == server.files[INSTALLER_PATH]
    assert json.loads((tmp_path / "etc/oakum/agent.json").read_text())["server"] == server.url
    assert json.loads((tmp_path / "etc/oakum/policy.json").read_text())["mode"] == "report_only"
    assert stat.S_IMODE((tmp_path / "etc/oakum/secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "usr/local/bin/oakum-agent").stat().st_mode) == 0o755


def test_the_compiled_modules_are_used_and_another_python_would_take_the_text(
    server: FakeServer, tmp_path: Path
) -> None:
    paste(line(server, tmp_path))
    agent = tmp_path / "usr/local/lib/oakum/oakum-agent.pyz"
    script = f"import sys; sys.path.insert(0, {str(agent)!r}); import oakum.agent.state as m; print(m.__file__)"
    python = shutil.which("python3", path="/usr/bin:/bin")
    assert python is not None
    done = subprocess.run([python, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("state.pyc")
    spoil = tmp_path / "spoiled.pyz"
    with zipfile.ZipFile(agent) as old, zipfile.ZipFile(spoil, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, b"\0\0\0\0" + content[4:] if name.endswith(".pyc") else content)
    version = subprocess.run(
        [sys.executable, "-I", str(spoil), "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout.startswith("oakum-agent ")


def test_pasting_it_again_keeps_the_enrolment_and_sets_the_mode(server: FakeServer, tmp_path: Path) -> None:
    paste(line(server, tmp_path))
    secret = (tmp_path / "etc/oakum/secret").read_text()
    done = paste(line(server, tmp_path, mode="apply"))
    assert "enrolled already" in done.stdout
    assert (tmp_path / "etc/oakum/secret").read_text() == secret
    assert json.loads((tmp_path / "etc/oakum/policy.json").read_text())["mode"] == "apply"
    assert len(server.bodies(PATH_ENROL)) == 1


def test_uninstalling_leaves_nothing(server: FakeServer, tmp_path: Path) -> None:
    paste(line(server, tmp_path))
    kept = tmp_path / "usr/local/lib/oakum/install.py"
    done = subprocess.run(
        [sys.executable, str(kept), "--uninstall", "--root", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [str(path) for path in tmp_path.rglob("*") if path.is_file()] == []
    again = tmp_path / "install.py"
    again.write_bytes(server.files[INSTALLER_PATH])
    assert (
        subprocess.run([sys.executable, str(again), "--uninstall", "--root", str(tmp_path)], check=False).returncode
        == 0
    )


def test_an_installer_that_was_changed_on_its_way_is_not_run(server: FakeServer, tmp_path: Path) -> None:
    text = line(server, tmp_path)
    server.files[INSTALLER_PATH] += b"\nimport os; os.makedirs('/nowhere')\n"
    done = paste(text)
    assert done.returncode != 0
    assert "Nothing was run" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_agent_that_was_changed_on_its_way_is_not_installed(server: FakeServer, tmp_path: Path) -> None:
    server.files[PATH_AGENT_FILE] += b"x"
    done = paste(line(server, tmp_path))
    assert done.returncode == 3
    assert "not the one that this installer names" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_refused_enrolment_says_so_and_ends_badly(server: FakeServer, tmp_path: Path) -> None:
    server.server_key = "cd" * 32
    done = paste(line(server, tmp_path))
    assert done.returncode == 3
    assert "another key" in done.stderr
    assert not (tmp_path / "etc/oakum/agent.json").exists()


def test_the_token_is_not_in_the_agents_arguments(server: FakeServer, tmp_path: Path) -> None:
    installer = server.files[INSTALLER_PATH].decode()
    words = installer[installer.index("def enrol(") : installer.index("def agent(")]
    assert '"--token", "-"' in words


def test_a_host_with_half_a_python_is_told_the_remedy(server: FakeServer, tmp_path: Path) -> None:
    """As with python3-minimal: an interpreter that cannot import what it needs."""
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "python3").write_text("#!/bin/sh\nexit 1\n")
    (fake / "python3").chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", line(server, tmp_path / "root")], capture_output=True, text=True, check=False,
        env={"PATH": f"{fake}:/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "apt-get install python3" in done.stderr


def test_the_installer_is_python_3_9_and_small() -> None:
    text = render_installer("https://oakum.example.test/x/", HEX, HEX, HEX)
    ast.parse(text, feature_version=(3, 9))
    assert len(text) < INSTALLER_BYTES_MAX
    assert b'"server": "https://oakum.example.test/x"' in text


@pytest.mark.parametrize(
    ("url", "certificate", "key"),
    [
        ("https://oakum.example.test/'; rm -rf /", "", HEX),
        ("https://user:pass@oakum.example.test", "", HEX),
        ("ftp://oakum.example.test", "", HEX),
        ("https://oakum.example.test", "xyz", HEX),
        ("https://oakum.example.test", "", "AB" * 32),
    ],
)
def test_nothing_odd_gets_into_an_installer(url: str, certificate: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"is no address|not 64"):
        render_installer(url, certificate, key, HEX)


@pytest.mark.parametrize(("token", "mode"), [("a b", "apply"), ("$(id)", "apply"), ("", "apply"), ("oak_t", "all")])
def test_nothing_odd_gets_into_a_line(token: str, mode: str) -> None:
    with pytest.raises(ValueError, match=r"token|mode"):
        installer_line("https://oakum.example.test", HEX, token, mode)


@pytest.mark.skipif(shutil.which("dash") is None, reason="dash is not on this machine")
def test_the_line_is_one_line_that_any_shell_reads() -> None:
    text = installer_line("https://oakum.example.test", HEX, "oak_token", "apply")
    assert "\n" not in text
    assert subprocess.run(["dash", "-n", "-c", text], check=False).returncode == 0
