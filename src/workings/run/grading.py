"""The contract of verifiers, held against every reply: one score a step, or one a chain, or an error."""

from __future__ import annotations

import math

from workings.core.ask import Grade, Grades
from workings.core.errors import GraderError

__all__ = ["check_grades"]

_KINDS = ("probability", "logit", "unbounded")


def check_grades(ask: Grade, grades: Grades) -> None:
    """Raises GraderError when a verifier's reply does not answer what was asked, before any method sees it.

    A row has a score for each step of its chain, or one score; all rows of a reply are of one sort, so that scores
    which went missing behind a cut are never taken for those of an outcome verifier. No score is NaN, a probability
    is in [0, 1], and the kind is one of probability, logit and unbounded.
    """
    name, rows = ask.verifier, grades.scores
    if len(rows) != len(ask.chains):
        raise GraderError(f"{name!r} gave {len(rows)} results for {len(ask.chains)} chains.")
    if grades.kind not in _KINDS:
        raise GraderError(f"{name!r} gave scores of the kind {grades.kind!r}.", f"There are: {', '.join(_KINDS)}.")
    per_step = all(len(row) == len(chain) for row, chain in zip(rows, ask.chains, strict=True))
    if not per_step and not all(len(row) == 1 for row in rows):
        odd = next(n for n, row in enumerate(rows) if len(row) != len(ask.chains[n]))
        raise GraderError(
            f"{name!r} gave {len(rows[odd])} scores for a chain of {len(ask.chains[odd])} steps.",
            "A verifier gives one a step, or one for each whole chain.",
        )
    for row in rows:
        if not row or any(math.isnan(score) for score in row):
            raise GraderError(f"{name!r} gave the scores {row}.", "A chain needs scores that are numbers.")
        if grades.kind == "probability" and not all(0.0 <= score <= 1.0 for score in row):
            raise GraderError(f"{name!r} gave {row} as probabilities.", "They are in [0, 1]; declare a logit as one.")
