"""An answer against the gold: by text where that is enough, else by the problem's checker or a judge."""

from __future__ import annotations

from workings.core.answer import Answer, Outcome
from workings.core.errors import DataError, UnknownName
from workings.core.problem import AnswerKind, Problem
from workings.problems.checkers import CHECKERS
from workings.run.ports import Judge
from workings.verify.equivalence import canonical
from workings.verify.number import is_symbolic
from workings.verify.outcome import outcome

__all__ = ["decide", "decide_by_text", "may_need_judge"]


async def decide(answer: Answer, problem: Problem, judge: Judge | None = None) -> Outcome | None:
    """The outcome of an answer; None when the problem has no gold.

    Where text cannot tell and there is no judge, or a checker cannot read it, the answer counts as UNPARSED: not
    right, and set aside in the accuracy among parsed. Raises what the judge raises, and DataError for a problem that
    names an unknown checker.
    """
    told = decide_by_text(answer, problem)
    if told is not None or problem.gold is None:
        return told
    return Outcome.UNPARSED if judge is None else await judge.judge(answer, problem)


def decide_by_text(answer: Answer, problem: Problem) -> Outcome | None:
    """The outcome where the problem's checker or text alone can tell; None when a judge is needed, or there is no gold.

    Raises DataError for a problem that names an unknown checker.
    """
    checker = problem.meta.get("checker")
    if checker:
        return _checked(answer, problem, str(checker))
    if problem.gold is None:
        return None
    return outcome(answer, problem.gold, problem.question.kind, problem.question.choices)


def _checked(answer: Answer, problem: Problem, checker: str) -> Outcome:
    if checker not in CHECKERS:
        unknown = UnknownName.among("checker", checker, CHECKERS)
        raise DataError(f"Problem {problem.id!r}: {unknown.what}", unknown.next_step)
    told = CHECKERS[checker](answer.raw, problem.meta) if answer.given else None
    if told is None:
        return Outcome.UNPARSED
    return Outcome.RIGHT if told else Outcome.WRONG


def may_need_judge(problem: Problem) -> bool:
    """Whether the gold is a formula, so that equal answers written otherwise are known to a judge alone."""
    question, gold = problem.question, problem.gold
    if gold is None or problem.meta.get("checker"):
        return False
    if question.kind is AnswerKind.NUMBER:
        return is_symbolic(gold) and canonical(gold, question.kind) is None
    return question.kind is AnswerKind.TEXT and (is_symbolic(gold) or "\\" in gold)
