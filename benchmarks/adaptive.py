"""What stopping early saves: each adaptive rule beside sixteen votes, on the same samples of the pocket model.

    python benchmarks/adaptive.py [--quick] [--problems SPEC] [--temperature T] [--count N]

Keys: `samples_saved`, the share of the sixteen chains that the default rule did not draw, chains of a batch that came
too late to vote counted as drawn; `accuracy_difference`, its accuracy minus that of sixteen votes on the same problems,
with its 95 % interval (`low`, `high`). Saving is easy where chains agree, which the accuracy of one chain tells.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

from workings.catalog import build, open_problems
from workings.catalog.world import open_world
from workings.core.answer import Outcome
from workings.core.solution import Attempt
from workings.run.experiment import Plan, carry_out
from workings.stats.intervals import wilson
from workings.stats.paired import paired_difference
from workings.testing import MemoryRecord

N = 16
RULES = {
    "beta, batches of 4": "",
    "beta": ",batch=1",
    "dirichlet": ",rule=dirichlet,batch=1",
    "window of 5": ",rule=window,batch=5",
    "valid": ",rule=valid,batch=1",
    "settled": ",rule=settled,batch=1",
}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="40 problems")
    words.add_argument("--problems", default="addition:lengths=in")
    words.add_argument("--temperature", type=float, default=2.0)
    words.add_argument("--count", type=int, default=500)
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    count = 40 if given.quick else given.count
    problems = open_problems(given.problems, count=count, seed=given.seed)
    hot = f"temperature={given.temperature}"
    specs = {"one chain": f"vote:n=1,{hot}", "vote": f"vote:n={N},{hot}"}
    specs |= {name: f"adaptive:n={N},{hot}{more}" for name, more in RULES.items()}
    methods = {name: build("methods", spec) for name, spec in specs.items()}
    record = MemoryRecord()

    async def everything(folder: Path) -> None:
        async with open_world("pocket", cache=folder) as world:
            for name, method in methods.items():
                await carry_out(Plan(problems, {name: method}, seed=given.seed, concurrency=64), world, record)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(everything(Path(folder)))
    rows = {name: [record.kept[p.id, name, 0] for p in problems] for name in methods}
    show(
        rows, [p.question.id for p in problems], f"{given.problems}, temperature {given.temperature}, {count} problems"
    )


def show(rows: dict[str, list[Attempt]], ids: list[str], title: str) -> None:
    """Prints the table, and the default rule's figures as the last line."""
    right = {name: [float(a.outcome is Outcome.RIGHT) for a in row] for name, row in rows.items()}
    print(title)
    print(f"{'':20} {'accuracy':24} {'chains':>6} {'saved':>6} {'tokens':>7}  minus vote")
    for name, row in rows.items():
        hits = sum(right[name])
        band = wilson(hits, len(row))
        drawn = sum(len(a.solution.pool) for a in row if a.solution) / len(row)
        tokens = sum(a.spent.generated for a in row) / len(row)
        line = f"{name:20} {hits / len(row):.3f} [{band.low:.3f}, {band.high:.3f}]     {drawn:6.2f}"
        line += f" {1 - drawn / N:6.1%} {tokens:7.0f}"
        gap = paired_difference(right[name], right["vote"])
        if name != "vote":
            line += f"  {gap.value:+.4f} [{gap.interval.low:+.4f}, {gap.interval.high:+.4f}], p {gap.p:.2g}"
        print(line)
        if name == next(iter(RULES)):
            figures = {
                "samples_saved": round(1 - drawn / N, 4),
                "accuracy_difference": round(gap.value, 4),
                "low": round(gap.interval.low, 4),
                "high": round(gap.interval.high, 4),
                "single_chain_accuracy": round(sum(right["one chain"]) / len(ids), 4),
                "problems": len(ids),
            }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
