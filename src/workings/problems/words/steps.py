"""Says of each line of a chain whether it is right, given the question it answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from workings.core.errors import DataError
from workings.core.problem import Problem
from workings.problems.words.expression import Binary, Node, Unreadable, evaluate, literals_in, parse

__all__ = ["StepVerdict", "check", "judge_steps"]

LONGEST = 1_000
"""Characters of a line that are read."""
_LEFT = frozenset("0123456789.+-*/×·÷−–() ")
_RESULT = re.compile(r"\s*([-−]?[0-9]{1,12}(?:\.[0-9]{1,12})?)(?![0-9]|\s*[-+*/×·÷−][\s0-9])")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_OPENING = re.compile(r"(?:[0-9]{1,3}[.)]|[-–])\s*")


@dataclass(frozen=True, slots=True)
class StepVerdict:
    """What can be told of one line.

    `right` is None when the line has no equation that can be read. `certain` is True when the line was seen to
    be wrong, or reaches a gold step's result from that step's own numbers; a line that only uses known numbers
    and adds up is right by the rules and may still be pointless. `why` says it in words.
    """

    right: bool | None
    certain: bool = False
    why: str = ""


def check(problem: Problem, steps: Sequence[str]) -> tuple[bool | None, ...]:
    """True, False or None for each line: see `judge_steps`."""
    return tuple(verdict.right for verdict in judge_steps(problem, steps))


def judge_steps(problem: Problem, steps: Sequence[str]) -> tuple[StepVerdict, ...]:
    """Says of each line of a chain whether its equation is right and starts from numbers that are known.

    Known are the template's number slots and the constants that the story says in words ("twice", "a week"),
    and the result of every earlier line, wrong ones included: each line is judged on its own, so a right line can
    follow a wrong one. The number of an irrelevant clause is not known.
    Raises DataError for a problem that was not made from a template of this package.
    """
    if "slots" not in problem.meta:
        raise DataError(f"Problem {problem.id!r} was not made from a template.", "Its steps cannot be judged here.")
    said = (*problem.meta["slots"].values(), *problem.meta.get("constants", ()))
    known = {Fraction(value) for value in said if isinstance(value, int)}
    gold = {_signature(*found) for step in problem.steps if (found := equation_in(step))}
    verdicts = []
    for line in steps:
        found = equation_in(line)
        if found is None:
            verdicts.append(StepVerdict(None, why="no equation that can be read"))
            continue
        verdicts.append(_judge(*found, known, gold))
        known.add(found[1])
    return tuple(verdicts)


def _judge(left: Node, result: Fraction, known: set[Fraction], gold: set[tuple[object, ...]]) -> StepVerdict:
    try:
        value = evaluate(left, {})
    except Unreadable as error:
        return StepVerdict(False, True, error.what)
    if value != result:
        return StepVerdict(False, True, f"the left side is {value}, not {result}")
    if strange := [n for n in literals_in(left) if n not in known]:
        return StepVerdict(False, True, f"{strange[0]} is neither in the question nor an earlier result")
    return StepVerdict(True, _signature(left, result) in gold, "adds up from known numbers")


def _signature(left: Node, result: Fraction) -> tuple[object, ...]:
    op = left.op if isinstance(left, Binary) else ""
    numbers = literals_in(left)
    return (op, result, *(sorted(numbers) if op in ("+", "*") else numbers))


def equation_in(line: str) -> tuple[Node, Fraction] | None:
    """The last equation of a line, as the tree before its `=` and the number after; None when there is none.

    Reads one line of up to 1,000 characters in linear time. A number or mark that opens the line ("1.", "2)",
    "-") is left out; words between the numbers of a side ("4 boxes × 6") cannot be read.
    """
    text = _THOUSANDS.sub("", line[:LONGEST].replace("$", ""))
    before, sign, after = text.rpartition("=")
    number = _RESULT.match(after)
    if not sign or number is None:
        return None
    start = len(before)
    while start > 0 and before[start - 1] in _LEFT:
        start -= 1
    side = before[start:].strip(" *.")
    for candidate in (side, _OPENING.sub("", side, count=1)):
        try:
            left = parse(candidate)
        except Unreadable:
            continue
        return (left, Fraction(number[1].replace("−", "-"))) if isinstance(left, Binary) else None
    return None
