"""Self-consistency."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest
from recorded_chains import QUESTION, Recorded, says, solved

from workings.core.ask import Grades
from workings.core.errors import BadSetting, GraderError, MissingCapability
from workings.reason.cot import Cot
from workings.reason.vote import Vote, normalised_probability
from workings.run.drive import World, solve
from workings.testing import item_world


def test_the_most_frequent_answer_wins():
    found = solved(Vote(n=5), says(1), says(2), says(2), says(3), says(2))
    assert found.answer.canonical == "2" and found.confidence == 0.6
    assert dict(found.choice.weights) == {"2": 3.0, "1": 1.0, "3": 1.0} and found.choice.chosen == 1


def test_equal_answers_in_other_words_vote_together():
    found = solved(Vote(n=3), ("The answer is 1,000.", 0), ("The answer is 1000.0", 0), ("The answer is 7.", 0))
    assert found.answer.canonical == "1000" and found.choice.weights["1000"] == 2


def test_probabilities_are_summed_and_never_averaged():
    """Averaged, one confident chain would beat the two that agree (0.9 against 0.5)."""
    found = solved(Vote(n=3, weight="probability"), says(1, 0.9), says(2, 0.5), says(2, 0.5))
    assert found.answer.canonical == "2" and found.choice.weights["2"] == pytest.approx(1.0)
    assert found.confidence == pytest.approx(1.0 / 1.9)


def test_the_order_of_samples_does_not_decide():
    lines = [says(1), says(2), says(2), says(1), says(3)]
    answers = {solved(Vote(n=5), *order).answer.canonical for order in itertools.permutations(lines)}
    assert len(answers) == 1


def test_chains_without_an_answer_lower_the_confidence_and_do_not_vote():
    found = solved(Vote(n=4), ("I cannot tell.", 0), ("Nor I.", 0), ("Me neither.", 0), says(2))
    assert found.answer.canonical == "2" and found.choice.abstained == 3 and found.confidence == 0.25


def test_nobody_voting_is_no_answer():
    found = solved(Vote(n=3), ("I cannot tell.", 0))
    assert not found.answer.given and found.choice.chosen is None and found.confidence == 0.0


@pytest.mark.parametrize(
    "text", ["The answer is $2\\sqrt{3}$.", "The answer is 5 or 6.", "The answer is 7.", "I cannot tell."]
)
def test_one_chain_that_votes_answers_as_one_chain(text):
    assert solved(Vote(n=1), (text, -0.1)).answer == solved(Cot(), (text, -0.1)).answer


def test_formulas_outvote_a_number():
    root = ("The answer is $2\\sqrt{3}$.", 0)
    found = solved(Vote(n=3), root, says(7), root)
    assert found.answer.raw and found.choice.chosen == 0 and found.confidence == pytest.approx(2 / 3)


def test_a_chain_of_which_nothing_was_written_weighs_nothing():
    from workings.core.trace import Trace

    assert normalised_probability(Trace("")) == 0.0 == normalised_probability(Trace("x", logprobs=()))
    found = solved(Vote(n=2, weight="probability"), says(2, 0.5), says(2, 0.5))
    assert found.confidence == 1.0


def test_probability_needs_log_probabilities():
    from workings.core.trace import Trace

    with pytest.raises(MissingCapability, match="weight=count"):
        normalised_probability(Trace("x"))


def test_a_probability_is_never_above_one():
    from workings.core.trace import Trace

    assert normalised_probability(Trace("x", logprobs=(0.3, 0.1))) == 1.0


@pytest.mark.parametrize("wrong", [{"n": 0}, {"weight": "average"}, {"top_p": 0.0}, {"top_k": -1}])
def test_settings_out_of_range_are_refused(wrong):
    [name] = wrong
    with pytest.raises(BadSetting, match=name):
        Vote(**wrong)


def test_drafts_that_vote_say_how_well_they_were_kept():
    found = asyncio.run(solve(Vote(n=3, style="draft"), QUESTION, item_world()))
    assert 0.0 <= found.notes["draft_kept"] <= 1.0


class Scores:
    """A grader that gives fixed scores, one tuple a chain."""

    def __init__(self, *scores, kind="probability"):
        self.scores, self.kind = scores, kind

    async def grade(self, ask):
        return Grades(self.scores[: len(ask.chains)], self.kind)


class Certain(Recorded):
    """Recorded chains that also say how certain they were."""

    def __init__(self, *certainties):
        super().__init__(*[says(answer) for answer, _ in certainties])
        self.certainties = [certainty for _, certainty in certainties]

    async def sample(self, ask, seeds, watch=None):
        found = await super().sample(ask, seeds, watch)
        return tuple(replace(c, certainty=self.certainties[ask.start + i]) for i, c in enumerate(found))


def certain(method, *chains):
    return asyncio.run(solve(method, QUESTION, World(Certain(*chains))))


def test_certainty_ranks_and_its_size_does_not_matter():
    chains = [(1, 99.0), (2, 5.0), (2, 4.0), (3, 3.0)]
    found = certain(Vote(n=4, weight="certainty", power=1.0), *chains)
    assert found.choice.weights == {"2": 5.0, "1": 4.0, "3": 1.0} and found.choice.rule == "vote by certainty"
    assert [t.certainty for t in found.pool] == [99.0, 5.0, 4.0, 3.0]
    assert certain(Vote(n=4, weight="certainty", power=0.0), *chains).choice.weights == {"2": 2.0, "1": 1.0, "3": 1.0}
    assert certain(Vote(n=4, weight="certainty", power=3.0), *chains).answer.canonical == "1"


def test_chains_that_do_not_answer_have_no_rank():
    found = solved(Vote(n=3, weight="certainty", power=1.0), says(1, 0.5), ("I cannot tell.", 0.0), says(2, 0.4))
    assert found.choice.weights == {"1": 2.0, "2": 1.0} and found.choice.abstained == 1


def test_a_model_without_self_certainty_is_ranked_by_log_probability_and_that_is_said():
    found = solved(Vote(n=3, weight="certainty", power=2.0), says(1, 0.9), says(2, 0.5), says(2, 0.4))
    assert found.choice.weights == {"1": 9.0, "2": 5.0}
    assert found.choice.rule == "vote by certainty (ranked by mean log-probability)"
    mixed = certain(Vote(n=2, weight="certainty"), (1, 5.0), (2, None))
    assert mixed.choice.rule.endswith("log-probability)")


def test_a_graders_scores_are_summed_over_equal_answers():
    method = Vote(n=3, weight="verifier", by="fixed", steps="min")
    two = ("It is 2.\nThe answer is 2.", 0.0)
    found = solved(method, says(1), two, says(2), graders={"fixed": Scores((0.9,), (0.5, 0.8), (0.45,))})
    assert found.choice.weights == {"2": pytest.approx(0.95), "1": 0.9} and found.answer.canonical == "2"
    assert found.pool[1].scores["fixed"] == (0.5, 0.8) and found.choice.rule == "vote by verifier fixed"
    last = replace(method, steps="last")
    found = solved(last, says(1), two, says(3), graders={"fixed": Scores((0.7,), (0.5, 0.8), (0.0,))})
    assert found.answer.canonical == "2" and found.choice.weights["3"] == 0.0


def test_logits_become_probabilities_and_negative_scores_are_refused():
    method = Vote(n=2, weight="verifier", by="fixed")
    found = solved(method, says(1), says(2), graders={"fixed": Scores((-1.0,), (-2.0,), kind="logit")})
    assert found.choice.weights["1"] == pytest.approx(1 / (1 + 2.718281828459045))
    with pytest.raises(GraderError, match="negative"):
        solved(method, says(1), says(2), graders={"fixed": Scores((-1.0,), (0.5,), kind="unbounded")})
    with pytest.raises(GraderError, match="1 results for 2"):
        solved(method, says(1), says(2), graders={"fixed": Scores((0.5,))})


@pytest.mark.parametrize("wrong", [{"power": -1.0}, {"steps": "sum"}])
def test_settings_of_weights_out_of_range_are_refused(wrong):
    [name] = wrong
    with pytest.raises(BadSetting, match=name):
        Vote(**wrong)
