"""A VEX document for the scan's tests."""

from __future__ import annotations

import json
from pathlib import Path


def write_openvex(path: Path, *, vulnerability: str, product: str, author: str = "Acme") -> Path:
    """Write an OpenVEX document in which the author says that the product is not affected."""
    statement = {
        "vulnerability": {"name": vulnerability},
        "products": [{"@id": product}],
        "status": "not_affected",
        "justification": "vulnerable_code_not_present",
    }
    document = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://vex.example.test/1",
        "author": author,
        "timestamp": "2026-01-02T03:04:05Z",
        "version": 1,
        "statements": [statement],
    }
    path.write_text(json.dumps(document))
    return path
