"""The programs of the simulated host, as far as the actor calls them, printing what the real ones print.

A call of another form is a fault of the test, not an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from oakum.agent.actor.health_look import SHOW
from oakum.agent.actor.system import Completed
from oakum.agent.managers.apt import change
from oakum.agent.managers.apt.installed import QUERY
from tests.agent_actor.simulated import ARCHIVES, LISTS, SimulatedHost
from tests.agent_actor.simulated_packages import HANGS, POSTINST_FAILS, Deb, Installed, version_key

Step = tuple[float, Callable[[], int | None]]

ORIGIN = "Lab:1/stable"
LOCKED = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1234 (unattended-upgr)\n"
LOCAL_ONLY = ("Dir::Etc::SourceList=/dev/null",)
AWAY = (
    "Err:1 http://mirror.example.test/debian bookworm InRelease\n"
    "  Could not connect to mirror.example.test:80 (192.0.2.1), connection timed out\n"
)


@dataclass
class Plan:
    """What apt would do: debs in order, names to remove, or its error."""

    debs: list[Deb]
    removed: list[str]
    error: str = ""


class Commands:
    """dpkg, apt and systemctl."""

    def __init__(self, host: SimulatedHost) -> None:
        self.host = host

    def run(self, argv: tuple[str, ...]) -> Completed:
        if argv[:2] == ("env", "-C"):
            return self._download_into(argv[2], argv[argv.index("download") + 1 :])
        if argv[0] == "apt-get":
            return self._apt_get(argv)
        for prefix, answer in (
            (QUERY, self._query),
            (change.ARCHITECTURE, lambda _argv: (0, "amd64\n", "")),
            (change.AUDIT, self._audit),
            (change.DIRECTORIES, lambda _argv: (0, f"ARCHIVES='{ARCHIVES}/'\nLISTS='{LISTS}/'\n", "")),
            (change.AUTO_MARKS, self._show_auto),
            (("apt-mark", "auto"), lambda given: self._mark(given[2:], auto=True)),
            (("apt-mark", "manual"), lambda given: self._mark(given[2:], auto=False)),
            (("apt-cache", "show"), self._show),
            (("dpkg-deb", "-f"), self._deb_fields),
            (("dpkg-query", "-W", "-f=${Conffiles}\\n"), lambda _argv: (0, " /etc/acme.conf 0123\n\n", "")),
            (SHOW, self._show_units),
            (("systemctl",), self._systemctl),
        ):
            if argv[: len(prefix)] == prefix:
                return Completed(*answer(argv))
        raise AssertionError(f"the simulated host does not know {argv}")

    # dpkg

    def _query(self, _argv: tuple[str, ...]) -> tuple[int, str, str]:
        lines = [
            "\t".join(
                (
                    "hold" if p.held else "install",
                    p.state,
                    p.deb.name,
                    p.version,
                    p.deb.architecture,
                    p.deb.name,
                    p.version,
                )
            )
            for _key, p in sorted(self.host.packages.items())
        ]
        return 0, "".join(line + "\n" for line in lines), ""

    def _audit(self, _argv: tuple[str, ...]) -> tuple[int, str, str]:
        bad = [p.deb.name for _key, p in sorted(self.host.packages.items()) if p.state != "installed"]
        if not bad:
            return 0, "", ""
        header = "The following packages are only half configured, probably due to problems\nconfiguring them:\n"
        return 1, header + "".join(f" {name:<20} Lab package\n" for name in bad) + "\n", ""

    def _deb_fields(self, argv: tuple[str, ...]) -> tuple[int, str, str]:
        words = self.host.files.get(argv[2], b"").split()
        if not words or words[0] != b"deb":
            return 2, "", f"dpkg-deb: error: '{argv[2]}' is not a Debian format archive\n"
        name, version, architecture = (words[i].decode().rstrip(".") for i in (1, 2, 3))
        return 0, f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n", ""

    # apt

    def _show_auto(self, _argv: tuple[str, ...]) -> tuple[int, str, str]:
        return 0, "".join(f"{p.deb.name}\n" for _key, p in sorted(self.host.packages.items()) if p.auto), ""

    def _mark(self, queries: tuple[str, ...], *, auto: bool) -> tuple[int, str, str]:
        for query in queries:
            found = self.host.package(query.partition(":")[0])
            if found is None:
                return 100, "", f"E: Unable to locate package {query}\n"
            found.auto = auto
        return 0, "", ""

    def _show(self, argv: tuple[str, ...]) -> tuple[int, str, str]:
        parts = []
        for spec in argv[2:]:
            name, version = _split(spec)
            deb = self.host.archive.everything.get((name, version))
            if deb is not None and (name, version) in self.host.archive.listed:
                import hashlib

                digest = hashlib.sha256(deb.content).hexdigest()
                parts.append(
                    f"Package: {name}\nVersion: {version}\nArchitecture: {deb.architecture}\n"
                    f"Size: {deb.size}\nSHA256: {digest}\n\n"
                )
        return 0 if len(parts) == len(argv) - 2 else 100, "".join(parts), ""

    def _apt_get(self, argv: tuple[str, ...]) -> Completed:
        if argv[-1] == "update":
            if not self.host.mirror_up:
                return Completed(
                    0, AWAY, "W: Failed to fetch http://mirror.example.test/debian/dists/x  Could not connect\n"
                )
            self.host.archive.refresh()
            return Completed(0, "Reading package lists...\n", "")
        words = argv[argv.index("install") + 1 :]
        if "--reinstall" in argv and "--allow-downgrades" not in argv:
            return self._reinstall(argv, words)
        plan = self._plan(argv, words)
        if plan.error:
            return Completed(100, "Reading package lists...\n", plan.error)
        if "-s" in argv:
            return Completed(0, self._simulated(plan), "")
        if "--print-uris" in argv:
            return Completed(0, self._uris(plan.debs), "")
        assert "--download-only" in argv, argv
        return self._fetch(plan.debs)

    def _reinstall(self, argv: tuple[str, ...], words: tuple[str, ...]) -> Completed:
        out, debs = "", []
        for word in words:
            name, version = _split(word)
            if (name, version) in self.host.archive.listed:
                debs.append(self.host.archive.everything[name, version])
            else:
                out += f"Reinstallation of {name} is not possible, it cannot be downloaded.\n"
        if "--print-uris" in argv:
            return Completed(0, out + self._uris(debs), "")
        fetched = self._fetch(debs)
        return Completed(fetched.code, out + fetched.out, fetched.err)

    def _fetch(self, debs: list[Deb]) -> Completed:
        if self.host.foreign_lock:
            return Completed(100, "", LOCKED)
        for deb in debs:
            path = f"{ARCHIVES}/{deb.file_name}"
            if path in self.host.files:
                continue
            if not self.host.mirror_up:
                words = "Could not connect to mirror.example.test:80"
                return Completed(100, AWAY, f"E: Failed to fetch http://mirror.example.test/{deb.file_name}  {words}\n")
            if (deb.name, deb.version) not in self.host.archive.offered:
                err = f"E: Failed to fetch http://mirror.example.test/{deb.file_name}  404  Not Found\n"
                return Completed(100, "", err)
            self.host.advance(0.5)
            self.host.files[path] = deb.content
        return Completed(0, "Download complete and in download only mode\n", "")

    def _download_into(self, directory: str, specs: tuple[str, ...]) -> Completed:
        for spec in specs:
            name, version = _split(spec)
            if (name, version) not in self.host.archive.listed:
                return Completed(100, "", f"E: Can't find a source to download version '{version}' of '{name}:amd64'\n")
            fetched = self._fetch([self.host.archive.everything[name, version]])
            if fetched.code != 0:
                return fetched
            deb = self.host.archive.everything[name, version]
            self.host.files[f"{directory}/{deb.file_name}"] = deb.content
        return Completed(0, "", "")

    def _uris(self, debs: list[Deb]) -> str:
        wanted = [deb for deb in debs if f"{ARCHIVES}/{deb.file_name}" not in self.host.files]
        lines = [f"'http://mirror.example.test/{d.file_name}' {d.file_name} {d.size} SHA256:0\n" for d in wanted]
        return "After this operation, 12.3 kB of additional disk space will be used.\n" + "".join(lines)

    def _simulated(self, plan: Plan) -> str:
        lines = [f"Remv {name} [{self.host.version(name)}]" for name in plan.removed]
        for deb in plan.debs:
            old = self.host.version(deb.name)
            lines.append(f"Inst {deb.name}{f' [{old}]' if old else ''} ({deb.version} {ORIGIN} [{deb.architecture}])")
        lines += [f"Conf {deb.name} ({deb.version} {ORIGIN} [{deb.architecture}])" for deb in plan.debs]
        return "".join(line + "\n" for line in lines)

    def _plan(self, argv: tuple[str, ...], words: tuple[str, ...]) -> Plan:
        """Resolve: exact versions and files, what they require, what they push out, what may not go back."""
        debs: dict[str, Deb] = {}
        removed: list[str] = []
        for word in words:
            if word.endswith("-"):
                removed.append(word[:-1].partition(":")[0])
                continue
            deb = self._file(word) if word.startswith("/") else self._known(word)
            if isinstance(deb, str):
                return Plan([], [], deb)
            debs[deb.name] = deb
        for deb in list(debs.values()):
            for name, least in deb.requires:
                have = debs[name].version if name in debs else self.host.version(name)
                if not have or version_key(have) < version_key(least):
                    more = self.host.archive.newest(name)
                    if more is None or LOCAL_ONLY[0] in argv:
                        return Plan([], [], "E: Unable to correct problems, you have held broken packages.\n")
                    debs[name] = more
            removed += [name for name in deb.removes if self.host.version(name)]
        reinstall = "--reinstall" in argv
        changing = [d for d in debs.values() if reinstall or self.host.version(d.name) != d.version]
        back = [d for d in changing if _is_older(d.version, self.host.version(d.name))]
        if back and "--allow-downgrades" not in argv:
            return Plan([], [], "E: Packages were downgraded and -y was used without --allow-downgrades.\n")
        return Plan(changing, removed)

    def _file(self, path: str) -> Deb | str:
        content = self.host.files.get(path, b"").split()
        if not content:
            return f"E: Unsupported file {path} given on commandline\n"
        return self.host.archive.everything[content[1].decode(), content[2].decode()]

    def _known(self, spec: str) -> Deb | str:
        name, version = _split(spec)
        deb = self.host.archive.everything.get((name, version))
        known = (name, version) in self.host.archive.listed or self.host.version(name) == version
        return deb if deb is not None and known else f"E: Version '{version}' for '{name}' was not found\n"

    # what is launched

    def steps(self, argv: tuple[str, ...], log: str) -> list[Step]:
        """Return what a launched program does, with the seconds that each act takes before it."""

        def say(text: str) -> None:
            self.host.files[log] = self.host.files.get(log, b"") + text.encode()

        def ends(code: int, text: str) -> list[Step]:
            def act() -> int:
                say(text)
                return code

            return [(0.5, act)]

        plain = {"true": (0.5, lambda: 0), "false": (0.5, lambda: 1), "sleep": (1_000.0, lambda: 0)}.get(argv[0])
        if plain is not None:
            return [plain]
        if self.host.foreign_lock:
            return ends(100, LOCKED)
        if argv[: len(change.CONFIGURE)] == change.CONFIGURE:
            return [*self._configure_all(say), (0.5, lambda: 0)]
        plan = self._launched_plan(argv)
        if plan.error:
            return ends(100, plan.error)
        acts: list[Step] = [(0.5, lambda name=name: self._remove(name)) for name in plan.removed]  # type: ignore[misc]
        acts += [(1.0, lambda deb=deb: self._unpack(deb, say)) for deb in plan.debs]  # type: ignore[misc]
        acts += [(1.0, lambda deb=deb: self._configure(deb.name, say)) for deb in plan.debs]  # type: ignore[misc]
        return [*acts, (0.5, lambda: 0)]

    def _launched_plan(self, argv: tuple[str, ...]) -> Plan:
        """Plan as apt or dpkg would at this moment; what the options forbid is an error."""
        if argv[0] == "dpkg":
            return self._plan(("--allow-downgrades", "--reinstall", *LOCAL_ONLY), argv[argv.index("--install") + 1 :])
        plan = self._plan(argv, argv[argv.index("install") + 1 :])
        if not plan.error and plan.removed and "--no-remove" in argv:
            plan.error = "E: Packages need to be removed but remove is disabled.\n"
        cached = all(f"{ARCHIVES}/{deb.file_name}" in self.host.files for deb in plan.debs)
        if not plan.error and "--no-download" in argv and not cached:
            plan.error = "E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?\n"
        return plan

    def _configure_all(self, say: Callable[[str], None]) -> list[Step]:
        bad = [p.deb.name for _key, p in sorted(self.host.packages.items()) if p.state != "installed"]
        return [(1.0, lambda name=name: self._configure(name, say, last=True)) for name in bad]  # type: ignore[misc]

    def _remove(self, name: str) -> None:
        for key in [key for key in self.host.packages if key[0] == name]:
            del self.host.packages[key]

    def _unpack(self, deb: Deb, say: Callable[[str], None]) -> None:
        say(f"Unpacking {deb.name} ({deb.version}) ...\n")
        before = self.host.package(deb.name)
        self._remove(deb.name)
        held, auto = (before.held, False) if before else (False, False)
        self.host.packages[deb.name, deb.architecture] = Installed(deb, "unpacked", held, auto)
        for service in self.host.services.values():
            if deb.name in (service.package, *service.libraries):
                service.stale.add(deb.name)

    def _configure(self, name: str, say: Callable[[str], None], *, last: bool = False) -> int | None:
        found = self.host.package(name)
        if found is None:
            return None
        if POSTINST_FAILS in found.deb.traits:
            found.state = "half-configured"
            say(f"dpkg: error processing package {name} (--configure):\n subprocess returned error exit status 1\n")
            return None if last else 100
        if HANGS in found.deb.traits and not last:
            program = self.host.running_program()
            assert program is not None
            found.state, program.hangs = "half-configured", True
            return None
        found.state = "installed"
        say(f"Setting up {name} ({found.version}) ...\n")
        for service in self.host.services.values():
            if service.package == name and service.enablement == "enabled":
                service.start(self.host)
        return None

    # systemd

    def _show_units(self, _argv: tuple[str, ...]) -> tuple[int, str, str]:
        if self.host.systemd_silent:
            return 1, "", "Failed to get properties: Connection timed out\n"
        blocks = []
        for service in sorted(self.host.services.values(), key=lambda each: each.name):
            count = service.restarts(self.host)
            since = int((service.active_since(self.host) - self.host.booted_at) * 1_000_000)
            blocks.append(
                f"Type=simple\nRemainAfterExit=no\nNRestarts={count}\nId={service.name}\nTriggeredBy=\n"
                f"ActiveState={service.active}\nSubState={service.sub}\nUnitFileState={service.enablement}\n"
                f"Result={'exit-code' if service.active == 'failed' else 'success'}\nTransient=no\n"
                f"InvocationID={service.starts}-{count}\nActiveEnterTimestampMonotonic={since}\n"
            )
        return 0, "\n".join(blocks), ""

    def _systemctl(self, argv: tuple[str, ...]) -> tuple[int, str, str]:
        if argv[1] == "reboot":
            self.host.rebooting = not self.host.reboots_ignored
            return 0, "", ""
        if argv[1] in ("daemon-reexec", "reset-failed"):
            return 0, "", ""
        assert argv[1] in ("try-restart", "restart"), argv
        service = self.host.services.get(argv[-1])
        if service is None:
            return 5, "", f"Failed to restart {argv[-1]}: Unit {argv[-1]} not found.\n"
        if argv[1] == "try-restart" and not service.running:
            return 0, "", ""
        return (0 if service.start(self.host) else 1), "", ""


def _split(spec: str) -> tuple[str, str]:
    match = re.fullmatch(r"([a-z0-9+.-]+)(?::[a-z0-9]+)?=(.+)", spec)
    assert match is not None, spec
    return match[1], match[2]


def _is_older(version: str, than: str) -> bool:
    return bool(than) and version_key(version) < version_key(than)
