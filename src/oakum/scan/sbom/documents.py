"""Open a bill of materials in bounded memory, and tell its format.

Read: CycloneDX in JSON and XML, SPDX 2 in JSON and tag-value; plain files only, so that nothing unpacks to more than it
is.  What the documents say is for the files of the formats.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

from oakum.scan.sbom.values import SbomError, Source, invalid, too_large

# Twenty thousand packages of syft's, with all its properties, have some 60 MB in CycloneDX.
BYTES_MAX: Final = 128 * 1024**2
# What JSON takes in memory depends on how many values it has, not on its size: 128 MB of "[]," would take 3 GB.
CONTAINER_COUNT_MAX: Final = 2_000_000
VALUE_COUNT_MAX: Final = 6_000_000
STANDARD_INPUT: Final = "-"

CYCLONEDX: Final = "CycloneDX"
SPDX: Final = "SPDX"
JSON: Final = "JSON"
XML: Final = "XML"
TAG_VALUE: Final = "tag-value"

_UTF_8_MARK: Final = b"\xef\xbb\xbf"
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_PACKINGS: Final = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
_TAG: Final = re.compile(rb"(?:\s|#[^\n]*\n)*SPDXVersion:")


def load(path: str) -> Source:
    """Return a file's content, or standard input's for ``-``.

    Raises:
        SbomError: it cannot be read, or is larger than BYTES_MAX.
    """
    name = "standard input" if path == STANDARD_INPUT else Path(path).name
    try:
        if path == STANDARD_INPUT:
            data = sys.stdin.buffer.read(BYTES_MAX + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise SbomError(
            code="sbom_unreadable",
            name=name,
            place="",
            reason=f"it cannot be read ({error.strerror or error})",
            next_step="Run as a user who may read it, or name another file.",
        ) from error
    source = Source(name=name, data=data)
    if len(data) > BYTES_MAX:
        raise too_large(source, "", f"it has more than {BYTES_MAX} bytes")
    return source


def syntax_of(source: Source) -> str:
    """Return JSON, XML or TAG_VALUE, by the first bytes.

    Raises:
        SbomError: it is none of these.
    """
    data = source.data
    for magic, packing in _PACKINGS.items():
        if data.startswith(magic):
            reason = f"it is packed ({packing}); unpack it first, or pipe it: `... | oakum scan --sbom -`"
            raise invalid(source, "", reason)
    head = data[:4096].removeprefix(_UTF_8_MARK).lstrip()
    if not head:
        raise invalid(source, "", "it is empty")
    if head.startswith(b"{"):
        return JSON
    if head.startswith(b"<") or data.startswith(_UTF_16_MARKS):
        return XML
    if _TAG.match(head):
        return TAG_VALUE
    raise invalid(source, "", "it is neither CycloneDX (JSON, XML) nor SPDX 2 (JSON, tag-value)")


def text_of(source: Source) -> str:
    """Return the content as UTF-8, which both formats' JSON must be (RFC 8259).

    Raises:
        SbomError: it is not.
    """
    try:
        return source.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.data.count(b"\n", 0, error.start) + 1
        raise invalid(source, f"line {line}, byte {error.start}", f"it is not UTF-8 ({error.reason})") from error


def json_of(source: Source) -> dict[str, Any]:
    """Return the content as a JSON object.

    Raises:
        SbomError: it is none, too deep, or beyond a limit.
    """
    data = source.data
    if data.count(b"{") + data.count(b"[") > CONTAINER_COUNT_MAX or data.count(b",") > VALUE_COUNT_MAX:
        raise too_large(source, "", f"it has more than {CONTAINER_COUNT_MAX} objects or {VALUE_COUNT_MAX} values")
    text = text_of(source)
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise invalid(source, place, f"it is cut or no JSON ({error.msg})") from error
    except RecursionError as error:
        raise invalid(source, "", "its values are nested too deep") from error
    except ValueError as error:
        raise invalid(source, "", f"it is no JSON ({error})") from error
    if not isinstance(value, dict):
        raise invalid(source, "", "a JSON object is expected")
    return value


def format_of_json(source: Source, document: dict[str, Any]) -> str:
    """Return CYCLONEDX or SPDX.

    Raises:
        SbomError: it is neither, or SPDX 3.
    """
    if document.get("bomFormat") == CYCLONEDX:
        return CYCLONEDX
    if "spdxVersion" in document:
        return SPDX
    if "@context" in document:
        raise invalid(source, "/@context", "it is JSON-LD; of SPDX the versions 2.2 and 2.3 are read, not 3")
    raise invalid(source, "/bomFormat", 'neither bomFormat is "CycloneDX", nor is there a spdxVersion')


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no number")
