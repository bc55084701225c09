"""Ask dpkg which packages own files, by the names under which the files may be registered.

A path can be registered under /lib or /usr/lib (merged /usr), and a library that was replaced by another release of
itself is found by its soname.  It looks at no process (``observer.processes``).
"""

from __future__ import annotations

import re
from typing import Sequence

from oakum.agent.managers.apt.run import run_apt

PATH_COUNT_MAX = 2_000
PATHS_PER_CALL_MAX = 500
MERGED_DIRECTORIES = ("/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/")

# dpkg-query -S takes these for patterns.
_PATTERN_CHARACTERS = re.compile(r"[*?\[\]\\]")
_SONAME = re.compile(r"^(?P<soname>.+\.so\.\d+)\.[^/]+$")


def read_owners(paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the owners' names for each of ``paths`` that has any; at most PATH_COUNT_MAX paths are looked up."""
    names = {path: registered_names(path) for path in list(paths)[:PATH_COUNT_MAX]}
    wanted = sorted({name for aliases in names.values() for name in aliases})
    owners: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(wanted), PATHS_PER_CALL_MAX):
        # Exit status 1 says that some path has no owner, which is an answer.
        owners.update(parse_owners(run_apt(("dpkg-query", "-S", *wanted[start : start + PATHS_PER_CALL_MAX])).text))
    found = {}
    for path, aliases in names.items():
        first = next((owners[alias] for alias in aliases if alias in owners), ())
        if first:
            found[path] = first
    return found


def registered_names(path: str) -> tuple[str, ...]:
    """Return the names under which dpkg may know ``path``, likeliest first.

    >>> registered_names("/usr/lib/libxml2.so.2.9.14")
    ('/usr/lib/libxml2.so.2.9.14', '/lib/libxml2.so.2.9.14', '/usr/lib/libxml2.so.2', '/lib/libxml2.so.2')
    """
    if not path.startswith("/") or _PATTERN_CHARACTERS.search(path):
        return ()
    match = _SONAME.match(path)
    return tuple(alias for each in (path, *((match["soname"],) if match else ())) for alias in _aliases(each))


def _aliases(path: str) -> tuple[str, ...]:
    if path.startswith("/usr/") and path[len("/usr") :].startswith(MERGED_DIRECTORIES):
        return (path, path[len("/usr") :])
    if path.startswith(MERGED_DIRECTORIES):
        return (path, "/usr" + path)
    return (path,)


def parse_owners(text: str) -> dict[str, tuple[str, ...]]:
    r"""Parse ``dpkg-query -S``: ``PACKAGE[:ARCH][, PACKAGE...]: PATH``; lines about diversions name no owner.

    >>> parse_owners("libc6:amd64, libc6:i386: /usr/lib/x\ndiversion by dash from: /bin/sh\ndash: /bin/sh\n")
    {'/usr/lib/x': ('libc6',), '/bin/sh': ('dash',)}
    """
    owners: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        packages, separator, path = line.partition(": /")
        if not separator or line.startswith(("diversion by ", "local diversion ")):
            continue
        names = {name.strip().partition(":")[0] for name in packages.split(",")}
        owners["/" + path] = tuple(sorted(names | set(owners.get("/" + path, ()))))
    return owners
