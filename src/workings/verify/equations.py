"""Whether the equations that a text states are true."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction

__all__ = ["check_equations"]

_PLAIN = r"\d{1,15}(?:,\d{3})*(?:\.\d{1,10})?"
_SIDE = rf"[-−]?{_PLAIN}(?:\s?(?:[+−-]|[*/×÷x]\s?[-−]?)\s?{_PLAIN}){{0,12}}"
_EQUATION = re.compile(rf"{_SIDE}(?:\s?=\s?\$?{_SIDE}){{1,6}}", re.ASCII)
_TERM = re.compile(rf"\s?(?P<op>[-+*/×÷x−])?\s?(?P<sign>[-−])?(?P<number>{_PLAIN})", re.ASCII)
_LONGEST = 2000
_PART_OF_MORE = re.compile(
    r"(?![\u3400-\u9fff])[^\W_]$|[._]$|\S\s{0,3}[-+−*/×÷^]\s{0,3}\$?$|\([^()\n]{0,200}\)\s{0,3}\$?$"
)
_GOES_ON = re.compile(r"\s{0,3}[*/×÷^]|[(!]")
_OPS: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "*": operator.mul,
    "×": operator.mul,
    "x": operator.mul,
    "/": operator.truediv,
    "÷": operator.truediv,
}


def check_equations(text: str) -> tuple[bool, ...]:
    """Whether each equality `a op b … = c = …` in the text holds, in order; products bind before sums.

    Only numbers and + - * / are read, at most 2,000 characters and 13 terms a side; a division by zero does not hold.
    A quotient may be rounded to the digits that are written. A bare `3 = 3` counts as no equation, and so does what is
    a part of something that is not read: `(3 + 4) * 2 + 1 = 15`, `x - 4 + 2 = 8`, `2^3 + 1 = 9`.

    >>> check_equations("4 × 6 = 24, then 24 + 5 = 30")
    (True, False)
    """
    found: list[bool] = []
    text = text[:_LONGEST]
    for match in _EQUATION.finditer(text):
        if _PART_OF_MORE.search(text[max(0, match.start() - 220) : match.start()]) or _GOES_ON.match(text, match.end()):
            continue
        sides = [side.strip().removeprefix("$") for side in match[0].split("=")]
        if any(len(_TERM.findall(side)) > 1 for side in sides):
            found += map(_equal, sides, sides[1:])
    return tuple(found)


def _equal(left: str, right: str) -> bool:
    one, other = _value(left), _value(right)
    if one is None or other is None:
        return False
    digits = len(right.partition(".")[2])
    rounded = one.denominator > 1 and len(_TERM.findall(right)) == 1
    return one == other or (rounded and abs(one - other) * 10**digits <= Fraction(1, 2))


def _value(side: str) -> Fraction | None:
    total, product = Fraction(0), Fraction(0)
    for match in _TERM.finditer(side):
        op, number = match["op"] or "+", Fraction(match["number"].replace(",", ""))
        if match["sign"]:
            number = -number
        if op in _OPS:
            if number == 0 and op in "/÷":
                return None
            product = _OPS[op](product, number)
            continue
        total += product
        product = -number if op in "-−" else number
    return total + product
