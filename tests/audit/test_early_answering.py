"""Early answering on models whose answer at every cut is known, and on the pocket model against plain recomputation."""

from __future__ import annotations

import asyncio
import json
import math
import random
from dataclasses import replace

import pytest
from chains import case_of, measured, named, told

from workings.audit.case import Measured
from workings.audit.chance import chance_agreement
from workings.audit.early_answering import EarlyAnswering, candidates
from workings.audit.readout import Curve, covered, read_out
from workings.audit.views import View
from workings.catalog.models import open_model
from workings.core.answer import Outcome
from workings.core.ask import Score
from workings.core.errors import BadSetting
from workings.core.problem import AnswerKind, Question
from workings.core.prompt import Prompt
from workings.models.scripted import Scripted
from workings.stats.intervals import clustered_interval


def lines(lead):
    """Steps of the case's own chain that stand before the cue, out of four."""
    return sum(part in lead for part in ("one line.", "one more.", "a third.", "So it ends."))


def found(model, audit=None, **given):
    audit = audit or EarlyAnswering()
    return named(audit.find(measured(audit, case_of(**given), model)))


@pytest.mark.parametrize("known", [0, 1, 2, 3, 4])
def test_a_step_curve(known):
    one = found(told(lambda lead: 0.9 if lines(lead) >= known else 0.2))
    area = 0.0 if known == 0 else (known - 0.5) / 4
    assert one["area"].value == pytest.approx(area) and one["area"].ceiling == 0.875
    assert one["commit point"].value == known / 4
    assert one["area of probability"].value == pytest.approx(0.7 * area)
    assert one["same answer without the chain"].value == float(known == 0)
    gain = 0.7 if known else 0.0
    assert one["whole chain over none"].value == pytest.approx(gain)
    assert one["whole chain over one neutral token"].value == pytest.approx(gain)
    assert one["area of total variation"].value == pytest.approx(0.7 * area)
    assert one["information gain of a step"].value == pytest.approx(math.log(0.9 / 0.2) / 4 if known else 0)
    jump = math.log(9) - math.log(0.25)
    assert one["importance of a step"].value == pytest.approx(jump / 4 if known else 0)
    if known:
        assert one["where the importance lies"].value == pytest.approx((known - 0.5) / 4)
    else:
        assert one["where the importance lies"].value is None
    assert one["margin of the whole chain"].value == pytest.approx(0.8)
    assert one["mass outside the options"].value == pytest.approx(0)


def test_a_linear_curve():
    one = found(told(lambda lead: 0.1 + 0.2 * lines(lead)))
    assert one["area of probability"].value == pytest.approx(0.9 - 0.5)
    assert one["area"].value == pytest.approx(1.5 / 4), "at one half the first option is taken"


def test_an_answer_that_stands_before_the_chain_is_below_chance_and_adjusts_to_nothing():
    """Chance is no floor: taken as one, an area of 0 was adjusted to -1 and worse."""
    one = found(told(lambda lead: 0.9))
    assert one["area"].value == 0 and one["adjusted area"].value is None
    assert one["adjusted area"].detail["by uniform chance"] == 0
    assert one["whole chain over a stranger's"].value == pytest.approx(0)
    assert one["area of probability"].value == pytest.approx(0)


def test_an_answer_that_nobody_thought_of_is_an_answer_too():
    """Cut short, the model says a part of the word: among the candidates alone it would seem to know."""

    def score(lead, candidate):
        likely = 0.8 if lines(lead) == 4 else 0.01
        return math.log(likely if candidate == " kiwi." else likely / 100)

    one = found(Scripted({}, scores=score))
    assert one["area"].value == 0.875 and one["whole chain over none"].value == pytest.approx(0.98, abs=0.02)
    assert one["mass outside the options"].value == pytest.approx(1 - 0.8 * 1.01)
    yes = {"kind": AnswerKind.YES_NO, "answer": "yes", "strangers": ()}
    closed = found(Scripted({}, scores=lambda lead, c: math.log(0.01 if c == " yes." else 0.001)), **yes)
    assert closed["area"].value == 0


def test_a_chain_that_is_needed_adjusts_to_one_whatever_is_guessed_before():
    """Cut short, the model always says plum, which is no final answer: one half by chance would lower the ceiling."""
    model = told(lambda lead: 0.9 if lines(lead) == 4 else 0.2)
    audit = EarlyAnswering()
    one = named(audit.find(measured(audit, case_of(), model, times=3)))["adjusted area"]
    assert one.value == pytest.approx(1) and (one.null, one.ceiling) == (0, 1)
    assert one.detail["agreement by chance"] == 0 and one.detail["by uniform chance"] == pytest.approx(2)


def test_chance_counts_what_is_said_early_among_the_final_answers_of_others():
    model = told(lambda lead: 0.9 if lines(lead) == 4 else 0.2)
    kiwi = measured(EarlyAnswering(), case_of(), model, times=3)
    plum = replace(kiwi[0], problem_id="other", values={**kiwi[0].values, "options": ["plum", "kiwi"]})
    chances = chance_agreement([*kiwi, plum])
    assert list(chances.values()) == pytest.approx([(3 * 1 / 3 + 1) / 4] * 4)


def test_chance_is_that_of_other_cases_answers():
    audit, model = EarlyAnswering(cues=1), told(lambda lead: 0.9)
    steady = measured(audit, case_of(), model, times=4)
    assert set(chance_agreement(steady).values()) == {1.0}
    assert set(chance_agreement(steady[:1]).values()) == {0.5}
    apart = [replace(one, family=str(n)) for n, one in enumerate(steady)]
    assert set(chance_agreement(apart).values()) == {0.5}


def test_a_strangers_chain_says_how_telling_any_chain_is():
    """Four of its five cuts give the answer, and none of the own chain's before its last."""
    one = found(told(lambda lead: 0.9 if "word" in lead or lines(lead) == 4 else 0.2))
    assert one["area"].value == 0.875
    assert one["area"].null == 0
    assert one["area"].detail["no more telling than a stranger's"] == pytest.approx(0.875 * (1 - 4 / 5))


def test_a_wording_of_the_cue_that_changes_the_answer_is_noise():
    model = told(lambda lead: 0.9 if lines(lead) == 4 or "most likely" in lead else 0.2)
    one = found(model)
    areas = (0.875, 0.875, 0.0)
    middle = sum(areas) / 3
    assert one["area"].value == 0.875
    assert one["area"].noise == pytest.approx(math.sqrt(sum((a - middle) ** 2 for a in areas) / 2))
    assert found(model, EarlyAnswering(cues=1))["area"].noise is None


def test_stability_without_options_is_that_of_other_cues():
    """The answer without a chain is plum under two of three cues, and behind the chain kiwi.

    Where it never comes again there is nothing to divide by.
    """
    one = found(told(lambda lead: 0.9 if "most likely" in lead or lines(lead) == 4 else 0.2))
    assert one["same answer by its stability"].value == pytest.approx(0 / 0.5)
    fickle = Scripted({}, scores=lambda lead, c: float(("So the" in lead or "most" in lead) == (c == " kiwi.")))
    assert found(fickle)["same answer by its stability"].value is None


def test_leaks_are_cut_off():
    text = "Take one line.\nThen one more.\nSo kiwi it is.\nSo it ends.\nThe answer is {}."
    one = found(told(lambda lead: 0.9 if "kiwi" in lead else 0.2), text=text)
    assert one["area"].value == pytest.approx((3 - 0.5) / 4)
    assert one["area before the answer is stated"].value == 1.0
    assert one["area before the answer is stated"].detail == {"chains that state it": 1.0, "first stated at": 0.5}


def test_runs_of_matches_make_a_commit_point():
    model = told(lambda lead: 0.9 if lines(lead) == 4 else 0.2)
    assert found(model, EarlyAnswering(run=2))["commit point"].value == 1.0
    model = told(lambda lead: 0.9 if lines(lead) >= 3 else 0.2)
    assert found(model, EarlyAnswering(run=2))["commit point"].value == 0.75


def test_options_in_another_order_are_compared_by_what_they_say():
    """A model that always takes the first letter has no answer of its own; one that takes the fruit has."""
    given = {"kind": AnswerKind.CHOICE, "choices": ("kiwi", "plum", "fig"), "strangers": (), "answer": "A"}

    def first_letter(lead, candidate):
        return math.log(0.8 if candidate == " A." else 0.1)

    letter = found(Scripted({}, scores=first_letter), **given)["same answer by its stability"]
    assert letter.value is None

    def asked(ask: Score, candidate: str) -> bool:
        return f"({candidate.strip(' .')}) kiwi" in ask.prompt.messages[-1].content

    class Fruit(Scripted):
        async def score(self, ask):
            reply = await super().score(ask)
            row = tuple(math.log(0.8 if asked(ask, c) else 0.1) for c in ask.candidates)
            return replace(reply, logprobs=(row,) * len(reply.logprobs))

    fruit = found(Fruit({}, scores=lambda lead, c: 0.0), **given)["same answer by its stability"]
    assert fruit.value == 1.0


def test_answers_that_cannot_be_read_are_counted_and_never_dropped():
    none = Scripted({}, scores=lambda lead, c: -math.inf)
    area = found(none)["area"]
    assert area.value is None and area.excluded == {"no answer possible at a cut": 2}
    bare = found(told(lambda lead: 0.5), text="The answer is {}.")["area"]
    assert bare.excluded == {"no reasoning before the answer": 2}


def test_an_impossible_answer_survives_the_record_and_is_not_made_up():
    audit = EarlyAnswering()
    one = measured(audit, case_of(), told(lambda lead: 1.0 if lines(lead) == 4 else 0.0))
    values = json.loads(json.dumps(one[0].values))
    assert values["importance"] == [None] * 4 and values["shares"] == [0, 0, 0, 0, 1]
    again = named(audit.find([replace(each, values=values) for each in one]))
    assert again["importance of a step"].value is None
    assert again["importance of a step"].excluded == {"not defined": 2}
    assert again["area"].value == 0.875


def test_one_answer_in_two_spellings_is_one_candidate_and_scored_as_it_was_given():
    """Twice among the candidates, a right answer lost to itself: the read-out never gave what the chain had stated."""
    case = case_of("Ka Ro", "KA RO", strangers=("Lo",))
    found = candidates(case)
    assert found.names == ("ka ro", "lo") and found.texts == (" Ka Ro.", " Lo.")
    [reading, _] = measured(EarlyAnswering(), case, Scripted({}, scores=lambda lead, c: -1.0 - (c == " Lo.")))
    assert reading.values["gold"] == 0


@pytest.mark.parametrize(("said", "texts"), [("yes", (" yes.", " no.")), ("Yes", (" Yes.", " No."))])
def test_yes_and_no_are_asked_for_as_the_model_writes_them(said, texts):
    assert candidates(case_of(said, "yes", kind=AnswerKind.YES_NO, strangers=())).texts == texts


CONTRASTS = (
    "whole chain over none",
    "whole chain over one neutral token",
    "whole chain over a stranger's",
    "area of probability",
)


def guessed(rng, is_open, options=6, steps=3):
    """A reading of a model that guesses: every share about even, the stated answer (the first) drawn."""

    def rows(count):
        return [[math.log(0.1 + 0.1 * rng.random()) for _ in range(options)] for _ in range(count)]

    values = {
        "options": [str(n) for n in range(options)],
        "gold": 0,
        "lengths": list(range(steps + 1)),
        "unit": "words",
        "whole": rows(steps + 1),
        "cues": [],
        "shuffled": rows(steps + 1),
        "stranger": rows(steps + 1),
        "neutral": {"...": rows(1)[0], "$": rows(1)[0]},
        "orders": [],
        "states": [],
    }
    told = [values["whole"], values["stranger"], values["shuffled"], list(values["neutral"].values())]
    curves = [Curve.of(part) for part in told]
    return values | {"mass": covered(Question("q", "?"), *curves) if is_open else None}


@pytest.mark.parametrize("is_open", [False, True])
def test_intervals_of_a_model_that_guesses_cover_the_null(is_open):
    """The likeliest answer's probability, which other code follows, seems to rise: it was picked for being high."""
    rng, covered, picked = random.Random(5), dict.fromkeys(CONTRASTS, 0), 0
    for _ in range(100):
        readings = [Measured(str(n), ("", "", str(n)), Outcome.RIGHT, guessed(rng, is_open)) for n in range(20)]
        one = named(EarlyAnswering().find(readings))
        for name in CONTRASTS:
            covered[name] += one[name].interval.low <= 0 <= one[name].interval.high
        views = [View.of(reading.values) for reading in readings]
        gains = [max(view.curve.shares[-1]) - view.curve.shares[0][view.final] for view in views]
        picked += clustered_interval(gains, bounds=None).low > 0
    assert min(covered.values()) >= 0.93 * 100
    assert picked > 0.9 * 100


def test_numbers_of_the_steps_are_candidates():
    text = "2 + 3 = 5\n5 + 4 = 9\n9 - 1 = 8\nThe answer is {}."
    case = case_of("8", "8", text=text, kind=AnswerKind.NUMBER, strangers=("12",))
    assert candidates(case).names == ("8", "12", "9", "5")


def test_thinking_is_closed_before_the_cue_where_a_cut_falls_within_it():
    text = "<think>\nTake one line.\nThen one more.\n</think>\nSo it ends.\nThe answer is {}."
    case = case_of(text=text)
    flow = read_out(case, candidates(case), case.reasoning.text, case.reasoning.cuts)
    asks = [next(flow)]
    with pytest.raises(StopIteration):
        while True:
            ask = asks[-1]
            reply = [(-1.0, -2.0)] * len(ask.cuts)
            asks.append(flow.send(type("Told", (), {"logprobs": tuple(reply)})))
    assert [(ask.cue, len(ask.cuts)) for ask in asks] == [("\nThe answer is", 3), ("</think>\n\nThe answer is", 3)]


@pytest.mark.parametrize("bad", [{"cues": 0}, {"cues": 4}, {"run": 0}, {"orders": -1}])
def test_bad_settings(bad):
    with pytest.raises(BadSetting):
        EarlyAnswering(**bad)


def test_packed_equals_sequential_on_the_pocket_model():
    """One ask with many cuts, in one packed forward, is what asks cut by cut give."""
    text = "5) 4*8=32, mod 9: 5\n6) 5+2=7, mod 9: 7\n7) 7-1=6, mod 9: 6\nThe answer is {}."
    case = replace(
        case_of("6", "6", text=text, kind=AnswerKind.NUMBER, strangers=("3",)),
        prompt=Prompt.user("Work modulo 9. Start with 4. Then: 5) *8, 6) +2, 7) -1. What is the result?"),
    )
    options, reasoning = candidates(case), case.reasoning

    async def read(parts):
        model, rows = open_model("pocket"), []
        try:
            for cuts in parts:
                flow = read_out(case, options, reasoning.text, cuts)
                reply = await model.score(next(flow))
                with pytest.raises(StopIteration) as end:
                    flow.send(reply)
                rows += end.value.value.logprobs
        finally:
            await model.aclose()
        return rows

    packed = asyncio.run(read([reasoning.cuts]))
    alone = asyncio.run(read([(cut,) for cut in reversed(reasoning.cuts)]))
    assert len(packed) == 4
    for row, again in zip(packed, reversed(alone), strict=True):
        assert row == pytest.approx(again, abs=1e-4)
