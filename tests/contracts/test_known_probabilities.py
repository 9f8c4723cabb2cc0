"""Accuracy of the methods on a model with known probabilities, against exact sums over multinomial counts."""

from __future__ import annotations

import asyncio
import itertools
import math

import pytest
from method_settings import made

from workings.core.answer import Outcome
from workings.core.ask import Sample, Sampling
from workings.core.prompt import Prompt
from workings.models.scripted import Scripted
from workings.run.experiment import Plan, carry_out
from workings.testing import MemoryRecord, item_model, item_problems, item_world

COUNT = 700
TWO = {"1": 0.6, "2": 0.4}
THREE = {"2": 0.4, "1": 0.35, "3": 0.25}
SHY = {"1": 0.35, "2": 0.25, "none": 0.4}


def exact_vote(chances, n, temperature=1.0):
    """The probability that a vote of n is right; ties are drawn evenly, abstentions do not vote."""
    sharp = {k: p ** (1 / temperature) for k, p in chances.items()}
    total = math.fsum(sharp.values())
    labels = list(sharp)
    right = 0.0
    for counts in itertools.product(range(n + 1), repeat=len(labels)):
        if sum(counts) != n:
            continue
        ways = math.factorial(n)
        chance = 1.0
        for label, count in zip(labels, counts, strict=True):
            ways //= math.factorial(count)
            chance *= (sharp[label] / total) ** count
        votes = {label: count for label, count in zip(labels, counts, strict=True) if label != "none" and count}
        if votes and votes.get("1", 0) == max(votes.values()):
            right += ways * chance / sum(v == max(votes.values()) for v in votes.values())
    return right


def share_right(spec, chances, seed=0, count=COUNT):
    record = MemoryRecord()
    plan = Plan(item_problems(count), {"m": made(spec)}, seed=seed)
    asyncio.run(carry_out(plan, item_world(item_model(chances)), record))
    return sum(a.outcome is Outcome.RIGHT for a in record.attempts()) / count


def bound(chance):
    """Four standard errors, so that one seed in some 15,000 fails."""
    return 4 * math.sqrt(max(chance * (1 - chance), 1e-4) / COUNT)


def test_the_exact_sum_agrees_with_closed_forms():
    assert exact_vote(TWO, 1) == pytest.approx(0.6)
    assert exact_vote(TWO, 3) == pytest.approx(0.6**3 + 3 * 0.6**2 * 0.4)
    assert exact_vote(TWO, 2) == pytest.approx(0.6**2 + 0.6 * 0.4)
    assert exact_vote(SHY, 1) == pytest.approx(0.35)
    assert exact_vote(TWO, 1, temperature=0.5) == pytest.approx(0.36 / 0.52)


@pytest.mark.parametrize("n", [1, 3, 5])
@pytest.mark.parametrize("chances", [TWO, THREE, SHY], ids=["two", "three", "shy"])
def test_a_vote_is_as_often_right_as_the_multinomial_says(n, chances):
    wanted = exact_vote(chances, n)
    assert abs(share_right(f"vote:n={n},temperature=1", chances) - wanted) < bound(wanted)


def test_voting_helps_the_mode_and_hurts_the_rest():
    assert exact_vote(TWO, 5) > exact_vote(TWO, 3) > exact_vote(TWO, 1)
    assert exact_vote({"1": 0.4, "2": 0.6}, 5) < exact_vote({"1": 0.4, "2": 0.6}, 1)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_is_a_power_of_the_probability(temperature):
    wanted = exact_vote(THREE, 1, temperature)
    assert abs(share_right(f"cot:temperature={temperature}", THREE, seed=3) - wanted) < bound(wanted)


def test_greedy_is_the_most_likely_chain():
    assert share_right("cot", TWO, count=40) == 1.0
    assert share_right("cot", THREE, count=40) == 0.0
    assert share_right("vote:n=3,temperature=0", THREE, count=40) == 0.0


def test_a_verifier_that_knows_finds_what_was_sampled():
    wanted = 1 - 0.65**4
    found = share_right("best-of-n:n=4,temperature=1,by=arithmetic,steps=min", THREE)
    assert abs(found - wanted) < bound(wanted)


def test_the_best_by_probability_is_a_vote_for_the_likeliest_text():
    model = Scripted({"q": {"a": 0.7, "b b": 0.3}})
    found = asyncio.run(model.sample(Sample(Prompt.user("q"), 400, Sampling(1.0)), tuple(range(400))))
    for completion in found:
        assert sum(completion.logprobs) == pytest.approx(math.log({"a": 0.7, "b b": 0.3}[completion.text]))
