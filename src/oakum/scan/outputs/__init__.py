"""Formats in which a scan's report can be written for other programs, one file each.

A format is a function from the report to lines of text.  The table for people is the command line's own
(``cli.scan_table``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from oakum.scan.outputs import cyclonedx, plain_json, sarif
from oakum.scan.report import ScanReport

__all__ = ["OUTPUTS", "Output"]

Output = Callable[[ScanReport], Iterator[str]]

OUTPUTS: Final[Mapping[str, Output]] = {
    "json": plain_json.render,
    "cyclonedx": cyclonedx.render,
    "sarif": sarif.render,
}
