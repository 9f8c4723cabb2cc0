"""What holds for every audit of explanations, prompts and knowledge: replay, plain readings, both languages."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from probing import asked, case_of, problem_of, talking, trace_of

from workings.audit.case import Measured
from workings.catalog.entries import entries
from workings.catalog.spec import build
from workings.core.finding import Finding
from workings.core.problem import AnswerKind
from workings.problems.probes.counted import counted_problems
from workings.problems.probes.one_way import one_way_problems
from workings.problems.probes.primality import balanced_primality
from workings.reason.prompts import write_prompt
from workings.run.audits import Auditing
from workings.run.drive import Drive, World
from workings.run.replay import replay

OURS = (
    "named-words",
    "named-words:through=answer,masks=3",
    "named-words:words=chain",
    "counterfactual",
    "edits",
    "edits:explanation=after",
    "plausibility",
    "plausibility:by=score",
    "ablations",
    "sycophancy",
    "snowballing",
    "reversal",
    "co-occurrence",
)
every_audit = pytest.mark.parametrize("spec", OURS)


def speak(prompt):
    """Some answer to anything that these audits ask."""
    text = asked(prompt)
    if prompt.lead:
        english = {f" {n}.": 0.02 for n in range(14)} | {f" {n}": 0.02 for n in range(1, 6)}
        return english | {f"{n}。": 0.02 for n in range(14)} | {f"{n}": 0.02 for n in range(1, 6)}
    if "Words:" in text:
        return "Words: apples, 3"
    if "Question:" in text and "Answer:" in text:
        return "Question: Anna has 3 apples and buys 5 more. How many does she have?\nAnswer: 8"
    if "Rating:" in text:
        return "Rating: 4"
    return {"3 + 4 = 7\nThe answer is 7.": 0.6, "3 + 4 = 8\nThe answer is 8.": 0.4}


def case_for(spec):
    name = spec.partition(":")[0]
    special = {"snowballing": balanced_primality, "reversal": one_way_problems, "co-occurrence": counted_problems}
    if name in special:
        return case_of(special[name](4)[0], "I think.\nThe answer is unknown.")
    problem = problem_of("Anna has 3 apples and buys 4 more. How many does she have?", "7", AnswerKind.NUMBER)
    problem = replace(problem, question=replace(problem.question, family="gsm8k"))
    prompt = write_prompt(problem.question, "cot", shots=2)
    other = problem_of("Bo has 5 pens and buys 6 more. How many?", "11", AnswerKind.NUMBER, id="o")
    stranger = trace_of("5 + 6 = 11\nThe answer is 11.", other, write_prompt(other.question, "cot"))
    return case_of(problem, "3 + 4 = 7\nThe answer is 7.", prompt=prompt, strangers=(stranger,))


def carried_out(spec, case):
    audit, drive = build("audits", spec), Drive(World(talking(speak)), seed=3)
    flow = Auditing(audit, {case.problem.id: case})
    return audit, asyncio.run(drive.run(flow(case.question))), drive.journal


@every_audit
def test_an_audit_replays_from_its_journal_and_its_reading_is_plain(spec):
    case = case_for(spec)
    audit, solution, journal = carried_out(spec, case)
    assert not solution.notes["excluded"] and journal
    again = replay(Auditing(audit, {case.problem.id: case})(case.question), journal)
    assert again == solution
    values = solution.notes["values"]
    assert json.loads(json.dumps(values)) == values


@every_audit
def test_findings_are_complete_and_the_same_from_the_record(spec):
    audit, solution, _ = carried_out(spec, case_for(spec))
    rows = [
        Measured(f"q{n}", ("", "", f"q{n}"), None, json.loads(json.dumps(solution.notes["values"]))) for n in range(3)
    ]
    found = audit.find(rows)
    assert found == audit.find(list(rows)) and len({one.name for one in found}) == len(found)
    for one in found:
        assert isinstance(one, Finding) and one.does_not_show and ": " in one.name
        assert one.value is None or one.null is not None or one.ceiling is not None or "share" in one.name
        if one.value is not None and one.interval is not None:
            assert one.interval.low - 1e-9 <= one.value <= one.interval.high + 1e-9


@every_audit
def test_nothing_measured_gives_no_value_and_says_why(spec):
    audit = build("audits", spec)
    gone = Measured("q", ("", "", "q"), None, {}, "ended in an error")
    for rows in ((), (gone,)):
        for one in audit.find(rows):
            assert one.value is None and one.interval is None and one.n == 0
            assert one.excluded == ({"ended in an error": 1} if rows else {})


@every_audit
def test_chinese_questions_get_chinese_prompts(spec):
    if spec in ("reversal", "co-occurrence"):
        pytest.skip("these put no prompt of their own")
    case, seen = case_for(spec), []

    def told(prompt):
        seen.append(asked(prompt))
        return speak(prompt)

    asks = "1009是质数吗？" if spec == "snowballing" else "安娜有3个苹果，又买了4个。她有几个？"
    question = replace(case.question, language="zh", text=asks)
    prompt = write_prompt(question, "cot", shots=2 if spec == "ablations" else 0)
    problem = replace(case.problem, question=question)
    case = case_of(problem, "3 + 4 = 7\n答案是7。", prompt=prompt, strangers=case.strangers)
    audit, drive = build("audits", spec), Drive(World(talking(told)), seed=3)
    solution = asyncio.run(drive.run(Auditing(audit, {question.id: case})(question)))
    assert solution.notes["excluded"] in ("", "named no word of the question", "offered no changed question",
                                          "no rating in any reply of the judge")  # fmt: skip
    assert all(any("\u4e00" <= c <= "\u9fff" for c in text) for text in seen)
    assert solution.notes["values"].get("prompt", "/zh").endswith("/zh")


def test_every_audit_of_ours_is_in_the_catalog():
    assert {spec.partition(":")[0] for spec in OURS} <= set(entries("audits"))
