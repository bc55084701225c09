"""The proxy process, with a mirror of our own on the loopback."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.mirror import Mirror
from lab.mirrorproxy import MirrorProxy


@dataclass(kw_only=True)
class LoopbackMirror:
    """A mirror whose files a test sets, and which counts what was asked of it."""

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    name: str = ""


@contextmanager
def serving(mirror: LoopbackMirror) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

        def do_GET(self) -> None:
            mirror.asked.append(self.path)
            if self.path in mirror.redirects:
                self.send_response(302)
                self.send_header("Location", mirror.redirects[self.path])
                self.end_headers()
            elif self.path in mirror.files:
                self.send_response(200)
                self.send_header("Content-Length", str(len(mirror.files[self.path])))
                self.end_headers()
                self.wfile.write(mirror.files[self.path])
            else:
                self.send_error(404)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    mirror.name = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def mirror() -> Iterator[LoopbackMirror]:
    made = LoopbackMirror()
    with serving(made):
        yield made


@pytest.fixture
def proxy(mirror: LoopbackMirror, tmp_path: Path) -> Iterator[MirrorProxy]:
    made = MirrorProxy(directory=tmp_path)
    address = f"http://{mirror.name}/debian/"
    archive = tmp_path / "archive"
    archive.mkdir()
    made.start(
        mirror=Mirror(main=address, security=address),
        cache=tmp_path / "cache",
        address="127.0.0.1",
        port=0,
        local={"repo.example.test": archive},
    )
    yield made
    made.stop()


def get(proxy: MirrorProxy, url: str, **headers: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    connection.request("GET", url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.getheader("Last-Modified") or answer.reason, body


def test_a_package_is_fetched_once(proxy: MirrorProxy, mirror: LoopbackMirror) -> None:
    mirror.files["/debian/pool/a.deb"] = b"deb" * 300_000
    url = f"http://{mirror.name}/debian/pool/a.deb"
    assert [get(proxy, url)[2] for _ in range(3)] == [mirror.files["/debian/pool/a.deb"]] * 3
    assert mirror.asked == ["/debian/pool/a.deb"]


def test_what_the_mirror_lacks_is_lacking_and_not_kept(proxy: MirrorProxy, mirror: LoopbackMirror) -> None:
    url = f"http://{mirror.name}/debian/pool/a.deb"
    assert get(proxy, url)[0] == 404
    mirror.files["/debian/pool/a.deb"] = b"now there"
    assert get(proxy, url)[2] == b"now there"


def test_an_unchanged_index_is_not_sent_again(proxy: MirrorProxy, mirror: LoopbackMirror) -> None:
    mirror.files["/debian/dists/x/InRelease"] = b"release"
    url = f"http://{mirror.name}/debian/dists/x/InRelease"
    _, modified, _ = get(proxy, url)
    assert get(proxy, url, If_Modified_Since=modified)[0] == 304
    assert get(proxy, url, If_Modified_Since="Sat, 01 Jan 2000 00:00:00 GMT")[2] == b"release"


def test_offline_is_503_for_everything_even_what_is_cached(
    proxy: MirrorProxy, mirror: LoopbackMirror, tmp_path: Path
) -> None:
    mirror.files["/debian/pool/a.deb"] = b"deb"
    (tmp_path / "archive/b.deb").write_bytes(b"local")
    urls = [f"http://{mirror.name}/debian/pool/a.deb", "http://repo.example.test/b.deb"]
    assert [get(proxy, url)[0] for url in urls] == [200, 200]
    proxy.offline()
    assert [get(proxy, url)[0] for url in urls] == [503, 503]
    proxy.online()
    assert [get(proxy, url)[0] for url in urls] == [200, 200]


def test_the_local_repository_is_read_anew_each_time(proxy: MirrorProxy, tmp_path: Path) -> None:
    """A story publishes twice within a second, so a date must never make apt keep the older file."""
    url = "http://repo.example.test/dists/x/InRelease"
    file = tmp_path / "archive/dists/x/InRelease"
    file.parent.mkdir(parents=True)
    seen = []
    for text in (b"one", b"two"):
        file.write_bytes(text)
        seen.append(get(proxy, url, If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT")[2])
    assert seen == [b"one", b"two"]
    assert get(proxy, "http://repo.example.test/dists/x")[0] == 404


def test_a_foreign_host_is_refused_also_by_redirect(proxy: MirrorProxy, mirror: LoopbackMirror) -> None:
    other = LoopbackMirror(files={"/secret": b"secret"})
    with serving(other):
        assert get(proxy, f"http://{other.name}/secret")[0] == 403
        mirror.redirects["/debian/pool/a.deb"] = f"http://{other.name}/secret"
        assert get(proxy, f"http://{mirror.name}/debian/pool/a.deb")[0] == 302
    assert other.asked == []


def test_a_mirror_that_is_gone_is_said_to_be_gone(proxy: MirrorProxy, mirror: LoopbackMirror, tmp_path: Path) -> None:
    del proxy
    gone = LoopbackMirror()
    with serving(gone):
        pass
    second = MirrorProxy(directory=tmp_path)
    address = f"http://{gone.name}/debian/"
    second.start(mirror=Mirror(main=address, security=address), cache=tmp_path / "c", address="127.0.0.1", port=0)
    status, reason, _ = get(second, f"{address}pool/a.deb")
    second.stop()
    assert status == 502
    assert "mirror cannot be reached" in reason
    assert mirror.asked == []
