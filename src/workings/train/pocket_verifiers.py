"""The recipe of the shipped pocket verifiers: one for outcomes, one for steps, both grown from the pocket model.

They learn from the pocket model's own chains: train-split problems in length and beyond, sampled hot enough to go
wrong, each line labelled by its family's checker. The process verifier learns of each line whether everything up to it
is right. Beside sampled chains it reads gold ones, since beyond its training lengths the pocket model hardly ever
writes a sound chain, and gold beginnings with one value spoiled. Its logit falls with how unlikely the unlikeliest
token so far was to the verifier itself, which learns the text of right beginnings along the way: four layers can work a
step out, and are too few to compare it with what is written as well.

The outcome verifier starts from the process verifier and learns at every line whether the answer will be right (Cobbe
et al. 2021, token-level); it is read at the last. `make verifiers` runs it all, measures it and writes the cards.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from workings.core.ask import Sample, Sampling
from workings.core.errors import DataError
from workings.core.problem import Problem
from workings.problems.procedural import Family, Split, families, generate
from workings.reason.prompts import write_prompt
from workings.reason.reading import read_lines
from workings.run.ports import Model
from workings.run.seeds import derive
from workings.train.fast import compiled, in_processes, llama_hidden
from workings.train.gold import GoldChain, gold_chain, spoiled
from workings.train.head import Verifier, save_verifier
from workings.train.verifiers import Example, VerifierSettings, teach

__all__ = ["Kind", "PocketVerifierRecipe", "collect_chains", "examples_of", "given_chains", "make_verifier"]

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
    first and half at the second temperature. Chains of one problem that are the same are learnt once. Further
    `gold` problems of the same mixture give a gold chain and a spoiled one each. The outcome verifier sees the sampled
    chains alone, for `ends` epochs, and doubts less to begin with: a garbled chain may well end right.
    """

    problems: int = 4400
    samples: int = 4
    hot: tuple[float, float] = (1.5, 2.0)
    warm: tuple[float, float] = (0.8, 1.4)
    draft: float = 0.12
    longest: int = 400
    gold: int = 5000
    doubt: float = 3.0
    ends: int = 2
    ends_doubt: float = 0.3
    seed: int = 0
    processes: int = 2
    shares: Mapping[str, float] = field(default_factory=lambda: dict(SHARES))
    learning: VerifierSettings = VerifierSettings(epochs=2, tokens=8192, rate=1e-3, muon=0.005, text=0.5)


async def collect_chains(model: Model, recipe: PocketVerifierRecipe, split: Split, seed: int = 0) -> list[GoldChain]:
    """Chains of `model` on problems of one split, judged line by line. The same model and seed give the same chains.

    Chains that were cut at `recipe.longest` tokens are kept: their lines can be judged like others. Lines that arrive
    at the right value in a spelling that is not the family's are not told (see `gold_chain`).
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
        return [await gold_chain(problem, text, spelled=True) for text in texts if text.strip()]

    found: dict[tuple[str, tuple[str, ...]], GoldChain] = {}
    for start in range(0, len(asked), 512):
        for drawn in await asyncio.gather(*(chains(*one) for one in asked[start : start + 512])):
            found.update({(chain.problem.id, chain.steps): chain for chain in drawn})
    return list(found.values())


async def given_chains(recipe: PocketVerifierRecipe) -> list[GoldChain]:
    """Gold chains of train problems, and gold beginnings whose last line is spoiled; no model takes part."""
    rng = random.Random(f"{recipe.seed}|given")
    made: list[GoldChain] = []
    for name, share in recipe.shares.items():
        many = max(1, round(recipe.gold * share / 2))
        one = families()[name]
        for lengths in (one.in_length, one.out_of_length):
            for problem in _different(one, many, recipe.seed + 1, lengths):
                text = "\n".join((*problem.steps, f"The answer is {problem.gold}."))
                made += [await gold_chain(problem, text), *filter(None, (spoiled(problem, rng),))]
    return made


def _different(one: Family, many: int, seed: int, lengths: tuple[int, int]) -> Iterator[Problem]:
    """At most `many` problems: some families have fewer."""
    try:
        yield from generate(one, "train", many, seed, lengths)
    except DataError:
        return


def examples_of(tokenizer: Any, chains: Iterable[GoldChain], kind: Kind) -> list[Example]:
    """What a verifier of `kind` learns from chains: "step" whether all is right so far, "chain" whether the answer is.

    Lines whose rightness nobody can tell are not learnt by the first; a chain with nothing to learn is left out. The
    lines before the first that is not known to be right are learnt as text as well.
    """
    made = []
    for chain in chains:
        reading = read_lines(tokenizer, chain.problem.question, chain.steps)
        labels = chain.sound if kind == "step" else (chain.right,) * len(chain.steps)
        known = [(p, float(label)) for p, label in zip(reading.places, labels, strict=True) if label is not None]
        if known:
            places, values = zip(*known, strict=True)
            good = len(list(itertools.takewhile(bool, chain.sound)))
            began = len(read_lines(tokenizer, chain.problem.question, ()).ids)
            text = (began, reading.places[good - 1] + 1 if good else began)
            made.append(Example(reading.ids, places, values, text))
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
    verifier = Verifier(
        AutoModel.from_pretrained(base, dtype=torch.float32), recipe.doubt if kind == "step" else recipe.ends_doubt
    )
    verifier.score.bias.data.fill_(1.0 if kind == "step" else 0.0)
    report = _printed() if told and rank == 0 else None
    how = recipe.learning if kind == "step" else replace(recipe.learning, epochs=recipe.ends)
    updates = teach(verifier, examples, how, hidden=llama_hidden, wrap=compiled, report=report)
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
