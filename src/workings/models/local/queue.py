"""Many callers on an event loop, one worker thread: those waiting are grouped into batches."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from workings.core.errors import ModelError, WorkingsError
from workings.models.local.generate import Request, Result
from workings.models.local.score import Passage

__all__ = ["Queue", "next_batch"]

_QUIET = 0.003
_GATHER = 0.05
_IDLE = 5.0


@dataclass(eq=False, slots=True)
class _Job:
    """What one caller waits for: its items, what has come of them, and where to say so."""

    items: Sequence[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[list[Any]]
    results: list[Any] = field(default_factory=list)
    given: set[int] = field(default_factory=set)
    missing: int = 0
    gone: bool = False

    def deliver(self, number: int, result: Any) -> None:
        self.results[number] = result
        self.given.add(number)
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


@dataclass(frozen=True, eq=False, slots=True)
class Waiting:
    """One sample in the queue: its job, its number there, and its size in tokens."""

    job: _Job
    number: int
    request: Request
    order: int


def next_batch(waiting: Sequence[Waiting], rows: int, tokens: int) -> list[Waiting]:
    """The batch to run next: prompts of similar length around the sample that has waited longest.

    At most `rows` samples, and at most `tokens` cache columns (padding included) unless one sample alone
    needs more.
    """
    ordered = sorted(waiting, key=lambda w: (len(w.request.ids), w.order))
    oldest = min(range(len(ordered)), key=lambda i: ordered[i].order)
    low = high = oldest
    longest_reply = ordered[oldest].request.limit

    def fits(new_low: int, new_high: int, reply: int) -> bool:
        size = new_high - new_low + 1
        return size <= rows and size * (len(ordered[new_high].request.ids) + reply) <= tokens

    while True:
        grown = False
        if high + 1 < len(ordered):
            reply = max(longest_reply, ordered[high + 1].request.limit)
            if fits(low, high + 1, reply):
                high, longest_reply, grown = high + 1, reply, True
        if low > 0:
            reply = max(longest_reply, ordered[low - 1].request.limit)
            if fits(low - 1, high, reply):
                low, longest_reply, grown = low - 1, reply, True
        if not grown:
            return ordered[low : high + 1]


class Queue:
    """Feeds batches to `generate` and `score` on one thread, which starts when needed and ends when idle.

    `generate(requests, done)` calls `done(number, result)` as samples end, so that a caller's next ask can
    join the next batch while this one still runs. `score(passages)` returns one number each.
    """

    def __init__(
        self,
        generate: Callable[[Sequence[Request], Callable[[int, Result], None]], None],
        score: Callable[[Sequence[Passage]], list[float]],
        *,
        rows: int,
        tokens: int,
    ) -> None:
        self._generate, self._score = generate, score
        self._rows, self._tokens = rows, tokens
        self._bell = threading.Condition()
        self._samples: list[Waiting] = []
        self._scores: list[_Job] = []
        self._running: set[_Job] = set()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._count = 0

    async def sample(self, requests: Callable[[Callable[[], bool]], Sequence[Request]]) -> list[Result]:
        """Results in the order of the requests; `requests` makes them, given what tells that the caller left."""
        job = _Job((), asyncio.get_running_loop(), asyncio.get_running_loop().create_future())
        made = requests(lambda: job.gone)
        job.items, job.results, job.missing = made, [None] * len(made), len(made)
        if not made:
            return []
        with self._bell:
            self._open()
            for number, request in enumerate(made):
                self._samples.append(Waiting(job, number, request, self._count))
                self._count += 1
            self._bell.notify()
        return await self._wait(job)

    async def score(self, wanted: Sequence[Passage]) -> list[float]:
        """One sum of log-probabilities a passage."""
        job = _Job(wanted, asyncio.get_running_loop(), asyncio.get_running_loop().create_future())
        job.results, job.missing = [None] * len(wanted), len(wanted)
        if not wanted:
            return []
        with self._bell:
            self._open()
            self._scores.append(job)
            self._bell.notify()
        return await self._wait(job)

    async def _wait(self, job: _Job) -> list[Any]:
        try:
            return await job.future
        finally:
            job.gone = True

    def _open(self) -> None:
        if self._closed:
            raise ModelError("This model has been closed.", "Load it again.")
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="workings-local", daemon=True)
            self._thread.start()

    async def aclose(self) -> None:
        """Ends the thread; callers still waiting get a ModelError. Closing twice does nothing more."""
        with self._bell:
            self._closed = True
            jobs = {w.job for w in self._samples} | set(self._scores) | self._running
            self._samples, self._scores = [], []
            thread = self._thread
            self._bell.notify()
        for job in jobs:
            job.fail(ModelError("The model was closed before it answered.", "Keep it open until all asks return."))
        if thread is not None and thread.is_alive():
            await asyncio.to_thread(thread.join)

    def _work(self) -> None:
        while True:
            with self._bell:
                while not self._closed and not self._samples and not self._scores:
                    if not self._bell.wait(_IDLE) and not self._samples and not self._scores:
                        self._thread = None
                        return
                if self._closed:
                    return
                self._gather()
                try:
                    batch, scores = self._take()
                except Exception as error:  # a queue that cannot be cut into batches fails whole; nobody waits for ever
                    self._drop(_as_ours(error))
                    continue
                self._running = {w.job for w in batch} | set(scores)
            if scores:
                self._run_scores(scores)
            if batch:
                self._run_batch(batch)
            self._running = set()

    def _gather(self) -> None:
        """Waits until nothing new has come for a moment, since callers often ask together."""
        until = time.monotonic() + _GATHER
        while len(self._samples) < self._rows and not self._closed:
            before = len(self._samples) + len(self._scores)
            self._bell.wait(min(_QUIET, max(0.0, until - time.monotonic())))
            if len(self._samples) + len(self._scores) == before or time.monotonic() >= until:
                return

    def _take(self) -> tuple[list[Waiting], list[_Job]]:
        self._samples = [w for w in self._samples if not w.job.gone]
        scores = [j for j in self._scores if not j.gone]
        self._scores = []
        batch = next_batch(self._samples, self._rows, self._tokens) if self._samples else []
        taken = set(batch)
        self._samples = [w for w in self._samples if w not in taken]
        return batch, scores

    def _drop(self, error: WorkingsError) -> None:
        jobs = {w.job for w in self._samples} | set(self._scores)
        self._samples, self._scores = [], []
        for job in jobs:
            job.fail(error)

    def _run_batch(self, batch: list[Waiting]) -> None:
        def done(number: int, result: Result) -> None:
            batch[number].job.deliver(batch[number].number, result)

        try:
            self._generate([w.request for w in batch], done)
        except Exception as error:  # whatever a model's code raises belongs to the callers; the worker lives on
            for job in {w.job for w in batch}:
                job.fail(_as_ours(error))
        else:
            for job in {w.job for w in batch if w.number not in w.job.given}:
                job.fail(ModelError("The local model ended a batch without all of its samples.", "Ask again."))

    def _run_scores(self, jobs: list[_Job]) -> None:
        try:
            numbers = iter(self._score([p for job in jobs for p in job.items]))
            for job in jobs:
                for number in range(len(job.items)):
                    job.deliver(number, next(numbers))
        except Exception as error:  # as in _run_batch; too few numbers are a StopIteration
            for job in jobs:
                job.fail(_as_ours(error))


def _as_ours(error: Exception) -> WorkingsError:
    if isinstance(error, WorkingsError):
        return error
    ours = ModelError(f"The local model failed: {type(error).__name__}: {error}", "A smaller batch may help.")
    ours.__cause__ = error
    return ours
