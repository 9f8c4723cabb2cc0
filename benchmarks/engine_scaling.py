"""Throughput of the engine against the machine's own matrix products, and how it moves with batch and prompt.

    python benchmarks/engine_scaling.py [--model FILE] [--quick]

One prompt, so many samples of 64 tokens, temperature 1, no reply ends early. For each case: the prompt's own tokens a
second (prefill), generated tokens a second, multiplications a second of the linear layers (2 × parameters × tokens,
embeddings not counted, the output layer counted) as a share of what one matrix product of those shapes reaches here (a
matrix of the batch's rows times each weight of the model, measured in the same run), and the most bytes that keys and
values took. The share leaves attention out of the work but not out of the time.

Keys: `share_of_limit` (batch 40, prompt 650 or the nearest measured), `batch_128_over_1` (tokens a second), and
`prompt_4000_over_100` (tokens a second at batch 40).
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from typing import Any

import torch
from engine import arguments, endless, opened, prompt_text

from workings.core.ask import Sample
from workings.core.prompt import Prompt
from workings.models.local.model import LocalModel


def limit(model: LocalModel, rows: int) -> float:
    """Seconds of the linear layers alone for one step of so many rows: every weight once, nothing else."""
    weights = [m.weight for m in model.module.modules() if isinstance(m, torch.nn.Linear)]
    inputs = {w.shape[1]: torch.ones(rows, w.shape[1], dtype=w.dtype) for w in weights}
    taken = []
    with torch.no_grad():
        for _ in range(5):
            began = time.perf_counter()
            for weight in weights:
                torch.nn.functional.linear(inputs[weight.shape[1]], weight)
            taken.append(time.perf_counter() - began)
    return min(taken)


def measure(model: LocalModel, batch: int, length: int, tokens: int, number: int) -> tuple[float, float]:
    """Seconds for the prompt alone with one token, and for the batch with the prompt already there."""
    prompt = Prompt.user(prompt_text(model, length, number))
    began = time.perf_counter()
    asyncio.run(model.sample(Sample(prompt, 1, endless(model, 1.0, 1)), (0,)))
    read = time.perf_counter() - began
    began = time.perf_counter()
    made = asyncio.run(model.sample(Sample(prompt, batch, endless(model, 1.0, tokens)), tuple(range(batch))))
    written = time.perf_counter() - began
    assert all(one.usage.generated == tokens for one in made)
    return read, written


def main() -> None:
    given = arguments(__doc__)
    batches, lengths, tokens = ([1, 8], [100, 400], 8) if given.quick else ([1, 8, 40, 128], [100, 650, 4000], 64)
    rounds = 1 if given.quick else given.rounds
    model = opened(given)
    numbers = iter(range(9999))
    ideal = {batch: limit(model, batch) * tokens for batch in batches}
    print(f"{'batch':>5} {'prompt':>6} {'prefill/s':>10} {'tokens/s':>9} {'range':>13} {'of the limit':>12} {'MB':>7}")
    speeds: dict[tuple[int, int], float] = {}
    shares: dict[tuple[int, int], float] = {}
    for length in lengths:
        for batch in batches:
            model.count.largest = 0
            both = [measure(model, batch, length, tokens, next(numbers)) for _ in range(rounds)]
            rates = [batch * tokens / written for _, written in both]
            speed = speeds[batch, length] = statistics.median(rates)
            share = shares[batch, length] = ideal[batch] * speed / (batch * tokens)
            prefill = length / statistics.median(read for read, _ in both)
            spread = f"{min(rates):.0f}–{max(rates):.0f}"
            megabytes = model.count.largest / 1e6
            print(f"{batch:5} {length:6} {prefill:10.0f} {speed:9.1f} {spread:>13} {share:12.2f} {megabytes:7.0f}")
    middle = batches[min(2, len(batches) - 1)]
    figures: dict[str, Any] = {
        "share_of_limit": round(shares[middle, lengths[1]], 2),
        "batch_128_over_1": round(speeds[batches[-1], lengths[1]] / speeds[1, lengths[1]], 2),
        "prompt_4000_over_100": round(speeds[middle, lengths[-1]] / speeds[middle, lengths[0]], 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
