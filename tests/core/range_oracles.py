"""The ecosystems' own tools as judges of ranges: each answers many (range, version) questions in one process.

Each function returns, a question, whether the tool finds the version in the range, or None where it refuses either;
and skips the test where the tool is not installed (`make deps-lab` installs them).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from oakum.core.ranges import parse_range

Questions = Sequence[tuple[str, str]]
Answers = list[bool | None]

_TIMEOUT_SECONDS = 300
_COMPOSER = Path("/usr/share/php/Composer/Semver/autoload.php")
_JARS = Path("/usr/share/java")

_NODE_SEMVER = """
const semver = require(process.argv[1]);
const options = { includePrerelease: process.argv[2] === "all" };
for (const line of require("fs").readFileSync(0, "utf8").split("\\n").filter((line) => line)) {
  const [range, version] = JSON.parse(line);
  console.log(semver.validRange(range) === null ? "null" : semver.satisfies(version, range, options));
}
"""
_RUBYGEMS = """
require "json"
STDIN.each_line do |line|
  range, version = JSON.parse(line)
  begin
    puts Gem::Requirement.new(*range.split(",")).satisfied_by?(Gem::Version.new(version))
  rescue ArgumentError
    puts "null"
  end
end
"""
_SEMVER_PHP = """
require $argv[1];
while (($line = fgets(STDIN)) !== false) {
    [$range, $version] = json_decode($line);
    try { echo json_encode(Composer\\Semver\\Semver::satisfies($version, $range)), "\\n"; }
    catch (Throwable $refusal) { echo "null\\n"; }
}
"""
_MAVEN = """
import java.io.*;
import org.apache.maven.artifact.versioning.*;
public class Judge {
    public static void main(String[] arguments) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            String[] told = line.split("\\t", 2);
            try {
                VersionRange range = VersionRange.createFromVersionSpec(told[0]);
                System.out.println(range.containsVersion(new DefaultArtifactVersion(told[1])));
            } catch (InvalidVersionSpecificationException refusal) {
                System.out.println("null");
            }
        }
    }
}
"""


def our_answers(scheme: str, questions: Questions) -> Answers:
    """Return what our ranges say, in the same form."""
    return [_our_answer(scheme, told, version) for told, version in questions]


def disagreements(
    questions: Questions, told: Answers, ours: Answers
) -> list[tuple[str, str, bool | None, bool | None]]:
    """Return each question with the tool's answer and ours, where they differ."""
    assert len(questions) == len(told) == len(ours)
    return [(*each, one, other) for each, one, other in zip(questions, told, ours, strict=True) if one != other]


def node_semver(questions: Questions, *, prereleases: bool = False) -> Answers:
    """Ask node-semver, in the copy that npm brings along; with ``prereleases`` as ``includePrerelease`` has it."""
    npm = shutil.which("npm")
    folders = [up / "node_modules" / "semver" for up in Path(npm).resolve().parents] if npm else []
    folder = next((each for each in folders if (each / "package.json").exists()), None)
    if folder is None:
        pytest.skip("npm with its semver is not installed here: nobody to ask")
    return _ask([_tool("node"), "-e", _NODE_SEMVER, str(folder), "all" if prereleases else "some"], questions)


def rubygems(questions: Questions) -> Answers:
    """Ask Gem::Requirement, a comma between requirements."""
    return _ask([_tool("ruby"), "-W0", "-e", _RUBYGEMS], questions)


def composer(questions: Questions) -> Answers:
    """Ask Composer's own library."""
    if not _COMPOSER.exists():
        pytest.skip("php-composer-semver is not installed here: nobody to ask")
    return _ask([_tool("php"), "-r", _SEMVER_PHP, str(_COMPOSER)], questions)


def maven(questions: Questions, folder: Path) -> Answers:
    """Ask Maven's VersionRange; ``folder`` may be written to."""
    jars = [_JARS / f"{name}.jar" for name in ("maven-artifact-3.x", "commons-lang3", "plexus-utils")]
    if not all(jar.exists() for jar in jars):
        pytest.skip("Maven's libraries are not installed here: nobody to ask")
    source = folder / "Judge.java"
    source.write_text(_MAVEN)
    argv = [_tool("java"), "-cp", ":".join(map(str, jars)), str(source)]
    return _answers(argv, "".join(f"{told}\t{version}\n" for told, version in questions))


def packaging(questions: Questions) -> Answers:
    """Ask Python's packaging, pre-releases included."""
    specifiers = pytest.importorskip("packaging.specifiers")
    answers: Answers = []
    for told, version in questions:
        try:
            answers.append(specifiers.SpecifierSet(told).contains(version, prereleases=True))
        except specifiers.InvalidSpecifier:
            answers.append(None)
    return answers


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here: nobody to ask")
    return found


def _ask(argv: Sequence[str], questions: Questions) -> Answers:
    return _answers(argv, "".join(json.dumps(each) + "\n" for each in questions))


def _answers(argv: Sequence[str], lines: str) -> Answers:
    told = subprocess.run(argv, input=lines, capture_output=True, text=True, check=True, timeout=_TIMEOUT_SECONDS)
    return [json.loads(line) for line in told.stdout.splitlines()]


def _our_answer(scheme: str, told: str, version: str) -> bool | None:
    try:
        return parse_range(scheme, told).contains(version)
    except ValueError:
        return None
