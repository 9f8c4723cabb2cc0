"""Questions about a recorded run, recorded beside it: what `workings audit` and `workings doubt` share."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import workings
from workings.audit.case import Audit
from workings.catalog.spec import build, canonical_spec
from workings.cli.page import check_page
from workings.cli.progress import progress
from workings.core.budget import Budget
from workings.core.errors import BadSetting, UsageError
from workings.core.problem import Problem
from workings.core.record import RunSpec
from workings.core.solution import Attempt
from workings.core.wire import pack
from workings.run.audits import Auditing, audit_label, cases_of
from workings.run.drive import World
from workings.run.experiment import Plan, carry_out
from workings.store.archive import ABOUT, Archive

if TYPE_CHECKING:
    from workings.store.runs import Run

__all__ = ["about", "bound", "chosen", "plan_of", "record_beside", "source_of"]


def about(run: Run) -> tuple[str, str] | None:
    """What a run asks ("audits", "doubts") and the id of the run that it asks about; None for one that asks nothing."""
    return next(((kind, str(run.spec.notes[kind])) for kind in ABOUT if kind in run.spec.notes), None)


def source_of(given: argparse.Namespace, archive: Archive) -> Run:
    """The run to ask about; "last" is the last one that is not itself about another.

    Refuses numbers that do nothing, and questions about questions.
    """
    source = archive.run(given.run)
    asks = about(source)
    if given.run == "last" and asks is not None:
        source = archive.run(asks[1])
    if given.concurrency < 1:
        raise BadSetting(f"--concurrency {given.concurrency} does nothing.", "Give 1 or more.")
    if given.count is not None and given.count < 1:
        raise BadSetting(f"--count {given.count} asks about nothing.", "Give 1 or more.")
    asks = about(source)
    if asks is not None:
        raise UsageError(f"Run {source.id} itself asks about run {asks[1]} ({asks[0]}).", "Name that one.")
    if getattr(given, "report", None) is not None:
        check_page(given.report)
    return source


def chosen(given: argparse.Namespace, source: Run, default: Sequence[str]) -> list[str]:
    """The methods asked about, as the run spells them; UsageError for one that it does not have."""
    known = source.spec.methods
    methods = []
    for name in given.methods or default:
        spelt = name if name in known else canonical_spec("methods", name)
        if spelt not in known:
            raise UsageError(f"Run {source.id} has no method {spelt!r}.", f"It has: {', '.join(known)}.")
        methods.append(spelt)
    return methods


def bound(
    source: Run,
    problems: Sequence[Problem],
    methods: Sequence[str],
    audits: Mapping[str, Audit],
    gather: Callable[[Iterable[Attempt]], Iterable[Attempt]] = lambda attempts: attempts,
) -> dict[str, Auditing]:
    """An audit for each (audit, method), bound to the run's attempts as `gather` gives them.

    What an imported run calls its methods builds nothing; such attempts are asked about as chains of thought.
    """
    named = {problem.id: problem for problem in problems}
    found = {}
    for name in methods:
        method = build("methods", "cot" if source.spec.notes.get("imported") else name)
        attempts = gather(one for one in source.attempts(method=name) if one.problem_id in named)
        cases = cases_of(named, attempts, method, getattr(method, "style", "cot"))
        for label, one in audits.items():
            found[audit_label(label, name)] = Auditing(one, cases)
    return found


def plan_of(given: argparse.Namespace, problems: Sequence[Problem], found: Mapping[str, Auditing]) -> Plan:
    """One attempt of each question about each problem."""
    return Plan(problems, found, given.seed, 1, Budget(tokens=given.budget), given.concurrency)


async def record_beside(
    given: argparse.Namespace, plan: Plan, world: World, archive: Archive, source: Run, kind: str, what: str
) -> Run:
    """Carries the plan out on a world that is ready, and returns the record, named in its notes under `kind`."""
    record = archive.start(_spec(given, plan, world, source, kind), plan.problems)
    try:
        if not given.json:
            print(f"run {source.id}: {len(plan):,} {what}, recorded as {record.id}\n")
        with progress(given, len(plan), len(record.done())) as tell:
            await carry_out(plan, world, record, tell, ready=True)
        record.finish()
    except (asyncio.CancelledError, KeyboardInterrupt):
        record.finish("stopped")
        raise
    finally:
        record.flush()
    return record


def _spec(given: argparse.Namespace, plan: Plan, world: World, source: Run, kind: str) -> RunSpec:
    spec = RunSpec(
        id="",
        model=given.model or source.spec.model,
        identity=world.model.identity,
        methods=tuple(plan.methods),
        problems=source.spec.problems,
        count=len(plan.problems),
        seed=given.seed,
        budget=plan.budget,
        notes={kind: source.id},
    )
    digest = hashlib.sha256(json.dumps(pack(spec), sort_keys=True).encode()).hexdigest()[:10]
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return replace(spec, id=digest, created=created, version=workings.__version__)
