"""Package URLs: what we write is read back as it was, and what other tools write is understood or refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.purls import PURL_LENGTH_MAX, PackageIdentity, PurlRefusal, parse_package, purl_of
from oakum.core.streams import normal_name
from oakum.core.versions import UnknownStream

DISTRIBUTION_STREAMS = [
    *("debian:12", "debian:rolling", "ubuntu:22.04", "almalinux:8", "almalinux:8+nodejs:18", "rocky:9", "rhel:8"),
    *("fedora:40", "amzn:2023", "sles:15.5", "opensuse-leap:15.5", "opensuse-tumbleweed:rolling", "alpine:3.19"),
    *("arch:rolling", "wolfi:20230201", "photon:5.0", "ol:8+php:7.4"),
]
# Everything printable but the blank; a name's separators are its ecosystem's matter.
words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=30)
segments = words.filter(lambda word: not set(word) & set("/:"))


def read(purl: str, *, stream: str = "") -> PackageIdentity:
    found = parse_package(purl, stream=stream)
    assert isinstance(found, PackageIdentity), found
    return found


def refused(purl: str) -> str:
    found = parse_package(purl)
    assert isinstance(found, PurlRefusal), found
    return found.reason


@given(
    stream=st.sampled_from(DISTRIBUTION_STREAMS),
    name=segments,
    version=st.one_of(words, st.builds(lambda epoch, rest: f"{epoch}:{rest}", st.integers(0, 99), words)),
    architecture=st.sampled_from(["", "amd64", "x86_64", "noarch"]),
    source=st.none() | st.tuples(segments.filter(lambda word: "@" not in word), words.filter(lambda w: "@" not in w)),
)
def test_what_is_written_of_a_distributions_package_is_read_back(
    stream: str, name: str, version: str, architecture: str, source: tuple[str, str] | None
) -> None:
    if source is not None and source[0].endswith(".rpm"):
        source = None  # would be the name of a file
    told = {"source_name": source[0], "source_version": source[1]} if source else {}
    purl = purl_of(stream=stream, name=name, version=version, architecture=architecture, **told)
    found = read(purl)
    assert (found.stream, found.name, found.version, found.architecture) == (stream, name, version, architecture)
    assert (found.source_name, found.source_version) == (source or (name, version))


@given(
    stream=st.sampled_from(["pypi", "npm", "cargo", "golang", "gem", "maven", "nuget", "composer", "windows"]),
    parts=st.lists(segments, min_size=1, max_size=4),
    version=words,
)
def test_what_is_written_of_an_ecosystems_package_is_read_back(stream: str, parts: list[str], version: str) -> None:
    name = (":" if stream == "maven" else "/").join(parts)
    found = read(purl_of(stream=stream, name=name, version=version, architecture=""))
    assert (found.stream, found.name, found.version) == (stream, normal_name(stream, name), version)
    assert (found.source_name, found.source_version) == (found.name, version)


@pytest.mark.parametrize(
    ("identity", "purl"),
    [
        ("debian:12 g++-12 2:12.2.0-14+deb12u1 amd64",
         "pkg:deb/debian/g%2B%2B-12@2:12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12"),
        ("fedora:40 curl 0:8.6.0-8.fc40 i686",
         "pkg:rpm/fedora/curl@8.6.0-8.fc40?arch=i686&distro=fedora-40&epoch=0"),
        ("alpine:3.19 curl 8.5.0-r0 x86_64",
         "pkg:apk/alpine/curl@8.5.0-r0?arch=x86_64&distro=alpine-3.19"),
        ("arch:rolling pacman 6.0.1-1 x86_64",
         "pkg:alpm/arch/pacman@6.0.1-1?arch=x86_64&distro=arch-rolling"),
        ("npm @angular/animation 12.3.1",
         "pkg:npm/%40angular/animation@12.3.1"),
        ("golang github.com/gorilla/context v0.0.1",
         "pkg:golang/github.com/gorilla/context@v0.0.1"),
        ("cargo rand 0.7.2",
         "pkg:cargo/rand@0.7.2"),
        ("gem ruby-advisory-db-check 0.12.4",
         "pkg:gem/ruby-advisory-db-check@0.12.4"),
        ("nuget EnterpriseLibrary.Common 6.0",
         "pkg:nuget/EnterpriseLibrary.Common@6.0"),
        ("composer laravel/laravel 5.5.0",
         "pkg:composer/laravel/laravel@5.5.0"),
        ("pypi django-allauth 12.23",
         "pkg:pypi/django-allauth@12.23"),
        ("maven org.apache:commons-io 1.4",
         "pkg:maven/org.apache/commons-io@1.4"),
    ],
)  # fmt: skip
def test_every_ecosystem_is_written_as_the_specification_says(identity: str, purl: str) -> None:
    stream, name, version, *architecture = identity.split()
    assert purl_of(stream=stream, name=name, version=version, architecture="".join(architecture)) == purl


@pytest.mark.parametrize(
    ("identity", "purl"),
    [
        ("debian:12 libssl3 3.0.2-0ubuntu1.10 openssl 3.0.2-0ubuntu1.10",
         "pkg:deb/debian/libssl3@3.0.2-0ubuntu1.10?arch=amd64&upstream=openssl&distro=debian-12"),
        ("debian:12 libgcc-s1 12.2.0-14 gcc-12 12.2.0-13",
         "pkg:deb/debian/libgcc-s1@12.2.0-14?arch=amd64&distro=debian-12.5&upstream=gcc-12%4012.2.0-13"),
        (
            "rhel:9 openssl-libs 1:3.0.7-27.el9 openssl 1:3.0.7-27.el9",
            ("pkg:rpm/rhel/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=rhel-9.4"
            "&epoch=1&upstream=openssl-3.0.7-27.el9.src.rpm"),
        ),
        (
            "almalinux:8+nodejs:18 nodejs 18.20.2-1.module_el8",
            ("pkg:rpm/almalinux/nodejs@18.20.2-1.module_el8?arch=x86_64&distro=almalinux-8.9"
            "&rpmmod=nodejs:18:80100:1234"),
        ),
        ("alpine:3.19 libcrypto3 3.1.4-r1 openssl 3.1.4-r1",
         "pkg:apk/alpine/libcrypto3@3.1.4-r1?arch=x86_64&upstream=openssl&distro=alpine-3.19.0"),
        ("arch:rolling pacman 6.0.1-1",
         "pkg:alpm/arch/pacman@6.0.1-1?arch=x86_64"),
        ("alpine:3.17 musl 1.2.4-r2",
         "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=3.17.1"),
        ("rhel:8 acl 2.2.53-1.el8",
         "pkg:rpm/redhat/acl@2.2.53-1.el8?arch=aarch64&distro=redhat-8.4"),
        (
            "rhel:8+nodejs:10 nodejs 1:10.0-1.module+el8",
            ("pkg:rpm/redhat/nodejs@10.0-1.module%2Bel8?arch=x86_64&epoch=1"
            "&modularitylabel=nodejs%3A10%3A82%3Ab1&distro=redhat-8"),
        ),
        ("opensuse-leap:15.5 libopenssl1_1 1.1.1-4",
         "pkg:rpm/opensuse/libopenssl1_1@1.1.1-4?distro=opensuse-leap-15.5"),
        ("sles:15.5 bash 4.4-9",
         "pkg:rpm/suse/bash@4.4-9?distro=suse%20linux%20enterprise%20server-15.5"),
        ("debian:8 curl 7.50.3-1",
         "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie"),
        ("ubuntu:22.04 curl 7.81.0-1",
         "pkg:deb/ubuntu/curl@7.81.0-1?distro=ubuntu-jammy"),
        ("npm JSONStream 1.3.5",
         "pkg:NPM/JSONStream@1.3.5"),
        ("npm @angular/core 16.0.1",
         "pkg:npm/@angular/core@16.0.1"),
        ("pypi zope-interface 5.0",
         "pkg:pypi/Zope.Interface@5.0?file_name=a.whl#sub/path"),
        ("golang github.com/foo/bar/v2 v2.0.0",
         "pkg://golang/github.com/foo/bar/v2@v2.0.0"),
        ("maven org.springframework:spring-core 5.3.20",
         "pkg:maven/org.springframework/spring-core@5.3.20?type=jar"),
        ("nuget newtonsoft.json 12.0.1",
         "pkg:nuget/Newtonsoft.Json@12.0.1"),
    ],
)  # fmt: skip
def test_what_other_tools_write_is_understood(identity: str, purl: str) -> None:
    stream, name, version, *source = identity.split()
    found = read(purl)
    assert (found.stream, found.name, found.version) == (stream, name, version)
    assert [found.source_name, found.source_version] == (source or [name, version])


def test_an_sbom_may_tell_the_release_once_for_all() -> None:
    assert read("pkg:deb/debian/curl@7.88.1-10", stream="debian:12").stream == "debian:12"
    assert read("pkg:rpm/rocky/php@8.1-1?rpmmod=php:8.1", stream="rocky:9").stream == "rocky:9+php:8.1"
    assert read("pkg:deb/debian/curl@7.88.1-10?distro=debian-11", stream="debian:12").stream == "debian:11"
    assert read("pkg:npm/a@1", stream="debian:12").stream == "npm"


@pytest.mark.parametrize(
    ("purl", "reason"),
    [
        ("", "it does not begin with pkg:"),
        ("openssl@1", "it does not begin with pkg:"),
        ("pkg:npm", "it names no type or no name"),
        ("pkg:npm/", "it names no type or no name"),
        ("pkg:/a@1", "it names no type or no name"),
        ("pkg:npm/a", "it names no version"),
        ("pkg:rpm/fedora/a?distro=fedora-40&epoch=1", "it names no version"),
        ("pkg:deb/debian/a@1", "it does not say of which release the package is (qualifier distro)"),
        ("pkg:deb/debian/a@1?distro=nonsense", "it does not say of which release the package is (qualifier distro)"),
        ("pkg:deb/temple/a@1?distro=temple-1", "'temple:1' is no distribution that Oakum assesses"),
        ("pkg:rpm/debian/a@1?distro=debian-12", "debian:12 has no packages of the type rpm"),
        ("pkg:docker/a@1", "packages of the type 'docker' are none that Oakum assesses"),
        ("pkg:generic/openssl@1.1", "packages of the type 'generic' are none that Oakum assesses"),
        ("pkg:rpm/fedora/a@1?distro=fedora-40&epoch=one", "the epoch 'one' is not a number"),
        ("pkg:npm/a%20b@1", "'a b' is too long, or holds what no package manager takes"),
        ("pkg:npm/a@1%0a", "'1\\n' is too long, or holds what no package manager takes"),
        ("pkg:npm/" + "a" * 201 + "@1", f"{'a' * 60!r} is too long, or holds what no package manager takes"),
        ("pkg:npm/" + "a" * PURL_LENGTH_MAX, f"it is longer than {PURL_LENGTH_MAX} characters"),
    ],
)  # fmt: skip
def test_what_names_no_package_is_refused_with_the_reason(purl: str, reason: str) -> None:
    assert refused(purl) == reason


@given(st.one_of(st.text(max_size=80), st.builds("pkg:{}/{}@{}?{}#{}".format, *[st.text(max_size=20)] * 5)))
def test_any_text_is_a_package_or_a_refusal(text: str) -> None:
    found = parse_package(text)
    if isinstance(found, PackageIdentity):
        again = read(
            purl_of(stream=found.stream, name=found.name, version=found.version, architecture=found.architecture)
        )
        assert (again.stream, again.name, again.version) == (found.stream, found.name, found.version)


def test_names_of_windows_programs_may_have_blanks() -> None:
    purl = purl_of(stream="windows", name="Microsoft Visual C++", version="< 14.0", architecture="")
    assert purl == "pkg:generic/windows/Microsoft%20Visual%20C%2B%2B@%3C%2014.0"
    assert (read(purl).name, read(purl).version) == ("Microsoft Visual C++", "< 14.0")


def test_a_package_of_no_known_ecosystem_has_no_package_url() -> None:
    with pytest.raises(UnknownStream):
        purl_of(stream="plan9:4", name="a", version="1", architecture="")
