"""Self-consistency."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from recorded_chains import QUESTION, says, solved

from workings.core.errors import BadSetting, MissingCapability
from workings.reason.cot import Cot
from workings.reason.vote import Vote, normalised_probability
from workings.run.drive import solve
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
