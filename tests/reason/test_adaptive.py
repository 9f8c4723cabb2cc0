"""Adaptive self-consistency."""

from __future__ import annotations

import asyncio
import math

import pytest
from recorded_chains import says, solved

from workings.core.answer import Outcome
from workings.core.errors import BadSetting
from workings.models.scripted import Scripted
from workings.reason.adaptive import Adaptive
from workings.reason.vote import Vote
from workings.run.drive import World, solve
from workings.run.experiment import Plan, carry_out
from workings.stats.stopping import stops_at
from workings.testing import Delayed, MemoryRecord, item_model, item_problems, item_world

RULES = ("beta", "dirichlet", "window", "valid", "settled")
COUNT = 500


def exact(chances, n, method):
    """Expected looks and accuracy, over every sequence of samples; ties are drawn evenly, the right label is "1"."""
    looks = right = 0.0
    more = {"threshold": method.threshold, "window": method.window, "most": n}

    def go(ballots, chance):
        nonlocal looks, right
        if len(ballots) == n or (ballots and stops_at(ballots, method.rule, **more) == len(ballots)):
            looks += chance * len(ballots)
            votes = {b: ballots.count(b) for b in ballots if b is not None}
            top = [b for b in votes if votes[b] == max(votes.values())]
            right += chance * ("1" in top) / max(len(top), 1)
            return
        for label, p in chances.items():
            go([*ballots, None if label == "none" else label], chance * p)

    go([], 1.0)
    return looks, right


@pytest.mark.parametrize("chances", [{"1": 0.9, "2": 0.1}, {"1": 0.55, "2": 0.25, "none": 0.2}], ids=["sure", "shy"])
@pytest.mark.parametrize("rule", RULES)
def test_looks_and_accuracy_are_what_enumeration_says(rule, chances):
    method = Adaptive(n=7, rule=rule, threshold=0.9, window=3, batch=1, temperature=1.0)
    looks, right = exact(chances, 7, method)
    record = MemoryRecord()
    plan = Plan(item_problems(COUNT), {"m": method}, seed=5)
    asyncio.run(carry_out(plan, item_world(item_model(chances)), record))
    made = list(record.attempts())
    mean = sum(len(a.solution.pool) for a in made) / COUNT
    assert abs(mean - looks) < 4 * 2.5 / math.sqrt(COUNT)
    share = sum(a.outcome is Outcome.RIGHT for a in made) / COUNT
    assert abs(share - right) < 4 * math.sqrt(right * (1 - right) / COUNT) + 1e-9


@pytest.mark.parametrize("rule", RULES)
def test_batches_change_the_cost_and_never_the_answer(rule):
    for problem in item_problems(12):
        found = [
            asyncio.run(solve(Adaptive(n=16, rule=rule, batch=b), problem.question, item_world(), seed=2))
            for b in (1, 3, 16)
        ]
        assert len({f.answer for f in found}) == 1 and len({f.notes["looked"] for f in found}) == 1
        assert len({tuple(f.choice.weights.items()) for f in found}) == 1
        sizes = [len(f.pool) for f in found]
        assert sizes == sorted(sizes) and sizes[0] == found[0].notes["looked"]


def test_settled_always_answers_as_the_whole_vote():
    for problem in item_problems(40):
        early = asyncio.run(solve(Adaptive(n=9, rule="settled", batch=1), problem.question, item_world(), seed=3))
        whole = asyncio.run(solve(Vote(n=9), problem.question, item_world(), seed=3))
        assert early.answer.canonical == whole.answer.canonical and len(early.pool) <= 9


class LateRight(Delayed):
    """Replies come the later, the longer they are."""

    async def sample(self, ask, seeds, watch=None):
        replies = await self.model.sample(ask, seeds, watch)
        await asyncio.sleep(0.0005 * max(len(c.text) for c in replies))
        return replies


def test_short_chains_do_not_vote_first():
    """A published library looks at the posterior in order of arrival, and loses half its accuracy to short chains."""
    chances = {"3": 0.55, "1": 0.45}
    for problem in item_problems(8, right="3"):
        plain, late = (
            asyncio.run(solve(Adaptive(n=12, batch=12), problem.question, World(model), seed=4))
            for model in (item_model(chances), LateRight(item_model(chances)))
        )
        assert plain == late


def test_known_chains_stop_where_the_rule_says():
    lines = [says(1), says(2), says(1), ("I cannot tell.", 0), says(1), says(1), says(1), says(1)]
    found = solved(Adaptive(n=8, batch=1), *lines)
    assert len(found.pool) == 8 and found.notes["stopped"] and found.choice.weights == {"1": 6.0, "2": 1.0}
    assert found.choice.abstained == 1 and found.confidence == 6 / 8
    found = solved(Adaptive(n=8, rule="window", window=2, batch=3), *lines)
    assert found.notes == {"drawn": 6, "looked": 6, "stopped": True}
    assert found.choice.rule == "vote until window"


def test_chains_behind_the_stop_are_kept_and_do_not_vote():
    found = solved(Adaptive(n=8, batch=8), *[says(1)] * 4, says(2))
    assert len(found.pool) == 8 and found.notes["looked"] == 4 and found.choice.weights == {"1": 4.0}
    assert found.spent.generated == 16


def test_two_stages_can_stop_too():
    found = asyncio.run(solve(Adaptive(n=6, stages=2), item_problems(1)[0].question, item_world(), seed=1))
    assert found.answer.given and len(found.pool) <= 6


def test_nobody_answering_is_no_answer():
    silent = Scripted(lambda prompt: {"I cannot tell.": 1.0})
    found = asyncio.run(solve(Adaptive(n=5), item_problems(1)[0].question, World(silent)))
    assert not found.answer.given and len(found.pool) == 5 and found.choice.abstained == 5 and found.confidence == 0.0


@pytest.mark.parametrize("wrong", [{"n": 0}, {"rule": "guess"}, {"threshold": 0.4}, {"window": 0}, {"batch": 0}])
def test_settings_out_of_range_are_refused(wrong):
    [name] = wrong
    with pytest.raises(BadSetting, match=name):
        Adaptive(**wrong)
