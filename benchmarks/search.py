"""Beam and tree search beside its_hub's and llm-reasoners': wall time on one model, and positions computed twice.

    python benchmarks/search.py [--model FILE]

The peers run in this process, on the same module, through `generate` in left-padded batches with a key-value cache,
which is more than either ships for a local model. They need not be installed with us: make a folder of their own
(`python3 -m venv peers`, `peers/bin/pip install its_hub`, `peers/bin/pip install --no-deps llm-reasoners tqdm`) and
name its site-packages in WORKINGS_PEERS; a figure is null, and the reason is printed, when its peer is not there.

The prompt is a word problem behind three worked ones. Steps are 16 tokens and the end token is forbidden, so all do
the same kind of work. Beam: budget 16, width 4, seven levels; its_hub's first level has 4 samples and ours 16, so ours
draws 112 steps where it draws 100. Tree: eight simulations of llm-reasoners' MCTS, four actions, depth 7; ours runs
until it has drawn as many tokens. The verifier costs nothing. Run it on an idle machine, or with OMP_NUM_THREADS=1:
threads that wait for a core slow the peers more.

Keys: `wall_over_its_hub`, `wall_over_llm_reasoners` (our seconds over the peer's, the median over rounds) and
`computed_over_distinct`, which is 1 when no position is computed twice.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from engine import arguments, opened

from workings.core.ask import Grade, Grades, Sample
from workings.core.budget import Budget
from workings.core.capability import Capability
from workings.core.completion import Completion
from workings.core.prompt import Prompt
from workings.models.local.model import LocalModel
from workings.problems.procedural import family, generate
from workings.reason.prompts import write_prompt
from workings.reason.search.beam import Beam
from workings.reason.search.tree_search import TreeSearch
from workings.run.drive import World, solve

STEP, LEVELS, BUDGET, WIDTH, ITERATIONS, SHOTS = 16, 7, 16, 4, 8, 3


def worth(text: str) -> float:
    """The verifier of all contestants: the share of letters in a text that are vowels."""
    letters = [c for c in text.lower() if c.isalpha()]
    return sum(c in "aeiou" for c in letters) / max(len(letters), 1)


class Vowels:
    """The same as a grader of ours."""

    async def grade(self, ask: Grade) -> Grades:
        return Grades(tuple((worth(" ".join(steps)),) for steps in ask.chains))


class Endless:
    """A model whose end token is forbidden."""

    def __init__(self, model: LocalModel) -> None:
        self.model = model
        self.identity = model.identity
        self.bias = tuple((token, -1e9) for token in ends(model))
        self.score, self.aclose = model.score, model.aclose

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self.model.capabilities

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Any = None) -> tuple[Completion, ...]:
        return await self.model.sample(replace(ask, sampling=replace(ask.sampling, bias=self.bias)), seeds, watch)


def ends(model: LocalModel) -> list[int]:
    """The token ids that end a reply of this model."""
    found = {model.tokenizer.eos_token_id, model.module.config.eos_token_id, model._text.end_of_turn()}
    return sorted(token for token in found if isinstance(token, int))


class Plain:
    """`generate` for the peers: a batch of prompts, one step each; counts what it drew."""

    def __init__(self, model: LocalModel, prompt: Prompt) -> None:
        self.model, self.prompt, self.drawn = model, prompt, 0

    def steps(self, leads: Sequence[str], each: int = 1) -> list[str]:
        """`each` next steps for every chain, in order."""
        rows = [list(self.model.prompt_ids(Sample(Prompt(self.prompt.messages, lead)))) for lead in leads]
        longest = max(map(len, rows))
        pad = self.model.tokenizer.eos_token_id or 0
        ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        with torch.inference_mode():
            out = self.model.module.generate(
                input_ids=ids,
                attention_mask=mask,
                do_sample=True,
                temperature=0.8,
                max_new_tokens=STEP,
                min_new_tokens=STEP,
                num_return_sequences=each,
                pad_token_id=pad,
            )
        self.drawn += STEP * len(out)
        return [str(text) for text in self.model.tokenizer.batch_decode(out[:, longest:], skip_special_tokens=True)]


def its_hub(plain: Plain) -> Callable[[], int]:
    """its_hub's beam search on `plain`; how many tokens it drew."""
    api = importlib.import_module("its_hub.api")
    search = importlib.import_module("its_hub.core.algorithms.beam_search")
    stepping = importlib.import_module("its_hub.core.lms.step_generation")

    class Lm(api.AbstractLanguageModel):  # type: ignore[misc,name-defined]
        async def agenerate(self, messages: Any, stop: Any = None, **_: Any) -> Any:
            leads = ["".join(m.content for m in row if m.role == "assistant") for row in messages]
            return [{"role": "assistant", "content": text} for text in plain.steps(leads)]

    class Prm(api.AbstractProcessRewardModel):  # type: ignore[misc,name-defined]
        def score(self, prompt: Any, steps: Any) -> Any:
            return [worth(text) for text in steps]

        async def ascore(self, prompt: Any, steps: Any) -> Any:
            return self.score(prompt, steps)

    def run() -> int:
        before = plain.drawn
        sg = stepping.StepGeneration(max_steps=LEVELS - 1, tokens_per_step=STEP)
        asyncio.run(search.BeamSearch(sg, Prm(), WIDTH).ainfer(Lm(), plain.prompt.messages[-1].content, BUDGET))
        return plain.drawn - before

    return run


def llm_reasoners(plain: Plain) -> Callable[[], int]:
    """llm-reasoners' MCTS on `plain`; how many tokens it drew."""
    base = importlib.import_module("reasoners")
    mcts = importlib.import_module("reasoners.algorithm.mcts")

    class World_(base.WorldModel):  # type: ignore[misc,name-defined]
        def init_state(self) -> list[str]:
            return []

        def step(self, state: list[str], action: str) -> tuple[list[str], dict[str, Any]]:
            return [*state, action], {}

        def is_terminal(self, state: list[str]) -> bool:
            return len(state) >= LEVELS

    class Config(base.SearchConfig):  # type: ignore[misc,name-defined]
        def get_actions(self, state: list[str]) -> list[str]:
            return plain.steps(["".join(state)], WIDTH)

        def fast_reward(self, state: list[str], action: str) -> tuple[float, dict[str, Any]]:
            return worth("".join([*state, action])), {}

        def reward(self, state: list[str], action: str, **_: Any) -> tuple[float, dict[str, Any]]:
            return worth("".join([*state, action])), {}

    def run() -> int:
        before = plain.drawn
        mcts.MCTS(n_iters=ITERATIONS, depth_limit=LEVELS)(World_(), Config())
        return plain.drawn - before

    return run


def tried(make: Callable[[Plain], Callable[[], int]], plain: Plain) -> tuple[Callable[[], int] | None, str]:
    """A peer, or why there is none."""
    try:
        return make(plain), ""
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def main() -> None:
    given = arguments(__doc__)
    if folder := os.environ.get("WORKINGS_PEERS"):
        sys.path.append(folder)
    model = opened(given)
    question = next(iter(generate(family("word-problems"), "test", 1))).question
    shots = 0 if given.quick else SHOTS
    plain = Plain(model, write_prompt(question, "cot", shots=shots))
    print(f"a prompt of {len(model.prompt_ids(Sample(plain.prompt)))} tokens")
    endless = Endless(model)
    shape: dict[str, Any] = {"boundary": "tokens", "step_tokens": STEP, "depth": LEVELS, "max_tokens": STEP * LEVELS,
                             "temperature": 0.8, "by": "vowels", "steps": "last", "shots": shots}  # fmt: skip
    beam = Beam(n=BUDGET, keep=WIDTH, **shape)

    async def search(method: Any, seed: int, budget: Budget) -> int:
        world = World(endless, {"vowels": Vowels()})
        return (await solve(method, question, world, seed=seed, budget=budget)).spent.generated

    figures: dict[str, float | None] = {}
    print(f"{'':24} {'seconds':>9} {'tokens':>8} {'peer, s':>9} {'tokens':>8} {'ratio':>7}")
    for name, make, key in (
        ("beam / its_hub", its_hub, "wall_over_its_hub"),
        ("tree / llm-reasoners", llm_reasoners, "wall_over_llm_reasoners"),
    ):
        peer, why = tried(make, plain)
        ratios, rows = [], []
        for number in range(1 if given.quick else given.rounds):
            theirs, their_tokens = timed(peer) if peer else (None, BUDGET * STEP * LEVELS)
            if make is its_hub:
                ours, tokens = timed(lambda n=number: asyncio.run(search(beam, n, Budget())))  # type: ignore[misc]
            else:
                tree = TreeSearch(n=500, width=WIDTH, abreast=4, **shape)
                limit = Budget(tokens=their_tokens)
                ours, tokens = timed(lambda n=number, m=tree, b=limit: asyncio.run(search(m, n, b)))  # type: ignore[misc]
            rows.append((ours, tokens, theirs, their_tokens))
            if theirs:
                ratios.append(ours / theirs)
        ours, tokens, theirs, their_tokens = sorted(rows)[len(rows) // 2]
        figures[key] = round(statistics.median(ratios), 3) if ratios else None
        told = f"{theirs:9.2f} {their_tokens:8d} {figures[key]:7.3f}" if theirs else f"not run: {why}"
        spread = f"  {min(ratios):.3f}–{max(ratios):.3f}" if len(ratios) > 1 else ""
        print(f"{name:24} {ours:9.2f} {tokens:8d} {told}{spread}")
    count = model.count
    figures["computed_over_distinct"] = round(count.computed / count.distinct, 4)
    print(f"{count.computed} positions computed, {count.distinct} distinct")
    asyncio.run(model.aclose())
    print(json.dumps(figures))


def timed(work: Callable[[], int]) -> tuple[float, int]:
    """Seconds and tokens."""
    began = time.perf_counter()
    tokens = work()
    return time.perf_counter() - began, tokens


if __name__ == "__main__":
    main()
