"""What a base root holds, as data: packages, configuration, and the script that finishes it.

Pure.  It builds nothing (``lab.roots``) and names no mirror (``lab.mirror``).

needrestart is left out on purpose: its apt hook restarts services by itself or asks to, and the state under
test ("patched on disk, old code still running") must last until the agent has seen it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from string import Template

from lab.mirror import Mirror
from lab.mirrorproxy import PROXY_PORT
from lab.network import SERVER_ADDRESS

# python3 whole: python3-minimal lacks json, http and dataclasses, which the agent needs.
PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "openssh-server",
    "python3",
    "iproute2",
    "procps",
    "ca-certificates",
    "cron",
    "nginx-light",
    "unattended-upgrades",
)

# apt's own timers would take dpkg's lock, and updates, at a time of their choosing.
MASKED_UNITS = ("apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service", "fstrim.timer")

APT_CONFIGURATION = f"""\
Acquire::http::Proxy "http://{SERVER_ADDRESS}:{PROXY_PORT}";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Acquire::Retries "0";
APT::Periodic::Enable "0";
"""

# The caches are made last, under the configuration the hosts keep: apt throws away any made under another.
_FINISH = Template("""\
#!/bin/sh
set -eu
root=$$1
cat > "$$root/etc/apt/sources.list" <<'END'
$sources
END
cat > "$$root/etc/apt/apt.conf.d/90oakum-lab" <<'END'
$apt_configuration
END
for unit in $masked; do ln -sf /dev/null "$$root/etc/systemd/system/$$unit"; done
rm -f "$$root"/etc/ssh/ssh_host_*_key "$$root"/etc/ssh/ssh_host_*_key.pub
chroot "$$root" apt-get clean
chroot "$$root" apt-get -q -o Acquire::http::Proxy=$build_proxy --error-on=any update
chroot "$$root" apt-cache gencaches
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that makes one root differ from another."""

    release: str
    mirror: Mirror
    architecture: str
    day: date

    @property
    def key(self) -> str:
        """Return the root's folder name: another recipe or another day is another root.

        By day, because the pending updates are what a lab is for and an archive moves daily.
        """
        ingredients = json.dumps(
            [
                PACKAGES,
                MASKED_UNITS,
                APT_CONFIGURATION,
                _FINISH.template,
                self.mirror.sources(self.release),
                self.architecture,
            ]
        )
        digest = hashlib.sha256(ingredients.encode()).hexdigest()[:12]
        return f"{self.release}-{self.day.isoformat()}-{digest}"

    def finish_script(self, build_proxy: str) -> str:
        """Return the shell script that mmdebstrap runs last, with the root's folder as its argument."""
        return _FINISH.substitute(
            sources="\n".join(self.mirror.sources(self.release)),
            apt_configuration=APT_CONFIGURATION,
            masked=" ".join(MASKED_UNITS),
            build_proxy=build_proxy,
        )

    def build_argv(self, *, target: str, finish_script: str, build_proxy: str) -> list[str]:
        """Return the mmdebstrap command.

        Only the frozen main suite goes in, so that every update since the release is still pending.
        It runs in a mount namespace of its own: mmdebstrap binds the machine's /dev, /proc and /sys into the
        root, and one that is killed would leave them there.  ``force-unsafe-io``: half of dpkg's time on a disk
        is fsync, and a lab host may lose its data.
        """
        return [
            "unshare",
            "--mount",
            "--propagation=private",
            "mmdebstrap",
            "--mode=root",
            "--variant=minbase",
            "--format=directory",
            f"--aptopt=Acquire::http::Proxy {json.dumps(build_proxy)}",
            '--aptopt=Acquire::Languages "none"',
            "--dpkgopt=force-unsafe-io",
            "--skip=cleanup/apt",
            f"--include={','.join(PACKAGES)}",
            f"--customize-hook={finish_script}",
            self.release,
            target,
            self.mirror.frozen_source(self.release),
        ]
