"""Build small Debian packages that behave like real ones: a service, a changelog, maintainer scripts.

It builds one .deb from one description.  It keeps no archive (``lab.repository``).
"""

from __future__ import annotations

import gzip
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from lab import commands
from lab.errors import LabError

MAINTAINER = "Oakum lab <lab@example.test>"
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+~-]*")

_UNIT = """\
[Unit]
Description={name} {version}, a service of the lab
After=network.target

[Service]
ExecStart={command}

[Install]
WantedBy=multi-user.target
"""

# As deb-systemd-invoke does: a service that does not start is no reason for dpkg to fail.  That is why a
# broken version installs "successfully" and only a look at the host's health tells.
_POSTINST = """\
#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl enable --quiet {name}.service
  systemctl restart {name}.service || true
fi
"""

_PRERM = """\
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl disable --quiet --now {name}.service; fi
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangelogEntry:
    """One version's entry, as Debian's changelog format has it."""

    version: str
    suite: str
    lines: tuple[str, ...]
    date: str

    def render(self, name: str) -> str:
        """Return the entry as text."""
        changes = "\n".join(f"  * {line}" for line in self.lines)
        return f"{name} ({self.version}) {self.suite}; urgency=high\n\n{changes}\n\n -- {MAINTAINER}  {self.date}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class DebDescription:
    """All that goes into one .deb.

    ``port`` gives the package a service that serves /usr/share/NAME over HTTP there (its file VERSION holds
    the version), enabled and started on install.  ``broken`` makes that service end with an error instead.
    """

    name: str
    version: str
    port: int | None
    broken: bool
    depends: tuple[str, ...]
    changelog: tuple[ChangelogEntry, ...]

    def __post_init__(self) -> None:
        """Refuse names and versions dpkg would refuse, and more: nothing of them may mean anything to a shell."""
        if not _NAME.fullmatch(self.name) or not _VERSION.fullmatch(self.version):
            raise LabError(
                f"{self.name!r} {self.version!r} is no Debian package name and version.",
                remedy="use lower-case letters, digits, + - . for the name; begin the version with a digit",
            )
        assert self.port is not None or not self.broken, "only a package with a service can have a broken one"

    @property
    def file_name(self) -> str:
        """Return the name the .deb has in an archive's pool."""
        return f"{self.name}_{self.version}_all.deb"

    def control(self) -> str:
        """Return the control file."""
        depends = ", ".join((*self.depends, *(("python3",) if self.port is not None else ())))
        return (
            f"Package: {self.name}\nVersion: {self.version}\nArchitecture: all\nMaintainer: {MAINTAINER}\n"
            f"Section: misc\nPriority: optional\n"
            f"{f'Depends: {depends}' if depends else ''}{chr(10) if depends else ''}"
            f"Description: a package of the lab\n Made for one lab and gone with it.\n"
        )


def build_deb(description: DebDescription, pool: Path) -> Path:
    """Build the package into ``pool`` and return the file; its tree is made beside it and removed."""
    tree = pool / f".{description.file_name}.tree"
    shutil.rmtree(tree, ignore_errors=True)
    files = _files(description)
    for relative, (content, mode) in files.items():
        path = tree / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    target = pool / description.file_name
    commands.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(target)])
    shutil.rmtree(tree)
    return target


def _files(description: DebDescription) -> dict[str, tuple[bytes, int]]:
    """Return path -> (content, mode) of everything in the package."""
    name = description.name
    changelog = "\n".join(entry.render(name) for entry in description.changelog)
    files = {
        "DEBIAN/control": (description.control().encode(), 0o644),
        f"usr/share/doc/{name}/changelog.Debian.gz": (gzip.compress(changelog.encode(), mtime=0), 0o644),
        f"usr/share/{name}/VERSION": (f"{description.version}\n".encode(), 0o644),
    }
    if description.port is not None:
        serve = f"/usr/bin/python3 -m http.server {description.port} --directory /usr/share/{name}"
        fail = f"/bin/sh -c 'echo {name} {description.version} cannot start >&2; exit 1'"
        unit = _UNIT.format(name=name, version=description.version, command=fail if description.broken else serve)
        files[f"lib/systemd/system/{name}.service"] = (unit.encode(), 0o644)
        files["DEBIAN/postinst"] = (_POSTINST.format(name=name).encode(), 0o755)
        files["DEBIAN/prerm"] = (_PRERM.format(name=name).encode(), 0o755)
    return files
