"""What apt says is read as it is meant.  The fixtures were recorded from apt 2.6; host names are rewritten."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.agent.managers.apt.candidates import parse_candidates
from oakum.agent.managers.apt.installed import parse_installed
from oakum.agent.managers.apt.offers import apt_name, list_pending, render_offers
from oakum.agent.managers.apt.records import parse_records
from oakum.agent.managers.apt.run import AptProblem
from oakum.agent.managers.apt.simulation import Step, parse_steps, removes, split_steps
from oakum.agent.managers.apt.targets import parse_sources, parse_targets, public_address
from oakum.protocol.inventory import Offer

FIXTURES = Path(__file__).parent / "fixtures"


def recorded(name: str) -> str:
    return (FIXTURES / name).read_text(encoding="utf-8")


@pytest.fixture
def offers() -> dict[str, Offer]:
    """The offers of the recorded host: bash and curl on hold, sed unsatisfiable, jq against zip, base-passwd phased."""
    installed = parse_installed(recorded("dpkg-query.txt"))
    simulation = split_steps(recorded("upgrade-full.txt"), recorded("upgrade-safe.txt"))
    packages = {apt_name(package, "amd64"): package for package in installed}
    pending = list_pending(packages, parse_candidates(recorded("policy.txt")), simulation, "amd64")
    rendered = render_offers(pending, parse_records(recorded("show.txt")), parse_targets(recorded("indextargets.txt")))
    return {offer.name: offer for offer in rendered}


def test_every_offer_says_whether_and_why_it_is_kept_back(offers: dict[str, Offer]) -> None:
    assert {name: offer.kept_back for name, offer in offers.items()} == {
        "base-passwd": "phased",
        "bash": "held",
        "brandnew": "needs_removal",
        "curl": "held",
        "jq": "needs_removal",
        "libcurl4": "unmet_dependencies",
        "libgcrypt20": "",
        "libssl3": "",
        "sed": "unmet_dependencies",
        "tzdata": "",
        "xz-utils": "",
        "zip": "unmet_dependencies",
    }


def test_an_offer_names_its_source_where_that_differs(offers: dict[str, Offer]) -> None:
    assert (offers["libssl3"].source_name, offers["libssl3"].source_version) == ("openssl", "3.0.22-1~deb12u2")
    assert (offers["bash"].candidate_version, offers["bash"].source_version) == ("5.2.15-2+b13", "5.2.15-2")
    assert offers["libssl3"].download_bytes > 1_000_000


def test_an_added_package_has_no_installed_version(offers: dict[str, Offer]) -> None:
    assert offers["brandnew"].installed_version == ""
    assert offers["tzdata"].installed_version == "2025b-0+deb12u2"
    assert offers["tzdata"].architecture == "all"


def test_all_repositories_of_a_candidate_are_named(offers: dict[str, Offer]) -> None:
    assert [origin.label for origin in offers["libgcrypt20"].origins] == ["Debian", "Debian-Security"]
    assert [origin.suite for origin in offers["libssl3"].origins] == ["oldstable-security"]
    assert offers["sed"].origins[0].trusted
    assert offers["sed"].origins[0].origin == ""


def test_a_phased_version_is_offered_although_it_is_not_the_candidate(offers: dict[str, Offer]) -> None:
    assert offers["base-passwd"].candidate_version == "99.0"


def test_a_full_upgrade_that_removes_is_told_from_one_that_does_not() -> None:
    assert removes(recorded("upgrade-full.txt"))
    assert not removes(recorded("upgrade-safe.txt"))
    simulation = split_steps(recorded("upgrade-full.txt"), recorded("upgrade-safe.txt"))
    assert sorted(step.name for step in simulation.removing_steps) == ["brandnew", "jq"]


def test_a_foreign_architecture_is_taken_off_the_name() -> None:
    line = "Inst libc6:i386 [2.36-9] (2.36-10 Debian:12.15/oldstable [i386])"
    assert parse_steps(line) == (Step(name="libc6", architecture="i386", old="2.36-9", new="2.36-10"),)


@pytest.mark.parametrize(
    "line",
    ["Inst", "Inst openssl", "Inst openssl [1.0]", "Inst openssl [1.0] 2.0 Debian [amd64]", "Inst a (1.0 D [amd64]"],
)
def test_an_install_line_of_another_form_is_a_problem(line: str) -> None:
    with pytest.raises(AptProblem, match="cannot be understood"):
        parse_steps(f"Reading package lists...\n{line} \n")


WORD = st.text(string.ascii_letters + string.digits + ".+~:-", min_size=1, max_size=12)
LABELS = st.lists(st.text(string.ascii_letters + string.digits + " .:/-", min_size=1, max_size=20), max_size=3)


@given(name=WORD, old=WORD | st.just(""), new=WORD, labels=LABELS, tail=st.sampled_from(["", " []", " [perl:amd64 ]"]))
def test_whatever_the_repositories_call_themselves_the_step_is_read(
    name: str, old: str, new: str, labels: list[str], tail: str
) -> None:
    # "Inst NAME [OLD] (NEW ORIGIN, ORIGIN [ARCH])": origins are free text, versions and names have no space.
    name = name.replace(":", "")
    if not name:
        return
    origins = "".join(f" {label}," for label in labels).rstrip(",")
    line = f"Inst {name}{f' [{old}]' if old else ''} ({new}{origins} [amd64]){tail}"
    assert parse_steps(line) == (Step(name=name, architecture="amd64", old=old, new=new),)


def test_a_policy_line_of_another_form_is_a_problem() -> None:
    with pytest.raises(AptProblem, match="cannot be understood"):
        parse_candidates("bash:\n  Installed: 1\n  Candidate: 1\n  Version table:\n   something else\n")


def test_a_version_that_no_list_has_is_a_problem() -> None:
    simulation = split_steps("Inst ghost (1.0 Debian [amd64])\n", "Inst ghost (1.0 Debian [amd64])\n")
    with pytest.raises(AptProblem, match="which no list has"):
        list_pending({}, parse_candidates("ghost:\n  Installed: (none)\n  Candidate: (none)\n"), simulation, "amd64")


def test_a_pinned_lower_candidate_hides_newer_versions() -> None:
    text = (
        "a:\n  Installed: 1\n  Candidate: 1\n  Version table:\n     2 100\n        100 http://x y Packages\n"
        " *** 1 500\n        500 http://x z Packages\n"
    )
    assert parse_candidates(text)["a"].newer() is None


def test_held_and_broken_packages_keep_their_state() -> None:
    packages = {package.name: package for package in parse_installed(recorded("dpkg-query.txt"))}
    assert packages["bash"].held
    assert not packages["libcurl4"].held
    (half,) = parse_installed("install\thalf-configured\tx\t1\tamd64\ty\t2\n")
    assert (half.state, half.source_name, half.source_version) == ("half-configured", "y", "2")


def test_removed_packages_with_configuration_left_do_not_count() -> None:
    assert parse_installed("deinstall\tconfig-files\tx\t1\tamd64\tx\t1\n") == ()


def test_a_query_line_of_another_form_is_a_problem() -> None:
    with pytest.raises(AptProblem, match="cannot be understood"):
        parse_installed("install\tinstalled\tx\n")


def test_targets_without_a_release_file_have_an_empty_origin() -> None:
    targets = {target.description: target for target in parse_targets(recorded("indextargets.txt"))}
    assert targets["file:/srv/packages ./ Packages"].origin.origin == ""
    security = targets["http://security.example.test/debian-security bookworm-security/main amd64 Packages"]
    assert (security.origin.label, security.address) == ("Debian-Security", "http://security.example.test")


def test_every_configured_suite_is_found_even_without_its_lists() -> None:
    sources = parse_sources(recorded("print-uris.txt"))
    assert [source.address for source in sources] == [
        "http://mirror.example.test bookworm",
        "http://mirror.example.test bookworm-updates",
        "http://security.example.test bookworm-security",
        "file:/srv/packages/./InRelease",
    ]
    assert sources[0].stem == "mirror.example.test_debian_dists_bookworm_"


def test_a_disc_is_no_repository_that_goes_out_of_date() -> None:
    assert parse_sources("'cdrom:[Disc 1]/dists/x/InRelease' Disc_dists_x_InRelease 0 \n") == ()


@given(user=st.text(string.ascii_letters + string.digits, min_size=1), word=st.text(string.ascii_letters, min_size=3))
def test_an_address_never_shows_a_password(user: str, word: str) -> None:
    shown = public_address(f"https://{user}:{word}-secret@packages.example.test/a/b?key={word}-secret")
    assert shown == "https://packages.example.test"
