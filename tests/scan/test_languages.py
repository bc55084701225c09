"""Language packages beside the distribution's: where they lie, what they are called, and what tries to harm us."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oakum.scan.readers import gem
from oakum.scan.readers import jar as jars
from oakum.scan.root import Root
from oakum.scan.values import INCOMPLETE, FoundPackage, Note
from tests.scan.roots import elf, go_build_info, inventory_of, jar, packages_of, put, reasons_of, zipped

SITE = "opt/app/lib/python3.11/site-packages"


def names(root: Path) -> set[tuple[str, str, str]]:
    return {(each.kind, each.name, each.version) for each in inventory_of(root).packages}


def test_python_distributions_in_each_of_their_forms(tmp_path: Path) -> None:
    head = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n\nName: not this\n"
    put(tmp_path, f"{SITE}/Django-4.2.dist-info/METADATA", head.format("Django", "4.2"))
    put(tmp_path, f"{SITE}/old-1.0.egg-info/PKG-INFO", head.format("old", "1.0"))
    put(tmp_path, "usr/lib/python3/dist-packages/single-2.0.egg-info", head.format("single", "2.0"))
    put(tmp_path, f"{SITE}/zipped-3.0-py3.egg/EGG-INFO/PKG-INFO", head.format("zipped", "3.0"))
    put(tmp_path, "src/project/PKG-INFO", head.format("a source tree", "9"))
    assert names(tmp_path) == {
        ("pypi", "Django", "4.2"),
        ("pypi", "old", "1.0"),
        ("pypi", "single", "2.0"),
        ("pypi", "zipped", "3.0"),
    }


def test_python_itself_and_we_say_the_same_of_this_environment() -> None:
    site = next(Path(each) for each in sys.path if each.endswith("site-packages"))
    expected = {(each.name, each.version) for each in importlib.metadata.distributions(path=[str(site)])}
    found = inventory_of(site)
    assert {
        (each.name, each.version)
        for each in found.packages
        if "/" in each.place and ".dist-info/" in each.place and each.place.count("/") == 1
    } == expected


def test_npm_packages_are_those_right_under_a_node_modules(tmp_path: Path) -> None:
    def package(place: str, **document: Any) -> None:
        put(tmp_path, f"{place}/package.json", json.dumps(document))

    package("app", name="app", version="0.0.0")
    package("app/node_modules/lodash", name="lodash", version="4.17.20")
    package("app/node_modules/@babel/core", name="@babel/core", version="7.0.0")
    package("app/node_modules/a/node_modules/b", name="b", version="1.0.0")
    package("app/node_modules/lodash/test/fixture", name="fixture", version="6.6.6")
    package("app/node_modules/marker", type="module")
    put(tmp_path, "app/node_modules/broken/package.json", "{")
    put(tmp_path, "app/node_modules/deep/package.json", "[" * 100_000)
    found = inventory_of(tmp_path)
    assert {(each.name, each.version) for each in found.packages} == {
        ("lodash", "4.17.20"),
        ("@babel/core", "7.0.0"),
        ("b", "1.0.0"),
    }
    assert reasons_of(found.notes, INCOMPLETE) == ["it is no JSON", "it is no JSON"]


def test_gemspecs_are_read_and_never_run(tmp_path: Path) -> None:
    spec = '# -*- encoding: utf-8 -*-\nGem::Specification.new do |s|\n  s.name = "rake".freeze\n'
    spec += '  s.version = "13.0.6"\n  system("touch /tmp/oakum-was-here")\nend\n'
    gems = "usr/lib/ruby/gems/3.1.0/specifications"
    put(tmp_path, f"{gems}/rake-13.0.6.gemspec", spec)
    put(
        tmp_path,
        f"{gems}/default/json-2.6.1.gemspec",
        "Gem::Specification.new do |s|\n  s.version = JSON::VERSION\nend\n",
    )
    put(tmp_path, f"{gems}/nokogiri-1.13.0-x86_64-linux.gemspec", 's.version = Gem::Version.new("1.13.0")\n')
    put(tmp_path, "src/project/project.gemspec", spec)
    assert names(tmp_path) == {("gem", "rake", "13.0.6"), ("gem", "json", "2.6.1"), ("gem", "nokogiri", "1.13.0")}


# Ruby tells where its gems are, and loads each specification: the very thing that we never do.
RUBY = """
(Gem::Specification.dirs + [Gem.default_dir + "/specifications/default"]).uniq.each do |directory|
  Dir[directory + "/*.gemspec"].each do |file|
    loaded = Gem::Specification.load(file)
    puts [file, loaded.name, loaded.version].join("\t") if loaded
  end
end
"""


@pytest.mark.skipif(not shutil.which("ruby"), reason="needs ruby")
def test_ruby_and_we_say_the_same_of_the_gems_of_this_host() -> None:
    done = subprocess.run(["ruby", "-rrubygems", "-e", RUBY], capture_output=True, text=True, check=True)
    expected = {tuple(line.split("\t")) for line in done.stdout.splitlines()}
    if not expected:
        pytest.skip("no gem is installed here")
    with closing(Root(Path("/"))) as root:
        found = {
            (f"/{each.place}", each.name, each.version)
            for file, _, _ in expected
            for each in gem.read(root, file.strip("/"))
            if isinstance(each, FoundPackage)
        }
    assert found == expected


LOCK = """version = 3

[[package]]
name = "app"
version = "0.1.0"
dependencies = [
 "time",
]

[[package]]
name = "time"
version = "0.1.43"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "forked"
version = "1.0.0"
source = "git+https://example.test/forked#abc"
"""


def auditable(*packages: Mapping[str, str]) -> bytes:
    return elf({".dep-v0": zlib.compress(json.dumps({"packages": packages}).encode())})


def test_crates_from_lock_files_and_from_programs(tmp_path: Path) -> None:
    put(tmp_path, "src/app/Cargo.lock", LOCK)
    program = auditable(
        {"name": "regex", "version": "1.5.4", "source": "crates.io"},
        {"name": "cc", "version": "1.0.0", "source": "crates.io", "kind": "build"},
        {"name": "app", "version": "0.1.0", "source": "local"},
    )
    put(tmp_path, "usr/local/bin/app", program, mode=0o755)
    put(tmp_path, "usr/local/share/not-executable", program)
    assert names(tmp_path) == {("cargo", "time", "0.1.43"), ("cargo", "regex", "1.5.4")}


def test_a_list_of_crates_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "bin/bomb", elf({".dep-v0": zlib.compress(bytes(64 * 1024 * 1024))}), mode=0o755)
    assert reasons_of(inventory_of(tmp_path).notes, INCOMPLETE) == [
        "the list of crates in the program is damaged or too large"
    ]


def test_go_modules_with_their_replacements_and_the_standard_library(tmp_path: Path) -> None:
    lines = (
        "path\texample.test/app",
        "mod\texample.test/app\t(devel)\t",
        "dep\tgolang.org/x/net\tv0.7.0\th1:x=",
        "dep\texample.test/original\tv1.0.0",
        "=>\texample.test/fork\tv1.0.1\th1:y=",
        "dep\texample.test/local\tv1.0.0",
        "=>\t./local\t",
        "build\tGOOS=linux",
    )
    put(tmp_path, "usr/local/bin/app", elf({".go.buildinfo": go_build_info("go1.20.3", lines)}), mode=0o755)
    assert names(tmp_path) == {
        ("golang", "stdlib", "1.20.3"),
        ("golang", "golang.org/x/net", "v0.7.0"),
        ("golang", "example.test/fork", "v1.0.1"),
    }


@pytest.mark.skipif(not shutil.which("go"), reason="needs the go toolchain")
def test_go_itself_and_we_say_the_same_of_a_program_that_it_built(tmp_path: Path) -> None:
    source = tmp_path / "source"
    put(
        source,
        "go.mod",
        "module example.test/app\n\ngo 1.18\n\nrequire example.test/dep v1.2.3\n\n"
        "replace example.test/dep v1.2.3 => ./dep\n",
    )
    put(source, "main.go", 'package main\n\nimport "example.test/dep"\n\nfunc main() { dep.Hello() }\n')
    put(source, "dep/go.mod", "module example.test/dep\n\ngo 1.18\n")
    put(source, "dep/dep.go", 'package dep\n\nfunc Hello() { println("x") }\n')
    environment = {
        "PATH": "/usr/local/go/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }
    (tmp_path / "root/bin").mkdir(parents=True)
    program = tmp_path / "root/bin/app"
    for flags in ("", "-s -w"):
        argv = ["go", "build", "-ldflags", flags, "-o", str(program), "."]
        done = subprocess.run(argv, cwd=source, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told = subprocess.run(
            ["go", "version", str(program)], env=environment, capture_output=True, text=True, check=True
        )
        stdlib = packages_of(tmp_path / "root")["stdlib"].version
        assert f"go{stdlib.removesuffix('.0')}" in told.stdout


def test_java_archives_within_archives(tmp_path: Path) -> None:
    inner = jar("org.apache.logging.log4j", "log4j-core", "2.14.1")
    war = zipped({"WEB-INF/lib/log4j-core-2.14.1.jar": inner, "index.html": "x"})
    put(tmp_path, "srv/app.ear", zipped({"app.war": war}))
    found = packages_of(tmp_path)
    assert found["org.apache.logging.log4j:log4j-core"].version == "2.14.1"
    place = found["org.apache.logging.log4j:log4j-core"].place
    assert place == "srv/app.ear!app.war!WEB-INF/lib/log4j-core-2.14.1.jar"


def test_a_jar_without_coordinates_says_what_its_manifest_and_name_say(tmp_path: Path) -> None:
    manifest = (
        "Manifest-Version: 1.0\r\nImplementation-Title: spring-core\r\nImplementation-Version: 5.3.\r\n 20\r\n\r\n"
    )
    put(tmp_path, "lib/spring-core.jar", zipped({"META-INF/MANIFEST.MF": manifest}))
    put(tmp_path, "lib/guava-31.1-jre.jar", zipped({"x": ""}))
    put(tmp_path, "root/.m2/repository/commons-io/commons-io/2.6/commons-io-2.6.jar", zipped({"x": ""}))
    assert names(tmp_path) == {
        ("maven", "spring-core", "5.3.20"),
        ("maven", "guava", "31.1-jre"),
        ("maven", "commons-io:commons-io", "2.6"),
    }


def test_a_zip_bomb_is_told_and_hides_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "NESTED_BYTES_MAX", 1_000_000)
    bomb = zipped({"bomb.jar": bytes(50_000_000), "good.jar": jar("g.g", "good", "1.0")})
    put(tmp_path, "app.war", bomb)
    found = inventory_of(tmp_path)
    assert [each.name for each in found.packages] == ["g.g:good"]
    assert reasons_of(found.notes, INCOMPLETE) == ["bomb.jar unpacks to more than 1,000,000 bytes"]


def test_archives_nested_without_end_end(tmp_path: Path) -> None:
    content = jar("g.g", "inner", "1.0")
    for _ in range(jars.DEPTH_MAX + 2):
        content = zipped({"a.jar": content})
    put(tmp_path, "deep.jar", content)
    assert any("deep" in each for each in reasons_of(inventory_of(tmp_path).notes, INCOMPLETE))


def test_a_table_of_contents_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    end = b"PK\x05\x06" + bytes(8) + (1 << 30).to_bytes(4, "little") + bytes(6)
    put(tmp_path, "huge.jar", zipped({"x": ""})[:-22] + end)
    assert reasons_of(inventory_of(tmp_path).notes, INCOMPLETE) == ["its table of contents is too large"]


GOOD = {
    "a.jar": zipped({"x.jar": jar("g.g", "a", "1.0")}),
    "bin/go": elf({".go.buildinfo": go_build_info("go1.20.3", ["dep\ta\tv1.0.0"])}),
    "bin/rust": auditable({"name": "regex", "version": "1.5.4", "source": "crates.io"}),
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_files_changed_at_any_byte_and_cut_anywhere_are_read_or_told(tmp_path: Path, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(sorted(GOOD)))
    content = bytearray(GOOD[place])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    put(tmp_path, place, bytes(content[: data.draw(st.integers(0, len(content)))]), mode=0o755)
    found = inventory_of(tmp_path)
    assert all(isinstance(each, FoundPackage) for each in found.packages)
    assert all(isinstance(each, Note) for each in found.notes)
