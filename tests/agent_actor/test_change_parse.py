"""What apt and dpkg print, as they printed it on bookworm and bullseye, and what it is read as."""

from __future__ import annotations

import doctest

import pytest

from oakum.agent.managers.apt import change, change_parse
from oakum.agent.managers.apt.change import Wanted
from oakum.agent.managers.apt.run import AptProblem
from oakum.agent.managers.apt.simulation import Step

SIMULATION = """\
Reading package lists...
Building dependency tree...
Reading state information...
The following additional packages will be installed:
  libpq5
The following packages will be REMOVED:
  libpq-dev libssl-dev
0 upgraded, 1 newly installed, 2 downgraded, 2 to remove and 110 not upgraded.
Remv libpq-dev [15.20-0+deb12u1]
Remv libssl-dev [3.0.19-1~deb12u2]
Remv tzdata [2024a-0] [libc6:amd64 ]
Inst libssl3 [3.0.19-1~deb12u2] (3.0.20-1~deb12u2 Debian:12.15/oldstable [amd64]) []
Inst openssl [3.0.19-1~deb12u2] (3.0.20-1~deb12u2 Debian:12.15/oldstable, local-deb [amd64])
Inst libc6:i386 [2.36-9] (2.36-10 Debian:12/stable [i386])
Inst linux-image-6.1.0-56-amd64 (6.1.192-1 Debian-Security:12/oldstable-security [amd64])
Inst tzdata [2024a-0] (2026a-0 Debian:12/stable [all])
Conf libssl3 (3.0.20-1~deb12u2 Debian:12.15/oldstable [amd64])
"""


def test_a_simulation_is_read_step_by_step() -> None:
    transaction = change_parse.parse_transaction(SIMULATION)
    assert transaction.steps == (
        Step("libssl3", "amd64", "3.0.19-1~deb12u2", "3.0.20-1~deb12u2"),
        Step("openssl", "amd64", "3.0.19-1~deb12u2", "3.0.20-1~deb12u2"),
        Step("libc6", "i386", "2.36-9", "2.36-10"),
        Step("linux-image-6.1.0-56-amd64", "amd64", "", "6.1.192-1"),
        Step("tzdata", "all", "2024a-0", "2026a-0"),
    )


def test_what_is_taken_out_and_put_back_is_not_removed() -> None:
    removed = change_parse.parse_transaction(SIMULATION).removed
    assert removed == (("libpq-dev", "15.20-0+deb12u1"), ("libssl-dev", "3.0.19-1~deb12u2"))


@pytest.mark.parametrize("line", ["Inst openssl 3.0", "Remv openssl", "Purg openssl 3.0"])
def test_a_line_that_cannot_be_understood_is_a_problem_and_never_left_out(line: str) -> None:
    with pytest.raises(AptProblem, match="cannot be understood"):
        change_parse.parse_transaction(line + "\n")


SIZES = """\
2 upgraded, 0 newly installed, 0 to remove and 13 not upgraded.
Need to get 3482 kB/4,000 kB of archives.
After this operation, 1,017.4 kB of additional disk space will be used.
'http://mirror.example.test/libssl3_3.0.22-1%7edeb12u2_amd64.deb' libssl3_3.0.22-1~deb12u2_amd64.deb 2039888 SHA256:cb47
'http://mirror.example.test/pool/o/openssl_3.0.22_amd64.deb' openssl_1%3a3.0.22_amd64.deb 1441784 MD5Sum:4db3
"""


def test_sizes_are_exact_for_files_and_apts_rounding_for_the_disk() -> None:
    sizes = change_parse.parse_sizes(SIZES)
    assert sizes.download_bytes == 2_039_888 + 1_441_784
    assert [each.file_name for each in sizes.downloads][1] == "openssl_1%3a3.0.22_amd64.deb"
    assert sizes.growth_bytes == 1_017_400


@pytest.mark.parametrize(
    ("line", "growth"),
    [
        ("After this operation, 17.4 kB disk space will be freed.", -17_400),
        ("After this operation, 2,345 MB of additional disk space will be used.", 2_345_000_000),
        ("After this operation, 0 B of additional disk space will be used.", 0),
        ("", 0),
    ],
)
def test_growth_of_the_disks_use(line: str, growth: int) -> None:
    assert change_parse.parse_sizes(line).growth_bytes == growth


TROUBLES = (
    ("E: Version '9.9' for 'openssl' was not found", "names_unknown_version"),
    ("E: Unable to locate package nosuchpkg", "names_unknown_version"),
    (
        "E: Failed to fetch http://m.example.test/x.deb  503  Service Unavailable [IP: 10.77.0.1 3142]",
        "is_fetch_trouble",
    ),
    ("W: Failed to fetch http://m.example.test/dists/bookworm/InRelease  Could not connect", "is_fetch_trouble"),
    ("Err:1 http://m.example.test bookworm InRelease", "is_fetch_trouble"),
    ("W: GPG error: http://m.example.test bookworm InRelease: no key", "is_fetch_trouble"),
    ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1234 (apt-get)", "is_lock_trouble"),
    ("E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend)", "is_lock_trouble"),
    ("E: You don't have enough free space in /var/cache/apt/archives/.", "is_room_trouble"),
)
SORTERS = ("names_unknown_version", "is_lock_trouble", "is_room_trouble")


@pytest.mark.parametrize(("line", "sorter"), TROUBLES)
def test_each_complaint_is_known_for_what_it_is(line: str, sorter: str) -> None:
    said = f"Reading package lists...\n{line}\n"
    assert getattr(change_parse, sorter)(said)
    others = [other for other in SORTERS if other != sorter and getattr(change_parse, other)(said)]
    assert others == []


def test_the_first_complaint_is_an_error_before_a_warning_before_dpkgs() -> None:
    said = ["dpkg: error processing acme\nW: Failed to fetch a\n", "E: Failed to fetch b\nE: Some index files failed\n"]
    assert change_parse.first_trouble(said) == "Failed to fetch b"
    assert change_parse.first_trouble(said[:1]) == "Failed to fetch a"
    assert change_parse.first_trouble(["dpkg: error processing acme\nmore\n"]) == "dpkg: error processing acme"
    assert change_parse.first_trouble(["nothing known\nat all\n"]) == "at all"
    assert change_parse.first_trouble(["\n", ""]) == "nothing was printed"


AUDIT = """\
The following packages are in a mess due to serious problems during
installation.  They must be reinstalled for them (and any packages
that depend on them) to function properly:
 acme-tool            a package of the lab

The following packages have been unpacked but not yet configured.
They must be configured using dpkg --configure or the configure
menu option in dselect for them to work:
 acme-web             a package of the lab
 acme-tool            a package of the lab

The following packages are missing the md5sums control file in the
database, they need to be reinstalled:
 vendor-thing         made by somebody else

"""


def test_an_audit_names_what_is_in_disorder_and_no_mere_flaws() -> None:
    assert change_parse.parse_audit(AUDIT) == ("acme-tool", "acme-web")
    assert change_parse.parse_audit("") == ()
    assert change_parse.parse_audit(AUDIT[AUDIT.index("The following packages are missing") :]) == ()


def test_configuration_files_are_those_that_packages_still_have() -> None:
    text = " /etc/ssl/openssl.cnf fe19\n /etc/old.conf 0123 obsolete\n\n /etc/bash.bashrc 8926\n"
    assert change_parse.parse_conffiles(text) == ("/etc/ssl/openssl.cnf", "/etc/bash.bashrc")


def test_hashes_are_those_that_the_lists_state() -> None:
    text = "Package: a\nVersion: 1\nArchitecture: amd64\nSHA256: ABCD\n\nPackage: b\nVersion: 2\nStatus: install ok\n"
    assert change_parse.parse_hashes(text) == {("a", "1", "amd64"): "abcd"}


def test_names_on_the_command_line_and_in_the_cache() -> None:
    web = Wanted("acme-web", "all", "1:2.0~rc1-1")
    assert (web.spec, web.query, web.file_name) == (
        "acme-web=1:2.0~rc1-1",
        "acme-web",
        "acme-web_1%3a2.0~rc1-1_all.deb",
    )
    ssl = Wanted("libssl3", "amd64", "3.0.2")
    assert (ssl.spec, ssl.file_name) == ("libssl3:amd64=3.0.2", "libssl3_3.0.2_amd64.deb")


def test_the_real_run_is_the_simulated_one_and_may_do_less_never_more() -> None:
    """Whatever shapes the transaction must be in both; the rest of the real run only forbids."""
    wanted = [Wanted("a", "amd64", "1"), Wanted("b", "all", "2")]
    simulated, real = change.simulate_argv(wanted), change.install_argv(wanted, cached=True)
    assert simulated[simulated.index("install") :] == real[real.index("install") :]
    for option in ("-y", "--no-install-recommends", "APT::Get::AutomaticRemove=false"):
        assert option in simulated
        assert option in real
    assert {"--no-remove", "--no-download"} <= set(real)
    assert not {"--allow-downgrades", "--allow-change-held-packages", "--force-yes", "--allow-unauthenticated"} & set(
        real
    )


def test_a_rollback_knows_no_repository_and_is_simulated_with_the_same_words() -> None:
    simulated = change.rollback_argv(["/x/a.deb"], ["b"], simulate=True)
    real = change.rollback_argv(["/x/a.deb"], ["b"], simulate=False)
    for argv in (simulated, real):
        assert "Dir::Etc::SourceList=/dev/null" in argv
        assert "Dir::Etc::SourceParts=/dev/null" in argv
        assert argv[argv.index("install") :] == ("install", "/x/a.deb", "b-")
    assert "-s" in simulated
    assert "-s" not in real


def test_examples_hold() -> None:
    assert doctest.testmod(change_parse).failed == 0
