"""Problems × methods × model → attempts, many at once, with no barrier between problems."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from workings.core.answer import Outcome
from workings.core.budget import Budget
from workings.core.problem import Problem
from workings.core.solution import Attempt
from workings.run.drive import Drive, World, failure_of, make_ready
from workings.run.judging import decide
from workings.run.ports import Method, Record
from workings.run.seeds import derive

__all__ = ["Plan", "attempt_once", "carry_out"]

_YOUNG_OBJECTS = 20_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to attempt: every method on every problem, `repeats` times, each within `budget`.

    An attempt's random numbers follow from `seed`, the problem's id and the repeat, not from the method: methods
    that sample the same prompt see the same samples, which makes their comparison a paired one.
    `concurrency` bounds attempts in flight.
    """

    problems: Sequence[Problem]
    methods: Mapping[str, Method]
    seed: int = 0
    repeats: int = 1
    budget: Budget = Budget()
    concurrency: int = 64

    def __len__(self) -> int:
        return len(self.problems) * len(self.methods) * self.repeats

    def jobs(self, done: set[tuple[str, str, int]]) -> Iterator[tuple[Problem, str, int]]:
        """The (problem, method, index) still to do, problem by problem."""
        for index in range(self.repeats):
            for problem in self.problems:
                for name in self.methods:
                    if (problem.id, name, index) not in done:
                        yield problem, name, index


async def carry_out(
    plan: Plan,
    world: World,
    record: Record,
    progress: Callable[[Attempt], None] | None = None,
    *,
    ready: bool = False,
) -> int:
    """Attempts what the record does not hold yet; returns how many attempts were made.

    A failing attempt is recorded as an error and the run goes on; running again tries it once more. What a method
    needs is checked for all methods before anything is spent, unless the caller did that (`ready`). On cancellation
    the asks in flight are lost and nothing else.
    """
    if not ready:
        await make_ready(world, plan.methods)
    jobs = plan.jobs(record.done())
    made = 0

    async def work() -> None:
        nonlocal made
        for problem, name, index in jobs:
            attempt = await attempt_once(plan, world, problem, name, index)
            record.append(attempt)
            made += 1
            if progress is not None:
                progress(attempt)

    with _seldom_collected():
        await _all(work, min(plan.concurrency, max(len(plan), 1)))
    return made


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Makes the collector of cycles come less often, and puts it back.

    A run holds many problems and makes few cycles: at the usual threshold looking through them again and again is a
    sixth of the time of an attempt.
    """
    young, *older = gc.get_threshold()
    if young:
        gc.set_threshold(max(young, _YOUNG_OBJECTS), *older)
    try:
        yield
    finally:
        if young:
            gc.set_threshold(young, *older)


async def _all(work: Callable[[], Coroutine[Any, Any, None]], workers: int) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None  # a record that cannot be written: every worker says the same


async def attempt_once(plan: Plan, world: World, problem: Problem, name: str, index: int = 0) -> Attempt:
    """One attempt. Errors of the model, the grader or the method become its failure and never an answer."""
    seed = derive(plan.seed, problem.id, index)
    drive = Drive(world, seed=seed, budget=plan.budget)
    began = time.monotonic()
    try:
        solution = await drive.run(plan.methods[name](problem.question))
        outcome = await decide(solution.answer, problem, world.judge)
    except Exception as error:  # a run outlives any single attempt; the record keeps what went wrong
        return Attempt(
            problem.id,
            name,
            index,
            seed,
            Outcome.ERROR,
            failure=failure_of(error),
            spent=drive.meter.spent,
            seconds=time.monotonic() - began,
            replies=tuple(drive.journal),
        )
    return Attempt(
        problem.id,
        name,
        index,
        seed,
        outcome,
        solution,
        spent=drive.meter.spent,
        seconds=time.monotonic() - began,
        replies=tuple(drive.journal),
    )
