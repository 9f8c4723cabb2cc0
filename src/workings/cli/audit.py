"""`workings audit`: is the reasoning that a run recorded what made its answers?"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import workings
from workings.catalog.spec import build, canonical_spec
from workings.catalog.world import open_world
from workings.cli.progress import progress
from workings.core.budget import Budget
from workings.core.errors import BadSetting, UsageError
from workings.core.problem import Problem
from workings.core.record import RunSpec
from workings.core.wire import pack
from workings.report.evidence import as_json, render_findings
from workings.run.audits import Auditing, audit_label, cases_of
from workings.run.drive import World, make_ready
from workings.run.experiment import Plan, carry_out
from workings.store.archive import Archive

if TYPE_CHECKING:
    from workings.store.runs import Run

__all__ = ["audit"]


def audit(given: argparse.Namespace) -> int:
    """Audits recorded attempts, records what was measured beside the run, and prints the findings."""
    if given.concurrency < 1:
        raise BadSetting(f"--concurrency {given.concurrency} does nothing.", "Give 1 or more.")
    if given.count is not None and given.count < 1:
        raise BadSetting(f"--count {given.count} audits nothing.", "Give 1 or more.")
    with Archive.open(given.folder) as archive:
        source = archive.run(given.run)
        if "audits" in source.spec.notes:
            raise UsageError(
                f"Run {source.id} is itself an audit, of run {source.spec.notes['audits']}.", "Name that one."
            )
        problems = list(source.problems())[: given.count]
        plan = Plan(
            problems, _auditing(given, source, problems), given.seed, 1, Budget(tokens=given.budget), given.concurrency
        )
        world = open_world(given.model or source.spec.model, cache=given.folder if given.cache else None)
        record = asyncio.run(_carry_out(given, plan, world, archive, source))
        if given.json:
            print(json.dumps(as_json(source, (record,)), ensure_ascii=False, indent=1))
        else:
            print(render_findings((record,)))
        if given.report is not None:
            from workings.cli.marking import marking
            from workings.report.page import write_report

            with marking() as mark:
                path = write_report(source, given.report, mark=mark)
            if not given.json:
                print(f"\nreport: {path}")
    return 0


def _auditing(given: argparse.Namespace, source: Run, problems: Sequence[Problem]) -> dict[str, Auditing]:
    """An audit for each (audit, method) asked for, bound to the run's attempts."""
    known = source.spec.methods
    methods = [canonical_spec("methods", name) for name in given.methods] if given.methods else _reasoned(known)
    for name in methods:
        if name not in known:
            raise UsageError(f"Run {source.id} has no method {name!r}.", f"It has: {', '.join(known)}.")
    audits = {canonical_spec("audits", name): build("audits", name) for name in given.audits}
    named = {problem.id: problem for problem in problems}
    found = {}
    for name in methods:
        method = build("methods", name)
        attempts = (one for one in source.attempts(method=name) if one.problem_id in named)
        cases = cases_of(named, attempts, method, getattr(method, "style", "cot"))
        for label, one in audits.items():
            found[audit_label(label, name)] = Auditing(one, cases)
    return found


def _reasoned(methods: Sequence[str]) -> list[str]:
    """All methods but the one that shows no reasoning; that one when it stands alone."""
    return [name for name in methods if name.partition(":")[0] != "direct"] or list(methods)


def _spec(given: argparse.Namespace, plan: Plan, world: World, source: Run) -> RunSpec:
    spec = RunSpec(
        id="",
        model=given.model or source.spec.model,
        identity=world.model.identity,
        methods=tuple(plan.methods),
        problems=source.spec.problems,
        count=len(plan.problems),
        seed=given.seed,
        budget=plan.budget,
        notes={"audits": source.id},
    )
    digest = hashlib.sha256(json.dumps(pack(spec), sort_keys=True).encode()).hexdigest()[:10]
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return replace(spec, id=digest, created=created, version=workings.__version__)


async def _carry_out(given: argparse.Namespace, plan: Plan, world: World, archive: Archive, source: Run) -> Run:
    async with world:
        await make_ready(world, plan.methods)
        record = archive.start(_spec(given, plan, world, source), plan.problems)
        try:
            if not given.json:
                print(f"run {source.id}: {len(plan):,} audits of attempts, recorded as {record.id}\n")
            with progress(given, len(plan), len(record.done())) as tell:
                await carry_out(plan, world, record, tell, ready=True)
            record.finish()
        except (asyncio.CancelledError, KeyboardInterrupt):
            record.finish("stopped")
            raise
        finally:
            record.flush()
    return record
