"""The agents' door: one raw ASGI callable for everything under /agent/.

It finds out what is asked and by whom, in the order that costs least: path, credentials, size, body.  Check-ins go to
one thread that takes all that wait in one transaction (``check_ins``), everything else to a few threads (``verbs``).
It decides nothing: the services do.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from django.db import connection

from oakum.core.errors import OakumError
from oakum.fleet.services.check_in import BATCH_COUNT_MAX
from oakum.gateway.authentication import Credentials, KnownHosts, parse_authorization
from oakum.gateway.bodies import BodyRefusedError, ClientGoneError, Receive, read_body
from oakum.gateway.check_ins import CREDENTIALS_INVALID, CheckIns, WaitingCheckIn
from oakum.gateway.files import Files
from oakum.gateway.http import Headers, Scope, Send, read_headers, send_answer
from oakum.gateway.installer import INSTALLER_PATH
from oakum.gateway.intervals import Intervals
from oakum.gateway.replies import JSON, Answer, refuse, refuse_fault
from oakum.gateway.throttle import ENROL_COUNT_MAX, ENROL_FAILURE_COUNT_MAX, LOG_LINE_COUNT_MAX, Counter
from oakum.gateway.verbs import VERBS, Verb, answer_enrolment
from oakum.gateway.wire import ENCODINGS, Decoder
from oakum.gateway.workers import Workers
from oakum.protocol.messages import (
    BODY_BYTES_MAX,
    PATH_AGENT_FILE,
    PATH_CHECK_IN,
    PATH_ENROL,
    CheckIn,
)

PATH_PREFIX = "/agent/"

# SQLite has one writer at a time and Python one thread at a time: more than two threads each made everything slower
# (measured).  Uploads have threads of their own so that no permit ever waits behind an inventory report; on SQLite one,
# because two that only take turns cost half as much again in taking them (measured), on PostgreSQL two, of which one
# waits for the database.
VERB_THREAD_COUNT = 2
UPLOAD_THREAD_COUNTS = {"sqlite": 1, "postgresql": 2}
VERB_WAITING_COUNT_MAX = 1_000
CHECK_IN_WAITING_COUNT_MAX = 10_000
# Batches twice as large, and less taking turns with the thread that reads requests: a tenth more check-ins (measured).
CHECK_IN_GATHER_SECONDS = 0.002
# Bodies of up to 8 MB being read at once: 128 MB at worst.
UPLOAD_COUNT_MAX = 16

_STATUS_CLIENT_ERROR = 400
_CHECK_IN_DECODER = Decoder(CheckIn, plain_bytes_max=BODY_BYTES_MAX)

_Caller = Workers[Callable[[], Answer]]

log = logging.getLogger("oakum.gateway")

CREDENTIALS_MISSING = refuse(
    "credentials_missing",
    "The request names no host: it has no header of the form Authorization: Oakum HOST_ID.SECRET.",
    "Agents send it by themselves; enrol this host if it has none.",
    closes=True,
)
PATH_UNKNOWN = refuse(
    "path_unknown", "There is nothing here.", "Update agent and server to the same version.", closes=True
)
METHOD_UNKNOWN = refuse("method_unknown", "This path is not used that way.", closes=True)
MEDIA_TYPE_UNKNOWN = refuse(
    "media_type_unknown", "Bodies are application/json, plain or with Content-Encoding: gzip.", closes=True
)
ENROL_THROTTLED = refuse(
    "enrol_throttled", "Too many enrolments were tried within a minute.", "Wait a minute, then try again.", closes=True
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Gateway:
    """The ASGI callable.  Its threads start with ``start`` or the first request, and end with ``stop``."""

    def __init__(self, *, server_url: str, certificate: str = "", clock: Callable[[], datetime] = _utc_now) -> None:
        """``server_url`` is where hosts reach this server, ``certificate`` the SHA-256 in hex of what it shows there.

        ``certificate`` is empty when the system's authorities vouch for it, or on loopback.  ``clock`` gives the
        instant of every decision.
        """
        self._clock = clock
        self._known_hosts = KnownHosts()
        self._intervals = Intervals()
        self._files = Files(server_url=server_url, certificate=certificate)
        self._check_ins = Workers(
            "check-ins",
            CheckIns(self._known_hosts, self._intervals, clock=clock).handle,
            thread_count=1,
            batch_count_max=BATCH_COUNT_MAX,
            waiting_count_max=CHECK_IN_WAITING_COUNT_MAX,
            gather_seconds=CHECK_IN_GATHER_SECONDS,
        )
        self._verbs = _caller("verbs", VERB_THREAD_COUNT)
        self._uploads = _caller("uploads", UPLOAD_THREAD_COUNTS[connection.vendor])
        self._reading = asyncio.Semaphore(UPLOAD_COUNT_MAX)
        self._enrolments = Counter(ENROL_COUNT_MAX)
        self._enrol_failures = Counter(ENROL_FAILURE_COUNT_MAX)
        self._log_lines = Counter(LOG_LINE_COUNT_MAX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        assert scope["type"] == "http", "the agents' door speaks HTTP only"
        headers = read_headers(scope["headers"])
        try:
            answer = await self._answer(scope, headers, receive)
        except ClientGoneError:
            return
        except BodyRefusedError as fault:
            answer = refuse_fault(fault).closing()
        except OakumError as fault:
            answer = refuse_fault(fault)
        if answer.status >= _STATUS_CLIENT_ERROR:
            self._log_refusal(scope, headers, answer)
        await send_answer(send, answer, with_body=scope["method"] != "HEAD")

    async def start(self) -> None:
        """Start the threads; without it the first request does."""
        for workers in (self._check_ins, self._verbs, self._uploads):
            workers.start()

    async def stop(self) -> None:
        """Finish what waits, end the threads, close their connections."""
        loop = asyncio.get_running_loop()
        stops = (self._check_ins.stop, self._verbs.stop, self._uploads.stop)
        await asyncio.gather(*(loop.run_in_executor(None, stop) for stop in stops))

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive) -> Answer:
        path = scope["path"]
        if path in {PATH_AGENT_FILE, INSTALLER_PATH}:
            if scope["method"] not in {"GET", "HEAD"}:
                return METHOD_UNKNOWN
            return await self._verbs.do(functools.partial(self._files.answer, path, headers.if_none_match))
        if path not in VERBS and path not in {PATH_CHECK_IN, PATH_ENROL}:
            return PATH_UNKNOWN
        if scope["method"] != "POST":
            return METHOD_UNKNOWN
        if headers.media_type != JSON or headers.content_encoding not in ENCODINGS:
            return MEDIA_TYPE_UNKNOWN
        if path == PATH_ENROL:
            return await self._enrol(scope, headers, receive)
        return await self._answer_host(path, headers, receive)

    async def _answer_host(self, path: str, headers: Headers, receive: Receive) -> Answer:
        credentials = parse_authorization(headers.authorization)
        if credentials is None:
            return CREDENTIALS_MISSING
        if self._known_hosts.judge(credentials) is False:
            return CREDENTIALS_INVALID.closing()
        if path == PATH_CHECK_IN:
            return await self._check_in(credentials, headers, receive)
        return await self._do(VERBS[path], credentials, headers, receive)

    async def _check_in(self, credentials: Credentials, headers: Headers, receive: Receive) -> Answer:
        body = await read_body(receive, declared=headers.content_length, bytes_max=BODY_BYTES_MAX)
        check_in = _CHECK_IN_DECODER.decode(body, headers.content_encoding)
        return await self._check_ins.do(WaitingCheckIn(credentials, check_in))

    async def _do(self, verb: Verb, credentials: Credentials, headers: Headers, receive: Receive) -> Answer:
        # Nobody sends megabytes before it is known who they are.
        if self._known_hosts.judge(credentials) is None:
            answer = await self._verbs.do(functools.partial(self._learn, credentials))
            if answer is not _LEARNED:
                return answer.closing()
        if verb.bytes_max <= BODY_BYTES_MAX:
            return await self._call(self._verbs, verb, credentials, headers, receive)
        async with self._reading:
            return await self._call(self._uploads, verb, credentials, headers, receive)

    async def _call(
        self, workers: _Caller, verb: Verb, credentials: Credentials, headers: Headers, receive: Receive
    ) -> Answer:
        body = await read_body(receive, declared=headers.content_length, bytes_max=verb.bytes_max)
        return await workers.do(
            functools.partial(
                verb.answer,
                host_id=credentials.host_id,
                body=body,
                encoding=headers.content_encoding,
                now=self._clock(),
            )
        )

    def _learn(self, credentials: Credentials) -> Answer:
        self._known_hosts.learn([credentials.host_id])
        return _LEARNED if self._known_hosts.judge(credentials) else CREDENTIALS_INVALID

    async def _enrol(self, scope: Scope, headers: Headers, receive: Receive) -> Answer:
        address = (scope.get("client") or ("",))[0]
        if self._enrol_failures.is_full(address) or not self._enrolments.count():
            return ENROL_THROTTLED
        body = await read_body(receive, declared=headers.content_length, bytes_max=BODY_BYTES_MAX)
        answer = await self._verbs.do(
            functools.partial(
                answer_enrolment,
                body=body,
                encoding=headers.content_encoding,
                intervals=self._intervals,
                now=self._clock(),
            )
        )
        if _STATUS_CLIENT_ERROR <= answer.status < 500:  # noqa: PLR2004 - a fault of ours is not the sender's failure
            self._enrol_failures.count(address)
        return answer

    def _log_refusal(self, scope: Scope, headers: Headers, answer: Answer) -> None:
        """One line a refusal, LOG_LINE_COUNT_MAX of them in a minute."""
        if not self._log_lines.count():
            if self._log_lines.over_count == 1:
                log.warning("refusals_unlogged more than %d in a minute", LOG_LINE_COUNT_MAX)
            return
        credentials = parse_authorization(headers.authorization)
        log.warning(
            "refused code=%s status=%d path=%s host=%s address=%s",
            answer.code,
            answer.status,
            scope["path"] if scope["path"].isascii() and scope["path"].isprintable() else "?",
            credentials.host_id if credentials else "-",
            (scope.get("client") or ("-",))[0],
        )


_LEARNED = Answer(200, b"")


def _caller(name: str, thread_count: int) -> _Caller:
    return Workers(
        name, _call_each, thread_count=thread_count, batch_count_max=1, waiting_count_max=VERB_WAITING_COUNT_MAX
    )


def _call_each(calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
    return [call() for call in calls]
