"""Step labels by roll-outs, on scripted models whose success rates are known; gold labels of the families."""

from __future__ import annotations

import asyncio
import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.errors import BadSetting
from workings.core.problem import Problem, Question
from workings.models.scripted import Scripted
from workings.problems.procedural import families, generate
from workings.train.gold import gold_chain, sound, spoiled
from workings.train.labels import RollOuts, StepValue, consensus, first_error_by_halves, step_values

PROBLEM = Problem(Question("p", "Which number is meant?"), "7")
RIGHT, WRONG = "The answer is 7.", "The answer is 3."


def model(chance):
    """Ends right with the probability that `chance` gives for the lines written so far."""

    def table(prompt):
        value = chance([line for line in prompt.lead.split("\n") if line])
        return {text: p for text, p in ((RIGHT, value), (WRONG, 1 - value)) if p > 0}

    return Scripted(table)


def falls(rate=1.0):
    """Right at `rate` until a line says "bad", then never."""
    return model(lambda lines: 0.0 if any("bad" in line for line in lines) else rate)


def chain(length, bad):
    lines = (f"step {n} {'bad' if n == bad else 'good'}" for n in range(length - 1))
    return (*lines, RIGHT if bad is None else WRONG)


@pytest.mark.parametrize(("length", "bad"), [(n, b) for n in range(2, 13) for b in range(n - 1)])
def test_both_ways_find_the_planted_error(length, bad):
    how = RollOuts(n=4)
    steps = chain(length, bad)
    plain = asyncio.run(step_values(falls(), PROBLEM, steps, how))
    found = asyncio.run(first_error_by_halves(falls(), PROBLEM, steps, how))
    assert plain.first_error == found.first_error == bad
    assert plain.roll_outs == 4 * (length - 1) and plain.overturned == found.overturned == 0
    assert found.roll_outs <= 4 * (math.ceil(math.log2(length)) + 1)
    assert plain.spent.generated == 4 * 4 * (length - 1), "four words a roll-out"


def test_halving_takes_at_most_six_tenths_on_long_chains():
    for length in range(9, 40):
        both = [
            asyncio.run(first_error_by_halves(falls(), PROBLEM, chain(length, bad), RollOuts(n=1))).roll_outs
            for bad in range(length - 1)
        ]
        assert sum(both) / len(both) <= 0.6 * (length - 1), length


def test_a_chain_that_only_its_last_line_spoils():
    steps = ("step good", "step good", WRONG)
    assert asyncio.run(step_values(falls(), PROBLEM, steps)).first_error == 2
    assert asyncio.run(first_error_by_halves(falls(), PROBLEM, steps)).first_error == 2


def test_a_right_answer_needs_no_roll_out():
    found = asyncio.run(first_error_by_halves(falls(), PROBLEM, chain(9, None)))
    assert (found.first_error, found.roll_outs, found.values) == (-1, 0, {})


def test_the_declared_answer_is_known_and_not_rolled_out():
    plain = asyncio.run(step_values(falls(), PROBLEM, chain(3, None), RollOuts(n=4)))
    assert plain.values[2] == StepValue((True,) * 4, known=True) and plain.roll_outs == 8


def test_a_step_missed_by_chance_is_overturned_when_checked_again():
    rare = falls(0.25)
    steps = chain(10, 6)
    found = [asyncio.run(first_error_by_halves(rare, PROBLEM, steps, RollOuts(n=4, seed=seed))) for seed in range(60)]
    assert sum(one.overturned for one in found) > 0
    alone = [asyncio.run(step_values(rare, PROBLEM, steps, RollOuts(n=4, seed=seed))).first_error for seed in range(60)]
    exact = sum(one.first_error == 6 for one in found) / 60
    plain = sum(first == 6 for first in alone) / 60
    assert exact > plain + 0.2, "the plain way needs luck at six steps, the search at three"


def test_values_that_rise_again_are_counted():
    mends = model(lambda lines: 0.0 if len(lines) in (3, 4) else 1.0)
    plain = asyncio.run(step_values(mends, PROBLEM, chain(8, 2)[:-1], RollOuts(n=2)))
    assert plain.first_error == 2 and plain.overturned == 3


def test_fewer_roll_outs_are_the_first_of_more():
    half = falls(0.5)
    many = asyncio.run(step_values(half, PROBLEM, chain(5, 3), RollOuts(n=16)))
    few = asyncio.run(step_values(half, PROBLEM, chain(5, 3), RollOuts(n=4)))
    for i in range(4):
        assert many.values[i].first(4).ends == few.values[i].ends
    with pytest.raises(BadSetting, match="n=17"):
        many.values[0].first(17)


def test_hard_and_soft_labels_estimate_what_they_should():
    """With success rate v, a hard label is yes with 1 - (1 - v)^N: at .1 and N = 8 more often than not."""
    values = [
        asyncio.run(step_values(falls(0.1), PROBLEM, ("step good",), RollOuts(n=8, temperature=1.0, seed=seed))).values[
            0
        ]
        for seed in range(400)
    ]
    hard = sum(value.hard for value in values) / 400
    soft = sum(value.soft for value in values) / 400
    assert hard == pytest.approx(1 - 0.9**8, abs=4 * math.sqrt(0.25 / 400))
    assert soft == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / 3200))
    covered = sum(value.posterior(0.95).low <= 0.1 <= value.posterior(0.95).high for value in values) / 400
    assert covered > 0.9


@settings(max_examples=60)
@given(st.lists(st.sampled_from([True, False, None]), max_size=12))
def test_sound_is_right_so_far(correct):
    found = list(sound(correct))
    for at, value in enumerate(found):
        so_far = correct[: at + 1]
        assert value is (False if False in so_far else None if None in so_far else True)


def test_a_cut_roll_out_is_not_right():
    long = Scripted(lambda prompt: {f"{RIGHT} And so on and on and on.": 1.0})
    cut = asyncio.run(step_values(long, PROBLEM, ("step",), RollOuts(n=2, max_tokens=5)))
    assert cut.values[0].soft == 0.0
    assert asyncio.run(step_values(long, PROBLEM, ("step",), RollOuts(n=2))).values[0].soft == 1.0


def test_nothing_to_label_is_an_error():
    for label in (step_values, first_error_by_halves):
        with pytest.raises(BadSetting, match="without steps"):
            asyncio.run(label(falls(), PROBLEM, ()))
    with pytest.raises(BadSetting, match="n=0"):
        RollOuts(n=0)


def test_consensus_keeps_what_both_name():
    assert consensus((1, -1, 2, None, None), (1, -1, 3, None, 1)) == (True, True, False, False, False)
    with pytest.raises(BadSetting, match="1 chains against 2"):
        consensus((1,), (1, 2))


@pytest.mark.parametrize("name", sorted(families()))
def test_gold_chains_are_right_line_by_line(name):
    for problem in itertools.islice(generate(families()[name], "test", 12, 3), 12):
        told = asyncio.run(gold_chain(problem, "\n".join((*problem.steps, f"The answer is {problem.gold}."))))
        assert told.right and told.correct[-1] is True
        assert False not in told.correct, (name, told)


def test_a_right_answer_behind_a_wrong_line_is_seen():
    problem = next(generate(families()["shell-game"], "test", 1, 3))
    lines = list(problem.steps)
    lines[1] = lines[1][:-1] + str(int(lines[1][-1]) % 5 + 1)
    told = asyncio.run(gold_chain(problem, "\n".join((*lines, f"The answer is {problem.gold}."))))
    assert told.right and told.first_error == 1
    assert told.sound[0] is True and not any(told.sound[1:])
    assert told.correct[2:] == (True,) * len(told.correct[2:])


def test_a_wrong_answer_behind_right_lines_is_the_first_error():
    problem = next(generate(families()["shell-game"], "test", 1, 3))
    told = asyncio.run(gold_chain(problem, "\n".join((*problem.steps, "The answer is 99."))))
    assert not told.right and told.first_error == len(problem.steps)


@pytest.mark.parametrize("name", sorted(set(families()) - {"countdown"}))
def test_a_spoiled_chain_is_gold_but_for_its_last_value(name):
    rng, made = random.Random(5), 0
    for problem in generate(families()[name], "train", 20, 3):
        chain = spoiled(problem, rng)
        if chain is None:
            continue
        made += 1
        last = len(chain.steps) - 1
        assert chain.first_error == last and chain.steps[:last] == problem.steps[:last]
        assert chain.steps[last] != problem.steps[last] and not chain.right
    assert made >= 15
