"""Answers of a case: whether one is right, how one is written, and a plausible one that is wrong."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable
from fractions import Fraction

from workings.audit.case import Case
from workings.core.answer import Answer, Outcome
from workings.core.problem import AnswerKind, Problem
from workings.problems.checkers import CHECKERS
from workings.problems.procedural import families
from workings.verify.equivalence import canonical, equivalent
from workings.verify.outcome import outcome
from workings.verify.select import ballot

__all__ = ["is_right", "options_in", "own_answer", "shown", "wrong_answer"]

_YES_NO = {"en": {"yes": "Yes", "no": "No"}, "zh": {"yes": "是", "no": "否"}}
_SHIFTS = (1, -1, 2, -2, 3, -3, 10, -10)


def own_answer(case: Case) -> str | None:
    """The audited answer as it votes; None when there is none."""
    return ballot(case.solution.answer)


def is_right(problem: Problem, answer: Answer) -> bool | None:
    """Whether an answer is right; None when text cannot tell, or there is no gold. No answer is not right.

    Golds of procedural families are plain text, even those that look like a formula ("a-t-o"): what is not the same as
    one is wrong.
    """
    if problem.gold is None:
        return None
    checker = CHECKERS.get(str(problem.meta.get("checker", "")))
    if checker is not None and answer.raw:
        return checker(answer.raw, problem.meta)
    question = problem.question
    verdict = outcome(answer, problem.gold, question.kind, question.choices)
    if verdict is None and answer.given and question.family in families():
        return False
    return None if verdict is None else verdict is Outcome.RIGHT


def options_in(case: Case) -> int | None:
    """How many answers a question has; None for open ones."""
    if case.question.kind is AnswerKind.YES_NO:
        return 2
    return len(case.question.choices) or None


def shown(case: Case, name: str) -> str:
    """How an answer is written in running text."""
    if case.question.kind is AnswerKind.YES_NO:
        return _YES_NO[case.question.language].get(name, name)
    return f"({name})" if case.question.kind is AnswerKind.CHOICE else name


def wrong_answer(case: Case, avoid: Iterable[str | None] = (), salt: str = "") -> str | None:
    """A plausible answer that is neither right nor the audited one nor among `avoid`; None when there is none.

    For choices another option, for yes and no the other one, for open answers what the same family's other problems
    were answered, else a number near by. Which one follows from the question and `salt`.
    """
    question, gold = case.question, case.problem.gold
    taken = {name for name in (own_answer(case), gold, *avoid) if name is not None}
    if gold is not None:
        taken.add(canonical(gold, question.kind, question.choices) or gold)
    rng = random.Random(zlib.crc32(f"{question.id}|{salt}".encode()))
    for group in _candidates(case):
        fit = [name for name in group if name not in taken and _is_wrong(case, name)]
        if fit:
            return rng.choice(fit)
    return None


def _candidates(case: Case) -> Iterable[list[str]]:
    question = case.question
    if question.kind is AnswerKind.YES_NO:
        yield ["yes", "no"]
        return
    if question.kind is AnswerKind.CHOICE:
        yield [chr(ord("A") + n) for n in range(len(question.choices))]
        return
    foreign = (ballot(trace.answer) for trace in case.strangers)
    yield sorted({name for name in foreign if name is not None})
    base = case.problem.gold or own_answer(case)
    if question.kind is AnswerKind.NUMBER and base is not None:
        yield _near(base)


def _near(base: str) -> list[str]:
    try:
        value = Fraction(base)
    except (ValueError, ZeroDivisionError):
        return []
    found = [value + shift for shift in _SHIFTS if value < 0 or value + shift >= 0]
    texts = [str(one.numerator) if one.denominator == 1 else str(float(one)) for one in found]
    return [text for text in texts if canonical(text, AnswerKind.NUMBER) is not None]


def _is_wrong(case: Case, name: str) -> bool:
    gold, question = case.problem.gold, case.question
    if gold is None:
        return True
    checker = CHECKERS.get(str(case.problem.meta.get("checker", "")))
    if checker is not None:
        return checker(name, case.problem.meta) is False
    same = equivalent(name, gold, question.kind, question.choices)
    return same is False or (same is None and question.family in families())
