"""What the host is: its name, its operating system, where it runs, under which addresses.

Parsers are pure; the readers give empty text or ``unknown`` where the host does not say.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import shlex
from pathlib import Path

from oakum.agent.command import run_command
from oakum.protocol.inventory import ADDRESS_COUNT_MAX, UNKNOWN

OS_RELEASE_FILES = (Path("/etc/os-release"), Path("/usr/lib/os-release"))
MACHINE_ID_FILE = Path("/etc/machine-id")
BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
SMALL_FILE_BYTES_MAX = 64 * 1024
LOOK_TIMEOUT_SECONDS = 10.0

NO_VIRTUALISATION = "none"

_LOCAL_ADDRESS = re.compile(r"\|-- (?P<address>[\d.]+)\n\s+/32 host LOCAL")


def read_small(path: Path) -> str:
    """Return the beginning of a text file, "" if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(SMALL_FILE_BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return ""


def read_os_release() -> dict[str, str]:
    """Return os-release's fields (os-release(5)), empty if there is no such file."""
    for path in OS_RELEASE_FILES:
        fields = parse_os_release(read_small(path))
        if fields:
            return fields
    return {}


def parse_os_release(text: str) -> dict[str, str]:
    r"""Parse shell-like assignments; a line that is none is left out.

    >>> parse_os_release('ID=debian\nVERSION_ID="12"\n# a comment\n')
    {'ID': 'debian', 'VERSION_ID': '12'}
    """
    fields = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            fields[name] = "".join(shlex.split(value))
        except ValueError:
            continue
    return fields


def read_machine_id_hash() -> str:
    """Return SHA-256, in hex, of machine-id, "" if the host has none."""
    machine_id = read_small(MACHINE_ID_FILE).strip()
    return hashlib.sha256(machine_id.encode()).hexdigest() if machine_id else ""


def read_boot_id() -> str:
    """Return the kernel's id of this boot."""
    return read_small(BOOT_ID_FILE).strip()


def read_virtualisation() -> str:
    """Return systemd-detect-virt's word, NO_VIRTUALISATION on bare metal, ``unknown`` where the tool is missing."""
    result = run_command(("systemd-detect-virt",), timeout_seconds=LOOK_TIMEOUT_SECONDS)
    return UNKNOWN if result.problem else result.text.strip() or UNKNOWN


def is_container() -> bool:
    """Say whether this host shares its kernel with another, so that the kernel is not the host's own."""
    result = run_command(("systemd-detect-virt", "--quiet", "--container"), timeout_seconds=LOOK_TIMEOUT_SECONDS)
    return not result.problem and result.status == 0


def read_addresses() -> tuple[str, ...]:
    """Return the host's lasting addresses, sorted, without loopback and link-local ones."""
    result = run_command(("ip", "-j", "addr"), timeout_seconds=LOOK_TIMEOUT_SECONDS)
    found = parse_ip_addresses(result.text) if not result.problem and result.status == 0 else None
    if found is None:
        proc = Path("/proc/net")
        found = parse_kernel_addresses(read_small(proc / "fib_trie"), read_small(proc / "if_inet6"))
    return select_addresses(found)


def parse_ip_addresses(text: str) -> tuple[str, ...] | None:
    """Parse ``ip -j addr``, without temporary addresses, which change by the day; None if it is no such text."""
    try:
        links = json.loads(text)
        return tuple(
            str(address["local"])
            for link in links
            for address in link.get("addr_info", ())
            if "local" in address and not address.get("temporary")
        )
    except (ValueError, TypeError, AttributeError):
        return None


def parse_kernel_addresses(fib_trie: str, if_inet6: str) -> tuple[str, ...]:
    r"""Parse /proc/net/fib_trie (IPv4) and /proc/net/if_inet6 (proc(5)).

    >>> parse_kernel_addresses("|-- 192.0.2.7\n   /32 host LOCAL\n", "20010db8000000000000000000000001 02 40 00 80 x")
    ('192.0.2.7', '2001:db8::1')
    """
    four = [match["address"] for match in _LOCAL_ADDRESS.finditer(fib_trie)]
    words = [line.split()[0] for line in if_inet6.splitlines() if line.strip()]
    six = [str(ipaddress.IPv6Address(bytes.fromhex(word))) for word in words if re.fullmatch("[0-9a-f]{32}", word)]
    return (*four, *six)


def select_addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the addresses by which others may reach the host: sorted, each once, at most ADDRESS_COUNT_MAX."""
    found = set()
    for text in texts:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        if not (address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast):
            found.add(address)
    ordered = sorted(found, key=lambda address: (address.version, int(address)))
    return tuple(str(address) for address in ordered)[:ADDRESS_COUNT_MAX]
