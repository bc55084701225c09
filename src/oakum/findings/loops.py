"""The loops of findings: keep the findings and the index up to date, and have release notes read.

Each step takes no input but the instant, looks at the whole state and says what it waits for; it may be killed at any
instant and run twice.
"""

from __future__ import annotations

from datetime import datetime

from oakum.findings.index import keep_index
from oakum.findings.services import assess, elect_note_readers


def assess_step(now: datetime) -> str:
    """Match what is new, and say what it waits for."""
    report = assess(now=now)
    if report.version_count == 0:
        return "new package versions, advisories or release notes"
    return (
        f"new package versions, advisories or release notes ({report.version_count} package versions matched last:"
        f" {report.appeared_count} findings appeared, {report.gone_count} went)"
    )


def index_step(now: datetime) -> str:
    """Bring the index up to the hosts' sets, and say what it waits for."""
    report = keep_index(now=now)
    if report.host_count == 0:
        return "hosts whose packages change"
    return f"hosts whose packages change ({report.host_count} taken last, {report.row_count} rows written)"


def elect_step(now: datetime) -> str:
    """Ask hosts for release notes, and say what it waits for."""
    report = elect_note_readers(now=now)
    if report.waiting_count:
        return f"an online host with room to read the notes of {report.waiting_count} updates"
    return "updates without release notes"
