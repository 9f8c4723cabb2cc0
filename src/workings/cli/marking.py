"""Judging the answers of chains that no run has judged: by text, and by the judge of formulas where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from workings.catalog.world import open_judge
from workings.core.answer import Answer, Outcome
from workings.core.problem import Problem
from workings.run.coverage import Mark
from workings.run.judging import decide, decide_by_text

__all__ = ["marking"]


@contextmanager
def marking() -> Iterator[Mark]:
    """Says whether answers are right, with the judge of formulas where it is installed; it starts when first needed."""
    with ExitStack() as opened:
        symbolic = open_judge()
        if symbolic is None:
            yield decide_by_text
            return
        opened.callback(symbolic.close)
        loop = opened.enter_context(asyncio.Runner())

        def mark(answer: Answer, problem: Problem) -> Outcome | None:
            told = decide_by_text(answer, problem)
            return told if told is not None else loop.run(decide(answer, problem, symbolic))

        yield mark
