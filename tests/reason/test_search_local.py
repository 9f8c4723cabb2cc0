"""Searches on a real engine: chains go on from their exact tokens, and no position is computed twice."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
sys.path.insert(0, str(Path(__file__).parent.parent / "models"))

import tiny
from search_worlds import check_pool

from workings.core.completion import Stop
from workings.models.local.model import LocalModel
from workings.problems.procedural import family, generate
from workings.reason.search.beam import Beam
from workings.reason.search.dvts import Dvts
from workings.reason.search.particles import Particles
from workings.reason.search.rebase import Rebase
from workings.reason.search.tree_search import TreeSearch
from workings.run.drive import World, solve
from workings.testing.worlds import ScriptedGrader

SHORT = {"temperature": 1.0, "boundary": "tokens", "step_tokens": 5, "max_tokens": 24}
METHODS = [
    Beam(n=6, keep=2, by="logprob", **SHORT),
    Beam(n=6, keep=3, by="scripted", ahead=1, **SHORT),
    Dvts(n=6, width=3, by="logprob", **SHORT),
    Rebase(n=6, by="logprob", **SHORT),
    Particles(n=6, by="logprob", **SHORT),
    TreeSearch(n=3, width=3, by="logprob", abreast=2, **SHORT),
]


def plain(text):
    """A random model writes bytes that are no character; how many marks stand for them depends on where text is cut."""
    return text.replace("\ufffd", "")


def searched(method, style="cot"):
    model = LocalModel(tiny.module(context=512), tiny.tokenizer(chat=True))
    problem = next(iter(generate(family("coin-flip"), "train", 1)))

    async def go():
        async with World(model, {"scripted": ScriptedGrader()}) as world:
            return await solve(method, problem.question, world, seed=2)

    return asyncio.run(go()), model


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_every_chain_is_its_tokens_and_little_is_computed_twice(method):
    found, model = searched(method)
    check_pool(found)
    chains = [t for t in found.pool if t.role != "probe"]
    assert any(t.parent is not None for t in chains)
    for trace in chains:
        assert trace.token_ids is not None and len(trace.logprobs) == len(trace.token_ids) <= 24
        assert plain(model._text.decode(trace.token_ids)) == plain(trace.text)
        assert len(trace.token_ids) == 24 or trace.stop in (Stop.END, Stop.CANCELLED)
    assert model.count.computed <= 1.05 * model.count.distinct


def test_a_prompt_with_a_lead_goes_on_from_its_tokens_too():
    method = Beam(n=4, keep=2, by="logprob", style="kojima", **SHORT)
    found, model = searched(method)
    for trace in found.pool:
        assert plain(trace.text) == plain(trace.prompt.lead + model._text.decode(trace.token_ids))
    assert model.count.computed <= 1.05 * model.count.distinct


def test_a_character_that_two_steps_share_is_whole():
    """Chinese characters take several of this tokenizer's tokens; a step of two tokens ends within one."""
    from workings.core.ask import Sampling
    from workings.core.problem import Question
    from workings.core.prompt import Prompt
    from workings.reason.search.tree import Tree, Want

    text = "答案是7。"
    tokenizer = tiny.tokenizer()
    ids = tokenizer.encode(text, add_special_tokens=False)

    class Forced(LocalModel):
        """Writes the text whatever it is asked."""

        async def sample(self, ask, seeds, watch=None):
            from dataclasses import replace

            done = len(ask.prompt.lead_ids or ())
            outs = []
            for seed in seeds:
                part = ids[done : done + ask.sampling.max_tokens]
                steps = []
                for token in part:
                    lead = (*ids[:done], *[t for c in steps for t in c.token_ids])
                    one = replace(ask, n=1, prompt=replace(ask.prompt, lead_ids=lead, lead=" "),
                                  sampling=Sampling(0.0, 1, allowed=(token,)))  # fmt: skip
                    steps += await super().sample(one, (seed,))
                written = self._text.decode_after(ids[:done], part)
                usage = replace(steps[-1].usage, generated=len(part))
                outs.append(replace(steps[-1], text=written, token_ids=tuple(part), logprobs=(-1.0,) * len(part),
                                    stop=Stop.LENGTH, usage=usage))  # fmt: skip
            return tuple(outs)

    question = Question("q", "?")
    tree = Tree(question, Prompt.user("?"), Sampling(0.0, len(ids)), boundary="tokens", step_tokens=2)

    def flow(question):
        node = tree.root
        while not node.closed:
            [[node]] = yield from tree.grow([Want(node)])
        return node

    class Grown:
        needs, verifiers = frozenset(), ()

        def __call__(self, question):
            node = yield from flow(question)
            from workings.core.solution import Solution

            return Solution(pool=tree.pool()[0], notes={"text": node.text})

    async def go():
        async with World(Forced(tiny.module(), tokenizer)) as world:
            return await solve(Grown(), question, world)

    found = asyncio.run(go())
    assert found.notes["text"] == text and found.pool[-1].token_ids == tuple(ids)
