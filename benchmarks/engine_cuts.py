"""Early answering: five one-token candidates at 17 cuts of a chain of 125 tokens, packed, beside the loop over cuts.

    python benchmarks/engine_cuts.py [--model FILE]

Keys: `times_naive` (the loop re-reads each prefix) and `forwards` (our time over one plain forward of it all).
"""

from __future__ import annotations

import asyncio

import torch
from engine import arguments, compare, opened, prompt_text, ratio, say

from workings.core.ask import Sample, Score
from workings.core.prompt import Prompt

CUE = "\nThe answer is ("
CANDIDATES = ("A", "B", "C", "D", "E")


def main() -> None:
    given = arguments(__doc__)
    model = opened(given)
    numbers = iter(range(999))

    def ask() -> Score:
        number = next(numbers)
        chain = tuple(model.tokenizer(prompt_text(model, 130, number), add_special_tokens=False)["input_ids"][:125])
        cuts = tuple(round(i * 125 / 16) for i in range(17))
        return Score(Prompt.user(prompt_text(model, 40, 50 + number)), CANDIDATES, cuts, CUE, chain_ids=chain)

    def whole(one: Score, cut: int, *, cue: bool) -> torch.Tensor:
        behind = model.tokenizer(CUE, add_special_tokens=False)["input_ids"] if cue else []
        return torch.tensor([[*model.prompt_ids(Sample(one.prompt)), *(one.chain_ids or ())[:cut], *behind]])

    def ours() -> None:
        asyncio.run(model.score(ask()))

    def naive() -> None:
        one = ask()
        with torch.no_grad():
            for cut in one.cuts:
                torch.log_softmax(model.module(whole(one, cut, cue=True), use_cache=False).logits[0, -1], -1)

    def forward() -> None:
        with torch.no_grad():
            model.module(whole(ask(), 125, cue=False), use_cache=False, logits_to_keep=1)

    ours(), forward()
    rounds = 2 if given.quick else max(7, given.rounds)
    seconds = compare({"workings": ours, "loop over cuts": naive, "one plain forward": forward}, rounds)
    figures = {
        "times_naive": ratio(seconds, "loop over cuts", "workings"),
        "forwards": round(1 / ratio(seconds, "one plain forward", "workings"), 2),
    }
    say(seconds, 17, "cuts/s", figures)


if __name__ == "__main__":
    main()
