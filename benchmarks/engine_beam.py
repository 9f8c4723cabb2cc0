"""A beam search of width 16 in steps of 12 tokens, depth 8: how many positions were computed more than once?

    python benchmarks/engine_beam.py [--model FILE]

Each beam samples 4 continuations; the 16 of 64 with the best mean log-probability are kept. Key:
`computed_over_distinct`, which is 1 when no position is computed twice.
"""

from __future__ import annotations

import asyncio
import json
import time

from engine import arguments, opened, prompt_text

from workings.core.ask import Sample, Sampling
from workings.core.prompt import Prompt
from workings.models.local.model import LocalModel

WIDTH, SPREAD, DEPTH = 16, 4, 8


async def search(model: LocalModel, text: str, depth: int) -> None:
    start = Prompt.user(text)
    sampling = Sampling(temperature=0.8, max_tokens=12)
    beams: list[tuple[int, ...]] = [()]
    for level in range(depth):
        asks = [
            Sample(Prompt(start.messages, lead_ids=b) if b else start, SPREAD if level else WIDTH, sampling)
            for b in beams
        ]
        replies = await asyncio.gather(
            *(model.sample(a, tuple(1000 * level + 100 * n + i for i in range(a.n))) for n, a in enumerate(asks))
        )
        grown = {
            (*beam, *(c.token_ids or ())): c.mean_logprob or 0.0
            for beam, made in zip(beams, replies, strict=True)
            for c in made
        }
        beams = sorted(grown, key=lambda ids: -grown[ids])[:WIDTH]


def main() -> None:
    given = arguments(__doc__)
    model = opened(given)
    began = time.perf_counter()
    asyncio.run(search(model, prompt_text(model, 300), 3 if given.quick else DEPTH))
    count = model.count
    share = count.computed / count.distinct
    print(f"{count.computed} positions computed, {count.distinct} distinct, {time.perf_counter() - began:.1f} s")
    print(json.dumps({"computed_over_distinct": round(share, 4)}))


if __name__ == "__main__":
    main()
