"""Running the real command in this process: its output, its errors and its exit code, as a shell sees them."""

from __future__ import annotations

import functools
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import certifi
from click.testing import CliRunner

from oakum.cli.main import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    def ok(self) -> str:
        assert self.code == 0, (self.code, self.out, self.err)
        return self.out

    def json(self) -> Any:
        return json.loads(self.ok())

    def refused(self, code: int) -> str:
        """Check that it ended with ``code`` and a worded error of at most two lines, and return the words."""
        assert self.code == code, (self.code, self.out, self.err)
        assert self.err.startswith("oakum: "), self.err
        assert "Traceback" not in self.err
        assert 1 <= len(self.err.strip().splitlines()) <= 2, self.err
        return self.err


@functools.cache
def _one_authority() -> str:
    """Name a file with one public authority: to read all of them takes longer than most commands, at each."""
    first, end, _ = Path(certifi.where()).read_text("utf-8").partition("-----END CERTIFICATE-----")
    file = Path(tempfile.mkdtemp(prefix="oakum-test-")) / "authority.pem"
    file.write_text(f"{first}{end}\n", "utf-8")
    return str(file)


class Shell:
    """A person's shell: where their settings are, and which variables are set."""

    def __init__(self, home: Path, **environ: str) -> None:
        self._environ: dict[str, str | None] = {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "COLUMNS": "200",
            "OAKUM_URL": None,
            "OAKUM_TOKEN": None,
            "OAKUM_CERTIFICATE": None,
            "SSL_CERT_FILE": _one_authority(),
            **environ,
        }

    def __call__(self, *argv: str, typed: str = "", **environ: str) -> Told:
        """Run ``oakum ARGV``; upper-case keywords are variables, ``typed`` is what the person types when asked."""
        runner = CliRunner()
        with runner.isolation(input=typed, env={**self._environ, **environ}) as (out, err, _):
            code = 0
            try:
                main(list(argv))
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            return Told(code=code, out=out.getvalue().decode(), err=err.getvalue().decode())
