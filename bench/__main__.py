"""Run every measurement, each in a process of its own, and keep its JSON lines in bench/results.jsonl.

It measures nothing itself and judges nothing: figures are for comparison with earlier ones of the same machine.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MEASUREMENTS = ("bench.keys", "bench.matching", "bench.gateway", "bench.scan")
RESULTS = Path(__file__).with_name("results.jsonl")


def main() -> None:
    """Print each line as it comes and append it to the results."""
    with RESULTS.open("a", encoding="utf-8") as results:
        for module in MEASUREMENTS:
            argv = [sys.executable, "-m", module, *sys.argv[1:]]
            with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    print(line, end="", flush=True)
                    results.write(line)
            if process.returncode:
                sys.exit(process.returncode)


if __name__ == "__main__":
    main()
