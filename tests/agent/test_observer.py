"""What the observer makes of /proc, os-release and the kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.agent.managers import detect
from oakum.agent.managers.apt import AptManager
from oakum.agent.observer.observe import hash_packages
from oakum.agent.observer.processes import (
    ProcessScan,
    StaleProcess,
    parse_maps,
    parse_unit,
    scan_processes,
)
from oakum.agent.observer.reboot import RebootVerdict, RunningKernel, judge_reboot, parse_running_kernel
from oakum.agent.observer.stale import list_stale_services
from oakum.agent.observer.system import parse_ip_addresses, parse_os_release, select_addresses
from oakum.protocol.inventory import (
    NO,
    UNKNOWN,
    YES,
    InstalledKernel,
    InstalledPackage,
    PackagesSection,
    StaleService,
    section_hash,
)

MAPS = b"""\
55d0a1c00000-55d0a1c32000 r--p 00000000 fd:01 1573 /usr/sbin/nginx
55d0a1c32000-55d0a1d10000 r-xp 00032000 fd:01 1573 /usr/sbin/nginx
7f2a40000000-7f2a40400000 r--p 00000000 fd:01 2101 /usr/lib/locale/locale-archive (deleted)
7f2a41000000-7f2a41200000 r-xp 00000000 fd:01 2222 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f2a41200000-7f2a41300000 r--p 00200000 fd:01 2222 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f2a42000000-7f2a42001000 rw-s 00000000 00:01 7 /dev/zero (deleted)
7f2a43000000-7f2a43001000 rwxp 00000000 00:01 8 /memfd:jit (deleted)
7f2a44000000-7f2a44001000 rw-s 00000000 00:01 9 /SYSV00000000 (deleted)
7f2a45000000-7f2a45001000 r-xp 00000000 fd:01 10 /tmp/plugin.so (deleted)
7f2a46000000-7f2a46001000 r-xp 00000000 fd:01 11 /opt/with space/lib.so (deleted)
7ffd10000000-7ffd10021000 rw-p 00000000 00:00 0 [stack]
"""


def test_only_deleted_code_counts() -> None:
    assert parse_maps(MAPS) == ("/opt/with space/lib.so", "/usr/lib/x86_64-linux-gnu/libssl.so.3")


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/nginx.service\n", "nginx.service"),
        ("0::/system.slice/docker.service/inner/x.service\n", "docker.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service\n", "user@1000.service"),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", "session-3.scope"),
        ("12:pids:/system.slice/other.service\n1:name=systemd:/system.slice/ssh.service\n0::/\n", "ssh.service"),
        ("0::/init.scope\n", "init.scope"),
        ("0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service"),
        ("3:cpu:/\n0::/\n", "process:sleep"),
        ("", "process:sleep"),
    ],
)
def test_a_process_belongs_to_the_outermost_unit_that_can_be_restarted(cgroup: str, unit: str) -> None:
    assert parse_unit(cgroup, "sleep") == unit


def add_process(proc: Path, pid: int, *, root: Path, maps: bytes = MAPS, program: str = "/usr/sbin/nginx") -> None:
    place = proc / str(pid)
    place.mkdir()
    (place / "maps").write_bytes(maps)
    (place / "cgroup").write_text("0::/system.slice/nginx.service\n")
    (place / "comm").write_text("nginx\n")
    (place / "exe").symlink_to(program)
    (place / "root").symlink_to(root)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    place = tmp_path / "proc"
    place.mkdir()
    (tmp_path / "root").mkdir()
    (place / "self").mkdir()
    (place / "self/root").symlink_to(tmp_path / "root")
    return place


def test_a_containers_process_is_not_this_hosts(proc: Path, tmp_path: Path) -> None:
    (tmp_path / "container").mkdir()
    add_process(proc, 10, root=tmp_path / "root")
    add_process(proc, 11, root=tmp_path / "container")
    assert [process.unit for process in scan_processes(str(proc)).stale] == ["nginx.service"]


def test_a_replaced_program_counts_although_its_maps_are_clean(proc: Path, tmp_path: Path) -> None:
    add_process(proc, 10, root=tmp_path / "root", maps=b"", program="/usr/sbin/nginx (deleted)")
    assert scan_processes(str(proc)).stale == (StaleProcess(unit="nginx.service", paths=("/usr/sbin/nginx",)),)


def test_a_kernel_thread_is_no_stale_process(proc: Path) -> None:
    (proc / "2").mkdir()
    (proc / "2/maps").write_bytes(b"")
    assert scan_processes(str(proc)).stale == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every process")
def test_without_root_the_scan_is_incomplete() -> None:
    assert not scan_processes().complete


def test_stale_services_are_put_together_by_unit() -> None:
    scan = ProcessScan(
        stale=(
            StaleProcess("nginx.service", ("/usr/lib/libssl.so.3",)),
            StaleProcess("nginx.service", ("/usr/sbin/nginx",)),
            StaleProcess("own.service", ("/opt/own",)),
        ),
        complete=True,
    )
    services, status = list_stale_services(
        scan, lambda _: {"/usr/lib/libssl.so.3": ("libssl3",), "/usr/sbin/nginx": ("nginx",)}
    )
    assert services == (
        StaleService("nginx.service", ("libssl3", "nginx"), 2),
        StaleService("own.service", (), 1),
    )
    assert status == "known"


def test_what_was_not_seen_is_unknown() -> None:
    assert list_stale_services(ProcessScan(stale=(), complete=False), lambda _: {}) == ((), UNKNOWN)


OLD = InstalledKernel("6.1.0-50-amd64", "linux-image-6.1.0-50-amd64", "6.1.176-1")
NEW = InstalledKernel("6.1.0-56-amd64", "linux-image-6.1.0-56-amd64", "6.1.192-2")
CLOUD = InstalledKernel("6.1.0-60-cloud-amd64", "linux-image-6.1.0-60-cloud-amd64", "6.1.200-1")


def older(version: str, than: str) -> bool:
    """The order of these few versions, by number: the package manager's own order is tried with real dpkg elsewhere."""

    def key(text: str) -> list[int]:
        return [int(part) for part in text.replace("-", ".").split(".") if part.isdigit()]

    return key(version) < key(than)


def judge(
    running: RunningKernel, *kernels: InstalledKernel, flag: tuple[str, ...] | None = None, shares_kernel: bool = False
) -> RebootVerdict:
    return judge_reboot(flag, running=running, kernels=kernels, shares_kernel=shares_kernel, is_older=older)


def test_the_flag_is_trusted_with_its_packages() -> None:
    assert judge(RunningKernel("x", ""), flag=("dbus",)) == RebootVerdict(YES, ("dbus",))


def test_a_newer_installed_kernel_of_the_same_kind_asks_for_a_reboot() -> None:
    running = RunningKernel("6.1.0-50-amd64", "6.1.176-1")
    assert judge(running, OLD, NEW) == RebootVerdict(YES, ("linux-image-6.1.0-56-amd64",))
    assert judge(running, OLD, CLOUD) == RebootVerdict(NO, ())
    assert judge(running, OLD) == RebootVerdict(NO, ())


def test_the_same_release_built_anew_asks_for_a_reboot() -> None:
    rebuilt = InstalledKernel("6.1.0-50-amd64", "linux-image-6.1.0-50-amd64", "6.1.180-1")
    assert judge(RunningKernel("6.1.0-50-amd64", "6.1.176-1"), rebuilt).required == YES


def test_a_kernel_without_its_version_is_known_by_its_installed_package() -> None:
    assert judge(RunningKernel("6.1.0-50-amd64", ""), OLD, NEW).required == YES
    assert judge(RunningKernel("6.1.0-56-amd64", ""), OLD, NEW).required == NO


def test_a_kernel_of_no_package_is_unknown_unless_a_newer_one_waits() -> None:
    assert judge(RunningKernel("6.1.0-40-amd64", ""), NEW).required == YES
    assert judge(RunningKernel("6.18.1-amd64", ""), NEW).required == UNKNOWN
    assert judge(RunningKernel("6.18.1-custom", ""), NEW).required == UNKNOWN


def test_in_a_container_only_the_flag_counts() -> None:
    assert judge(RunningKernel("6.1.0-40-amd64", ""), NEW, shares_kernel=True) == RebootVerdict(NO, ())
    assert judge(RunningKernel("6.1.0-40-amd64", "")) == RebootVerdict(NO, ())


def test_the_running_version_is_read_where_the_build_states_it() -> None:
    debian = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-06-01)"
    assert parse_running_kernel("r", debian).package_version == "6.1.176-1"
    assert parse_running_kernel("r", "#101-Ubuntu SMP Tue Nov 14").package_version == ""


def test_kernels_are_told_from_packages_that_only_point_to_them() -> None:
    names = [
        "linux-image-amd64", "linux-image-6.1.0-50-amd64", "linux-image-6.1.0-56-cloud-amd64-unsigned",
        "linux-image-6.1.0-56-amd64-dbg", "linux-image-unsigned-5.15.0-91-generic", "linux-headers-6.1.0-50-amd64",
    ]  # fmt: skip
    packages = tuple(InstalledPackage(name, "1", "amd64", "linux", "1") for name in names)
    found = AptManager().kernels(PackagesSection("apt", "known", "", packages))
    assert [kernel.release for kernel in found] == [
        "6.1.0-50-amd64",
        "6.1.0-56-cloud-amd64",
        "5.15.0-91-generic",
    ]


def test_addresses_are_the_lasting_ones() -> None:
    text = (
        '[{"ifname":"lo","addr_info":[{"local":"127.0.0.1"},{"local":"::1"}]},'
        '{"ifname":"eth0","addr_info":[{"local":"192.0.2.7"},{"local":"fe80::1"},{"local":"2001:db8::7"},'
        '{"local":"2001:db8::aaaa","temporary":true},{"broadcast":"192.0.2.255"}]}]'
    )
    found = parse_ip_addresses(text)
    assert found is not None
    assert select_addresses(found) == ("192.0.2.7", "2001:db8::7")


@given(text=st.text(max_size=60))
def test_no_answer_of_the_address_tool_breaks_the_look(text: str) -> None:
    found = parse_ip_addresses(text)
    assert found is None or select_addresses(found) is not None


def test_os_release_may_be_quoted_as_in_the_shell() -> None:
    text = '# c\nID=\'debian\'\nPRETTY_NAME="A \\"B\\" 1"\nBROKEN="x\nVERSION_ID=12\n\n'
    assert parse_os_release(text) == {"ID": "debian", "PRETTY_NAME": 'A "B" 1', "VERSION_ID": "12"}


@pytest.mark.skipif(detect() is None, reason="no package manager that Oakum knows is on this machine")
def test_kernel_versions_are_compared_in_the_package_managers_order() -> None:
    manager = AptManager()
    assert manager.is_older("6.1.0-9", "6.1.0-10")
    assert manager.is_older("1.0~rc1", "1.0")
    assert not manager.is_older("1:1", "2")


TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.just('"packages":[')
PACKAGES = st.lists(st.builds(InstalledPackage, TEXT, TEXT, TEXT, TEXT, TEXT, st.booleans(), TEXT), max_size=4)


@given(reason=TEXT, packages=PACKAGES)
def test_the_frugal_hash_is_the_protocols_hash(reason: str, packages: list[InstalledPackage]) -> None:
    section = PackagesSection("apt", "known", reason, tuple(packages))
    assert hash_packages(section) == section_hash(section)
