"""Cases and scripted models for audits whose answers are known."""

from __future__ import annotations

import asyncio
import re
import zlib

from workings.audit.case import Case, Measured
from workings.core.problem import AnswerKind, Problem, Question
from workings.core.prompt import Prompt
from workings.core.solution import Choice, Solution
from workings.core.trace import Trace
from workings.models.scripted import Scripted
from workings.reason.cot import Cot
from workings.reason.prompts import write_prompt
from workings.run.audits import Auditing
from workings.run.drive import World, solve
from workings.verify.extract import extract
from workings.verify.outcome import outcome
from workings.verify.steps import split_steps

BOX = "Is the red box on the old table by the door full today?"


def problem_of(
    text=BOX, gold="yes", kind=AnswerKind.YES_NO, *, id="q", family="", meta=None, choices=(), language="en"
):
    return Problem(Question(id, text, kind, choices, family, language), gold, meta=meta or {})


def trace_of(text, problem, prompt):
    return Trace(text, split_steps(text), extract(text, problem.question.kind, problem.question.choices), prompt=prompt)


def case_of(problem, reply, *, prompt=None, method=None, strangers=()):
    """A recorded attempt at `problem` that was answered with `reply`."""
    prompt = prompt or write_prompt(problem.question, "cot")
    trace = trace_of(prompt.lead + reply, problem, prompt)
    question = problem.question
    judged = outcome(trace.answer, problem.gold, question.kind, question.choices)
    choice = Choice("the only chain", {}, 0)
    solution = Solution(trace.answer, None, (trace,), choice)
    return Case(problem, solution, judged, method or Cot(), prompt, strangers=strangers)


def talking(speak, **settings):
    """A model that says `speak(prompt)`: the last user turn and the whole prompt decide."""
    return Scripted(lambda prompt: _table(speak(prompt)), **settings)


def _table(said):
    return said if isinstance(said, dict) else {said: 1.0}


def asked(prompt: Prompt) -> str:
    return prompt.messages[-1].content


def audited(audit, case, model):
    """The solution of one audit of one case; its notes hold the reading."""
    flow = Auditing(audit, {case.problem.id: case})
    return asyncio.run(solve(flow, case.question, World(model), seed=zlib.crc32(case.problem.id.encode())))


def measured(audit, case, model, id="q"):
    """One case audited, as the record gives it back."""
    solution = audited(audit, case, model)
    notes = solution.notes
    return Measured(id, ("", "", id), case.outcome, notes.get("values", {}), notes["excluded"], spent=solution.spent)


def found(audit, *rows):
    """The findings of an audit by the part of their name behind the colon."""
    return {one.name.partition(": ")[2]: one for one in audit.find(rows)}


def words(text):
    return re.findall(r"\w+", text.lower())


def several(one, count=4):
    return [Measured(f"q{i}", ("", "", f"q{i}"), one.outcome, one.values, one.excluded) for i in range(count)]
