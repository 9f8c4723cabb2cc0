"""Best-of-N, by log-probability and by graders."""

from __future__ import annotations

import math

import pytest
from recorded_chains import says, solved

from workings.core.ask import Grades
from workings.core.errors import BadSetting, GraderError, MissingCapability
from workings.graders.arithmetic import ArithmeticGrader
from workings.reason.best_of_n import BestOfN


class Fixed:
    """Scores chains from a list, one tuple each."""

    def __init__(self, *scores, kind="probability"):
        self.scores, self.kind = scores, kind

    async def grade(self, ask):
        return Grades(self.scores[: len(ask.chains)], self.kind)


def best(method, *lines, grader=None):
    graders = {"fixed": grader} if grader else {}
    return solved(method, *lines, graders=graders)


def test_the_likeliest_chain_wins_though_more_disagree():
    found = best(BestOfN(n=3), says(1, 0.9), says(2, 0.5), says(2, 0.6))
    assert found.answer.canonical == "1" and found.confidence == pytest.approx(0.9)
    assert found.choice.chosen == 0 and found.choice.weights == {"1": pytest.approx(0.9), "2": pytest.approx(0.6)}


def test_length_does_not_count_against_a_chain():
    """The mean is compared: a sum would punish long chains."""
    scores = [t.scores["logprob"][0] for t in best(BestOfN(n=2), says(1, 0.5), says(2, 0.5)).pool]
    assert scores == [pytest.approx(0.5), pytest.approx(0.5)]


@pytest.mark.parametrize(("steps", "wanted"), [("last", "1"), ("min", "2"), ("product", "2"), ("mean", "1")])
def test_step_scores_are_folded_as_asked(steps, wanted):
    grader = Fixed((0.1, 0.9, 1.0), (0.5, 0.5, 0.6))
    lines = [(f"Look.\nThink.\nThe answer is {n}.", 0) for n in (1, 2)]
    found = best(BestOfN(n=2, by="fixed", steps=steps), *lines, grader=grader)
    assert found.answer.canonical == wanted
    assert found.pool[0].scores["fixed"] == (0.1, 0.9, 1.0)


@pytest.mark.parametrize(("steps", "wanted"), [("product", "1"), ("mean", "2")])
def test_logits_are_folded_as_the_probabilities_they_stand_for(steps, wanted):
    """Their product is positive for two bad steps: a published library multiplies logits."""
    lines = [(f"Look.\nThe answer is {n}.", 0) for n in (1, 2)]
    grader = Fixed((0.0, 0.0), (-4.0, 4.1) if steps == "mean" else (-2.0, -2.0), kind="logit")
    found = best(BestOfN(n=2, by="fixed", steps=steps), *lines, grader=grader)
    assert found.answer.canonical == wanted and 0 < found.confidence < 1
    assert found.pool[0].scores["fixed"] == (0.5, 0.5)
    assert best(BestOfN(n=2, by="fixed", weighted=True), *lines, grader=grader).answer.canonical == "1"


def test_a_false_equation_loses_though_every_chain_ends_alike():
    wrong, right = ("2 + 2 = 5\nThe answer is 5.", 0), ("2 + 2 = 4\nThe answer is 4.", 0)
    for order in ((wrong, right), (right, wrong)):
        found = best(BestOfN(n=2, by="fixed"), *order, grader=ArithmeticGrader())
        assert found.answer.canonical == "4" and not found.choice.tied


def test_missing_log_probabilities_are_no_matter_of_votes():
    from workings.core.trace import Trace
    from workings.reason.best_of_n import _INSTEAD
    from workings.reason.vote import normalised_probability

    with pytest.raises(MissingCapability, match="by="):
        normalised_probability(Trace("x"), _INSTEAD)


def test_weighted_sums_scores_over_equal_answers():
    grader = Fixed((0.9,), (0.5,), (0.6,))
    lines = says(1), says(2), says(2)
    assert best(BestOfN(n=3, by="fixed"), *lines, grader=grader).answer.canonical == "1"
    found = best(BestOfN(n=3, by="fixed", weighted=True), *lines, grader=grader)
    assert found.answer.canonical == "2" and found.confidence == pytest.approx(1.1 / 2.0)


def test_an_unanswered_chain_never_wins_over_an_answered_one():
    found = best(BestOfN(n=2), ("I cannot tell.", math.log(0.99)), says(2, 0.1))
    assert found.answer.canonical == "2" and found.choice.abstained == 1


def test_unbounded_scores_are_no_confidence():
    found = best(BestOfN(n=2, by="fixed"), says(1), says(2), grader=Fixed((-3.0,), (5.0,), kind="unbounded"))
    assert found.answer.canonical == "2" and found.confidence is None


def test_a_score_that_is_not_a_number_is_refused():
    with pytest.raises(GraderError, match="numbers"):
        best(BestOfN(n=2, by="fixed"), says(1), says(2), grader=Fixed((math.nan,), (0.5,)))


def test_a_grader_that_answers_too_little_is_refused():
    with pytest.raises(GraderError):
        best(BestOfN(n=2, by="fixed"), says(1), says(2), grader=Fixed((0.5,)))


def test_equal_scores_of_different_answers_are_a_tie():
    found = best(BestOfN(n=2, by="fixed"), says(1), says(2), grader=Fixed((0.5,), (0.5,)))
    assert found.choice.tied
    assert not best(BestOfN(n=2, by="fixed"), says(1), says(1), grader=Fixed((0.5,), (0.5,))).choice.tied


@pytest.mark.parametrize("wrong", [{"n": 0}, {"steps": "first"}, {"stages": 0}])
def test_settings_out_of_range_are_refused(wrong):
    [name] = wrong
    with pytest.raises(BadSetting, match=name):
        BestOfN(**wrong)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_chain_that_breaks_off_does_not_win_by_its_sound_steps(weighted):
    lines = [("2 + 2 = 4\nThen 4 + 3", 0), ("2 + 2 = 4\nThe answer is 7.", 0)]
    grader = Fixed((0.9, 0.9), (0.9, 0.6))
    found = best(BestOfN(n=2, by="fixed", weighted=weighted), *lines, grader=grader)
    assert found.answer.canonical == "7" and found.choice.abstained == 1
    unsaid = best(BestOfN(n=2, by="fixed", weighted=weighted), lines[0], lines[0], grader=grader)
    assert unsaid.answer.canonical == "3"
