"""`workings choose`: which method to use for an accuracy or a budget, from a run's record alone."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict

from workings.catalog.world import open_judge
from workings.core.answer import Answer, Outcome
from workings.core.display import printable
from workings.core.problem import Problem
from workings.report.choice import render_options
from workings.run.choose import choose
from workings.run.compute import Size, size_of
from workings.run.counsel import counsel
from workings.run.coverage import Mark, read_pools
from workings.run.difficulty import Probe
from workings.run.judging import decide, decide_by_text
from workings.store.archive import Archive

__all__ = ["choose_method", "marking"]


def choose_method(given: argparse.Namespace) -> int:
    """Prints what to use and the options on the frontier, or all of it as JSON."""
    probe = None if given.probe == 0 else Probe(given.probe, given.by, given.source)
    with Archive.open(given.folder, read_only=True) as archive, marking() as mark:
        run = archive.run(given.run)
        size = size_of(run.spec.identity, run.spec.notes)
        if given.parameters is not None:
            size = Size(given.parameters, source="given")
        pools = read_pools(run.attempts(), {problem.id: problem for problem in run.problems()}, mark)
        found = choose(
            list(run.rows()),
            pools,
            target=given.target,
            budget=given.budget,
            axis=given.cost,
            probe=probe,
            bands=given.bands,
            size=size,
            seed=given.seed,
        )
    if given.json:
        told = {"run": run.id, **asdict(found), "size": asdict(size) if size else None, "said": counsel(found)}
        print(json.dumps(_finite(told), ensure_ascii=False, indent=1))
        return 0
    print("\n".join(printable(line) for line in counsel(found)))
    print(f"\n{render_options(found)}")
    return 0


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


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if abs(value) != float("inf") and value == value else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value
