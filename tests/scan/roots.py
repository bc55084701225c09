"""Roots for scans, written by the tests themselves: databases and files as the platform's own tools leave them."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from oakum.scan.inventory import Inventory, take_inventory
from oakum.scan.root import Root
from oakum.scan.values import FoundPackage, Note

DEBIAN_12 = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'


def put(root: Path, place: str, content: str | bytes = "", *, mode: int = 0o644) -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def inventory_of(root: Path) -> Inventory:
    with closing(Root(root)) as opened:
        return take_inventory(opened, is_this_host=False)


def packages_of(root: Path) -> dict[str, FoundPackage]:
    return {each.name: each for each in inventory_of(root).packages}


def reasons_of(notes: Iterable[Note], kind: str) -> list[str]:
    return [each.reason for each in notes if each.kind == kind]


def dpkg_stanza(name: str, version: str = "1.0-1", *, status: str = "install ok installed", **more: str) -> str:
    fields = {"Package": name, "Status": status, "Architecture": "amd64", "Version": version} | more
    description = "Description: short\n long, which mentions Version: 9\n .\n"
    return "".join(f"{key}: {value}\n" for key, value in fields.items()) + description


def debian_root(root: Path, *stanzas: str, os_release: str = DEBIAN_12) -> Path:
    put(root, "etc/os-release", os_release)
    put(root, "var/lib/dpkg/status", "\n".join(stanzas))
    return root


# rpm headers -------------------------------------------------------------------------------------------------------

STRING, INT32, STRING_ARRAY = 6, 4, 8
TAGS = {
    "name": (1000, STRING),
    "version": (1001, STRING),
    "release": (1002, STRING),
    "epoch": (1003, INT32),
    "vendor": (1011, STRING),
    "arch": (1022, STRING),
    "sourcerpm": (1044, STRING),
    "dirindexes": (1116, INT32),
    "basenames": (1117, STRING_ARRAY),
    "dirnames": (1118, STRING_ARRAY),
    "modularitylabel": (5096, STRING),
}


def rpm_header(files: Mapping[str, Sequence[str]] | None = None, **fields: str | int) -> bytes:
    """Return a header as rpm's database keeps it; ``files`` are names by their directory (which ends in a slash)."""
    values: dict[str, list[str | int]] = {key: [value] for key, value in fields.items()}
    if files:
        values["dirnames"] = list(files)
        values["basenames"] = [name for names in files.values() for name in names]
        values["dirindexes"] = [index for index, names in enumerate(files.values()) for _ in names]
    entries, data = b"", b""
    for key, items in values.items():
        tag, kind = TAGS[key]
        if kind == INT32:
            data += bytes(-len(data) % 4)
        entries += struct.pack(">IIII", tag, kind, len(data), len(items))
        data += b"".join(struct.pack(">I", item) if isinstance(item, int) else item.encode() + b"\0" for item in items)
    return struct.pack(">II", len(values), len(data)) + entries + data


BASH = rpm_header(name="bash", version="5.1.8", release="6.el9", arch="x86_64", sourcerpm="bash-5.1.8-6.el9.src.rpm")
OPENSSL = rpm_header(
    {"/usr/bin/": ["openssl"], "/usr/lib/python3/dist-packages/thing-1.0.dist-info/": ["METADATA"]},
    name="openssl",
    epoch=1,
    version="3.0.7",
    release="24.el9",
    arch="x86_64",
    sourcerpm="openssl-3.0.7-24.el9.src.rpm",
    vendor="AlmaLinux",
)
KEY = rpm_header(name="gpg-pubkey", version="8483c65d", release="5ccc5b19")


def ndb(headers: Sequence[bytes]) -> bytes:
    """Return an ndb database: one page of slots, then each blob in blocks of 16 bytes with its head and tail."""
    slots, blobs = b"", b""
    block = 4096 // 16
    for number, header in enumerate(headers, start=1):
        blob = struct.pack("<4sIII", b"BlbS", number, 1, len(header)) + header
        blob += bytes(-(len(blob) + 12) % 16) + struct.pack("<II4s", 0, len(header), b"BlbE")
        slots += struct.pack("<4sIII", b"Slot", number, block, len(blob) // 16)
        blobs += blob
        block += len(blob) // 16
    page = struct.pack("<4sIIIIIII", b"RpmP", 0, 1, 1, len(headers) + 1, 0, 0, 0) + slots
    free = struct.pack("<4sIII", b"Slot", 0, 0, 0)
    return page + free * ((4096 - len(page)) // 16) + blobs


# archives ----------------------------------------------------------------------------------------------------------


def zipped(entries: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def jar(group: str, artifact: str, version: str, **more: str | bytes) -> bytes:
    pom = f"#Created by Maven\nversion={version}\ngroupId={group}\nartifactId={artifact}\n"
    return zipped({f"META-INF/maven/{group}/{artifact}/pom.properties": pom, **more})


# programs ----------------------------------------------------------------------------------------------------------


def elf(sections: Mapping[str, bytes]) -> bytes:
    """Return a 64-bit little-endian ELF file that has nothing but these sections."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in (*sections, ".shstrtab"))
    body, table = b"", bytes(64)
    offset = 64
    for name, content in (*sections.items(), (".shstrtab", names)):
        at = names.index(b"\0" + name.encode() + b"\0") + 1
        table += struct.pack("<IIQQQQIIQQ", at, 1, 0, 0, offset, len(content), 0, 0, 1, 0)
        body += content
        offset += len(content)
    count = len(sections) + 2
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, offset, 0, 64, 56, 0, 64, count, count - 1)
    return head + body + table


def go_build_info(go_version: str, lines: Iterable[str]) -> bytes:
    modules = bytes(16) + "".join(f"{line}\n" for line in lines).encode() + bytes(16)
    return b"\xff Go buildinf:\x08\x02" + bytes(16) + _counted(go_version.encode()) + _counted(modules)


def _counted(content: bytes) -> bytes:
    length, head = len(content), b""
    while length > 0x7F:
        head += bytes([length & 0x7F | 0x80])
        length >>= 7
    return head + bytes([length]) + content
