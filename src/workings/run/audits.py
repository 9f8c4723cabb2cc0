"""Audits over recorded attempts: an audit of a case is an attempt like any other, recorded and resumed as one."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workings.audit.case import Audit, Case, Measured, Reading, Thinks
from workings.core.answer import Outcome
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.errors import BudgetEnded
from workings.core.finding import Finding
from workings.core.problem import Problem, Question
from workings.core.prompt import Prompt
from workings.core.record import AttemptRow
from workings.core.solution import Attempt, Solution
from workings.core.trace import Trace
from workings.reason.prompts import answer_cue, style_names, write_prompt

__all__ = ["Auditing", "audit_label", "cases_of", "findings_of", "label_parts", "measured_of"]

_ON = " on "
_STRANGERS = 3


def audit_label(audit: str, method: str) -> str:
    """What the attempts of an audit of a method are recorded under."""
    return f"{audit}{_ON}{method}"


def label_parts(label: str) -> tuple[str, str]:
    """The audit and the method of a label."""
    audit, _, method = label.partition(_ON)
    return audit, method


@dataclass(frozen=True, slots=True)
class Auditing:
    """An audit bound to recorded attempts, in the form of a method: the driver runs it as it runs any other.

    The solution repeats the audited answer; its notes hold the reading, its pool what was drawn for it.
    """

    audit: Audit
    cases: Mapping[str, Case | str]

    @property
    def needs(self) -> frozenset[Capability]:
        return self.audit.needs

    @property
    def verifiers(self) -> tuple[str, ...]:
        return self.audit.verifiers

    def __call__(self, question: Question) -> Flow[Solution]:
        case = self.cases.get(question.id, "not attempted")
        if isinstance(case, str):
            return Solution(notes={"excluded": case})
        try:
            reading = yield from self.audit(case)
        except BudgetEnded as end:
            reading = Reading(excluded="the budget ended", partial=end.what)
        notes = {"excluded": reading.excluded, "values": dict(reading.values)}
        return Solution(case.solution.answer, None, reading.pool, partial=reading.partial, notes=notes)


def cases_of(
    problems: Mapping[str, Problem], attempts: Iterable[Attempt], method: Thinks, style: str = "cot"
) -> dict[str, Case | str]:
    """For each problem the case its attempt makes, or why there is none.

    `attempts` are those of one method; the first of several at a problem is taken. `style` is the method's prompt
    style: its cue asks for the answer, and its prompt stands in where the record has none (imported outputs).
    """
    found: dict[str, Case | str] = {}
    usable: list[tuple[Problem, Attempt]] = []
    for attempt in attempts:
        problem = problems[attempt.problem_id]
        if problem.id in found:
            continue
        found[problem.id] = _unfit(attempt)
        if not found[problem.id]:
            usable.append((problem, attempt))
    strangers = _strangers(usable)
    name = style if style in style_names() else "cot"
    for problem, attempt in usable:
        solution = attempt.solution
        assert solution is not None
        chosen = _chosen(solution)
        prompt = chosen.prompt or write_prompt(problem.question, name)
        found[problem.id] = Case(
            problem=problem,
            solution=solution,
            outcome=attempt.outcome,
            method=method,
            prompt=Prompt(prompt.messages, prompt.lead),
            cue=answer_cue(problem.question, name),
            strangers=strangers[problem.id],
        )
    return found


def _unfit(attempt: Attempt) -> str:
    if attempt.solution is None or attempt.outcome is Outcome.ERROR:
        return "ended in an error"
    if not attempt.solution.pool:
        return "without a chain"
    return ""


def _chosen(solution: Solution) -> Trace:
    chosen = None if solution.choice is None else solution.choice.chosen
    return solution.pool[chosen or 0]


def _strangers(usable: Sequence[tuple[Problem, Attempt]]) -> dict[str, tuple[Trace, ...]]:
    """For each problem the chains of the next ones of its family, which differ from it in what is asked."""
    families: dict[str, list[tuple[Problem, Trace]]] = defaultdict(list)
    for problem, attempt in sorted(usable, key=lambda pair: zlib.crc32(pair[0].id.encode())):
        assert attempt.solution is not None
        families[problem.question.family].append((problem, _chosen(attempt.solution)))
    found: dict[str, tuple[Trace, ...]] = {}
    for group in families.values():
        for place, (problem, _) in enumerate(group):
            turned = [*group[place + 1 :], *group[:place]]
            found[problem.id] = tuple(trace for _, trace in turned[:_STRANGERS])
    return found


def measured_of(
    attempts: Iterable[Attempt], rows: Mapping[tuple[str, str, int], AttemptRow]
) -> dict[str, list[Measured]]:
    """The readings of a recorded run of audits, by label."""
    found: dict[str, list[Measured]] = defaultdict(list)
    for attempt in attempts:
        row = rows[attempt.problem_id, attempt.method, attempt.index]
        notes: Mapping[str, Any] = {} if attempt.solution is None else attempt.solution.notes
        gone = f"error: {attempt.failure.kind}" if attempt.failure is not None else str(notes.get("excluded", ""))
        if attempt.solution is not None and attempt.solution.partial and not gone:
            gone = "the budget ended"
        found[attempt.method].append(
            Measured(
                problem_id=attempt.problem_id,
                cluster=row.cluster_key,
                outcome=attempt.outcome,
                values=notes.get("values", {}),
                excluded=gone,
                family=row.family,
                length=row.length,
                spent=attempt.spent,
            )
        )
    return dict(found)


def findings_of(
    audits: Mapping[str, Audit], measured: Mapping[str, Sequence[Measured]]
) -> dict[str, tuple[Finding, ...]]:
    """Findings by label; `audits` maps each label to its audit."""
    return {label: audits[label].find(rows) for label, rows in measured.items()}
