"""A verifier that needs no model: are the equations that a step states true?"""

from __future__ import annotations

from dataclasses import dataclass

from workings.core.ask import Grade, Grades
from workings.verify.equations import check_equations

__all__ = ["ArithmeticGrader", "check_equations"]


@dataclass(frozen=True, slots=True)
class ArithmeticGrader:
    """A process verifier: 1 for a step whose equations all hold, 0 when one does not.

    A step without an equation scores 1 too: nothing that it states is wrong, and a doubt about every such line ("The
    answer is 7.") would only drown the equations that fail. So 1 is no sign of support, and a chain of words alone
    passes. It does not show that the step follows from the question: only that its sums are right.
    """

    async def grade(self, ask: Grade) -> Grades:
        """One score a step, as probabilities that are not calibrated."""
        return Grades(tuple(tuple(map(_score, chain)) for chain in ask.chains), "probability")


def _score(step: str) -> float:
    return float(all(check_equations(step)))
