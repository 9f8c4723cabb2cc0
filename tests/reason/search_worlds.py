"""Scripted worlds for searches: chains of labelled steps with known chances, and graders that know the labels."""

from __future__ import annotations

import asyncio
import functools
import itertools
import math
import random
import re
from dataclasses import dataclass, replace

from workings.core.answer import Outcome
from workings.core.ask import Grades
from workings.core.budget import Budget
from workings.core.completion import Usage
from workings.core.problem import AnswerKind, Problem, Question
from workings.models.scripted import Scripted
from workings.run.drive import World, solve
from workings.run.experiment import Plan, carry_out
from workings.testing import Counted, MemoryRecord

LABEL = re.compile(r"Step (\w)\.")
QUESTION = Question("q-1", "Item 1: which way?", AnswerKind.NUMBER)


def answer_of(labels):
    """A number of its own for each chain; all a's is 0."""
    return functools.reduce(lambda n, label: 10 * n + "abcdefghi".index(label), labels, 0)


def chain(labels):
    return "".join(f"Step {label}.\n" for label in labels) + f"The answer is {answer_of(labels)}."


def step_model(*levels, short=None):
    """Writes one step a level, with the chances of that level, then the answer. `short` maps labels to chances of an
    answer given at once instead of the first step."""
    rows = [dict(level) for level in levels]

    @functools.cache
    def table(lead):
        done = LABEL.findall(lead)
        found = {}
        for rest in itertools.product(*rows[len(done) :]):
            chance = math.prod(rows[len(done) + i][label] for i, label in enumerate(rest))
            text = chain([*done, *rest])[len(lead) :]
            found[text] = found.get(text, 0.0) + chance
        if not done and short:
            found = {text: chance * (1 - sum(short.values())) for text, chance in found.items()} | {
                f"The answer is {value}.": chance for value, chance in short.items()
            }
        return found

    return Scripted(lambda prompt: table(prompt.lead))


@dataclass
class StepGrader:
    """A process verifier that scores each step by `rule`, a function of all labels up to it; an answer scores as its
    chain does. It keeps what it was asked."""

    rule: object
    kind: str = "probability"

    def __post_init__(self):
        self.seen = []

    async def grade(self, ask):
        self.seen += ["\n".join(c) for c in ask.chains]
        return Grades(tuple(map(self.scores, ask.chains)), self.kind, Usage(prompt=sum(map(len, ask.chains))))

    def scores(self, steps):
        labels, found = [], []
        for step in steps:
            labels += LABEL.findall(step)
            found.append(float(self.rule(tuple(labels))))
        return tuple(found)


def right_so_far(labels):
    return float(set(labels) <= {"a"})


@dataclass
class FlawedOracle:
    """An outcome verifier that knows the answer: 0.8 for a right chain, 0.2 for a wrong one; but with probability
    `error` one wrong answer of a problem is taken for perfect, and scores 1."""

    error: float

    async def grade(self, ask):
        return Grades(tuple((self._score("\n".join(steps)),) for steps in ask.chains))

    def _score(self, text):
        number = int(re.findall(r"The answer is (\d+)\.", text)[-1])
        if number % 100 == 1:
            return 0.8
        fooled = number % 100 == 2 and random.Random(f"{self.error} {number}").random() < self.error
        return 1.0 if fooled else 0.2


def run(method, model, grader=None, *, seed=0, budget=Budget(), question=QUESTION):
    counted = Counted(model)
    world = World(counted, {"oracle": grader} if grader else {})
    return asyncio.run(solve(method, question, world, seed=seed, budget=budget)), counted


def accuracy(method, model, grader, count=500, problems=None):
    """The share of `count` problems whose answer is that of the chain of a's."""
    asked = problems or [Problem(replace(QUESTION, id=f"q-{i}"), "0") for i in range(count)]
    record = MemoryRecord()
    graders = {"oracle": grader} if grader else {}
    asyncio.run(carry_out(Plan(asked, {"m": method}), World(model, graders), record))
    return sum(a.outcome is Outcome.RIGHT for a in record.attempts()) / len(asked)


def near(found, wanted, count=500):
    """Within four standard errors."""
    return abs(found - wanted) < 4 * math.sqrt(max(wanted * (1 - wanted), 1e-3) / count)


def check_pool(solution):
    """The pool is one tree: branches repeat their parent up to where they left it, and tokens add up."""
    for number, trace in enumerate(solution.pool):
        if trace.parent is not None:
            assert trace.parent < number or trace.role == "probe"
            assert trace.text[: trace.branch_at] == solution.pool[trace.parent].text[: trace.branch_at]
            assert 0 < trace.branch_at <= len(trace.text)
    spent = solution.spent
    assert sum(t.usage.generated for t in solution.pool if t.role != "probe") == spent.generated
    assert sum(t.usage.generated for t in solution.pool if t.role == "probe") == spent.probe
