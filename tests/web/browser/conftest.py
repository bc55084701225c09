"""A real Chromium against a real server; without one these tests are skipped, saying what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
playwright_api = pytest.importorskip("playwright.sync_api", reason="The package playwright is not installed.")


@pytest.fixture
def chromium() -> Iterator[object]:
    """Start a browser.  Rows must be made before: while it runs, this thread has an event loop."""
    if not CHROMIUM.exists():
        pytest.skip(f"There is no {CHROMIUM}: install the package chromium.")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield browser
        browser.close()
