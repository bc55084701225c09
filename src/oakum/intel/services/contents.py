"""The content of feeds: its hash, and the copy that is kept so that it can be carried to another server.

A copy is called by its content's SHA-256, so that the same content is kept once and a changed copy shows.  Folders are
kept packed.  What the content says is for the importers.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from django.conf import settings

from oakum.core.errors import FeedError, StoreError
from oakum.intel.importers.values import FILE_BYTES_MAX, check_size, too_large, unreadable
from oakum.intel.models import Feed

STRAY_SECONDS: Final = 86_400  # longer than any import: a younger copy may be of one that is about to switch
FILE_COUNT_MAX: Final = 1_000_000  # of a folder
_READ_BYTES: Final = 1024 * 1024


def folder() -> Path:
    """Return where copies are kept."""
    data_dir: Path = settings.CONFIG.data_dir
    return data_dir / "feeds"


def kept(content_hash: str) -> Path:
    """Return where the copy of a content is, whether it is there or not."""
    return folder() / content_hash


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's files and their names.

    Raises:
        FeedError: it cannot be read, or is too large.
    """
    if not path.is_dir():
        check_size(path, FILE_BYTES_MAX)
        return _hash(path)
    whole, size = hashlib.sha256(), 0
    for file in _files(path):
        size += file.stat().st_size
        if size > FILE_BYTES_MAX:
            raise too_large(path, "", f"it has more than {FILE_BYTES_MAX} bytes")
        whole.update(f"{file.relative_to(path)}\x00{_hash(file)}\x00".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def keep(path: Path, content_hash: str) -> None:
    """Keep a copy of a content; it is there whole or not at all.

    Raises:
        FeedError: the content is no longer what ``content_hash`` was made of.
        StoreError: there is no room.
    """
    copy = kept(content_hash)
    if copy.is_file():
        return
    part = copy.with_name(f"{copy.name}.{uuid4().hex}.part")
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        with part.open("wb") as file:
            (_pack if path.is_dir() else _copy)(path, file)
            file.flush()
            os.fsync(file.fileno())
        if (hash_of(path) if path.is_dir() else _hash(part)) != content_hash:
            raise unreadable(path, "", "it was changed while it was being imported")
        part.replace(copy)
    except OSError as error:
        raise StoreError(
            code="feed_copy_failed",
            sentence=f"{path.name} could not be kept in {folder()}: {error.strerror or error}; nothing was changed.",
            next_step="Make room there, and import it again.",
        ) from error
    finally:
        part.unlink(missing_ok=True)


def forget_unused(content_hash: str = "") -> None:
    """Remove a feed's former content where no feed has it any more, and what killed imports left long ago."""
    if content_hash and not Feed.objects.filter(content_hash=content_hash).exists():
        kept(content_hash).unlink(missing_ok=True)
    used = set(Feed.objects.exclude(content_hash="").values_list("content_hash", flat=True))
    for file in folder().glob("*"):
        with suppress(OSError):  # another import removes the same, or is done just now
            if file.name not in used and time.time() - file.stat().st_mtime > STRAY_SECONDS:
                file.unlink()


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, "", f"it cannot be read ({error.strerror or error})") from error


def _copy(path: Path, file: BinaryIO) -> None:
    with path.open("rb") as source:
        while chunk := source.read(_READ_BYTES):
            file.write(chunk)


def _pack(path: Path, file: BinaryIO) -> None:
    """Write a folder as tar.gz, the same bytes for the same files."""
    packed = gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=1, mtime=0)
    with packed, tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for each in _files(path):
            member = tarfile.TarInfo(str(each.relative_to(path)))
            member.size = each.stat().st_size
            with each.open("rb") as source:
                archive.addfile(member, source)


def _files(path: Path) -> Iterator[Path]:
    """Yield a folder's files in the order of their names; links are not followed."""
    count = 0
    for place, folders, names in os.walk(path, onerror=_refuse(path)):
        folders.sort()
        for name in sorted(names):
            file = Path(place, name)
            if file.is_file() and not file.is_symlink():
                count += 1
                if count > FILE_COUNT_MAX:
                    raise too_large(path, "", f"it holds more than {FILE_COUNT_MAX} files")
                yield file


def _refuse(path: Path) -> Callable[[OSError], None]:
    def refuse(error: OSError) -> None:
        raise _unreadable_folder(path, error) from error

    return refuse


def _unreadable_folder(path: Path, error: OSError) -> FeedError:
    return unreadable(path, "", f"{error.filename} cannot be read ({error.strerror or error})")
