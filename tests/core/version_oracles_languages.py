"""The languages' own package tools as judges of version orders, beside ``version_oracles`` and in its form."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from packaging.version import InvalidVersion as PackagingRefuses
from packaging.version import Version

from tests.core.version_oracles import Pairs, Signs

_TIMEOUT_SECONDS = 120
_SIGNS = {"<": -1, "==": 0, ">": 1}
_PHP_CLASSES = Path("/usr/share/php/Composer/Semver/autoload.php")
_JAVA_CLASSES = (Path("/usr/share/java/maven-artifact-3.x.jar"), Path("/usr/share/java/commons-lang3.jar"))

_RUBYGEMS = """
STDIN.each_line do |line|
  begin
    one, other = JSON.parse(line).map { |text| Gem::Version.new(text) }
    puts(one <=> other)
  rescue ArgumentError
    puts("null")
  end
end
"""
_COMPOSER = """
require $argv[1];
$parser = new Composer\\Semver\\VersionParser();
while (($line = fgets(STDIN)) !== false) {
    try {
        [$one, $other] = array_map([$parser, "normalize"], json_decode($line));
        $below = Composer\\Semver\\Comparator::lessThan($one, $other);
        echo $below ? -1 : (Composer\\Semver\\Comparator::greaterThan($one, $other) ? 1 : 0), "\\n";
    } catch (UnexpectedValueException $refused) {
        echo "null\\n";
    }
}
"""
_MAVEN_CLASS = "org.apache.maven.artifact.versioning.ComparableVersion"


def packaging(pairs: Pairs) -> Signs:
    """Ask packaging, which knows PEP 440 only."""
    return [_packaging_sign(one, other) for one, other in pairs]


def rubygems(pairs: Pairs) -> Signs:
    """Ask Gem::Version."""
    return _ask([_program("ruby"), "-rjson", "-e", _RUBYGEMS], _json_lines(pairs))


def composer(pairs: Pairs) -> Signs:
    """Ask Composer's VersionParser and Comparator, for whom two different branches are equal."""
    if not _PHP_CLASSES.exists():
        pytest.skip("Composer's Semver classes are not installed here (php-composer-semver): nobody to ask")
    return _ask([_program("php"), "-r", _COMPOSER, "--", str(_PHP_CLASSES)], _json_lines(pairs))


def maven(pairs: Pairs) -> Signs:
    """Ask the installed Maven's ComparableVersion, which refuses nothing; a few thousand pairs at most.

    Its own main() compares each argument with the one before it, and needs no Java compiler.
    """
    java = _program("java")
    if not all(path.exists() for path in _JAVA_CLASSES):
        pytest.skip("Maven's classes are not installed here (libmaven3-core-java): nobody to ask")
    argv = [java, "-cp", ":".join(map(str, _JAVA_CLASSES)), _MAVEN_CLASS, *itertools.chain.from_iterable(pairs)]
    told = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=_TIMEOUT_SECONDS, encoding="utf-8")
    verdicts = [line.split() for line in told.stdout.splitlines() if line.startswith("   ")][::2]
    assert [(one, other) for one, _, other in verdicts] == list(pairs), "the output is laid out as expected"
    return [_SIGNS[verdict] for _, verdict, _ in verdicts]


def _packaging_sign(one: str, other: str) -> int | None:
    try:
        a, b = Version(one), Version(other)
    except PackagingRefuses:
        return None
    return (a > b) - (a < b)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here: nobody to ask")
    return found


def _json_lines(pairs: Pairs) -> str:
    return "".join(json.dumps(pair) + "\n" for pair in pairs)


def _ask(argv: list[str], lines: str) -> Signs:
    told = subprocess.run(
        argv, input=lines, capture_output=True, text=True, check=True, timeout=_TIMEOUT_SECONDS, encoding="utf-8"
    )
    return [json.loads(line) for line in told.stdout.splitlines()]
