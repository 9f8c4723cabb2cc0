"""Chains written in pieces on a real engine: from their exact tokens, with what the engine tells about each."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
sys.path.insert(0, str(Path(__file__).parent.parent / "models"))

import tiny

from workings.models.local.model import LocalModel
from workings.problems.procedural import family, generate
from workings.reason.adaptive import Adaptive
from workings.reason.budget_forcing import BudgetForcing
from workings.reason.cot import Cot
from workings.reason.cot_decoding import CotDecoding
from workings.reason.deepconf import DeepConf
from workings.reason.early_exit import EarlyExit
from workings.reason.vote import Vote
from workings.run.drive import World, solve
from workings.testing import Counted


def solved(*methods):
    model = Counted(LocalModel(tiny.module(context=512), tiny.tokenizer(chat=True)))
    problem = next(iter(generate(family("coin-flip"), "train", 1)))

    async def go():
        async with World(model) as world:
            return [await solve(method, problem.question, world, seed=3) for method in methods]

    return asyncio.run(go()), model


def plain(text):
    """A random model writes bytes that are no character."""
    return text.replace("\ufffd", "")


def test_a_chain_in_pieces_has_the_tokens_of_the_whole_one():
    (whole, pieces), _ = solved(Cot(max_tokens=40), EarlyExit(every=7, agree=99, max_tokens=40))
    one, main = whole.pool[0], pieces.pool[0]
    assert plain(main.text).startswith(plain(one.text))
    assert pieces.spent.generated == whole.spent.generated
    assert len(pieces.pool) == 1 + -(-whole.spent.generated // 7) - (one.stop.finished)


def test_branches_are_the_likeliest_tokens_and_the_first_is_greedy():
    (greedy, branches), model = solved(Cot(max_tokens=12), CotDecoding(n=4, max_tokens=12))
    assert len(branches.pool) == 4 and plain(branches.pool[0].text) == plain(greedy.pool[0].text)
    [look] = [replies for ask, replies in model.samples if ask.path == "first"]
    assert [t.token_ids[0] for t in branches.pool] == [token for token, _ in look[0].top[0]]
    assert all(0.0 <= t.scores["margin"][0] <= 1.0 for t in branches.pool)


def test_online_chains_begin_as_the_vote_does():
    short = {"temperature": 1.0, "max_tokens": 24}
    (vote, online), model = solved(Vote(n=6, **short), DeepConf(n=6, mode="online", warmup=3, keep=0.5, **short))
    assert [t.text for t in online.pool[:3]] == [t.text for t in vote.pool[:3]]
    window = online.notes["window"]
    for ours, theirs in zip(online.pool[3:], vote.pool[3:], strict=False):
        assert ours.token_ids[:window] == theirs.token_ids[:window]
    assert online.choice.rule == "deepconf online by lowest confidence"
    assert all(len(row) == 20 for ask, replies in model.samples if ask.sampling.top for c in replies for row in c.top)


def test_certainty_is_the_engines():
    (found,), _ = solved(Vote(n=3, weight="certainty", max_tokens=8))
    assert all(t.certainty is not None and t.certainty > 0 for t in found.pool)
    assert found.choice.rule == "vote by certainty"


def test_forced_thinking_has_its_length():
    (found, early), _ = solved(
        BudgetForcing(min_tokens=20, max_tokens=30, answer_tokens=5), Adaptive(n=4, max_tokens=8)
    )
    assert found.notes["thought"] <= 30 and found.spent.generated <= 35
    assert found.notes["thought"] >= 20 or found.notes["waited"] == 2
    assert len(early.pool) == 4
