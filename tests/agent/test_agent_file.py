"""The zipapp: the same bytes each time, and a program that needs nothing but an old Python."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from oakum import __version__
from oakum.gateway.agent_file import agent_file, build_agent_file

OLDEST_PYTHON = (3, 9)
CLEAN = {"PATH": "/usr/bin:/bin"}


@pytest.fixture(scope="module")
def archive() -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(agent_file().content))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("agent") / "oakum-agent.pyz"
    path.write_bytes(agent_file().content)
    path.chmod(0o755)
    return path


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=CLEAN, cwd="/")


def test_the_same_installation_gives_the_same_bytes() -> None:
    assert build_agent_file() == build_agent_file() == agent_file().content
    script = "import sys; from oakum.gateway.agent_file import agent_file; sys.stdout.write(agent_file().sha256)"
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert other.stdout == agent_file().sha256


def test_nothing_of_when_and_where_it_was_built_is_inside(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr for entry in entries} == {0o100644 << 16}
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)


def test_it_runs_in_an_empty_environment(program: Path, tmp_path: Path) -> None:
    done = run(
        sys.executable, "-I", str(program), "status", "--config-dir", str(tmp_path), "--state-dir", str(tmp_path)
    )
    assert done.returncode == 1, done.stderr
    assert "not enrolled" in done.stdout
    assert run(str(program), "--version").stdout == f"oakum-agent {__version__}\n"


def test_its_verifier_finds_the_arithmetic_inside(program: Path) -> None:
    """RFC 8032, section 7.1, test 1, checked by the zipapp alone."""
    script = (
        f"import sys; sys.path.insert(0, {str(program)!r})\n"
        "from oakum.agent.verifier import verify\nimport oakum_ed25519\n"
        "key = bytes.fromhex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')\n"
        "signature = bytes.fromhex('e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155'"
        "'5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b')\n"
        "assert verify(key, signature, b'') and not verify(key, signature, b'x')\n"
        "print(oakum_ed25519.__file__)\n"
    )
    done = run(sys.executable, "-I", "-S", "-c", script)
    assert done.returncode == 0, done.stderr
    assert str(program) in done.stdout


def test_other_peoples_code_comes_with_its_licence(archive: zipfile.ZipFile) -> None:
    assert b"CC0" in archive.read("oakum_ed25519/LICENSE")


def test_nothing_of_the_server_is_inside(archive: zipfile.ZipFile) -> None:
    tops = {tuple(name.split("/")[:2]) for name in archive.namelist()}
    assert tops == {
        ("__main__.py",), ("oakum", "__init__.py"), ("oakum", "agent"), ("oakum", "protocol"),
        ("oakum_ed25519", "__init__.py"), ("oakum_ed25519", "LICENSE"),
    }  # fmt: skip


def test_every_module_is_python_3_9_and_needs_the_standard_library_alone(archive: zipfile.ZipFile) -> None:
    strangers = set()
    for name in archive.namelist():
        if not name.endswith(".py"):
            continue
        tree = ast.parse(archive.read(name), name, feature_version=OLDEST_PYTHON)
        for item in ast.walk(tree):
            if isinstance(item, ast.Import):
                modules = [alias.name for alias in item.names]
            elif isinstance(item, ast.ImportFrom):
                assert item.level == 0, f"{name}: relative import"
                modules = [item.module or ""]
            else:
                continue
            for module in modules:
                allowed = module.split(".")[0] in sys.stdlib_module_names or module == "oakum"
                if not allowed and not module.startswith(("oakum.agent", "oakum.protocol")):
                    strangers.add(f"{name}: {module}")
    assert strangers == set()


def test_it_is_small(archive: zipfile.ZipFile) -> None:
    assert len(agent_file().content) < 400_000
