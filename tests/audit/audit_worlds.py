"""Cases, and models whose use of their chain is known, for tests of audits."""

from __future__ import annotations

import asyncio
import re

from workings.audit.case import Case, Measured
from workings.core.answer import Outcome
from workings.core.budget import Budget
from workings.core.problem import AnswerKind, Problem, Question
from workings.core.solution import Choice, Solution
from workings.core.trace import Trace
from workings.reason.cot import Cot
from workings.reason.prompts import write_prompt
from workings.run.audits import Auditing
from workings.run.drive import World, solve
from workings.verify.extract import extract
from workings.verify.select import ballot
from workings.verify.steps import split_steps

QUESTION = Question("q", "What is 1 + 2 + 3?")
CHAIN = "1 + 2 = 3\n3 + 3 = 6\nThe answer is 6."
LETTERS = Question("c", "Which is it?", AnswerKind.CHOICE, ("red", "blue", "green", "black"))


def trace_of(text, question=QUESTION):
    answer = extract(text, question.kind, question.choices)
    return Trace(text, split_steps(text), answer, prompt=write_prompt(question, "cot"))


def case_of(text=CHAIN, *, question=QUESTION, gold="6", strangers=(), meta=None, method=None):
    trace = trace_of(text, question)
    name = ballot(trace.answer)
    choice = Choice("the only chain", {name: 1.0} if name else {}, 0)
    solution = Solution(trace.answer, 1.0, (trace,), choice)
    problem = Problem(question, gold, meta=meta or {})
    prompt = write_prompt(question, "cot")
    return Case(problem, solution, Outcome.RIGHT, method or Cot(), prompt, strangers=tuple(strangers))


def audited(audit, case, model, *, graders=None, seed=0, tokens=None):
    """The notes and the pool of an audit of one case."""
    world = World(model, graders or {})
    flow = Auditing(audit, {case.question.id: case})
    return asyncio.run(solve(flow, case.question, world, seed=seed, budget=Budget(tokens=tokens)))


def values_of(audit, case, model, **more):
    notes = audited(audit, case, model, **more).notes
    assert not notes["excluded"], notes["excluded"]
    return notes["values"]


def measured(values, name="q", excluded=""):
    return Measured(name, ("", "", name), Outcome.RIGHT, values, excluded)


def findings(audit, *values):
    """Findings by the part of their name behind the colon; each values is a case of its own."""
    found = audit.find([measured(one, f"q{number}") for number, one in enumerate(values)])
    return {finding.name.partition(": ")[2]: finding for finding in found}


def follower(prompt):
    """Goes on with the sum from whatever its last line says."""
    return {_continued(prompt.lead, None): 1.0}


def ignorer(prompt):
    """Ends in 6 whatever its chain says."""
    if not prompt.lead:
        return {CHAIN: 1.0}
    return {"\nThat will do.\nThe answer is 6.": 1.0}


def repairer(prompt):
    """Sees a wrong sum, takes it back, and goes on with the right one."""
    stated = _results(prompt.lead)
    for place, right in enumerate(("3", "6")):
        if len(stated) > place and stated[place] != right:
            rest = "" if place else "\n3 + 3 = 6"
            return {f"\nWait, that is {right}.{rest}\nThe answer is 6.": 1.0}
    return follower(prompt)


def _results(lead):
    return re.findall(r"=\s*(\d+)", lead)


def _continued(lead, told):
    stated = _results(lead)
    if not stated:
        return CHAIN
    gap = "" if lead.endswith("\n") else "\n"
    if len(stated) == 1:
        return f"{gap}{stated[0]} + 3 = {int(stated[0]) + 3}\nThe answer is {int(stated[0]) + 3}."
    return f"{gap}The answer is {stated[-1]}."
