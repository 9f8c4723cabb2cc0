"""A verifier's reply is held against the contract before a method sees it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

import pytest

from workings.core.ask import Grade, Grades, grade
from workings.core.completion import Usage
from workings.core.errors import GraderError
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.run.drive import Drive
from workings.run.grading import check_grades
from workings.testing import item_model
from workings.testing.worlds import item_world

ASK = Grade(Question("q", "?"), (("a", "b"), ("a", "b", "c")), "tried")


@pytest.mark.parametrize("rows", [((0.1, 0.2), (0.1, 0.2, 0.3)), ((0.5,), (0.6,))])
def test_one_a_step_or_one_a_chain(rows):
    check_grades(ASK, Grades(rows))


def test_one_step_is_a_step_and_a_chain():
    check_grades(Grade(ASK.question, (("a",), ("b",)), "tried"), Grades(((1.0,), (0.0,))))


@pytest.mark.parametrize(
    ("grades", "says"),
    [
        (Grades(((0.1, 0.2),)), "1 results for 2 chains"),
        (Grades(((0.1, 0.2), (0.1, 0.2))), "2 scores for a chain of 3 steps"),
        (Grades(((0.1,), (0.1, 0.2, 0.3))), "1 scores for a chain of 2 steps"),
        (Grades(((), ())), "0 scores"),
        (Grades(((0.1, math.nan), (0.1, 0.2, 0.3))), "nan"),
        (Grades(((0.1, 1.2), (0.1, 0.2, 0.3))), "probabilities"),
        (Grades(((0.1, -1.0), (0.1, 0.2, 0.3))), "probabilities"),
        (Grades(((0.5,), (0.5,)), "score"), "'score'"),
    ],
)
def test_what_breaks_the_contract_is_an_error(grades, says):
    with pytest.raises(GraderError, match=says):
        check_grades(ASK, grades)


def test_logits_may_be_any_number():
    check_grades(ASK, Grades(((-30.0,), (30.0,)), "logit"))


def test_a_truncated_reply_reaches_the_method_as_an_error_and_is_charged():
    @dataclass(frozen=True)
    class Cut:
        async def grade(self, ask):
            return Grades(tuple((0.9,) * min(2, len(chain)) for chain in ask.chains), usage=Usage(prompt=7))

    seen = []

    def flow():
        try:
            yield from grade(ASK.question, ASK.chains, "cut")
        except GraderError as error:
            seen.append(error.what)
        return Solution()

    drive = Drive(item_world(item_model(), {"cut": Cut()}))
    solution = asyncio.run(drive.run(flow()))
    assert seen == ["'cut' gave 2 scores for a chain of 3 steps."]
    assert solution.spent.verifier == 7
