"""`workings audit`: is the reasoning that a run recorded what made its answers?"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workings.catalog.spec import build, canonical_spec
from workings.catalog.world import open_world
from workings.cli.beside import bound, chosen, plan_of, record_beside, source_of
from workings.cli.page import write_page
from workings.report.evidence import as_json, render_findings
from workings.run.drive import World, make_ready
from workings.run.experiment import Plan
from workings.store.archive import Archive

if TYPE_CHECKING:
    from workings.store.runs import Run

__all__ = ["audit"]


def audit(given: argparse.Namespace) -> int:
    """Audits recorded attempts, records what was measured beside the run, and prints the findings."""
    with Archive.open(given.folder) as archive:
        source = source_of(given, archive)
        problems = list(source.problems())[: given.count]
        audits = {canonical_spec("audits", name): build("audits", name) for name in given.audits}
        methods = chosen(given, source, _reasoned(source.spec.methods))
        plan = plan_of(given, problems, bound(source, problems, methods, audits))
        world = open_world(given.model or source.spec.model, cache=given.folder if given.cache else None)
        record = asyncio.run(_carry_out(given, plan, world, archive, source))
        if given.json:
            print(json.dumps(as_json(source, (record,)), ensure_ascii=False, indent=1))
        else:
            print(render_findings((record,)))
        write_page(given, archive, source)
    return 0


def _reasoned(methods: Sequence[str]) -> list[str]:
    """All methods but the one that shows no reasoning; that one when it stands alone."""
    return [name for name in methods if name.partition(":")[0] != "direct"] or list(methods)


async def _carry_out(given: argparse.Namespace, plan: Plan, world: World, archive: Archive, source: Run) -> Run:
    async with world:
        await make_ready(world, plan.methods)
        return await record_beside(given, plan, world, archive, source, "audits", "audits of attempts")
