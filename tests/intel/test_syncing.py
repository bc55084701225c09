"""Fetching feeds: conditional, bounded, https only; tried against a server on the loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from oakum.core.errors import FeedError, OakumError, OperatorError
from oakum.intel.models import Advisory, Feed
from oakum.intel.queries import feeds
from oakum.intel.services import (
    FEED_SOURCES,
    FeedSource,
    SyncReport,
    chosen_sources,
    import_feed,
    set_feed_url,
    sync_feeds,
    syncing,
)
from oakum.journal.models import Entry
from tests.intel import feeds as files

pytestmark = pytest.mark.django_db


@dataclass
class Mirror:
    """What the server answers, and what it was asked."""

    body: bytes = b""
    etag: str = '"one"'
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    @property
    def source(self) -> FeedSource:
        return FeedSource(name="osv-debian", kind="osv", url=f"{self.url}/Debian/all.zip")


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    state = Mirror(body=files.write_zip(tmp_path / "all.zip", files.osv_record("DSA-1-1")).read_bytes())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match = self.headers.get("If-None-Match", "")
            state.asked.append((self.path, match))
            status = 304 if state.status == 200 and match == state.etag else state.status
            self.send_response(status)
            self.send_header("ETag", state.etag)
            for name, value in state.headers.items():
                self.send_header(name, value)
            body = b"" if status == 304 else state.body
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) - state.cut])

        def log_message(self, *args: object) -> None:
            del args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def sync(source: FeedSource, now: datetime) -> SyncReport:
    (report,) = sync_feeds(now=now, sources=[source])
    return report


def problem(source: FeedSource, now: datetime) -> OakumError:
    found = sync(source, now).problem
    assert found is not None
    assert feeds()[0].problem == found.sentence[:500]
    return found


def test_a_feed_is_fetched_once_and_then_only_asked_for(mirror: Mirror, now: datetime) -> None:
    first = sync(mirror.source, now)
    assert first.report is not None
    assert first.report.record_count == 1
    later = now + timedelta(hours=6)
    assert sync(mirror.source, later) == SyncReport(feed_name="osv-debian")
    assert mirror.asked == [("/Debian/all.zip", ""), ("/Debian/all.zip", '"one"')]
    (feed,) = feeds()
    assert (feed.generation, feed.imported_at, feed.checked_at) == (1, now, later)


def test_a_changed_feed_is_imported_anew(mirror: Mirror, tmp_path: Path, now: datetime) -> None:
    sync(mirror.source, now)
    mirror.etag = '"two"'
    mirror.body = files.write_zip(tmp_path / "two.zip", files.osv_record("DSA-2-1")).read_bytes()
    report = sync(mirror.source, now).report
    assert report is not None
    assert report.generation == 2
    assert Feed.objects.get().etag == '"two"'


def test_the_same_content_under_a_new_mark_is_not_imported_anew(mirror: Mirror, now: datetime) -> None:
    sync(mirror.source, now)
    mirror.etag = '"two"'
    report = sync(mirror.source, now).report
    assert report is not None
    assert (report.is_unchanged, report.generation) == (True, 1)
    assert Feed.objects.get().etag == '"two"'


def test_a_corrupt_feed_is_not_remembered_as_fetched(mirror: Mirror, now: datetime) -> None:
    whole, mirror.body = mirror.body, b"PK\x03\x04 nonsense"
    assert problem(mirror.source, now).code == "feed_unreadable"
    mirror.body = whole
    assert sync(mirror.source, now).report is not None
    assert [match for _, match in mirror.asked] == ["", ""]
    assert feeds()[0].problem == ""


def test_where_there_is_no_internet_the_next_step_is_another_machine(now: datetime) -> None:
    source = FeedSource(name="kev", kind="kev", url="http://127.0.0.1:9/kev.json")
    error = problem(source, now)
    assert error.code == "feed_unreachable"
    assert "The feed 'kev' could not be fetched from http://127.0.0.1:9/kev.json" in error.sentence
    assert error.next_step == (
        "On a connected machine download http://127.0.0.1:9/kev.json, bring the file here and run"
        " `oakum feed import FILE --name kev`."
    )
    assert Entry.objects.filter(kind="intel.feed_failed").count() == 1
    assert sync(source, now).problem is not None
    assert Entry.objects.filter(kind="intel.feed_failed").count() == 1


def test_one_feed_that_fails_does_not_hold_up_the_others(mirror: Mirror, now: datetime) -> None:
    away = FeedSource(name="kev", kind="kev", url="http://127.0.0.1:9/")
    first, second = sync_feeds(now=now, sources=[away, mirror.source])
    assert first.problem is not None
    assert second.report is not None


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_of_the_publisher_is_told(mirror: Mirror, now: datetime, status: int) -> None:
    mirror.status = status
    assert str(status) in problem(mirror.source, now).sentence


def test_an_answer_that_was_cut_is_told(mirror: Mirror, now: datetime) -> None:
    mirror.cut = 20
    assert problem(mirror.source, now).code == "feed_unreachable"
    assert Advisory.objects.count() == 0


def test_too_large_an_answer_is_not_read_on(mirror: Mirror, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "FETCH_BYTES_MAX", 100)
    assert problem(mirror.source, now).code == "feed_too_large"


@pytest.mark.parametrize("target", ["http://feeds.example.test/all.zip", "file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_to_what_is_not_https_is_not_followed(mirror: Mirror, now: datetime, target: str) -> None:
    mirror.status, mirror.headers = 302, {"Location": target}
    assert "it is no https address" in problem(mirror.source, now).sentence
    assert len(mirror.asked) == 1


def test_a_circle_of_redirects_ends(mirror: Mirror, now: datetime) -> None:
    mirror.status, mirror.headers = 302, {"Location": "/again"}
    assert "redirects more than 3 times" in problem(mirror.source, now).sentence
    assert len(mirror.asked) == 4


def test_a_mirror_takes_the_publishers_place_until_it_is_taken_back(mirror: Mirror, now: datetime) -> None:
    source = FeedSource(name="osv-debian", kind="osv", url="https://127.0.0.1:9/all.zip")
    set_feed_url(source=source, url=f"{mirror.url}/mirror.zip")
    assert sync(source, now).report is not None
    assert sync(source, now).problem is None
    assert {path for path, _ in mirror.asked} == {"/mirror.zip"}
    assert feeds()[0].url == f"{mirror.url}/mirror.zip"
    set_feed_url(source=source, url="")
    assert "https://127.0.0.1:9/all.zip" in problem(source, now).sentence


@pytest.mark.parametrize("url", ["http://feeds.example.test/x", "all.zip", "https://", f"https://x.test/{'y' * 500}"])
def test_only_https_or_this_machine_may_be_a_mirror(url: str) -> None:
    with pytest.raises(FeedError, match="it is no https address"):
        set_feed_url(source=FEED_SOURCES[0], url=url)


def test_the_publishers_own_addresses_are_https() -> None:
    assert len({source.name for source in FEED_SOURCES}) == len(FEED_SOURCES)
    assert all(source.url.startswith("https://") for source in FEED_SOURCES)


def test_only_the_usual_feeds_and_those_that_are_there_are_fetched_unnamed(tmp_path: Path, now: datetime) -> None:
    assert [source.name for source in chosen_sources(())] == ["osv-debian", "kev", "epss"]
    import_feed(files.write_zip(tmp_path / "all.zip", files.osv_record("DSA-1-1")), name="osv-npm", now=now)
    assert [source.name for source in chosen_sources(())] == ["osv-debian", "osv-npm", "kev", "epss"]
    assert [source.name for source in chosen_sources(("osv-go", "kev"))] == ["osv-go", "kev"]
    with pytest.raises(OperatorError, match=r"No feed 'nvd' can be fetched\. There are: osv-debian"):
        chosen_sources(("nvd",))
