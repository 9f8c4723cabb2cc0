"""The recipe of the shipped pocket model: a decoder of about a million parameters, trained from scratch.

It imitates gold chains of the procedural problems (train split, in-length only) in three styles: direct, step by step,
draft. Prompts are those of the prompt styles, so every method asks it as it asks any other model. Run it with
`make pocket`; the model card beside the weights names the command behind each of its numbers.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from workings.core.problem import Problem
from workings.problems.procedural import families, generate
from workings.reason.prompts import Exemplar, write_prompt, written_chain
from workings.train.fast import compiled, in_processes, llama_hidden
from workings.train.sft import Lesson, SftSettings, imitate
from workings.train.vocabulary import END, build_vocabulary

__all__ = [
    "GIVEN",
    "PocketRecipe",
    "make_pocket",
    "pocket_lessons",
    "printed",
    "spelled_lessons",
    "tell_lesson",
    "tiny_llama",
]

FAMILY_SHARES = {
    "coin-flip": 0.05,
    "last-letters": 0.09,
    "shell-game": 0.08,
    "addition": 0.09,
    "chain-arithmetic": 0.15,
    "countdown": 0.05,
    "dates": 0.11,
    "word-problems": 0.38,
}
STYLE_SHARES = {"cot": 0.68, "direct": 0.14, "draft": 0.18}
DRILL_SHARE = 0.2
GIVEN = "\0"


@dataclass(frozen=True, slots=True)
class PocketRecipe:
    """Every choice that went into the pocket model."""

    vocabulary: int = 2048
    width: int = 128
    layers: int = 4
    heads: int = 4
    inner: int = 384
    context: int = 1024
    rope_base: float = 10000.0
    seed: int = 0
    families: Mapping[str, float] = field(default_factory=lambda: dict(FAMILY_SHARES))
    styles: Mapping[str, float] = field(default_factory=lambda: dict(STYLE_SHARES))
    drills: float = DRILL_SHARE
    processes: int = 2
    sft: SftSettings = SftSettings(steps=5_000, jumps=0.4)


def tell_lesson(problem: Problem, style: str) -> tuple[str, str]:
    """A training pair as text: the prompt in the pocket's chat template, and the target with its end token."""
    asked = write_prompt(problem.question, style)
    prompt = "".join(f"<|{m.role}|>{m.content}{END}" for m in asked.messages) + "<|assistant|>"
    worked = Exemplar(problem.question.text, problem.steps, problem.drafts, problem.gold or "")
    return prompt, written_chain(style, worked, "en") + END


def tell_drill(rng: random.Random) -> tuple[str, str]:
    """A training pair of sums alone, spelled as the families spell them: most of what a small model gets wrong.

    What stands between two GIVEN marks is read and not learnt.
    """
    sums = "\n".join(rng.choice(_DRILLS)(rng) for _ in range(10))
    lines = (_give(line) for line in sums.split("\n"))
    return f"<|user|>Sums{END}<|assistant|>", "\n".join(lines) + END


def _give(line: str) -> str:
    """Marks what stands before the equals sign, and the space before it is left to the sign's token."""
    before, _, after = line.partition("=")
    asked = before.rstrip(" ")
    return f"{GIVEN}{asked}{GIVEN}{before[len(asked) :]}={after}"


def _sum(rng: random.Random) -> str:
    a, b = rng.randint(1, 150), rng.randint(1, rng.choice((12, 50)))
    a, b = rng.choice(((a, b), (b, a)))
    return f"Total: {a} + {b} = {a + b}."


def _difference(rng: random.Random) -> str:
    b = rng.randint(1, rng.choice((20, 100)))
    a = b + rng.randint(1, 200 - b)
    return f"Left: {a} - {b} = {a - b}."


def _product(rng: random.Random) -> str:
    a = rng.randint(2, 12)
    b = rng.randint(2, rng.choice((12, 200 // a)))
    a, b = rng.choice(((a, b), (b, a)))
    return f"Total: {a} × {b} = {a * b}."


def _quotient(rng: random.Random) -> str:
    b = rng.randint(2, 12)
    q = rng.randint(2, rng.choice((12, 200 // b)))
    return f"Each: {b * q} ÷ {b} = {q}."


def _days(rng: random.Random) -> str:
    a, b = rng.randint(1, 31), rng.randint(1, 63)
    month = rng.choice((28, 29, 30, 31))
    if rng.random() < 0.5:
        return f"{a}+{b}={a + b}\n{a + b}-{month}={a + b - month}"
    return f"{a}-{b}={a - b}\n{a - b}+{month}={a - b + month}"


def _residue(rng: random.Random) -> str:
    modulus, a, b = rng.randint(7, 10), rng.randint(0, 9), rng.randint(0, 9)
    sign, value = rng.choice((("+", a + b), ("-", a - b), ("*", a * b)))
    return f"{a}{sign}{b}={value}, mod {modulus}: {value % modulus}"


_DRILLS = (_sum, _sum, _difference, _difference, _product, _quotient, _days, _residue)


def _endless(name: str, seed: int) -> Iterator[Problem]:
    one = families()[name]
    for block in itertools.count(seed * 1_000_000):
        yield from generate(one, "train", 240, block)


def _texts(recipe: PocketRecipe, seed: int) -> Iterator[tuple[str, str]]:
    rng = random.Random(seed)
    streams = {name: _endless(name, seed) for name in recipe.families}
    names, shares = list(recipe.families), list(recipe.families.values())
    styles, weights = list(recipe.styles), list(recipe.styles.values())
    while True:
        if rng.random() < recipe.drills:
            yield tell_drill(rng)
            continue
        name = rng.choices(names, shares)[0]
        yield tell_lesson(next(streams[name]), rng.choices(styles, weights)[0])


def pocket_lessons(tokenizer: Any, recipe: PocketRecipe, seed: int = 0) -> Iterator[Lesson]:
    """An endless stream of lessons from the train splits, in-length only."""
    yield from spelled_lessons(tokenizer, _texts(recipe, seed))


def spelled_lessons(tokenizer: Any, texts: Iterator[tuple[str, str]]) -> Iterator[Lesson]:
    """Endless pairs of prompt and target as token ids; what stands between GIVEN marks is read and not learnt."""
    while True:
        pairs = list(itertools.islice(texts, 256))
        pieces = [[prompt, *target.split(GIVEN)] for prompt, target in pairs]
        ids = iter(tokenizer([piece for row in pieces for piece in row], add_special_tokens=False)["input_ids"])
        for row in pieces:
            prompt, *parts = [next(ids) for _ in row]
            given = tuple(bool(n % 2) for n, part in enumerate(parts) for _ in part)
            yield Lesson(tuple(prompt), tuple(itertools.chain(*parts)), given if len(parts) > 1 else ())


def make_pocket(folder: Path, recipe: PocketRecipe = PocketRecipe(), *, told: bool = False) -> None:
    """Trains the pocket model by `recipe` and writes it to `folder`; with `told` it prints how it goes.

    The folder is an ordinary transformers model folder: config, safetensors in half precision, tokenizer. The same
    recipe sees the same lessons in the same order on any machine; the weights differ with its arithmetic.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pairs = itertools.islice(_texts(recipe, recipe.seed + 1), 30_000)
    build_vocabulary((p + t.replace(GIVEN, "") for p, t in pairs), recipe.vocabulary, folder)
    in_processes(_work, recipe.processes, folder, recipe, told)


def _work(rank: int, folder: Path, recipe: PocketRecipe, told: bool) -> None:
    import torch
    from transformers import AutoTokenizer, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    torch.set_flush_denormal(True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    module = LlamaForCausalLM(tiny_llama(recipe, tokenizer))
    lessons = pocket_lessons(tokenizer, recipe, 1000 * recipe.seed + rank)
    report = printed(recipe.sft.steps) if told and rank == 0 else None
    sft = replace(recipe.sft, seed=recipe.sft.seed + rank)
    imitate(module, lessons, sft, hidden=llama_hidden, wrap=compiled, report=report)
    if rank == 0:
        module.half().save_pretrained(folder)
        size = int(sum(p.numel() for p in module.parameters()))
        made = json.dumps({"parameters": size, **asdict(recipe)}, indent=1)
        (folder / "recipe.json").write_text(made + "\n", encoding="utf-8")


def tiny_llama(recipe: PocketRecipe, tokenizer: Any) -> Any:
    """The configuration of a Llama as small as `recipe` says, for a tokenizer."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        rope_parameters={"rope_type": "default", "rope_theta": recipe.rope_base},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def printed(steps: int) -> Callable[[int, float], None]:
    """A report for `imitate` that prints the loss, smoothed, and the time every 50 steps."""
    began, seen = time.monotonic(), 0.0

    def report(step: int, loss: float) -> None:
        nonlocal seen
        seen = loss if step == 1 else 0.98 * seen + 0.02 * loss
        if step % 50 == 0:
            print(f"step {step} of {steps}  loss {seen:.4f}  {time.monotonic() - began:.0f} s", flush=True)

    return report


def main() -> None:
    """Trains the pocket model: `python -m workings.train.pocket FOLDER [STEPS]`."""
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python -m workings.train.pocket FOLDER [STEPS]")
    folder = Path(sys.argv[1])
    recipe = PocketRecipe()
    if len(sys.argv) > 2:
        recipe = replace(recipe, sft=replace(recipe.sft, steps=int(sys.argv[2])))
    make_pocket(folder, recipe, told=True)
    print(f"written to {folder}")


if __name__ == "__main__":
    main()
