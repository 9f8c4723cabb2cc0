"""The recipe of the pocket verifiers: one for outcomes, one for steps, both grown from the pocket model.

They learn from the pocket model's own chains: train-split problems in length and beyond, sampled hot enough to go
wrong, each line labelled by its family's checker. The process verifier learns of each line whether everything up to it
is right; the outcome verifier learns at every line whether the answer will be (Cobbe et al. 2021, token-level), and is
read at the last. `benchmarks/pocket_verifiers.py` runs it; no trained verifier is
shipped yet.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from workings.core.ask import Sample, Sampling
from workings.core.problem import Problem
from workings.problems.procedural import Split, families, generate
from workings.reason.prompts import write_prompt
from workings.reason.reading import read_lines
from workings.run.ports import Model
from workings.run.seeds import derive
from workings.train.fast import compiled, in_processes, llama_hidden
from workings.train.gold import GoldChain, gold_chain
from workings.train.head import Verifier, save_verifier
from workings.train.verifiers import Example, VerifierSettings, teach

__all__ = ["Kind", "PocketVerifierRecipe", "collect_chains", "examples_of", "make_verifier"]

Kind = Literal["chain", "step"]
SHARES = {
    "shell-game": 0.2,
    "chain-arithmetic": 0.24,
    "dates": 0.14,
    "addition": 0.12,
    "last-letters": 0.1,
    "coin-flip": 0.08,
    "word-problems": 0.08,
    "countdown": 0.04,
}


@dataclass(frozen=True, slots=True)
class PocketVerifierRecipe:
    """Every choice that goes into the pocket verifiers.

    Half of the `problems` are in length and half beyond; `samples` chains are drawn of each, half of them at the
    first and half at the second temperature. Chains of one problem that are the same are learnt once.
    """

    problems: int = 4400
    samples: int = 4
    hot: tuple[float, float] = (1.5, 2.0)
    warm: tuple[float, float] = (0.8, 1.4)
    draft: float = 0.12
    longest: int = 400
    seed: int = 0
    processes: int = 2
    shares: Mapping[str, float] = field(default_factory=lambda: dict(SHARES))
    learning: VerifierSettings = VerifierSettings(epochs=3, tokens=8192, rate=2e-3)


async def collect_chains(model: Model, recipe: PocketVerifierRecipe, split: Split, seed: int = 0) -> list[GoldChain]:
    """Chains of `model` on problems of one split, judged line by line. The same model and seed give the same chains.

    Chains that were cut at `recipe.longest` tokens are kept: their lines can be judged like others.
    """
    asked: list[tuple[Problem, str, float]] = []
    rng = random.Random(f"{recipe.seed}|{seed}")
    for name, share in recipe.shares.items():
        many = max(1, round(recipe.problems * share / 2))
        one = families()[name]
        for lengths, heats in ((one.in_length, recipe.hot), (one.out_of_length, recipe.warm)):
            for problem in generate(one, split, many, seed, lengths):
                style = "draft" if rng.random() < recipe.draft else "cot"
                asked += [(problem, style, heat) for heat in heats]

    async def chains(problem: Problem, style: str, heat: float) -> list[GoldChain]:
        seeds = tuple(derive(seed, problem.id, str(heat), i) for i in range(recipe.samples // 2))
        ask = Sample(write_prompt(problem.question, style), len(seeds), Sampling(heat, recipe.longest))
        texts = dict.fromkeys(c.text for c in await model.sample(ask, seeds))
        return [await gold_chain(problem, text) for text in texts if text.strip()]

    found: dict[tuple[str, tuple[str, ...]], GoldChain] = {}
    for start in range(0, len(asked), 512):
        for drawn in await asyncio.gather(*(chains(*one) for one in asked[start : start + 512])):
            found.update({(chain.problem.id, chain.steps): chain for chain in drawn})
    return list(found.values())


def examples_of(tokenizer: Any, chains: Iterable[GoldChain], kind: Kind) -> list[Example]:
    """What a verifier of `kind` learns from chains: "step" whether all is right so far, "chain" whether the answer is.

    Lines whose rightness nobody can tell are not learnt by the first; a chain with nothing to learn is left out.
    """
    made = []
    for chain in chains:
        reading = read_lines(tokenizer, chain.problem.question, chain.steps)
        labels = chain.sound if kind == "step" else (chain.right,) * len(chain.steps)
        known = [(p, float(label)) for p, label in zip(reading.places, labels, strict=True) if label is not None]
        if known:
            places, values = zip(*known, strict=True)
            made.append(Example(reading.ids, places, values))
    return made


def make_verifier(
    base: Path,
    folder: Path,
    chains: Sequence[GoldChain],
    kind: Kind,
    recipe: PocketVerifierRecipe,
    *,
    told: bool = False,
) -> None:
    """Trains a verifier that starts from the Llama in `base`, and writes it to `folder` in half precision."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    examples = examples_of(tokenizer, chains, kind)
    in_processes(_work, recipe.processes, base, folder, examples, kind, recipe, told)


def _work(
    rank: int, base: Path, folder: Path, examples: list[Example], kind: Kind, recipe: PocketVerifierRecipe, told: bool
) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    torch.manual_seed(recipe.seed)
    torch.set_flush_denormal(True)
    verifier = Verifier(AutoModel.from_pretrained(base, dtype=torch.float32))
    report = _printed() if told and rank == 0 else None
    updates = teach(verifier, examples, recipe.learning, hidden=llama_hidden, wrap=compiled, report=report)
    if rank == 0:
        size = int(sum(p.numel() for p in verifier.parameters()))
        facts = {"format": "lines", "per": kind, "parameters": size, "chains": len(examples), "updates": updates}
        tokenizer = AutoTokenizer.from_pretrained(base)
        save_verifier(verifier.half(), tokenizer, folder, {**facts, "recipe": asdict(recipe)})


def _printed() -> Callable[[int, int, float], None]:
    began, seen = time.monotonic(), 0.0

    def report(step: int, total: int, loss: float) -> None:
        nonlocal seen
        seen = loss if step == 1 else 0.95 * seen + 0.05 * loss
        if step % 25 == 0 or step == total:
            print(f"update {step} of {total}  loss {seen:.4f}  {time.monotonic() - began:.0f} s", flush=True)

    return report
