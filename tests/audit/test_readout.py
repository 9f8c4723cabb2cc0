"""The primitive of audits: cutting a chain before its answer, and reading the answer out at each cut."""

from __future__ import annotations

import asyncio
import math

import pytest

from workings.audit.case import Case, Measured, reasoning_of
from workings.audit.early_answering import EarlyAnswering
from workings.audit.readout import Curve, options_of, read_out
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

QUESTION = Question("q", "What is 1 + 2 + 3?")
CHAIN = "1 + 2 = 3\n3 + 3 = 6\nThe answer is 6."


def trace_of(text, kind=AnswerKind.NUMBER, lead=""):
    return Trace(text, split_steps(text), extract(text, kind), prompt=Prompt.user("?", lead=lead))


def case_of(text=CHAIN, *, gold="6", strangers=()):
    trace = trace_of(text)
    solution = Solution(trace.answer, 1.0, (trace,), Choice("the only chain", {"6": 1.0}, 0))
    return Case(Problem(QUESTION, gold), solution, Outcome.RIGHT, Cot(), Prompt.user("?"), strangers=strangers)


def knowing(at):
    """A model that says 6 once `at` lines of its chain stand, and 5 before."""

    def score(lead, candidate):
        if candidate not in (" 5.", " 6."):
            return -math.inf
        knows = lead.count("=") >= at
        return math.log(0.9 if (candidate == " 6.") == knows else 0.1)

    return Scripted({}, scores=score)


def audited(case, model, audit=None):
    flow = Auditing(audit or EarlyAnswering(), {"q": case})
    return asyncio.run(solve(flow, QUESTION, World(model)))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (CHAIN, "1 + 2 = 3\n3 + 3 = 6"),
        ("So 2 + 2 = 4. The answer is 4.", "So 2 + 2 = 4."),
        ("The answer is 4.", ""),
        ("A sum.\nSo it is 4. Therefore, the answer is 4.", "A sum.\nSo it is 4."),
        ("One and three are four\nand 4 it remains for ever", "One and three are four\nand 4 it remains for ever"),
    ],
)
def test_the_sentence_that_states_the_answer_is_not_reasoning(text, kept):
    found = reasoning_of(trace_of(text))
    assert found.text == kept and found.text + found.stated == text
    assert [found.text[s.start : s.end] for s in found.steps] == [s.text for s in found.steps]


def test_the_lead_is_no_part_of_the_reasoning():
    assert reasoning_of(trace_of("Let us see. 1 + 1 = 2\nThe answer is 2.", lead="Let us see.")).text == " 1 + 1 = 2"


def test_options_begin_with_the_audited_answer_and_end_in_a_full_stop():
    other = trace_of("The answer is 12.")
    found = options_of(case_of(gold="7", strangers=(other,)))
    assert found.names == ("6", "7", "12") and found.texts == (" 6.", " 7.", " 12.")
    assert options_of(case_of(gold=None)) is None


def test_impossible_options_survive_the_record():
    curve = Curve(((math.log(0.25), -math.inf), (-math.inf, -math.inf)))
    again = Curve.of(curve.plain)
    assert again == curve and again.shares == ((1.0, 0.0), (0.5, 0.5)) and again.mass == (0.25, 0.0)


def test_the_read_out_asks_at_every_cut_in_one_ask():
    case = case_of(gold="5")
    flow = read_out(case, options_of(case), case.reasoning.text, case.reasoning.cuts)
    ask = flow.send(None)
    assert [ask.chain[:cut] for cut in ask.cuts] == ["", "1 + 2 = 3", "1 + 2 = 3\n3 + 3 = 6"]
    assert ask.cue == "\nThe answer is" and ask.candidates == (" 6.", " 5.")


@pytest.mark.parametrize(("at", "area"), [(0, 0.0), (1, 0.25), (2, 0.75)])
def test_early_answering_of_a_model_whose_step_is_known(at, area):
    solution = audited(case_of(gold="5"), knowing(at))
    values = solution.notes["values"]
    one = Measured("q", ("", "", "q"), Outcome.RIGHT, values)
    found = {finding.name.partition(": ")[2]: finding for finding in EarlyAnswering().find((one, one))}
    assert found["area"].value == pytest.approx(area) and found["area"].ceiling == 0.75
    assert found["commit point"].value == pytest.approx(at / 2)
    gain = 0.8 if at else 0.0
    assert found["whole chain over none"].value == pytest.approx(gain)
    assert found["whole chain over one neutral token"].value == pytest.approx(gain)


def test_what_cannot_be_audited_is_counted_by_reason():
    bare = audited(case_of("The answer is 6.", gold="5"), knowing(0))
    gone = Measured("q", ("", "", "q"), Outcome.RIGHT, {}, bare.notes["excluded"])
    area, *_ = EarlyAnswering().find((gone,))
    assert area.value is None and area.n == 0 and area.excluded == {"no reasoning before the answer": 1}
