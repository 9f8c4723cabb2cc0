"""What labels by roll-outs are worth: Monte-Carlo step labels of the pocket model against gold ones.

`python benchmarks/labels.py [--quick] [--chains N]`. For chains that were sampled from test problems, every beginning
is rolled out 16 times by the same model; labels of 4, 8 and 16 roll-outs, hard and soft, are read from one pool. A step
counts as wrong by gold when any line up to it is. The binary search runs on the chains of 8 or more steps that ended
wrong, and is compared with the plain way at the same number of roll-outs. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Sequence

from workings.catalog.models import open_model
from workings.core.ask import Sample, Sampling
from workings.problems.procedural import families, generate
from workings.reason.prompts import write_prompt
from workings.run.ports import Model
from workings.run.seeds import derive
from workings.stats.intervals import wilson
from workings.stats.process import label_quality
from workings.train.gold import GoldChain, gold_chain
from workings.train.labels import Found, RollOuts, StepValue, consensus, first_error_by_halves, step_values

NAMES = ("chain-arithmetic", "shell-game", "dates", "addition")
COUNTS = (4, 8, 16)


async def drawn(model: Model, name: str, count: int) -> list[GoldChain]:
    """Chains at temperature 1, half in length and half beyond, one a problem."""
    one = families()[name]
    problems = [
        *generate(one, "test", count // 2, 5, one.in_length),
        *generate(one, "test", count - count // 2, 5, one.out_of_length),
    ]

    async def chain(number: int) -> GoldChain:
        problem = problems[number]
        heat = 1.5 if number < count // 2 else 1.0
        ask = Sample(write_prompt(problem.question, "cot"), 1, Sampling(heat, 400))
        [reply] = await model.sample(ask, (derive(5, problem.id),))
        return await gold_chain(problem, reply.text, spelled=True)

    found = await asyncio.gather(*map(chain, range(len(problems))))
    return [c for c in found if c.first_error is not None and c.steps]


async def pools(model: Model, chains: Sequence[GoldChain], how: RollOuts) -> list[Found]:
    """All beginnings of all chains, rolled out."""
    found: list[Found] = []
    for start in range(0, len(chains), 32):
        part = chains[start : start + 32]
        found += await asyncio.gather(*(step_values(model, c.problem, c.steps, how) for c in part))
    return found


def label_rows(chains: Sequence[GoldChain], found: Sequence[Found]) -> list[tuple[str, int, dict[str, float | None]]]:
    """Precision and recall of wrong steps, hard and soft, for each number of roll-outs."""
    rows = []
    for n in COUNTS:
        for kind in ("hard", "soft"):
            pairs, firsts = [], []
            for chain, one in zip(chains, found, strict=True):
                values = [one.values[i].first(n) for i in range(len(chain.steps))]
                said = [value.hard if kind == "hard" else value.soft >= 0.5 for value in values]
                pairs += [(a, bool(b)) for a, b in zip(said, chain.sound, strict=True)]
                first = next((i for i, good in enumerate(said) if not good), -1)
                firsts.append(first == chain.first_error)
            quality = label_quality(pairs)
            rows.append((kind, n, {
                "precision": quality.precision, "recall": quality.recall, "accuracy": quality.accuracy,
                "first": sum(firsts) / len(firsts),
            }))  # fmt: skip
    return rows


async def halves(model: Model, chains: Sequence[GoldChain], found: Sequence[Found], how: RollOuts) -> dict[str, float]:
    """The search against the plain way, on long chains that ended wrong; counts are of chains."""
    long = [(c, f) for c, f in zip(chains, found, strict=True) if len(c.steps) >= 8 and not c.right]
    searched = await asyncio.gather(*(first_error_by_halves(model, c.problem, c.steps, how) for c, _ in long))
    seen: Counter[str] = Counter()
    for (chain, full), one in zip(long, searched, strict=True):
        values = {i: value if value.known else value.first(how.n) for i, value in full.values.items()}
        others = {i: v if v.known else StepValue(v.ends[how.n :]) for i, v in full.values.items()}
        first, again = (next(i for i, value in v.items() if not value.hard) for v in (values, others))
        falls = not any(value.hard for i, value in values.items() if i > first)
        seen["plain"] += sum(how.n for value in values.values() if not value.known)
        seen["halves"] += one.roll_outs
        seen["same"] += one.first_error == first
        seen["falls"] += falls
        seen["same_where_falls"] += falls and one.first_error == first
        seen["twice"] += first == again
        seen["gold"] += one.first_error == chain.first_error
        seen["plain_gold"] += first == chain.first_error
        seen["overturned"] += one.overturned
    return {"chains": len(long), **seen}


async def measured(count: int) -> None:
    """Samples, labels, compares, prints."""
    model = open_model("pocket")
    how = RollOuts(n=16, max_tokens=400)
    chains: list[GoldChain] = []
    for name in NAMES:
        chains += await drawn(model, name, count)
    found = await pools(model, chains, how)
    right = [c for c in chains if c.right]
    sneaky = [c for c in right if c.first_error != -1]
    print(f"{len(chains)} chains of {', '.join(NAMES)}; {sum(f.roll_outs for f in found)} roll-outs")
    rate, between = len(sneaky) / max(len(right), 1), wilson(len(sneaky), max(len(right), 1))
    print(
        f"right answers from a wrong process: {len(sneaky)} of {len(right)}, "
        f"{rate:.3f} [{between.low:.3f}, {between.high:.3f}]\n"
    )
    print("| labels | N | precision (wrong steps) | recall | steps labelled as gold | first error as gold |")
    print("|---|---|---|---|---|---|")
    rows = label_rows(chains, found)
    for kind, n, cells in rows:
        print(f"| {kind} | {n} | " + " | ".join("none" if v is None else f"{v:.3f}" for v in cells.values()) + " |")
    golds = [c.first_error for c in chains]
    kept = consensus([f.first_error for f in found], golds)
    print(f"\nconsensus of 16 hard roll-outs with gold keeps {sum(kept)} of {len(kept)} chains")
    search = await halves(model, chains, found, RollOuts(n=8, max_tokens=400))
    many, share = int(search["chains"]), search["halves"] / search["plain"]
    agreed = wilson(int(search["same"]), many)
    print(
        f"binary search, N=8, {many} wrong chains of 8 or more steps: {share:.3f} of the plain way's roll-outs\n"
        f"same first error as the plain way: {search['same']} of {many}, "
        f"{search['same'] / many:.3f} [{agreed.low:.3f}, {agreed.high:.3f}]; the plain way agrees with itself, "
        f"with other random numbers, on {search['twice']}\n"
        f"where the plain labels only fall: {search['same_where_falls']} of {search['falls']}\n"
        f"the gold first error: search {search['gold']}, plain {search['plain_gold']} of {many}\n"
        f"steps overturned when checked again: {search['overturned']}; chains whose plain labels rise again: "
        f"{many - int(search['falls'])}"
    )
    told = {f"{kind}{n}": cells for kind, n, cells in rows}
    print(json.dumps({
        "hard8_precision": told["hard8"]["precision"], "hard8_recall": told["hard8"]["recall"],
        "search_share": share, "search_same": search["same"] / many, "plain_same": search["twice"] / many,
        "right_from_wrong": rate,
    }))  # fmt: skip
    await model.aclose()


def main() -> None:
    """Measures and prints."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true")
    words.add_argument("--chains", type=int, default=100, help="chains a family (100)")
    given = words.parse_args()
    asyncio.run(measured(10 if given.quick else given.chains))


if __name__ == "__main__":
    main()
