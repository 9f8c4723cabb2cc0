"""One chain of thought, in one stage and in two; drafts and how well they were kept."""

from __future__ import annotations

import asyncio

import pytest

from workings.core.answer import Source
from workings.core.errors import BadSetting, UnknownName
from workings.core.problem import AnswerKind, Question
from workings.models.scripted import Scripted
from workings.reason.cot import Cot
from workings.run.drive import World, solve
from workings.testing import Counted, item_model, item_problems, item_world

QUESTION = item_problems(1)[0].question
SUMS = Question("s", "Ann has 3 apples and buys 4. How many has she?", family="arithmetic")


def solved(method, question=QUESTION, model=None):
    return asyncio.run(solve(method, question, World(model) if model else item_world()))


def asked(method, question=QUESTION):
    model = Counted(item_model() if question is QUESTION else Scripted(lambda prompt: {"The answer is 7.": 1.0}))
    solved(method, question, model)
    return [ask for ask, _ in model.samples]


def test_zero_shot_asks_for_steps_in_one_turn():
    [ask] = asked(Cot())
    assert len(ask.prompt.messages) == 1 and "step by step" in ask.prompt.messages[0].content


def test_exemplars_are_earlier_turns_and_the_first_ones():
    [three] = asked(Cot(shots=3), SUMS)
    [two] = asked(Cot(shots=2), SUMS)
    assert [m.role for m in three.prompt.messages] == ["user", "assistant"] * 3 + ["user"]
    assert three.prompt.messages[:4] == two.prompt.messages[:4]
    assert three.prompt.messages[-1].content.startswith(SUMS.text)
    assert all("The answer is" in m.content for m in three.prompt.messages if m.role == "assistant")


def test_exemplars_may_be_shuffled_and_are_the_same_set():
    orders = {asked(Cot(shots=4, order=order), SUMS)[0].prompt.messages[:-1] for order in (0, 1, 2, 3)}
    assert len(orders) > 1
    assert len({frozenset(m.content for m in turns) for turns in orders}) == 1


def test_exemplars_of_a_family_without_any_are_refused():
    with pytest.raises(UnknownName, match="exemplars"):
        solved(Cot(shots=2), Question("x", "?", family="no-such-family"))
    with pytest.raises(BadSetting, match="shots=500"):
        solved(Cot(shots=500), SUMS)


def test_kojima_continues_its_lead_and_asks_again_after_the_cue():
    first, second = asked(Cot(style="kojima", stages=2))
    assert first.prompt.lead == "A: Let's think step by step."
    assert first.prompt.messages[-1].content == f"Q: {QUESTION.text}"
    assert second.prompt.lead.startswith(first.prompt.lead)
    assert second.prompt.lead.endswith("\nTherefore, the answer (arabic numerals) is")
    assert second.sampling.temperature == 0 and second.sampling.stop == ("\n\n",) and second.path == "answer/0"


def test_a_second_turn_shows_the_chain_and_asks():
    _, second = asked(Cot(stages=2, answer_by="turn"))
    assert [m.role for m in second.prompt.messages] == ["user", "assistant", "user"]
    assert second.prompt.lead == "" and second.prompt.messages[-1].content == "The answer is"


def test_only_the_second_stage_is_read():
    def table(prompt):
        return {" 8.": 1.0} if prompt.lead else {"First 7. The answer is 7.": 1.0}

    assert solved(Cot(), SUMS, Scripted(table)).answer.canonical == "7"
    two = solved(Cot(stages=2), SUMS, Scripted(table))
    assert two.answer.canonical == "8" and two.pool[0].text.endswith("The answer is 7.\nThe answer is 8.")


def test_a_second_stage_without_an_answer_is_none():
    def table(prompt):
        return {" unclear.": 1.0} if prompt.lead else {"The answer is 7.": 1.0}

    two = solved(Cot(stages=2), SUMS, Scripted(table))
    assert not two.answer.given


@pytest.mark.parametrize(
    ("kind", "choices", "wanted"),
    [
        (AnswerKind.CHOICE, ("red", "green", "blue"), "among A through C"),
        (AnswerKind.YES_NO, (), "(Yes or No)"),
        (AnswerKind.TEXT, (), "the answer is"),
    ],
)
def test_the_cue_says_what_an_answer_looks_like(kind, choices, wanted):
    asked_of = Question("q", "Which?", kind, choices)
    _, second = asked(Cot(style="kojima", stages=2), asked_of)
    assert wanted in second.prompt.lead


def test_chinese_questions_are_asked_in_chinese():
    [ask] = asked(Cot(), Question("z", "小明有3个苹果，又买了4个，一共几个？", language="zh"))
    assert "一步一步" in ask.prompt.messages[0].content


@pytest.mark.parametrize(
    ("text", "kept"), [("3+4\n=7\nThe answer is 7.", 1.0), ("one two three four five six\nok\nThe answer is 7.", 0.5)]
)
def test_a_draft_says_how_well_it_was_kept(text, kept):
    found = solved(Cot(style="draft"), SUMS, Scripted(lambda prompt: {text: 1.0}))
    assert found.notes["draft_kept"] == kept and found.notes["draft_limit"] == 5


def test_thinking_that_never_ended_is_marked():
    found = solved(Cot(), SUMS, Scripted(lambda prompt: {"<think>3 and 4 is 7. The answer is 7.": 1.0}))
    assert found.answer.source is Source.THINKING


def test_style_names_are_checked():
    with pytest.raises(UnknownName, match="kojima"):
        solved(Cot(style="kojma"))


@pytest.mark.parametrize("wrong", [{"stages": 3}, {"answer_by": "hand"}, {"shots": -1}, {"temperature": -1}])
def test_settings_out_of_range_are_refused(wrong):
    [name] = wrong
    with pytest.raises(BadSetting, match=name):
        Cot(**wrong)
