"""The lab's handle on its apt proxy process: start it, take its mirror away, give it back, stop it.

It does not serve anything itself: ``lab.aptproxy`` does, in a process of its own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from lab import aptproxy
from lab.children import package_environment, python_argv
from lab.errors import LabError
from lab.mirror import Mirror

PROXY_PORT = 3142
STOP_SECONDS_MAX = 10.0


class MirrorProxy:
    """One running proxy."""

    def __init__(self, *, directory: Path) -> None:
        """Keep its files in ``directory``, which must exist by ``start``."""
        self._offline_flag = directory / "proxy.offline"
        self._log = directory / "proxy.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(
        self,
        *,
        mirror: Mirror,
        cache: Path,
        address: str,
        namespace: str | None = None,
        port: int = PROXY_PORT,
        local: Mapping[str, Path] | None = None,
    ) -> None:
        """Start the process and return once it listens; ``port`` 0 takes any free one."""
        assert self._process is None
        self.online()
        settings = aptproxy.ProxySettings(
            namespace=namespace,
            address=address,
            port=port,
            cache=str(cache),
            offline_flag=str(self._offline_flag),
            upstreams=mirror.upstreams(),
            local={host: str(folder) for host, folder in (local or {}).items()},
        )
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                python_argv("lab.aptproxy", settings.to_json()),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=package_environment(),
                start_new_session=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LabError(
                f"The apt proxy did not start:\n{self._log.read_text()[-1000:]}",
                remedy="its own last words above name the cause",
            )
        self.port = int(line)

    def offline(self) -> None:
        """From now on every request fails with 503, the lab's own repository included."""
        self._offline_flag.touch()

    def online(self) -> None:
        """Serve again."""
        self._offline_flag.unlink(missing_ok=True)

    def log(self) -> str:
        """Return what was asked for so far, one request a line."""
        return self._log.read_text()

    def stop(self) -> None:
        """End the process; running this again changes nothing."""
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(timeout=STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
