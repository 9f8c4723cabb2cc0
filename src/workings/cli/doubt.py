"""`workings doubt`: how sure is each answer that a run recorded, and what is each way of telling worth?"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from workings.audit.doubt.verdict import Terms
from workings.catalog.spec import build, canonical_spec
from workings.catalog.world import open_world
from workings.cli.beside import bound, chosen, plan_of, record_beside, source_of
from workings.cli.page import write_page
from workings.core.errors import BadSetting
from workings.models.silent import Silent
from workings.report.doubt import as_json, doubts, render_doubts
from workings.run.doubts import pooled, served
from workings.run.drive import World
from workings.run.experiment import Plan
from workings.store.archive import Archive

if TYPE_CHECKING:
    from workings.store.runs import Run

__all__ = ["doubt"]


def doubt(given: argparse.Namespace) -> int:
    """Estimates how sure recorded answers are, records it beside the run, and prints what each estimator is worth."""
    terms = Terms(calibrator=given.calibrator, bins=given.bins, rule=given.bin_rule, risk=given.risk, seed=given.seed)
    if given.bins < 1 or not 0 < given.risk < 1:
        raise BadSetting(f"--bins {given.bins} --risk {given.risk} say nothing.", "Use --bins 10 --risk 0.1.")
    with Archive.open(given.folder) as archive:
        source = source_of(given, archive)
        problems = list(source.problems())[: given.count]
        estimators = {canonical_spec("estimators", name): build("estimators", name) for name in given.estimators}
        methods = chosen(given, source, source.spec.methods)
        plan = plan_of(given, problems, bound(source, problems, methods, estimators, pooled))
        silent = given.model is None and bool(source.spec.notes.get("imported"))
        if silent:
            world = World(Silent(source.spec.identity), {})
        else:
            world = open_world(given.model or source.spec.model, cache=given.folder if given.cache else None)
        record = asyncio.run(_carry_out(given, plan, world, archive, source, silent))
        if given.json:
            print(json.dumps(as_json(source, record, terms), ensure_ascii=False, indent=1))
        else:
            print(render_doubts(doubts(record, terms), terms))
        write_page(given, archive, source, terms)
    return 0


async def _carry_out(
    given: argparse.Namespace, plan: Plan, world: World, archive: Archive, source: Run, silent: bool
) -> Run:
    async with world:
        plan = replace(plan, methods=await served(world, plan.methods, silent=silent))  # type: ignore[arg-type]
        return await record_beside(given, plan, world, archive, source, "doubts", "estimates of attempts")
