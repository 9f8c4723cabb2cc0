"""A judge by prompt: verdicts read, probabilities known, nothing ever guessed."""

from __future__ import annotations

import asyncio
import math

import pytest

from workings.core.ask import Grade
from workings.core.capability import Capability
from workings.core.errors import BadSetting, GraderError
from workings.core.problem import Question
from workings.graders.judge import JudgeGrader, read_verdict
from workings.models.scripted import Scripted
from workings.testing import Lacking, check_grader

QUESTION = Question("q", "What is 2 + 2?")
CHAINS = (("2 + 2 = 4.", "The answer is 4."), ("2 + 2 = 5.", "It is {number}.", "The answer is 5."))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Verdict: right", True),
        ("verdict: WRONG.", False),
        ("**Verdict:** correct", True),
        ("Verdict: incorrect", False),
        ("Verdict: right? No. Verdict: wrong", False),
        ("结论：正确", True),
        ("结论：错误。", False),
        ("结论：不正确", False),
        ("It is right.", None),
        ("Verdict: rightly so? Verdict unclear", True),
        ("", None),
        ("Verdict: right" + " x" * 3000, None),
    ],
)
def test_verdicts(text, said):
    assert read_verdict(text) is said


def sees(prompt):
    """A judge that knows that 5 is wrong, and says so nine times of ten."""
    shown = prompt.messages[-1].content
    last = shown.split("\n\n")[1].split("\n")[-1]
    good = "5" not in last
    words = {True: "Verdict: right", False: "Verdict: wrong"}
    if prompt.lead:
        return {" right": 0.9, " wrong": 0.1} if good else {" right": 0.1, " wrong": 0.9}
    return {f"I looked. {words[good]}": 0.9, f"I looked. {words[not good]}": 0.1}


def graded(judge):
    return asyncio.run(judge.grade(Grade(QUESTION, CHAINS, "judge")))


def test_by_score_is_the_probability_of_right_against_wrong():
    grades = graded(JudgeGrader(Scripted(sees)))
    assert grades.scores == ((pytest.approx(0.9),), (pytest.approx(0.1),)) and grades.kind == "probability"
    assert grades.usage.prompt > 0 and grades.usage.calls == 2


def test_steps_are_judged_one_by_one_with_those_before_them():
    grades = graded(JudgeGrader(Scripted(sees), per="step"))
    assert [[round(s, 6) for s in row] for row in grades.scores] == [[0.9, 0.9], [0.1, 0.9, 0.1]]
    assert grades.usage.calls == 5


def test_by_text_where_scores_are_not_to_be_had():
    judge = JudgeGrader(Lacking(Scripted(sees), Capability.SCORE))
    assert graded(judge).scores == ((1.0,), (0.0,))


def test_several_verdicts_are_a_share():
    judge = JudgeGrader(Scripted(sees), by="text", n=200, temperature=1.0)
    [[right], [wrong]] = graded(judge).scores
    spread = 4 * math.sqrt(0.09 / 200)
    assert right == pytest.approx(0.9, abs=spread) and wrong == pytest.approx(0.1, abs=spread)
    assert graded(judge).scores == ((right,), (wrong,))


def test_no_verdict_is_an_error_and_never_a_score():
    with pytest.raises(GraderError, match="no verdict"):
        graded(JudgeGrader(Scripted(lambda prompt: {"Hm.": 1.0}), by="text"))


def test_replies_without_a_verdict_do_not_count():
    unsure = Scripted(lambda prompt: {"Hm.": 0.5, "Verdict: right": 0.5})
    grades = graded(JudgeGrader(unsure, by="text", n=40, temperature=1.0))
    assert grades.scores == ((1.0,), (1.0,))


def test_braces_in_a_chain_are_text():
    seen = []

    def table(prompt):
        seen.append(prompt.messages[-1].content)
        return {" right": 0.5, " wrong": 0.5}

    graded(JudgeGrader(Scripted(table)))
    assert any("It is {number}." in text for text in seen)


def test_chinese_questions_are_asked_in_chinese():
    def table(prompt):
        assert "结论" in prompt.messages[-1].content
        return {"正确": 0.8, "错误": 0.2}

    question = Question("q", "二加二等于几？", language="zh")
    grades = asyncio.run(JudgeGrader(Scripted(table)).grade(Grade(question, (("答案是4。",),), "judge")))
    assert grades.scores == ((pytest.approx(0.8),),)


@pytest.mark.parametrize(
    ("settings", "says"), [({"per": "word"}, "per='word'"), ({"by": "guess"}, "by='guess'"), ({"n": 3}, "n=3")]
)
def test_settings_are_checked(settings, says):
    with pytest.raises(BadSetting, match=says):
        JudgeGrader(Scripted(sees), **settings)


def test_a_chain_without_steps_is_refused():
    with pytest.raises(GraderError, match="without steps"):
        asyncio.run(JudgeGrader(Scripted(sees)).grade(Grade(QUESTION, ((),), "judge")))


@pytest.mark.parametrize("per", ["chain", "step"])
def test_it_keeps_the_contract(per):
    check_grader(JudgeGrader(Scripted(sees), per=per), a_score_a_step=per == "step")
