"""The pocket model's speed: 16 samples each of 16 problems, 256 at once.

    python benchmarks/engine_pocket.py [--quick]

Key: `tokens_per_s`, generated tokens a second, median over the rounds. Samples that have written the same so far are
computed as one row, which is part of the speed; `distinct_share` says how many generated tokens were computed.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time

from engine import arguments

from workings.catalog import open_problems
from workings.catalog.models import pocket_folder
from workings.core.ask import Sample, Sampling
from workings.models.local import load
from workings.reason.prompts import write_prompt


def main() -> None:
    given = arguments(__doc__)
    model = load(pocket_folder())
    speeds, shares = [], []

    async def once(seed: int, temperature: float) -> None:
        problems = open_problems("shell-game", count=16, seed=seed)
        sampling = Sampling(temperature=temperature, max_tokens=200)
        before, began = model.count.computed, time.perf_counter()
        asks = [Sample(write_prompt(p.question, "cot"), 16, sampling) for p in problems]
        made = await asyncio.gather(*(model.sample(a, tuple(range(seed, seed + 16))) for a in asks))
        written = sum(c.usage.generated for replies in made for c in replies)
        speeds.append(written / (time.perf_counter() - began))
        shares.append((model.count.computed - before) / written)

    rounds = 2 if given.quick else max(5, given.rounds)
    asyncio.run(once(0, 1.0))
    for name, temperature in (("temperature 1", 1.0), ("temperature 2.5 (rows differ)", 2.5)):
        speeds.clear(), shares.clear()
        for seed in range(1, rounds + 1):
            asyncio.run(once(seed, temperature))
        print(f"{name:30} {statistics.median(speeds):8.0f} tokens/s, {min(speeds):.0f}–{max(speeds):.0f}", end=", ")
        print(f"{statistics.median(shares):.2f} positions computed for each generated token")
        if temperature == 1.0:
            figures = {"tokens_per_s": round(statistics.median(speeds)), "distinct_share": round(shares[-1], 2)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
