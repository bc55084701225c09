"""House rules on what the repository may say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.house.sources import PRODUCT, ROOT, parsed, python_files, tracked_files

# Spelled in parts, so that this file does not name what it forbids.
REGISTRIES = re.compile(
    r"("
    + "|".join(("py" + "pi", "python" + "hosted", "npm" + "js", r"(?:deb|security|snapshot|ftp)\." + "debian"))
    + r")\.(org|com)"
)
TEXT_SUFFIXES = {".py", ".md", ".sh", ".toml", ".txt", ".html", ".css", ".js", ".json", ".lock", ".tmpl", ""}


def text_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix in TEXT_SUFFIXES]


def test_no_file_names_a_package_registry() -> None:
    found = [
        str(path.relative_to(ROOT)) for path in text_files() if REGISTRIES.search(path.read_text(errors="replace"))
    ]
    assert found == [], "a registry is reached by its ordinary client, as the machine is set up"


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if path.is_relative_to(PRODUCT) and not ast.get_docstring(parsed(path))
    ]
    assert silent == [], "say in the first lines what it decides and what it does not do"


def test_the_core_reads_no_clock_and_does_no_input_or_output() -> None:
    barred = {"os", "socket", "subprocess", "random", "secrets", "logging", "time", "django", "urllib", "pathlib"}
    found = []
    for path in python_files():
        if not path.is_relative_to(PRODUCT / "core"):
            continue
        for item in ast.walk(parsed(path)):
            if isinstance(item, ast.Import):
                names = [alias.name for alias in item.names]
            elif isinstance(item, ast.ImportFrom) and item.module:
                names = [item.module]
            elif isinstance(item, ast.Call) and getattr(item.func, "attr", "") in {"now", "utcnow", "today"}:
                found.append(f"{path.relative_to(ROOT)}:{item.lineno}: reads the clock")
                continue
            else:
                continue
            # urllib.parse quotes text; its siblings open connections.
            found += [
                f"{path.relative_to(ROOT)}: imports {name}"
                for name in names
                if name.split(".")[0] in barred and name != "urllib.parse"
            ]
    assert found == [], "pass values and `now`; do the rest in a service"


def test_agent_and_protocol_keep_to_python_3_9() -> None:
    for path in python_files():
        if path.is_relative_to(PRODUCT / "agent") or path.is_relative_to(PRODUCT / "protocol"):
            ast.parse(path.read_text(), feature_version=(3, 9))
