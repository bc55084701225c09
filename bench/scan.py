"""Measure `oakum scan` of one host with 600 packages: a process from its start to its end, as a person waits for it.

The root is a synthetic Debian host: 600 packages with their lists of files, the files themselves, a few hundred
language packages beside them; the database holds feeds of 40,000 ranges, imported by `oakum feed import`.  Prints one
JSON line with the median of the runs.

    python -m bench.scan [--runs 10]

It asserts nothing: limits belong to whoever reads the line.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PACKAGE_COUNT = 600
FILE_COUNT = 60  # of a package: a Debian server has some 40,000 files of 600 packages
ADVISORY_COUNT = 8_000
RANGE_COUNT = 5  # of an advisory
NAME_COUNT = 2_500
PYTHON_COUNT = 120
SUFFIXES = (".py", ".gz", ".mo", ".h", ".so.1", "")
OAKUM = (sys.executable, "-m", "oakum.cli.main")


def make_root(root: Path, dice: random.Random) -> None:
    """Write the host's files."""
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    stanzas = []
    for number in range(PACKAGE_COUNT):
        name = f"package-{number}"
        stanzas.append(
            f"Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: libs\nInstalled-Size: 1234\n"
            f"Architecture: amd64\nSource: source-{number}\nVersion: 1.{dice.randrange(40)}-1+deb12u{number % 9}\n"
            f"Depends: libc6 (>= 2.36), libssl3 (>= 3.0.0)\nDescription: {'words ' * 8}\n {'more words ' * 30}\n .\n"
        )
        places = list(_places(number))
        for place in places:
            path = root / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"\x7fELF\x02\x01\x01" if "/bin/" in place else b"")
            path.chmod(0o755 if "/bin/" in place else 0o644)
        (info / f"{name}.list").write_text("/.\n" + "".join(f"/{place}\n" for place in places))
    (root / "var/lib/dpkg/status").write_text("\n".join(stanzas))
    for number in range(PYTHON_COUNT):
        metadata = root / f"opt/app/lib/python3.11/site-packages/python_{number}-1.{number}.dist-info/METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Metadata-Version: 2.1\nName: python-{number}\nVersion: 1.{number}\n\n{'words ' * 500}")


def _places(number: int) -> Iterator[str]:
    yield f"usr/bin/program-{number}"
    yield f"usr/share/doc/package-{number}/copyright"
    for each in range(FILE_COUNT - 2):
        yield f"usr/share/package-{number}/{each % 6}/file-{each}{SUFFIXES[each % len(SUFFIXES)]}"


def make_feeds(directory: Path, dice: random.Random) -> Path:
    """Write an OSV archive of Debian's and PyPI's advisories."""
    path = directory / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(ADVISORY_COUNT):
            archive.writestr(f"DSA-{number}-1.json", json.dumps(_record(number, dice)))
    return path


def _record(number: int, dice: random.Random) -> Mapping[str, Any]:
    ecosystem, word = ("PyPI", "python") if number % 20 == 0 else ("Debian:12", "source")
    affected = [
        {
            "package": {"ecosystem": ecosystem, "name": f"{word}-{dice.randrange(NAME_COUNT)}"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": f"1.{dice.randrange(20)}"}]}],
        }
        for _ in range(RANGE_COUNT)
    ]
    return {
        "id": f"DSA-{number}-1",
        "modified": "2026-01-02T00:00:00Z",
        "published": "2026-01-02T00:00:00Z",
        "summary": "security update",
        "upstream": [f"CVE-2026-{number:05}"],
        "affected": affected,
    }


def main() -> None:
    """Print the median time of the runs, and what they found, so that an empty answer is seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    wanted, _ = parser.parse_known_args()
    dice = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="oakum-bench-") as folder:
        directory = Path(folder)
        make_root(directory / "root", dice)
        environ = {key: value for key, value in os.environ.items() if not key.startswith("OAKUM_")}
        environ["OAKUM_DATA_DIR"] = str(directory / "data")
        feeds = make_feeds(directory, dice)
        subprocess.run([*OAKUM, "feed", "import", str(feeds)], env=environ, check=True, stdout=subprocess.DEVNULL)
        argv = [*OAKUM, "scan", "--root", str(directory / "root"), "--json", "--allow-unassessed"]
        seconds, report = [], "{}"
        for _ in range(wanted.runs + 1):
            started = time.perf_counter()
            report = subprocess.run(argv, env=environ, check=False, capture_output=True, text=True).stdout
            seconds.append(time.perf_counter() - started)
    found = json.loads(report)
    line = {"name": "scan.one_host", "value": round(statistics.median(seconds[1:]), 3), "unit": "s", "hosts": 1}
    counts = {"packages": len(found["packages"]), "findings": len(found["findings"])}
    print(json.dumps(line | {"database": "sqlite"} | counts))


if __name__ == "__main__":
    main()
