"""64 different questions behind one header of 650 tokens, greedy, 64 tokens, beside batched generate, padded left.

    python benchmarks/engine_header.py [--model FILE]

Key: `times_generate`. generate gets batches of 16.
"""

from __future__ import annotations

import asyncio

import torch
from engine import arguments, compare, endless, opened, prompt_text, ratio, say

from workings.core.ask import Sample
from workings.core.prompt import Prompt


def main() -> None:
    given = arguments(__doc__)
    many, tokens, length, batch = (8, 8, 200, 8) if given.quick else (64, 64, 650, 16)
    model = opened(given)
    numbers = iter(range(99))

    def asks() -> list[Sample]:
        number = next(numbers)
        header = prompt_text(model, length, number)
        texts = [f"{header} Question {i}: {prompt_text(model, 12, 100 + number + i)}" for i in range(many)]
        return [Sample(Prompt.user(t), 1, endless(model, 0, tokens)) for t in texts]

    def ours() -> None:
        async def all_of(wanted: list[Sample]) -> None:
            made = await asyncio.gather(*(model.sample(a, (0,)) for a in wanted))
            assert all(one.usage.generated == tokens for (one,) in made)

        asyncio.run(all_of(asks()))

    def generate() -> None:
        rows = [model.prompt_ids(a) for a in asks()]
        for start in range(0, many, batch):
            some = rows[start : start + batch]
            longest = max(map(len, some))
            ids = torch.zeros((len(some), longest), dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, one in enumerate(some):
                ids[row, longest - len(one) :] = torch.tensor(one)
                mask[row, longest - len(one) :] = 1
            with torch.no_grad():
                model.module.generate(
                    ids,
                    attention_mask=mask,
                    do_sample=False,
                    min_new_tokens=tokens,
                    max_new_tokens=tokens,
                    pad_token_id=0,
                )

    seconds = compare({"workings": ours, "transformers generate": generate}, 1 if given.quick else given.rounds)
    figures = {"times_generate": ratio(seconds, "transformers generate", "workings")}
    say(seconds, many * tokens, "tokens/s", figures)


if __name__ == "__main__":
    main()
