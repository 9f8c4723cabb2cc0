"""Ratings that people gave, as attempts of a record; ratings from several records together; verdicts of audits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workings.audit.case import Audit, Measured
from workings.audit.sheets import Rated, gathered
from workings.core.errors import UsageError
from workings.core.solution import Attempt, Solution
from workings.run.audits import audit_label

__all__ = ["RATED", "merged", "rated_attempts", "verdicts"]

RATED = "plausibility"
"""The audit under whose name ratings are recorded, by whomever they are."""


def rated_attempts(rated: Iterable[Rated], attempts: Mapping[tuple[str, str], Attempt]) -> list[Attempt]:
    """What raters filled in, in the form in which a judge's ratings are recorded.

    `attempts` maps (method, problem) to the attempt that was rated, whose answer and outcome are repeated.
    """
    found = []
    for (method, problem), ratings in gathered(rated).items():
        source = attempts[method, problem]
        answer = Solution() if source.solution is None else Solution(source.solution.answer)
        given = {rater: dict(told) for rater, told in ratings.items()}
        values: dict[str, Any] = {"ratings": given, "prompt": "sheet/1"}
        solution = replace(answer, notes={"excluded": "", "values": values})
        found.append(Attempt(problem, audit_label(RATED, method), 0, 0, source.outcome, solution))
    return found


def merged(records: Iterable[Sequence[Measured]]) -> list[Measured]:
    """Ratings of the same cases from several records, each case once with all its raters; a later rating replaces an
    earlier one of the same rater. A case that any record could rate is not excluded."""
    found: dict[str, Measured] = {}
    for record in records:
        for one in record:
            old = found.get(one.problem_id)
            if old is None or (old.excluded and not one.excluded):
                found[one.problem_id] = one if old is None else replace(one, spent=old.spent + one.spent)
            elif one.excluded:
                found[one.problem_id] = replace(old, spent=old.spent + one.spent)
            else:
                ratings = {**old.values["ratings"], **one.values["ratings"]}
                values = {**one.values, **old.values, "ratings": ratings}
                found[one.problem_id] = replace(old, values=values, spent=old.spent + one.spent)
    return list(found.values())


def verdicts(audit: Audit, measured: Sequence[Measured]) -> dict[str, bool | None]:
    """Of each case whether an audit finds its explanation faithful (None: it cannot tell).

    Raises UsageError for an audit that measures and does not judge single cases.
    """
    judge = getattr(audit, "faithful", None)
    if judge is None:
        raise UsageError(
            f"{type(audit).__name__} gives no verdict on single explanations.",
            "Use one that does: named-words, counterfactual, edits.",
        )
    return {one.problem_id: None if one.excluded else judge(one) for one in measured}
