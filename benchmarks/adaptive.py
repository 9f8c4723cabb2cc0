"""What stopping early saves: each adaptive rule beside sixteen votes, on the same samples of the pocket model.

    python benchmarks/adaptive.py [--quick] [--problems NAME ...] [--temperature T] [--count N]

Five families, at a temperature at which chains of this model differ: at 1 they are nearly all right and nearly all
equal, and saving would be no feat. Every family is printed. Keys, over all families in which one chain is right more
than 0.8 of the time: `samples_saved`, the share of the sixteen chains that the default rule did not draw (chains of a
batch that came too late to vote count as drawn); `accuracy_difference`, its accuracy minus that of sixteen votes on the
same problems, with its 95 % interval (`low`, `high`).
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
from workings.core.problem import Problem
from workings.core.solution import Attempt
from workings.run.experiment import Plan, carry_out
from workings.stats.intervals import wilson
from workings.stats.paired import Difference, paired_difference
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


FAMILIES = ["addition", "shell-game", "chain-arithmetic", "dates", "word-problems"]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="30 problems a family")
    words.add_argument("--problems", nargs="+", default=FAMILIES)
    words.add_argument("--temperature", type=float, default=1.5)
    words.add_argument("--count", type=int, default=300, help="problems a family (300)")
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    count = 30 if given.quick else given.count
    chosen: dict[str, list[Attempt]] = {}
    counted = {}
    clusters: dict[str, str] = {}
    for name in given.problems:
        problems = open_problems(name, count=count, seed=given.seed)
        clusters |= {p.id: p.cluster or p.id for p in problems}
        rows = attempted(problems, given.temperature, given.seed)
        show(rows, clusters, f"{name}, temperature {given.temperature:g}, {count} problems")
        alone = share(rows["one chain"])
        if alone > 0.8:
            counted[name] = round(alone, 3)
            for label, row in rows.items():
                chosen.setdefault(label, []).extend(row)
    if not chosen:
        print("In no family is one chain right more than 0.8 of the time.")
        print(json.dumps({"families": {}}))
        return
    show(chosen, clusters, f"together: {', '.join(counted)}")
    default = next(iter(RULES))
    gap = difference(chosen[default], chosen["vote"], clusters)
    figures = {
        "samples_saved": round(1 - drawn(chosen[default]) / N, 4),
        "accuracy_difference": round(gap.value, 4),
        "low": round(gap.interval.low, 4),
        "high": round(gap.interval.high, 4),
        "problems": gap.problems,
        "families": counted,
    }
    print(json.dumps(figures))


def attempted(problems: list[Problem], temperature: float, seed: int) -> dict[str, list[Attempt]]:
    """Every method on the same problems; samples are computed once and shared, as the seeds are."""
    hot = f"temperature={temperature:g}"
    specs = {"one chain": f"vote:n=1,{hot}", "vote": f"vote:n={N},{hot}"}
    specs |= {label: f"adaptive:n={N},{hot}{more}" for label, more in RULES.items()}
    record = MemoryRecord()

    async def everything(folder: Path) -> None:
        async with open_world("pocket", cache=folder) as world:
            for label, spec in specs.items():
                plan = Plan(problems, {label: build("methods", spec)}, seed=seed, concurrency=32)
                await carry_out(plan, world, record)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(everything(Path(folder)))
    return {label: [record.kept[p.id, label, 0] for p in problems] for label in specs}


def marks(row: list[Attempt]) -> list[float]:
    return [float(a.outcome is Outcome.RIGHT) for a in row]


def difference(one: list[Attempt], other: list[Attempt], clusters: dict[str, str]) -> Difference:
    """Accuracy of one minus that of the other, problems of one template being one cluster."""
    return paired_difference(marks(one), marks(other), [clusters[a.problem_id] for a in one])


def share(row: list[Attempt]) -> float:
    return sum(marks(row)) / len(row)


def drawn(row: list[Attempt]) -> float:
    """Chains drawn for a problem, on average."""
    return sum(len(a.solution.pool) for a in row if a.solution) / len(row)


def show(rows: dict[str, list[Attempt]], clusters: dict[str, str], title: str) -> None:
    """Prints one table: accuracy, cost, and the paired difference from sixteen votes."""
    print(f"\n{title}")
    print(f"{'':20} {'accuracy':22} {'chains':>6} {'saved':>6} {'tokens':>7}  minus vote")
    for label, row in rows.items():
        band = wilson(sum(marks(row)), len(row))
        tokens = sum(a.spent.generated for a in row) / len(row)
        line = f"{label:20} {share(row):.3f} [{band.low:.3f}, {band.high:.3f}] {drawn(row):8.2f}"
        line += f" {1 - drawn(row) / N:6.1%} {tokens:7.0f}"
        if label != "vote":
            gap = difference(row, rows["vote"], clusters)
            line += f"  {gap.value:+.4f} [{gap.interval.low:+.4f}, {gap.interval.high:+.4f}]"
        print(line, flush=True)


if __name__ == "__main__":
    main()
