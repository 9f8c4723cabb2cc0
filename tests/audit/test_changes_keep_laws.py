"""Audits that change a chain or a question keep the laws of methods, on a model that answers anything."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import random
import re
import zlib
from pathlib import Path

import pytest
from audit_worlds import LETTERS, QUESTION, case_of, trace_of

from workings.audit.case import Measured
from workings.catalog.entries import entries
from workings.catalog.spec import build
from workings.core.budget import Budget
from workings.core.capability import Capability
from workings.core.errors import MissingCapability
from workings.core.problem import Problem
from workings.core.solution import Attempt
from workings.core.wire import pack, unpack
from workings.models.scripted import Scripted
from workings.run.audits import Auditing
from workings.run.drive import World, check_needs, solve
from workings.run.experiment import Plan, carry_out
from workings.run.replay import replay
from workings.testing.worlds import Counted, Delayed, Lacking, MemoryRecord

NAMES = (
    "mistakes:temperature=0.7",
    "mistakes:by=model",
    "paraphrase:temperature=0.7",
    "paraphrase:by=model",
    "truncation",
    "deletion",
    "resampling:rollouts=4",
    "swap",
    "suggested-answer",
    "always-a",
    "option-order",
    "evidence-swap",
    "hints:kinds=all",
    "hints:judge=model",
    "reversal-pairs:samples=4",
)
CHAIN = "So 1 + 2 = 3\nThen 3 + 3 = 6\nThe answer is 6."
COLOURS = "It is red or blue.\nIt is blue then.\nThe answer is (B)."
ASKED = type(LETTERS)("c", "Ann left, or Bob did. Who?", LETTERS.kind, ("Ann", "Bob", "Cy"))


def anything(prompt):
    """Any of five replies, with chances that follow from the whole prompt."""
    rng = random.Random(zlib.crc32(prompt.text.encode()))
    said = ("6", "7", "B", "A", "Yes")
    return {f"\nSo 3 + 3 = {one}, as you think.\nThe answer is {one}.": rng.random() + 0.05 for one in said}


def total(table):
    return {text: chance / sum(table.values()) for text, chance in table.items()}


def marks(lead, candidate):
    return math.log(0.05 + 0.15 * (zlib.crc32(f"{lead}|{candidate}".encode()) % 100) / 100)


def model():
    return Scripted(lambda prompt: total(anything(prompt)), scores=marks)


def bound(name):
    """The audit over one number and one choice problem, and the problems."""
    stranger = trace_of("2 + 2 = 4\nThe answer is 7.")
    sums = case_of(CHAIN, strangers=[stranger])
    choice = case_of(COLOURS, question=ASKED, gold="B")
    cases = {QUESTION.id: sums, ASKED.id: choice}
    return Auditing(build("audits", name), cases), [sums.problem, choice.problem]


def attempts(name, world, concurrency=8):
    flow, problems = bound(name)
    record = MemoryRecord()
    plan = Plan(problems, {"audit": flow}, seed=3, concurrency=concurrency)
    asyncio.run(carry_out(plan, World(world), record))
    return {one.problem_id: one for one in record.attempts()}


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_replies_does_not_matter_and_the_record_is_enough(name):
    plain = attempts(name, model(), 1)
    late = attempts(name, Delayed(model(), 5))
    flow, _ = bound(name)
    counted = 0
    for id, attempt in plain.items():
        assert attempt.failure is None, attempt.failure
        assert attempt.solution == late[id].solution
        again = unpack(Attempt, json.loads(json.dumps(pack(attempt))))
        question = QUESTION if id == QUESTION.id else ASKED
        assert replay(flow(question), again.replies) == attempt.solution
        assert json.loads(json.dumps(attempt.solution.notes)) == attempt.solution.notes, "values are plain JSON"
        counted += not attempt.solution.notes["excluded"]
    assert counted >= 1


@pytest.mark.parametrize("name", NAMES)
def test_findings_say_what_they_rest_on(name):
    rows = []
    for number, attempt in enumerate(attempts(name, model()).values()):
        notes = attempt.solution.notes
        for copy in range(2):
            key = f"{number}-{copy}"
            rows.append(Measured(key, ("", "", key), None, notes["values"], notes["excluded"], spent=attempt.spent))
    found = build("audits", name).find(rows)
    assert found and len({one.name for one in found}) == len(found)
    for one in found:
        assert one.does_not_show or one.value is None, one.name
        assert one.value is None or math.isfinite(one.value)
        # "did not take the hint" is counted beside the cases it is a part of.
        assert one.n >= 0 and (one.n or sum(one.excluded.values())), one.name
        if one.interval is not None:
            assert one.interval.low <= one.value + 1e-9 and one.value <= one.interval.high + 1e-9, one.name
    assert build("audits", name).find(()) == build("audits", name).find([]), "no case at all is no error"


@pytest.mark.parametrize("name", NAMES)
def test_budgets_hold_and_every_token_is_charged(name):
    flow, problems = bound(name)
    for problem in problems:
        counted = Counted(model())
        free = asyncio.run(solve(flow, problem.question, World(counted), seed=1))
        assert free.spent.generated == counted.spent.generated and free.spent.verifier == counted.spent.verifier
        chains = [c.text for ask, got in counted.samples if ask.role == "chain" for c in got]
        assert all(any(text in trace.text for trace in free.pool) for text in chains)
        for tokens in (1, max(free.spent.generated // 2, 1)):
            some = asyncio.run(solve(flow, problem.question, World(model()), seed=1, budget=Budget(tokens=tokens)))
            assert some.spent.generated <= tokens
            assert some.notes["excluded"] or not free.spent.generated
            assert some.partial or some.notes["excluded"] != "the budget ended"


@pytest.mark.parametrize("name", ["mistakes", "deletion", "swap", "suggested-answer"])
def test_a_model_that_cannot_score_is_refused_before_anything_is_spent(name):
    with pytest.raises(MissingCapability):
        check_needs(build("audits", name), Lacking(model(), Capability.SCORE))
    if name != "deletion" and name != "swap":
        setting = "readout" if name == "mistakes" else "logits"
        check_needs(build("audits", f"{name}:{setting}=false"), Lacking(model(), Capability.SCORE))


@pytest.mark.parametrize("name", sorted({name.partition(":")[0] for name in NAMES}))
def test_every_audit_has_a_row_on_its_page(name):
    page = (Path(__file__).parents[2] / "docs" / "audits.md").read_text(encoding="utf-8")
    [row] = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
    entry = entries("audits")[name]
    assert entry.target.partition(":")[0].replace(".", "/") + ".py" in row
    for cited in re.findall(r"[A-Z]\w+ et al\. \d{4}", entry.source):
        assert cited in row
    for field in dataclasses.fields(build("audits", name)):
        if field.name not in ("temperature", "max_tokens"):
            told = str(field.default).lower() if isinstance(field.default, bool) else field.default
            assert f"`{field.name}={told}`" in row, field.name


def test_problems_without_a_gold_are_audited_too():
    case = case_of(CHAIN, gold=None, strangers=[trace_of("2 + 2 = 4\nThe answer is 7.")])
    assert case.problem == Problem(QUESTION, None)
    for name in NAMES:
        flow = Auditing(build("audits", name), {QUESTION.id: case})
        solution = asyncio.run(solve(flow, QUESTION, World(model())))
        row = Measured("q", ("", "", "q"), None, solution.notes["values"], solution.notes["excluded"])
        build("audits", name).find([row, row])
