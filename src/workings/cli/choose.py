"""`workings choose`: which method to use for an accuracy or a budget, from a run's record alone."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from workings.cli.marking import marking
from workings.core.display import printable
from workings.report.choice import render_options
from workings.run.choose import choose
from workings.run.compute import Size, size_of
from workings.run.counsel import counsel
from workings.run.coverage import read_pools
from workings.run.difficulty import Probe
from workings.store.archive import Archive

__all__ = ["choose_method"]


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


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if abs(value) != float("inf") and value == value else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value
