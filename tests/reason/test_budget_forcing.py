"""Thinking for at least and at most so many tokens."""

from __future__ import annotations

import asyncio

import pytest
from recorded_chains import QUESTION

from workings.core.budget import Budget
from workings.core.completion import Completion, Stop
from workings.core.errors import BadSetting, MissingCapability
from workings.core.problem import AnswerKind, Question
from workings.models.scripted import Scripted
from workings.reason.budget_forcing import BudgetForcing
from workings.reason.cot import Cot
from workings.run.drive import World, solve
from workings.testing import Counted, item_model, item_problems, item_world


def script(*lines):
    """Continues the longest of `lines` that the lead begins; a lead outside all of them is an error of the test."""

    def table(prompt):
        fits = [line for line in lines if line.startswith(prompt.lead) and line != prompt.lead]
        assert fits, f"nothing continues {prompt.lead!r}"
        return {fits[0][len(prompt.lead) :]: 1.0}

    return Counted(Scripted(table))


def run(method, *lines, budget=Budget(), question=QUESTION):
    model = script(*lines)
    return asyncio.run(solve(method, question, World(model), budget=budget)), model


THINKS = "<think> one two three</think> The answer is 4."


def test_a_chain_within_the_limits_is_left_as_it_is():
    found, _ = run(BudgetForcing(), THINKS)
    assert found.pool[0].text == THINKS and found.answer.canonical == "4"
    assert found.notes == {"thought": 4, "waited": 0, "forced": False}
    for problem in item_problems(4):
        ours, plain = (asyncio.run(solve(m, problem.question, item_world())) for m in (BudgetForcing(), Cot()))
        assert (ours.answer, ours.spent) == (plain.answer, plain.spent)


def test_an_early_end_is_left_out_and_the_chain_goes_on_with_what_is_left():
    more = "<think> one two three\nWait four five six</think> The answer is 6."
    found, model = run(BudgetForcing(min_tokens=6, max_tokens=10), THINKS, more)
    assert found.pool[0].text == more and found.answer.canonical == "6"
    assert found.notes == {"thought": 7, "waited": 1, "forced": False}
    assert [ask.sampling.max_tokens for ask, _ in model.samples] == [10, 6, 128]


def test_it_waits_so_many_times_and_no_more():
    twice = "<think> one two three\nWait\nWait"
    lines = [
        "<think> one two three</think> The answer is 4.",
        "<think> one two three\nWait so</think> The answer is 4.",
    ]
    lines.append("<think> one two three\nWait so\nWait so</think> The answer is 4.")
    found, _ = run(BudgetForcing(min_tokens=50, max_tokens=60, waits=2), *lines)
    assert found.notes["waited"] == 2 and found.notes["thought"] == 6 and found.pool[0].text.count("Wait") == 2
    assert twice not in found.pool[0].text
    none, _ = run(BudgetForcing(min_tokens=50, max_tokens=60, waits=0), *lines)
    assert none.pool[0].text == lines[0]


def test_thinking_that_reaches_the_limit_is_closed_and_answers():
    """In s1's harness a chain that is cut leaves no answer."""
    forced = "<think> one two</think>\n\nThe answer is 9."
    found, model = run(BudgetForcing(max_tokens=3), THINKS, forced)
    assert found.pool[0].text == forced and found.answer.canonical == "9"
    assert found.notes == {"thought": 3, "waited": 0, "forced": True}
    start, end = found.answer.span
    assert forced[start:end] == found.answer.raw
    assert model.samples[1][0].sampling.stop == ("\n\n",)
    assert found.spent.generated == 3 + 1


def test_an_end_token_inside_thinking_is_closed_too():
    found, _ = run(BudgetForcing(), "<think> one two", "<think> one two</think>\n\nThe answer is 2.")
    assert found.answer.canonical == "2" and found.notes["forced"]


def test_a_model_without_tags_waits_behind_its_end():
    first = "It is 3. The answer is 3."
    more = f"{first}\nWait it is 4. The answer is 4."
    found, _ = run(BudgetForcing(min_tokens=8), first, more)
    assert found.pool[0].text == more and found.answer.canonical == "4" and found.notes["waited"] == 1


def test_a_model_without_tags_is_cut_and_answers():
    found, _ = run(BudgetForcing(max_tokens=2), "one two three four", "one two\nThe answer is 7.")
    assert found.answer.canonical == "7" and found.notes["forced"]
    assert found.pool[0].text == "one two\nThe answer is 7."


def test_a_forced_answer_that_is_not_given_abstains():
    found, _ = run(BudgetForcing(max_tokens=2), "one two three four", "one two\nThe answer is unclear.")
    assert not found.answer.given and found.confidence is not None


def test_the_word_follows_the_language():
    question = Question("z", "几？", AnswerKind.NUMBER, language="zh")
    more = "三。答案是3。\n等等 四。答案是4。"
    found, _ = run(BudgetForcing(min_tokens=2), "三。答案是3。", more, question=question)
    assert found.answer.canonical == "4"
    own, _ = run(
        BudgetForcing(min_tokens=2, word="Hmm"), "三。答案是3。", "三。答案是3。\nHmm 答案是5。", question=question
    )
    assert own.answer.canonical == "5"


@pytest.mark.parametrize("least", [0, 1, 5, 17, 40])
def test_no_allowance_is_ever_negative(least):
    """s1's harness can ask for a negative number of tokens."""
    chances = {"1": 0.6, "2": 0.4}
    for most in (least or 1, least + 1, least + 9):
        model = Counted(item_model(chances))
        method = BudgetForcing(min_tokens=least, max_tokens=most, waits=4)
        found = asyncio.run(solve(method, QUESTION, World(model)))
        assert all(ask.sampling.max_tokens >= 1 for ask, _ in model.samples)
        assert found.notes["thought"] <= most and len(found.pool) == 1
        assert found.spent.generated <= most + method.answer_tokens


def test_a_budget_that_ends_within_thinking_is_said():
    found, _ = run(BudgetForcing(), THINKS, budget=Budget(tokens=2))
    assert found.partial and found.pool[0].text == "<think> one" and found.spent.generated == 2


def test_a_server_that_keeps_thinking_apart_is_refused():
    class Apart(Counted):
        async def sample(self, ask, seeds, watch=None):
            return (Completion("", Stop.LENGTH, thinking="one two"),)

    with pytest.raises(MissingCapability, match="apart"):
        asyncio.run(solve(BudgetForcing(), QUESTION, World(Apart(item_model()))))


@pytest.mark.parametrize(
    "wrong", [{"min_tokens": -1}, {"min_tokens": 2000}, {"waits": -1}, {"close": ""}, {"answer_tokens": 0}]
)
def test_settings_out_of_range_are_refused(wrong):
    [name] = wrong
    with pytest.raises(BadSetting, match="max_tokens" if name == "answer_tokens" else name):
        BudgetForcing(**wrong)
