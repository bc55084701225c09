r"""Go's version order, of modules (golang.org/x/mod/semver) and of Go's own releases, as bytes.

The order and the bytes are those of ``semver``.  Two kinds of text name a version:

* **Modules**, with a leading ``v`` or, as advisories write them, without: ``v1.2.3``, ``v1.2.3-pre``, a pseudo-version
  (``v0.0.0-20190101000000-abcdefabcdef``, whose commit is part of its pre-release).  With the ``v`` minor and patch may
  be missing and are 0 then.  Build metadata does not count, and so ``+incompatible`` does not.
* **Go's releases** (the standard library and the toolchain), with a leading ``go`` or without, as Go's own
  ``internal/gover`` reads them: ``1.21.3``, ``1.21rc2``, ``go1.21rc2``.  After ``go`` what follows a hyphen or a blank
  is a builder's own mark and does not count (``go1.21.3-corp``).  ``1.21rc2`` is the pre-release ``1.21.0-rc.2``, which
  is how advisories write it.  A missing patch is 0 up to ``1.20``; from ``1.21`` on ``1.21`` is the *language* version,
  the lowest of all: ``1.21 < 1.21rc1 < 1.21.0``.

So a bare ``1.21`` is a Go release and ``v1.21`` a module's ``v1.21.0``: the ``v`` decides.  Go writes every module's
version in full and with it, so nothing real is in doubt.

Refused is what neither of the two reads, ``(devel)`` among it.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.versions import semver
from oakum.core.versions.encoding import check_length
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "golang.1"  # the scheme and the revision of semver's layout; another layout needs another number

# Since this minor release a version without patch names the language, not the first release.
_LANGUAGE_MINOR_MIN: Final = 21

_NUMBER: Final = r"(0|[1-9][0-9]*)"
_MODULE = re.compile(
    rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}{semver.PRERELEASE_AND_BUILD}\Z"  # in full
)
_SHORT_MODULE = re.compile(rf"v{_NUMBER}(?:\.{_NUMBER})?\Z")
_GO_RELEASE = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER})?(?:([a-z]+){_NUMBER}?)?)?\Z")
_GO_NAME = re.compile(r"go([^- \t]*)")


def order_key(text: str) -> bytes:
    """Return the order key of a Go module's version or of a Go release.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, or neither Go's modules nor its releases know it.

    >>> order_key("v1.0.0-20190101000000-abcdefabcdef") < order_key("v1") == order_key("1.0.0+incompatible")
    True
    >>> order_key("1.21") < order_key("go1.21rc2") == order_key("1.21.0-rc.2") < order_key("go1.21.0")
    True
    """
    check_length(text)
    match = _MODULE.match(text)
    if match is not None:
        major, minor, patch, prerelease = match.groups()
        return semver.key_of(major, minor, patch, prerelease)
    match = _SHORT_MODULE.match(text)
    if match is not None:
        return semver.key_of(match[1], match[2] or "0", "0", None)
    return _go_release(text)


def _go_release(text: str) -> bytes:
    name = _GO_NAME.match(text)
    match = _GO_RELEASE.match(name[1] if name else text)
    if match is None:
        raise InvalidVersion(text, "it is neither a module's version (v1.2.3) nor a release of Go (go1.21.3, 1.21rc2)")
    major, minor, patch, kind, count = match.groups()
    if kind:
        prerelease = f"{kind}.{count}" if count else kind
        return semver.key_of(major, minor, patch or "0", prerelease)
    if patch is None and minor is not None and int(minor) >= _LANGUAGE_MINOR_MIN:
        return semver.numbers[major] + semver.numbers[minor] + semver.numbers["0"] + semver.LOWEST_PRERELEASE
    return semver.key_of(major, minor or "0", patch or "0", None)
