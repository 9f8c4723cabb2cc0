"""`workings run`: problems × methods × model → a record → a table."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import workings
from workings.catalog.sets import open_problems
from workings.catalog.spec import build, canonical_spec
from workings.catalog.world import open_world
from workings.cli.page import check_page, write_page
from workings.cli.progress import progress
from workings.core.answer import Outcome
from workings.core.budget import Budget
from workings.core.display import printable
from workings.core.errors import BadSetting, UsageError
from workings.core.problem import Problem
from workings.core.record import RunSpec
from workings.core.wire import pack
from workings.run.compare import baseline_of, mde
from workings.run.drive import World, make_ready
from workings.run.experiment import Plan, carry_out
from workings.run.judging import may_need_judge
from workings.store.archive import Archive

if TYPE_CHECKING:
    from workings.store.runs import Run

__all__ = ["run", "spec_of"]


def run(given: argparse.Namespace) -> int:
    """Carries out or resumes the run; exit code 4 when every attempt failed."""
    _check(given)
    methods = {canonical_spec("methods", m): build("methods", m) for m in given.methods}
    if given.baseline is not None and canonical_spec("methods", given.baseline) not in methods:
        raise UsageError(f"The baseline {given.baseline!r} is not among the methods.", "Add it to --methods.")
    plan = Plan(_problems(given), methods, given.seed, given.repeats, Budget(tokens=given.budget), given.concurrency)
    with Archive.open(given.folder) as archive:
        world = open_world(given.model, cache=given.folder if given.cache else None)
        if world.judge is None and any(map(may_need_judge, plan.problems)):
            print('workings: formulas are not judged: pip install "workings[maths]"', file=sys.stderr)
        return _conclude(given, archive, asyncio.run(_carry_out(given, plan, world, archive)))


def _check(given: argparse.Namespace) -> None:
    for name in ("repeats", "concurrency"):
        if getattr(given, name) < 1:
            raise BadSetting(f"--{name} {getattr(given, name)} does nothing.", "Give 1 or more.")
    if given.report is not None:
        check_page(given.report)


def _problems(given: argparse.Namespace) -> list[Problem]:
    found: dict[str, Problem] = {}
    for name in given.problems:
        for problem in open_problems(name, count=given.count, seed=given.seed):
            if problem.id in found:
                raise UsageError(f"Problem {problem.id!r} comes twice.", "Name each set once, or give other ids.")
            found[problem.id] = problem
    return list(found.values())


def spec_of(given: argparse.Namespace, methods: tuple[str, ...], problems: Sequence[Problem], world: World) -> RunSpec:
    """What is to be run; its id is a digest of everything that decides the outcome, the problems with their golds too.

    The notes say which judge there is, which decides outcomes, and the baseline and the model's size, which do not and
    are not in the id.
    """
    notes: dict[str, Any] = {"judge": "" if world.judge is None else type(world.judge).__name__}
    spec = RunSpec(
        id="",
        model=given.model,
        identity=world.model.identity,
        methods=methods,
        problems=" + ".join(given.problems),
        count=len(problems),
        seed=given.seed,
        repeats=given.repeats,
        budget=Budget(tokens=given.budget),
        notes=notes,
    )
    digest = hashlib.sha256(json.dumps(pack(spec), sort_keys=True).encode())
    for problem in problems:
        digest.update(b"\n" + json.dumps(pack(problem), sort_keys=True).encode())
    made = digest.hexdigest()[:10]
    created = datetime.now(UTC).isoformat(timespec="seconds")
    if given.baseline is not None:
        notes = {**notes, "baseline": canonical_spec("methods", given.baseline)}
    if size := getattr(world.model, "size", None):
        notes = {**notes, "size": size}
    return replace(spec, id=made, created=created, version=workings.__version__, notes=notes)


def _announce(given: argparse.Namespace, plan: Plan, record: Run) -> None:
    if given.json:
        return
    done = len(record.done())
    print(f"run {record.id}: {len(plan.problems):,} problems × {len(plan.methods)} methods = {len(plan):,} attempts")
    if done:
        print(f"{done:,} are on record already; going on from there.")
    count, several = len(plan.problems), len(plan.methods)
    if several > 1:
        every = baseline_of(tuple(plan.methods), record.spec.notes.get("baseline")) is None
        clusters = len({(p.question.family, p.cluster) if p.cluster else p.id for p in plan.problems})
        pairs = several * (several - 1) // 2 if every else several - 1
        print(mde(count, comparisons=pairs, clusters=clusters if clusters < count else None))
    print()


async def _carry_out(given: argparse.Namespace, plan: Plan, world: World, archive: Archive) -> Run:
    async with world:
        await make_ready(world, plan.methods)
        record = archive.start(spec_of(given, tuple(plan.methods), plan.problems, world), plan.problems)
        try:
            _announce(given, plan, record)
            with progress(given, len(plan), len(record.done())) as tell:
                await carry_out(plan, world, record, tell, ready=True)
            record.finish()
        except (asyncio.CancelledError, KeyboardInterrupt):
            record.finish("stopped")
            raise
        finally:
            record.flush()
    return record


def _conclude(given: argparse.Namespace, archive: Archive, record: Run) -> int:
    rows = list(record.rows())
    if given.json:
        from workings.cli.marking import marking
        from workings.report.facts import as_json

        with marking() as mark:
            print(json.dumps(as_json(record, mark, beside=archive.beside(record)), ensure_ascii=False, indent=1))
    else:
        from workings.report.facts import measured
        from workings.report.terminal import render_table
        from workings.run.compare import advice

        summaries, comparisons = measured(record.spec, rows)
        print(render_table(summaries, comparisons))
        print(f"\n{advice(summaries, comparisons)}")
    write_page(given, archive, record)
    failed = [r for r in rows if r.outcome is Outcome.ERROR]
    if failed:
        print(
            f"workings: {len(failed):,} of {len(rows):,} attempts failed, the first with: "
            f"{printable(failed[0].error, 1000)} Running the same command tries them again.",
            file=sys.stderr,
        )
    return 4 if failed and len(failed) == len(rows) else 0
