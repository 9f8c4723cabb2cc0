"""Chains, cases and models whose answers at every cut are known."""

from __future__ import annotations

import asyncio
import math

from workings.audit.case import Case, Measured
from workings.core.answer import Outcome
from workings.core.problem import AnswerKind, Problem, Question
from workings.core.prompt import Prompt
from workings.core.solution import Choice, Solution
from workings.core.trace import Trace
from workings.models.scripted import Scripted
from workings.reason.cot import Cot
from workings.run.audits import Auditing
from workings.run.drive import World, solve
from workings.verify.extract import extract
from workings.verify.steps import split_steps

FOUR = "Take one line.\nThen one more.\nAnd a third.\nSo it ends.\nThe answer is {}."


def chain_of(text, kind=AnswerKind.TEXT, choices=()):
    return Trace(text, split_steps(text), extract(text, kind, choices), prompt=Prompt.user("?"))


def case_of(answer="kiwi", gold=None, *, text=FOUR, kind=AnswerKind.TEXT, strangers=("plum",), name="q", choices=()):
    question = Question(name, "Which?", kind, choices, family="fruit")
    trace = chain_of(text.format(answer), kind, choices)
    solution = Solution(trace.answer, 1.0, (trace,), Choice("the only chain", {}, 0))
    shown = "".join(f"\n({letter}) {choice}" for letter, choice in zip("ABCDEFGH", choices, strict=False))
    others = tuple(chain_of(FOUR.format(other).replace("line", "word"), kind, choices) for other in strangers)
    gold = answer if gold is None else gold
    outcome = Outcome.RIGHT if gold == answer else Outcome.WRONG
    return Case(Problem(question, gold), solution, outcome, Cot(), Prompt.user("Which?" + shown), strangers=others)


def told(chance):
    """A model that says the first answer with `chance(lead)`; the others share the rest."""

    def score(lead, candidate):
        right = chance(lead)
        share = right if candidate.strip() == "kiwi." else (1 - right)
        return math.log(share) if share > 0 else -math.inf

    return Scripted({}, scores=score)


def measured(audit, case, model, *, times=2, family="fruit"):
    """The reading of a case, `times` over as different problems."""
    flow = Auditing(audit, {case.question.id: case})
    solution = asyncio.run(solve(flow, case.question, World(model)))
    values, gone = solution.notes["values"], solution.notes["excluded"]
    return [
        Measured(f"{case.question.id}-{n}", ("", case.question.id, str(n)), case.outcome, values, gone, family)
        for n in range(times)
    ]


def named(findings):
    return {one.name.partition(": ")[2]: one for one in findings}
