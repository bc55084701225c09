"""Fetch the feeds from their publishers, or from a mirror, and import what has changed.

Only when somebody asks (``oakum feed sync``): a server calls nobody on its own.  HTTPS only, but for this machine
itself.  A publisher that answers "not modified" costs one request.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import httpx
from django.db import transaction

from oakum.core.errors import FeedError, OperatorError, StoreError
from oakum.intel.models import Feed
from oakum.intel.services.filling import Progress
from oakum.intel.services.importing import FeedOrigin, ImportReport, import_feed, record_problem

FETCH_BYTES_MAX: Final = 1024**3
REDIRECT_COUNT_MAX: Final = 3
URL_LENGTH_MAX: Final = 500
ETAG_LENGTH_MAX: Final = 200
CONNECT_TIMEOUT_SECONDS: Final = 15
READ_TIMEOUT_SECONDS: Final = 60
_NOT_MODIFIED: Final = 304


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSource:
    """A feed that can be fetched: our name for it, its format, the publisher's own address.

    ``is_default``: it is fetched when nobody names feeds, and no other is but those that were fetched or imported once.
    """

    name: str
    kind: str
    url: str
    is_default: bool = False


_OSV_URL: Final = "https://osv-vulnerabilities.storage.googleapis.com/{}/all.zip"
# OSV's ecosystems by their folders there, percent-encoded; our names say the same as a file's own would.
_OSV_FOLDERS: Final = {
    "osv-debian": "Debian",
    "osv-ubuntu": "Ubuntu",
    "osv-almalinux": "AlmaLinux",
    "osv-rocky-linux": "Rocky%20Linux",
    "osv-red-hat": "Red%20Hat",
    "osv-suse": "SUSE",
    "osv-opensuse": "openSUSE",
    "osv-alpine": "Alpine",
    "osv-pypi": "PyPI",
    "osv-npm": "npm",
    "osv-go": "Go",
    "osv-crates.io": "crates.io",
    "osv-rubygems": "RubyGems",
    "osv-maven": "Maven",
    "osv-packagist": "Packagist",
    "osv-nuget": "NuGet",
}
# In the order in which they are fetched.
FEED_SOURCES: Final = (
    *(
        FeedSource(name=name, kind="osv", url=_OSV_URL.format(folder), is_default=name == "osv-debian")
        for name, folder in _OSV_FOLDERS.items()
    ),
    FeedSource(
        name="kev",
        kind="kev",
        url="https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
        is_default=True,
    ),
    FeedSource(
        name="epss",
        kind="epss",
        url="https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
        is_default=True,
    ),
    FeedSource(
        name="vulnrichment",
        kind="vulnrichment",
        url="https://github.com/cisagov/vulnrichment/archive/refs/heads/develop.zip",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What came of one feed: ``report`` where it was imported, ``problem`` where not, neither where nothing is new."""

    feed_name: str
    report: ImportReport | None = None
    problem: FeedError | StoreError | None = None


ProgressOf = Callable[[str], Progress]  # feed name -> its progress


def chosen_sources(names: Sequence[str]) -> tuple[FeedSource, ...]:
    """Return the feeds of these names, or with none the default ones and those that this server has already.

    A small server must not fetch fourteen ecosystems because nobody named one.

    Raises:
        OperatorError: a name is none that can be fetched.
    """
    known = {source.name for source in FEED_SOURCES}
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise OperatorError(
            code="feed_unknown",
            sentence=f"No feed {unknown!r} can be fetched.",
            next_step=f"There are: {', '.join(source.name for source in FEED_SOURCES)}.",
        )
    if names:
        return tuple(source for source in FEED_SOURCES if source.name in names)
    here = set(Feed.objects.filter(generation__gt=0).values_list("name", flat=True))
    return tuple(source for source in FEED_SOURCES if source.is_default or source.name in here)


def sync_feeds(
    *, now: datetime, sources: Sequence[FeedSource] = FEED_SOURCES, progress_of: ProgressOf | None = None
) -> tuple[SyncReport, ...]:
    """Fetch each feed and import it where it has changed; one that fails does not hold up the others.

    A feed that has an address of its own (``set_feed_url``) is fetched from there.
    """
    return tuple(_sync(source, progress_of(source.name) if progress_of else None, now) for source in sources)


def set_feed_url(*, source: FeedSource, url: str) -> None:
    """Fetch a feed from another address from now on (a mirror); empty restores the publisher's.

    Raises:
        FeedError: the address is not HTTPS, or the name belongs to a feed of another format.
    """
    if url:
        _check_url(source.name, url)
    with transaction.atomic():
        feed, _ = Feed.objects.get_or_create(name=source.name, defaults={"kind": source.kind})
        feed.url, feed.etag = url, ""
        feed.save(update_fields=["url", "etag"])


def _sync(source: FeedSource, progress: Progress | None, now: datetime) -> SyncReport:
    feed, _ = Feed.objects.get_or_create(name=source.name, defaults={"kind": source.kind})
    url = feed.url or source.url
    try:
        with tempfile.TemporaryDirectory(prefix="oakum-feed-") as folder:
            path = Path(folder) / (Path(httpx.URL(url).path).name or "feed")
            etag = _fetch(source, url, feed.etag, path)
            if etag is None:
                Feed.objects.filter(id=feed.id).update(checked_at=now, problem="")
                return SyncReport(feed_name=source.name)
            origin = FeedOrigin(url=feed.url, etag=etag)
            report = import_feed(path, kind=source.kind, name=source.name, progress=progress, origin=origin, now=now)
            return SyncReport(feed_name=source.name, report=report)
    except (FeedError, StoreError) as error:
        record_problem(feed_name=source.name, error=error, now=now)
        return SyncReport(feed_name=source.name, problem=error)


def _fetch(source: FeedSource, url: str, etag: str, path: Path) -> str | None:
    """Fetch into ``path`` and return the answer's ETag (empty if it has none), None where nothing has changed."""
    timeout = httpx.Timeout(READ_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS)
    try:
        with httpx.Client(timeout=timeout, follow_redirects=False) as client:
            for _ in range(REDIRECT_COUNT_MAX + 1):
                _check_url(source.name, url)
                with client.stream("GET", url, headers={"If-None-Match": etag} if etag else {}) as response:
                    if response.next_request is not None:
                        url = str(response.next_request.url)
                        continue
                    if response.status_code == _NOT_MODIFIED and etag:
                        return None
                    response.raise_for_status()
                    _save(source, url, response, path)
                    return str(response.headers.get("ETag", ""))[:ETAG_LENGTH_MAX]
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise _unreachable(source, url, str(error) or type(error).__name__) from error
    raise _unreachable(source, url, f"it redirects more than {REDIRECT_COUNT_MAX} times")


def _save(source: FeedSource, url: str, response: httpx.Response, path: Path) -> None:
    size = 0
    with path.open("wb") as file:
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > FETCH_BYTES_MAX:
                raise FeedError(
                    code="feed_too_large",
                    sentence=f"The feed {source.name!r} at {url} has more than {FETCH_BYTES_MAX} bytes.",
                    next_step="Check the address; a file that large can be fetched by hand and imported.",
                )
            file.write(chunk)
    told = response.headers.get("Content-Length", "")
    if told.isdecimal() and not response.headers.get("Content-Encoding") and int(told) != size:
        raise _unreachable(source, url, f"the answer was cut after {size} of {told} bytes")


def _check_url(name: str, url: str) -> None:
    parsed = None
    with suppress(httpx.InvalidURL):
        parsed = httpx.URL(url)
    is_allowed = parsed is not None and (
        (parsed.scheme == "https" and parsed.host) or (parsed.scheme == "http" and _is_loopback(parsed.host))
    )
    if not is_allowed or len(url) > URL_LENGTH_MAX:
        raise FeedError(
            code="feed_url_refused",
            sentence=f"The feed {name!r} is not fetched from {url[:URL_LENGTH_MAX]!r}: it is no https address.",
            next_step="Use an https address; plain http is for this machine itself only.",
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _unreachable(source: FeedSource, url: str, reason: str) -> FeedError:
    return FeedError(
        code="feed_unreachable",
        sentence=f"The feed {source.name!r} could not be fetched from {url}: {reason.rstrip('.')}.",
        next_step=(
            f"On a connected machine download {url}, bring the file here and run"
            f" `oakum feed import FILE --name {source.name}`."
        ),
    )
