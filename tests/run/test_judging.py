"""Outcomes: by text, by checker, by judge."""

from __future__ import annotations

import asyncio

import pytest

from workings.core.answer import NO_ANSWER, Answer, Outcome
from workings.core.errors import DataError, GraderError
from workings.core.problem import AnswerKind, Problem, Question
from workings.problems.procedural import families, generate
from workings.run.judging import decide, may_need_judge
from workings.verify.extract import extract


class Judging:
    def __init__(self, outcome=Outcome.RIGHT, error=None):
        self.outcome, self.error, self.asked = outcome, error, 0

    async def judge(self, answer, problem):
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.outcome


def problem(gold, kind=AnswerKind.NUMBER, **meta):
    return Problem(Question("q", "?", kind), gold, meta=meta)


def told(text, one, judge=None):
    return asyncio.run(decide(extract(text, one.question.kind), one, judge))


def test_the_four_outcomes_and_no_gold():
    assert told("The answer is 7.", problem("7")) is Outcome.RIGHT
    assert told("The answer is 8.", problem("7")) is Outcome.WRONG
    assert told("I do not know.", problem("7")) is Outcome.UNPARSED
    assert told("The answer is 7.", problem(None)) is None


def test_text_that_is_enough_asks_no_judge():
    judge = Judging(Outcome.WRONG)
    assert told("The answer is 7.", problem("7"), judge) is Outcome.RIGHT
    assert told("nothing", problem("7"), judge) is Outcome.UNPARSED
    assert judge.asked == 0


def test_a_formula_goes_to_the_judge():
    formula = Answer("\\sqrt{2}", None)
    one = problem("2**0.5")
    judge = Judging()
    assert asyncio.run(decide(formula, one, judge)) is Outcome.RIGHT and judge.asked == 1
    assert asyncio.run(decide(formula, one)) is Outcome.UNPARSED


def test_a_judge_that_fails_is_an_error_and_no_outcome():
    judge = Judging(error=GraderError("Killed after 5 s.", "Simplify."))
    with pytest.raises(GraderError, match="Killed"):
        asyncio.run(decide(Answer("\\sqrt{2}", None), problem("2**0.5"), judge))


def test_an_unknown_checker_is_refused():
    with pytest.raises(DataError, match=r"'q'.*'countdwon'.*countdown"):
        told("The answer is 7.", problem("7", checker="countdwon"))


def test_what_a_checker_cannot_read_is_unparsed():
    one = problem("3*8+7", AnswerKind.TEXT, checker="countdown", numbers=(3, 7, 8), target=31)
    assert asyncio.run(decide(Answer("$3 \\times 8 + 7$", "x"), one)) is Outcome.RIGHT
    assert asyncio.run(decide(Answer("3+8", "x"), one)) is Outcome.WRONG
    assert asyncio.run(decide(Answer("no way to do it", "x"), one)) is Outcome.UNPARSED


@pytest.mark.parametrize(
    ("gold", "kind", "may"),
    [
        ("\\frac{\\sqrt{3}}{2}", AnswerKind.NUMBER, True),
        ("x^2+1", AnswerKind.TEXT, True),
        ("12", AnswerKind.NUMBER, False),
        ("1/2", AnswerKind.NUMBER, False),
        ("Paris", AnswerKind.TEXT, False),
        ("B", AnswerKind.CHOICE, False),
        (None, AnswerKind.TEXT, False),
    ],
)
def test_golds_that_are_formulas_may_need_a_judge(gold, kind, may):
    assert may_need_judge(problem(gold, kind)) is may
    assert not may_need_judge(problem(gold, kind, checker="countdown"))


@pytest.mark.parametrize("other", ["", "(1+1)*0", "__import__('os')", "9**9**9**9"])
def test_countdown_is_decided_by_its_checker(other):
    one = next(generate(families()["countdown"], "test", 1))
    assert told(f"The answer is {one.gold}.", one) is Outcome.RIGHT
    assert told(f"The answer is {other}.", one) is not Outcome.RIGHT
    assert asyncio.run(decide(NO_ANSWER, one)) is Outcome.UNPARSED
