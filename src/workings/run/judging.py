"""An answer against the gold: by text where that is enough, else by the problem's checker or a judge."""

from __future__ import annotations

from workings.core.answer import Answer, Outcome
from workings.core.errors import GraderError
from workings.core.problem import Problem
from workings.problems.checkers import CHECKERS
from workings.run.ports import Judge
from workings.verify.outcome import outcome

__all__ = ["decide"]


async def decide(answer: Answer, problem: Problem, judge: Judge | None = None) -> Outcome | None:
    """The outcome of an answer; None when the problem has no gold.

    Where text cannot tell and there is no judge, or the judge fails, the answer counts as UNPARSED: not right, and
    set aside in the accuracy among parsed.
    """
    checker = problem.meta.get("checker")
    if checker:
        if not answer.given or answer.canonical is None:
            return Outcome.UNPARSED
        return Outcome.RIGHT if CHECKERS[checker](answer.raw, problem.meta) else Outcome.WRONG
    if problem.gold is None:
        return None
    question = problem.question
    told = outcome(answer, problem.gold, question.kind, question.choices)
    if told is not None:
        return told
    if judge is None:
        return Outcome.UNPARSED
    try:
        return await judge.judge(answer, problem)
    except GraderError:
        return Outcome.UNPARSED
