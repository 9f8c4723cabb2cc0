"""Self-consistency: 40 samples of 64 tokens of one prompt of 650 tokens, beside generate(num_return_sequences=40).

    python benchmarks/engine_samples.py [--model FILE]

Key: `times_generate`. Left out: llama.cpp's server on the same weights.
"""

from __future__ import annotations

import asyncio

import torch
from engine import arguments, compare, opened, prompt_text, ratio, say

from workings.core.ask import Sample, Sampling
from workings.core.prompt import Prompt


def main() -> None:
    given = arguments(__doc__)
    many, tokens, length = (8, 16, 200) if given.quick else (40, 64, 650)
    model = opened(given)
    prompts = [Prompt.user(prompt_text(model, length, n)) for n in range(99)]
    unused = iter(prompts)
    sampling = Sampling(temperature=1.0, max_tokens=tokens, stop=())

    def ours() -> None:
        ask = Sample(next(unused), many, sampling)
        made = asyncio.run(model.sample(ask, tuple(range(many))))
        assert len(made) == many

    def generate() -> None:
        ids = torch.tensor([model.prompt_ids(Sample(next(unused)))])
        with torch.no_grad():
            model.module.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                num_return_sequences=many,
                do_sample=True,
                top_k=0,
                min_new_tokens=tokens,
                max_new_tokens=tokens,
                pad_token_id=0,
            )

    seconds = compare({"workings": ours, "transformers generate": generate}, 1 if given.quick else given.rounds)
    figures = {"times_generate": ratio(seconds, "transformers generate", "workings")}
    say(seconds, many * tokens, "tokens/s", figures)


if __name__ == "__main__":
    main()
