"""CoT-decoding on scripts whose transition probabilities are known."""

from __future__ import annotations

import asyncio

import pytest
from recorded_chains import QUESTION

from workings.core.budget import Budget
from workings.core.capability import Capability
from workings.core.errors import BadSetting, MissingCapability
from workings.models.scripted import Scripted
from workings.reason.cot import Cot
from workings.reason.cot_decoding import CotDecoding
from workings.run.drive import Drive, World, check_needs, solve
from workings.testing import Counted, Lacking, item_model

CHAINS = {
    "5.": 0.40,
    "6.": 0.05,
    "Let me see. The answer is 8.": 0.24,
    "Let me see. The answer is 5.": 0.06,
    "We add. The answer is 8.": 0.12,
    "We add. The answer is 7.": 0.08,
    "Unclear.": 0.05,
}
"""Greedy says 5 at once. "Let" leads to 8 with 0.8 against 0.2, "We" to 8 with 0.6 against 0.4."""


def table(prompt):
    rest = {text[len(prompt.lead) :]: p for text, p in CHAINS.items() if text.startswith(prompt.lead)}
    total = sum(rest.values())
    return {text: p / total for text, p in rest.items()}


def run(method, budget=Budget()):
    model = Counted(Scripted(table))
    drive = Drive(World(model), budget=budget)
    return asyncio.run(drive.run(method(QUESTION))), model, drive


def test_margins_are_those_of_the_answer_alone():
    found, _, _ = run(CotDecoding(n=5))
    margins = {t.text: round(t.scores["margin"][0], 9) for t in found.pool}
    assert margins == {
        "5.": 0.0,
        "Let me see. The answer is 8.": 0.6,
        "We add. The answer is 8.": 0.2,
        "6.": 0.0,
        "Unclear.": 0.0,
    }
    assert found.answer.canonical == "8" and found.choice.weights["8"] == pytest.approx(0.8)
    assert found.confidence == pytest.approx(1.0) and found.choice.abstained == 1


def test_the_largest_margin_can_be_taken_alone():
    found, _, _ = run(CotDecoding(n=5, pick="max"))
    assert found.answer.canonical == "8" and found.confidence == pytest.approx(0.6)
    assert found.pool[found.choice.chosen].text.startswith("Let")


def test_branches_are_the_likeliest_first_tokens_in_order():
    found, _, _ = run(CotDecoding(n=3))
    assert [t.text.split()[0] for t in found.pool] == ["5.", "Let", "We"]
    assert len(run(CotDecoding(n=50))[0].pool) == 5


def test_the_plain_vote_over_the_same_branches_is_in_the_notes():
    found, _, _ = run(CotDecoding(n=5))
    assert found.notes == {"vote": "8", "vote_share": pytest.approx(2 / 5), "vote_tied": False}
    two, _, _ = run(CotDecoding(n=2))
    assert two.notes["vote_tied"] and two.answer.canonical == "8", "one vote each, and the margin decides"


def test_branches_are_written_in_two_batches_after_one_probe():
    found, model, drive = run(CotDecoding(n=5))
    assert len(drive.journal) == 3
    assert found.spent.probe == 1
    assert found.spent.generated == sum(len(t.text.split()) for t in found.pool)
    assert all(ask.sampling.temperature == 0 for ask, _ in model.samples)


def test_one_branch_is_the_greedy_chain():
    model = item_model()
    one = asyncio.run(solve(CotDecoding(n=1), QUESTION, World(model)))
    plain = asyncio.run(solve(Cot(), QUESTION, World(model)))
    assert one.answer == plain.answer and [t.text for t in one.pool] == [t.text for t in plain.pool]


def test_every_budget_gives_what_it_bought():
    whole, _, _ = run(CotDecoding(n=5))
    needed = whole.spent.generated + whole.spent.probe
    for tokens in range(1, needed):
        found, _, _ = run(CotDecoding(n=5, max_tokens=10), budget=Budget(tokens=tokens))
        assert found.partial and found.spent.generated + found.spent.probe <= tokens


def test_a_model_that_does_not_tell_alternatives_is_refused():
    with pytest.raises(MissingCapability, match="likeliest"):
        check_needs(CotDecoding(), Lacking(item_model(), Capability.TOP))


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 101}, {"pick": "mean"}, {"max_tokens": 0}])
def test_settings_out_of_range_are_refused(wrong):
    [name] = wrong
    with pytest.raises(BadSetting, match=name):
        CotDecoding(**wrong)
