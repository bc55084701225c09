"""OSV: a zip of one JSON record an advisory (``all.zip``), or one such record.

The zip is never unpacked to disk, and every limit is checked before anything is read.  What a record says is read by
``osv_record``.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from oakum.intel.importers.osv_record import plain_list, plain_object, plain_text, read_record
from oakum.intel.importers.values import FILE_BYTES_MAX, Read, check_size, too_large, unreadable

# Debian's whole feed has some 70,000 records and 300 MB of JSON; its largest record less than 1 MB.
ENTRY_COUNT_MAX = 1_000_000
ENTRY_BYTES_MAX = 32 * 1024**2
TOTAL_BYTES_MAX = 16 * 1024**3
# Honest records of any size compress at most some thirty times.
RATIO_MAX = 200
RATIO_CHECKED_FROM_BYTES = 1024**2

_FAULTS_OF_A_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)


class OsvImporter:
    """Reads OSV."""

    kind = "osv"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is a zip, or one OSV record."""
        del path
        return head.startswith(b"PK\x03\x04") or (
            head.lstrip().startswith(b"{") and b'"vulnerabilities"' not in head and b'"id"' in head
        )

    def default_name(self, path: Path) -> str:
        """Return ``osv-`` and the first record's distribution, or a single record's own id.

        A single record must never replace a whole feed because nobody named it.
        """
        for place, record in _documents(path):
            if not place:
                return f"osv-{plain_text(record.get('id')).lower()}"[:60]
            for affected in plain_list(record.get("affected")):
                ecosystem = plain_text(plain_object(plain_object(affected).get("package")).get("ecosystem"))
                if ecosystem:
                    return f"osv-{ecosystem.partition(':')[0].lower()}"[:60]
        return "osv"

    def record_count(self, path: Path) -> int | None:
        """Return the number of JSON entries."""
        check_size(path, FILE_BYTES_MAX)
        if not zipfile.is_zipfile(path):
            return None
        with _opened(path) as archive:
            return len(_entries(path, archive))

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each record that speaks of a stream of ours."""
        for place, document in _documents(path):
            yield read_record(path, place, document)


def _documents(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each entry's name and JSON object."""
    check_size(path, FILE_BYTES_MAX)
    with path.open("rb") as file:
        is_zip = file.read(4).startswith(b"PK")
    if not is_zip:
        check_size(path, ENTRY_BYTES_MAX)
        yield "", _object_of(path, "", path.read_bytes())
        return
    with _opened(path) as archive:
        for entry in _entries(path, archive):
            yield f"entry {entry.filename}", _object_of(path, f"entry {entry.filename}", _bytes(path, archive, entry))


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _FAULTS_OF_A_ZIP as error:
        raise unreadable(path, "", f"the zip archive is cut or corrupt ({error})") from error


def _entries(path: Path, archive: zipfile.ZipFile) -> Sequence[zipfile.ZipInfo]:
    """Return the entries to read, all limits checked by what the archive says of itself."""
    entries = [entry for entry in archive.infolist() if entry.filename.endswith(".json")]
    if not entries:
        raise unreadable(path, "", "the zip archive holds no .json entry")
    if len(entries) > ENTRY_COUNT_MAX:
        raise too_large(path, "", f"it holds {len(entries)} entries, more than {ENTRY_COUNT_MAX}")
    total = 0
    for entry in entries:
        total += entry.file_size
        if entry.file_size > ENTRY_BYTES_MAX:
            raise too_large(path, f"entry {entry.filename}", f"it unpacks to more than {ENTRY_BYTES_MAX} bytes")
        if entry.file_size > RATIO_CHECKED_FROM_BYTES and entry.file_size > RATIO_MAX * max(1, entry.compress_size):
            raise too_large(path, f"entry {entry.filename}", f"it unpacks to more than {RATIO_MAX} times its size")
    if total > TOTAL_BYTES_MAX:
        raise too_large(path, "", f"it unpacks to more than {TOTAL_BYTES_MAX} bytes")
    return entries


def _bytes(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return an entry's bytes; zipfile itself stops at the size that the archive claims and then checks the sum."""
    try:
        with archive.open(entry) as file:
            return file.read(ENTRY_BYTES_MAX)
    except _FAULTS_OF_A_ZIP as error:
        raise unreadable(path, f"entry {entry.filename}", f"it is cut or corrupt ({error})") from error


def _object_of(path: Path, place: str, raw: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise unreadable(path, place, f"it is not JSON ({error})") from error
    if not isinstance(document, dict):
        raise unreadable(path, place, "it is no OSV record: a JSON object is expected")
    return document
