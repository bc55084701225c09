"""Say what this machine lacks for a lab, each with its remedy.

It installs nothing and changes nothing that outlives the question.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from lab import commands
from lab.cgroups import hierarchies
from lab.errors import LabError
from lab.mirror import machine_mirror
from lab.places import LAB_DIR_VARIABLE, places

# Command -> the Debian package that brings it.
REQUIRED_COMMANDS = {
    "apt-ftparchive": "apt-utils",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "gpg": "gpg",
    "gpgconf": "gpgconf",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "mount": "mount",
    "nsenter": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "systemd-nspawn": "systemd-container",
    "umount": "mount",
    "unshare": "util-linux",
}


def check_requirements() -> list[str]:
    """Return one sentence for each thing that is missing; an empty list means that a lab can be built."""
    if os.geteuid() != 0:
        return ["The lab makes namespaces and mounts: run it as root (sudo)."]
    missing = {package for name, package in REQUIRED_COMMANDS.items() if shutil.which(name) is None}
    if missing:  # What follows asks those commands.
        return [f"Commands are missing: run `apt-get install {' '.join(sorted(missing))}`."]
    found = []
    for probe in (hierarchies, machine_mirror, _probe_mounts):
        try:
            probe()
        except (LabError, OSError) as error:
            found.append(" ".join(str(error).split()))
    return found


def _probe_mounts() -> None:
    """Raise where namespaces or, in them, overlays cannot be made."""
    _probe_namespace()
    _probe_overlay()


def _probe_namespace() -> None:
    """Raise where this process may not make a network namespace, as in an unprivileged container."""
    try:
        commands.run(["unshare", "--net", "--mount", "true"])
    except LabError as error:
        raise LabError(
            "This process may not make namespaces.", remedy="in a container, run it with --privileged"
        ) from error


def _probe_overlay() -> None:
    """Raise where the lab directory cannot carry an overlay."""
    with tempfile.TemporaryDirectory(dir=places().top, prefix=".probe-") as folder:
        layers = {name: Path(folder) / name for name in ("lower", "upper", "work", "root")}
        for path in layers.values():
            path.mkdir()
        options = f"lowerdir={layers['lower']},upperdir={layers['upper']},workdir={layers['work']},volatile"
        mount = 'mount -t overlay probe -o "$1" "$2"'
        try:
            commands.run(["unshare", "--mount", "sh", "-c", mount, "sh", options, str(layers["root"])])
        except LabError as error:
            raise LabError(
                f"No overlay can be mounted over {places().top} (its disk may be an overlay itself, or the kernel "
                "lacks overlayfs).",
                remedy=f"set {LAB_DIR_VARIABLE} to a folder on a real disk or a tmpfs; try `modprobe overlay`",
            ) from error
