"""A verifier that needs no model: are the equations that a step states true?"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from workings.core.ask import Grade, Grades

__all__ = ["ArithmeticGrader", "check_equations"]

_PLAIN = r"\d{1,15}(?:,\d{3})*(?:\.\d{1,10})?"
_NUMBER = rf"[-−]?{_PLAIN}"
_EQUATION = re.compile(
    rf"(?P<terms>{_NUMBER}(?:\s?[-+*/×÷x−]\s?{_PLAIN}){{1,12}})\s?=\s?\$?(?P<result>{_NUMBER})", re.ASCII
)
_TERM = re.compile(rf"\s?(?P<op>[-+*/×÷x−])?\s?(?P<number>{_PLAIN})", re.ASCII)
_LONGEST = 2000
_OPS: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "*": operator.mul,
    "×": operator.mul,
    "x": operator.mul,
    "/": operator.truediv,
    "÷": operator.truediv,
}


def check_equations(text: str) -> tuple[bool, ...]:
    """Whether each equation `a op b … = c` in the text holds, in order; products bind before sums.

    Only numbers and + - * / are read, at most 2,000 characters and 13 terms; a division by zero does not hold.
    A quotient may be rounded to the digits that are written.

    >>> check_equations("4 × 6 = 24, then 24 + 5 = 30")
    (True, False)
    """
    return tuple(_holds(m["terms"], m["result"]) for m in _EQUATION.finditer(text[:_LONGEST]))


def _holds(terms: str, result: str) -> bool:
    total, product = Fraction(0), None
    for match in _TERM.finditer(terms):
        op, number = match["op"] or "+", Fraction(match["number"].replace(",", ""))
        if op in _OPS and product is not None:
            if number == 0 and op in "/÷":
                return False
            product = _OPS[op](product, number)
            continue
        total += product or 0
        product = -number if op in "-−" else number
    value = total + (product or 0)
    wanted = Fraction(result.replace(",", "").replace("−", "-"))
    digits = len(result.partition(".")[2])
    return value == wanted or (value.denominator > 1 and abs(value - wanted) * 10**digits <= Fraction(1, 2))


@dataclass(frozen=True, slots=True)
class ArithmeticGrader:
    """A process verifier: 1 for a step whose equations all hold, 0 when one does not, 0.5 when it states none.

    It does not show that the step follows from the question: only that its sums are right.
    """

    async def grade(self, ask: Grade) -> Grades:
        """One score a step, as probabilities that are not calibrated."""
        return Grades(tuple(tuple(map(_score, chain)) for chain in ask.chains), "probability")


def _score(step: str) -> float:
    checks = check_equations(step)
    return 0.5 if not checks else float(all(checks))
