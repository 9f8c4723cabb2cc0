"""Fabricated records beside a fabricated run: early answering of known shape, ratings, an audit that judges, doubts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workings.audit.readout import Curve
from workings.audit.views import View
from workings.core.answer import NO_ANSWER, Outcome
from workings.core.completion import Usage
from workings.core.record import AttemptRow
from workings.core.solution import Attempt, Solution
from workings.core.trace import Trace

from .fixtures import HOSTILE, FakeRun, make_run, spec

METHODS = ("cot", "vote:n=8")
SPENT = Usage(prompt=30, generated=5, calls=2)


def rows_of(shares: Sequence[float]) -> list[list[float]]:
    return [[math.log(share), math.log(1 - share)] for share in shares]


def early(trace: Trace, shares: Sequence[float], answer: str = "7") -> dict[str, Any]:
    """What early answering records of a chain whose stated answer has these shares at its cuts."""
    chain = trace.text[: trace.steps[-1].end]
    whole = rows_of(shares)
    view = View(Curve.of(whole))
    return {
        "chain": chain,
        "options": [answer, "8"],
        "gold": 0,
        "cuts": [0, *(step.end for step in trace.steps)],
        "lengths": list(range(len(shares))),
        "unit": "words",
        "tokens": None,
        "shares": list(view.shares),
        "importance": list(view.importance),
        "gain": list(view.gains),
        "states": [],
        "mass": None,
        "whole": whole,
        "shuffled": rows_of([0.3] * len(shares)),
        "stranger": rows_of([0.15] * 3),
        "neutral": {".": rows_of([0.25])[0], "-": rows_of([0.35])[0]},
        "cues": [],
        "orders": [],
    }


def rising(steps: int, at: int) -> list[float]:
    """A share of 0.2 that jumps to 0.8 a little more or less, with the last step."""
    return [0.2 + 0.01 * (at % 3)] * steps + [0.8 + 0.01 * (at % 4)]


def record(
    source: FakeRun, kind: str, readings: Mapping[str, Mapping[str, Mapping[str, Any] | str]], ident: str
) -> FakeRun:
    """A run that asks about `source`: for each label the values by problem, or why the case is left out."""
    run = FakeRun(replace(spec(tuple(readings), source.spec.count), id=ident, notes={kind: source.spec.id}))
    run.problems_ = list(source.problems_)
    known = {(row.problem_id, row.method): row for row in source.rows_}
    for label, cases in readings.items():
        method = label.partition(" on ")[2]
        for problem, values in cases.items():
            row = known[problem, method]
            gone = values if isinstance(values, str) else ""
            notes = {"excluded": gone, "values": {} if gone else dict(values)}  # type: ignore[arg-type]
            solution = Solution(NO_ANSWER, notes=notes)
            run.attempts_[problem, label, 0] = Attempt(problem, label, 0, 1, row.outcome, solution, None, SPENT)
            run.rows_.append(AttemptRow(problem, label, 0, row.outcome, None, row.gold, None, family=row.family,
                                        cluster=row.cluster, length=row.length))  # fmt: skip
    return run


def source_run(count: int = 24) -> FakeRun:
    return make_run(count, METHODS)


def kept(source: FakeRun, method: str = "cot") -> list[Attempt]:
    return [one for one in source.attempts_.values() if one.method == method and one.solution is not None]


def early_record(source: FakeRun, ident: str = "early") -> FakeRun:
    """Of every chain the last step carries all; of the first one its second step takes away what the first gives."""
    cases: dict[str, Any] = {}
    for at, one in enumerate(kept(source)):
        assert one.solution is not None
        trace = one.solution.pool[0]
        shares = rising(len(trace.steps), at)
        if at == 0:
            shares[1] = 0.99
        cases[one.problem_id] = early(trace, shares)
    return record(source, "audits", {"early-answering on cot": cases}, ident)


def judged_record(source: FakeRun) -> FakeRun:
    """Ratings of 5 and 1 in turn, and edits that flip the answer and are mentioned for two problems of every three."""
    ratings: dict[str, Any] = {}
    edits: dict[str, Any] = {}
    for at, one in enumerate(kept(source)):
        given = {"plausible": 5.0 if at % 2 else 1.0, "consistent": 3.0, "factual": 3.0}
        ratings[one.problem_id] = {"ratings": {"first": given, "second": given}, "prompt": "judge/1"}
        rows = [
            {"kind": "insert", "flipped": True, "mentioned": at % 3 > 0, "moved": 0.9, "explained": 20},
            {"kind": "exchange", "flipped": False, "mentioned": False, "moved": 0.1, "explained": 20},
        ]
        edits[one.problem_id] = "no answer" if at == 5 else {"rows": rows, "noise": 0.0}
    return record(source, "audits", {"plausibility on cot": ratings, "edits on cot": edits}, "judged")


def doubt_record(source: FakeRun, ident: str = "doubts") -> FakeRun:
    """Agreement that tells right from wrong, and a token probability that does not; one attempt has no value."""
    readings: dict[str, Any] = {}
    for method in METHODS:
        good: dict[str, Any] = {}
        poor: dict[str, Any] = {}
        for at, one in enumerate(kept(source, method)):
            sure = (0.8 if one.outcome is Outcome.RIGHT else 0.3) + 0.02 * (at % 5)
            poor[one.problem_id] = scoped(dict.fromkeys(("chain", "answer", "whole"), 0.5 + 0.01 * (7 * at % 11)))
            good[one.problem_id] = scoped({"answer": None if at == 3 else sure}, "fewer than two chains")
        readings |= {f"agreement on {method}": good, f"token-probability on {method}": poor}
    return record(source, "doubts", readings, ident)


def scoped(values: Mapping[str, float | None], missing: str = "") -> dict[str, Any]:
    told = {scope: {"value": v, "missing": missing if v is None else ""} for scope, v in values.items()}
    return {"scopes": told, "reads": {"chains": 4, "tokens": 100}}


def hostile_record(source: FakeRun) -> FakeRun:
    """Reasons, answers and names that attack the page."""
    trace = kept(source)[0]
    assert trace.solution is not None
    first = early(trace.solution.pool[0], rising(len(trace.solution.pool[0].steps), 0), HOSTILE)
    cases: dict[str, Any] = dict.fromkeys((one.problem_id for one in kept(source)[1:]), HOSTILE)
    readings: dict[str, Any] = {"early-answering on cot": {trace.problem_id: first, **cases}}
    readings[f"{HOSTILE} on cot"] = {trace.problem_id: {}}
    return record(source, "audits", readings, HOSTILE)
