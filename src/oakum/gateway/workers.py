"""Threads that do the gateway's work with the database, so that the event loop never waits for it.

A worker takes what waits, up to its batch's size, and handles it in one go: under load the batches grow, without load
nothing waits.  Each thread has its own database connection, closed when the thread ends and after a fault.
It knows nothing of requests.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from django.db import connection
from django.db.utils import InterfaceError, OperationalError

from oakum.gateway.replies import BUSY, INTERNAL_FAULT, Answer, refuse

T = TypeVar("T")

# Longer than this a request has not waited for a working server.  Taking it then would do harm: its sender may have
# given up and moved on, and a check-in taken out of order looks like a clone's.
WAIT_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 30.0
LOADED_COUNT = 8  # jobs in one batch: more are on their way

STORE_AWAY = refuse(
    "busy", "The database did not answer.", "Try again in a few seconds; whoever runs the server sees why in its log."
)

log = logging.getLogger("oakum.gateway")


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    """Something to do, and who waits for it."""

    work: T
    future: asyncio.Future[Answer]
    waiting_since: float


class Workers(Generic[T]):
    """Some threads with one queue.  ``handle`` gets a batch and returns an answer for each, in order."""

    def __init__(
        self,
        name: str,
        handle: Callable[[Sequence[T]], Sequence[Answer]],
        *,
        thread_count: int,
        batch_count_max: int,
        waiting_count_max: int,
        gather_seconds: float = 0.0,
    ) -> None:
        """Start nothing yet; ``start`` or the first job does.

        Under load a batch is waited for so long, so that what is on its way comes along.
        """
        self._name = name
        self._handle = handle
        self._thread_count = thread_count
        self._batch_count_max = batch_count_max
        self._waiting_count_max = waiting_count_max
        self._gather_seconds = gather_seconds
        self._is_loaded = False
        self._queue: SimpleQueue[_Job[T] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    async def do(self, work: T) -> Answer:
        """Have ``work`` handled by a thread and return its answer; BUSY at once when too much waits."""
        if self._queue.qsize() >= self._waiting_count_max:
            return BUSY
        self.start()
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.put(_Job(work, future, time.monotonic()))
        return await future

    def start(self) -> None:
        """Start the threads unless they run."""
        if self._threads:
            return
        for number in range(self._thread_count):
            thread = threading.Thread(target=self._run, name=f"{self._name}-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Finish what waits, end the threads and close their connections."""
        threads, self._threads = self._threads, []
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            thread.join(STOP_SECONDS_MAX)

    def _run(self) -> None:
        try:
            while batch := self._collect():
                self._deliver(batch, self._answer(batch))
        finally:
            connection.close()

    def _collect(self) -> list[_Job[T]]:
        """Return what waits, at least one job; empty when the thread is to end."""
        first = self._queue.get()
        if first is None:
            return []
        if self._is_loaded and self._gather_seconds:
            time.sleep(self._gather_seconds)
        batch = [first]
        while len(batch) < self._batch_count_max:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is None:  # The end is near: finish these first.
                self._queue.put(None)
                break
            batch.append(job)
        self._is_loaded = len(batch) >= LOADED_COUNT
        return batch

    def _answer(self, batch: Sequence[_Job[T]]) -> list[Answer]:
        oldest = time.monotonic() - WAIT_SECONDS_MAX
        answers: dict[int, Answer] = {}
        fresh = [(index, job.work) for index, job in enumerate(batch) if job.waiting_since >= oldest]
        handled = self._handle_safely([work for _, work in fresh])
        answers.update({index: answer for (index, _), answer in zip(fresh, handled, strict=True)})
        return [answers.get(index, BUSY) for index in range(len(batch))]

    def _handle_safely(self, works: Sequence[T]) -> Sequence[Answer]:
        if not works:
            return []
        try:
            return self._handle(works)
        except (OperationalError, InterfaceError) as error:
            log.error("store_away worker=%s error=%r", self._name, error)  # noqa: TRY400 - the cause is not in this code
            connection.close()  # The next batch opens a new one.
            return [STORE_AWAY] * len(works)
        except Exception:
            log.exception("gateway_fault worker=%s batch=%d", self._name, len(works))
            connection.close()
            if len(works) == 1:
                return [INTERNAL_FAULT]
            # One of them is at fault: the others must not suffer for it.
            return [answer for work in works for answer in self._handle_safely([work])]

    def _deliver(self, batch: Sequence[_Job[T]], answers: Sequence[Answer]) -> None:
        """Hand the answers to the event loop, in one call for the whole batch."""
        loop = batch[0].future.get_loop()
        try:
            loop.call_soon_threadsafe(_resolve, batch, answers)
        except RuntimeError:  # The loop has ended: nobody waits any more.
            log.warning("answers_unheard worker=%s count=%d", self._name, len(batch))


def _resolve(batch: Sequence[_Job[T]], answers: Sequence[Answer]) -> None:
    for job, answer in zip(batch, answers, strict=True):
        if not job.future.done():  # Its client may have hung up.
            job.future.set_result(answer)
