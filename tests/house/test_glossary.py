"""House rule: one word for one thing.  The forbidden words of docs/glossary.md name nothing of ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.sources import PRODUCT, ROOT, parsed, python_files

# Word in a name -> what to say instead.  A format's own field keeps its name (marked `noqa: N815` or read as a string).
FORBIDDEN = {
    "machine": "host (machine_id is systemd's own name)",
    "endpoint": "host",
    "bulletin": "advisory",
    "errata": "advisory",
    "vuln": "vulnerability",
    "vulns": "vulnerability",
    "deployment": "rollout",
    "campaign": "rollout",
    "exception": "waiver (Python's own exceptions are faults)",
    "blackout": "freeze",
    "canary": "ring 0",
}
ALLOWED_WITH = {"machine": {"machine_id", "machine_id_hash", "machine_id_shared", "MACHINE_ID"}}


def names_in(path: Path) -> Iterator[tuple[str, int]]:
    for item in ast.walk(parsed(path)):
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield item.name, item.lineno
        elif isinstance(item, ast.arg):
            yield item.arg, item.lineno
        elif isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
            yield item.id, item.lineno


def words_of(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def test_no_name_of_ours_uses_a_forbidden_word() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}: say {FORBIDDEN[word]}"
        for path in python_files()
        if path.is_relative_to(PRODUCT)
        for name, line in names_in(path)
        for word in words_of(name)
        if word in FORBIDDEN and not any(part.lower() in name.lower() for part in ALLOWED_WITH.get(word, ()))
    ]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("word", ["host", "rollout", "ring", "finding", "waiver", "journal", "soak", "start permit"])
def test_the_glossary_has_the_words_that_the_code_uses(word: str) -> None:
    assert word in (ROOT / "docs" / "glossary.md").read_text()
