"""Many callers on event loops, one worker thread: it runs the engine as long as anybody waits."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from workings.core.errors import ModelError, WorkingsError
from workings.models.local.samples import Request, Result

__all__ = ["Engine", "Worker"]

_QUIET = 0.002
_GATHER = 0.02
_IDLE = 5.0
_ALL: weakref.WeakSet[Worker] = weakref.WeakSet()


class Engine(Protocol):
    """What the worker drives, on its own thread."""

    @property
    def busy(self) -> bool: ...

    def entered(self) -> contextlib.AbstractContextManager[None]:
        """Around a busy time."""

    def add(self, request: Request, number: int, done: Callable[[int, Result], None]) -> None:
        """Queues one sample."""

    def step(self) -> None:
        """Goes a step further."""

    def score(self, wanted: Sequence[Any]) -> list[Any]:
        """One result for each."""

    def clear(self) -> None:
        """Drops all samples."""


@dataclass(eq=False, slots=True)
class _Job:
    """What one caller waits for: its items, what has come of them, and where to say so."""

    items: Sequence[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[list[Any]]
    results: list[Any] = field(default_factory=list)
    missing: int = 0
    gone: bool = False

    def deliver(self, number: int, result: Any) -> None:
        self.results[number] = result
        self.missing -= 1
        if self.missing == 0:
            self._tell(self._give)

    def fail(self, error: Exception) -> None:
        self.gone = True
        self._tell(lambda: self._break(error))

    def _give(self) -> None:
        if not self.future.done():
            self.future.set_result(self.results)

    def _break(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def _tell(self, call: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the caller's loop was closed: nobody waits there any more
            self.loop.call_soon_threadsafe(call)


class Worker:
    """Feeds an engine on one thread, which starts when needed and ends when idle. New asks join between steps."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._bell = threading.Condition()
        self._samples: list[_Job] = []
        self._scores: list[_Job] = []
        self._running: set[_Job] = set()
        self._thread: threading.Thread | None = None
        self._closed = False
        _ALL.add(self)

    async def sample(self, requests: Callable[[Callable[[], bool]], Sequence[Request]]) -> list[Result]:
        """Results in the order of the requests; `requests` makes them, given what tells that the caller left."""
        job = _Job((), asyncio.get_running_loop(), asyncio.get_running_loop().create_future())
        job.items = requests(lambda: job.gone)
        return await self._queued(job, self._samples)

    async def score(self, wanted: Sequence[Any]) -> list[Any]:
        """One result for each thing to be scored."""
        job = _Job(wanted, asyncio.get_running_loop(), asyncio.get_running_loop().create_future())
        return await self._queued(job, self._scores)

    async def _queued(self, job: _Job, queue: list[_Job]) -> list[Any]:
        job.results, job.missing = [None] * len(job.items), len(job.items)
        if not job.items:
            return []
        with self._bell:
            if self._closed:
                raise ModelError("This model has been closed.", "Load it again.")
            queue.append(job)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="workings-local", daemon=True)
                self._thread.start()
            self._bell.notify()
        try:
            return await job.future
        finally:
            job.gone = True

    async def aclose(self) -> None:
        """Ends the thread; callers still waiting get a ModelError. Closing twice does nothing more."""
        with self._bell:
            self._closed = True
            jobs = {*self._samples, *self._scores, *self._running}
            self._samples.clear()
            self._scores.clear()
            thread = self._thread
            self._bell.notify()
        for job in jobs:
            job.fail(ModelError("The model was closed before it answered.", "Keep it open until all asks return."))
        if thread is not None and thread.is_alive():
            await asyncio.to_thread(thread.join)

    def end(self) -> None:
        """Ends the thread and waits for it, without an event loop."""
        with self._bell:
            self._closed = True
            thread = self._thread
            self._bell.notify()
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while self._wait():
            try:
                with self._engine.entered():
                    self._serve()
            except Exception as error:  # whatever a model's code raises belongs to the callers; the worker lives on
                self._drop(_as_ours(error))

    def _wait(self) -> bool:
        """Waits for work; False when the thread should end."""
        with self._bell:
            while not self._closed and not self._samples and not self._scores:
                if not self._bell.wait(_IDLE) and not self._samples and not self._scores:
                    self._thread = None
                    return False
            if not self._closed:
                self._gather()
            return not self._closed

    def _gather(self) -> None:
        """Waits until nothing new has come for a moment, since callers often ask together."""
        until = time.monotonic() + _GATHER
        while not self._closed and time.monotonic() < until:
            before = len(self._samples) + len(self._scores)
            self._bell.wait(_QUIET)
            if len(self._samples) + len(self._scores) == before:
                return

    def _serve(self) -> None:
        while not self._closed:
            with self._bell:
                samples, scores = self._samples[:], [job for job in self._scores if not job.gone]
                self._samples.clear()
                self._scores.clear()
                self._running = {job for job in self._running if job.missing and not job.gone}
                self._running |= {*samples, *scores}
            for job in samples:
                for number, request in enumerate(job.items):
                    self._engine.add(request, number, job.deliver)
            if scores:
                self._score(scores)
            if self._engine.busy:
                self._engine.step()
            elif not scores:
                self._finish_missing()
                return
        self._engine.clear()

    def _score(self, jobs: list[_Job]) -> None:
        results = iter(self._engine.score([item for job in jobs for item in job.items]))
        for job in jobs:
            for number in range(len(job.items)):
                job.deliver(number, next(results))

    def _finish_missing(self) -> None:
        for job in self._running:
            if job.missing and not job.gone:
                job.fail(ModelError("The local model ended without all of its samples.", "Ask again."))
        self._running = set()

    def _drop(self, error: WorkingsError) -> None:
        with self._bell:
            jobs = {*self._samples, *self._scores, *self._running}
            self._samples.clear()
            self._scores.clear()
            self._running = set()
        self._engine.clear()
        for job in jobs:
            job.fail(error)


def _as_ours(error: Exception) -> WorkingsError:
    if isinstance(error, WorkingsError):
        return error
    ours = ModelError(f"The local model failed: {type(error).__name__}: {error}", "A smaller batch may help.")
    ours.__cause__ = error
    return ours


@atexit.register
def _end_all() -> None:
    """A thread that is still in torch when the interpreter goes would abort the process."""
    for worker in list(_ALL):
        worker.end()
