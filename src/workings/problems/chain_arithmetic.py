"""Chains of +, - and * modulo a small number, where a wrong step can be forgotten."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence

from workings.core.problem import Problem
from workings.problems.family import Drawn, Family

__all__ = ["CHAIN_ARITHMETIC"]

_MODULI = (7, 8, 9, 10)
_LAST_NUMBER = re.compile(r"-?\d{1,6}(?=\D*$)")


def build_chain_arithmetic(rng: random.Random, length: int) -> Drawn:
    """A start value and `length` numbered operations with one-digit operands, modulo 7, 8, 9 or 10.

    Multiplying by a number that shares a factor with the modulus maps different values to one, so a right answer
    can follow a wrong step. `meta["forgetting"]` lists those steps, counted from 0; `meta["collapse"]` says of each
    step how many values go to one.
    """
    modulus = rng.choice(_MODULI)
    value, first = rng.randrange(modulus), rng.randint(1, 20)
    start = value
    operations: list[tuple[str, int]] = []
    steps, drafts, values = [], [], []
    for place in range(length):
        sign = rng.choice("+-*")
        operand = rng.randrange(modulus) if sign == "*" else rng.randrange(1, modulus)
        raw = _apply(value, sign, operand)
        after = raw % modulus
        steps.append(f"{first + place}) {value}{sign}{operand}={raw}, mod {modulus}: {after}")
        drafts.append(f"{first + place}) {value}{sign}{operand}: {after}")
        operations.append((sign, operand))
        values.append(after)
        value = after
    listed = ", ".join(f"{first + i}) {sign}{operand}" for i, (sign, operand) in enumerate(operations))
    collapse = tuple(math.gcd(operand, modulus) if sign == "*" else 1 for sign, operand in operations)
    return Drawn(
        text=f"Work modulo {modulus}. Start with {start}. Then: {listed}. What is the result?",
        gold=str(value),
        steps=tuple(steps),
        drafts=tuple(drafts),
        meta={
            "modulus": modulus,
            "start": start,
            "first": first,
            "operations": tuple(operations),
            "values": tuple(values),
            "collapse": collapse,
            "forgetting": tuple(i for i, many in enumerate(collapse) if many > 1),
        },
    )


def _apply(value: int, sign: str, operand: int) -> int:
    return value + operand if sign == "+" else value - operand if sign == "-" else value * operand


def check_chain_arithmetic(problem: Problem, steps: Sequence[str]) -> tuple[bool | None, ...]:
    """A line is right when its last number is the value that the chain then has.

    A chain that went wrong and was put right by a forgetting step is right again from there on.
    """
    values = problem.meta["values"]
    verdicts: list[bool | None] = []
    for place, line in enumerate(steps):
        found = _LAST_NUMBER.search(line[-400:])
        if found is None:
            verdicts.append(None)
        else:
            verdicts.append(place < len(values) and int(found.group()) == values[place])
    return tuple(verdicts)


CHAIN_ARITHMETIC = Family(
    "chain-arithmetic", (3, 7), (8, 12), build_chain_arithmetic, "operations", check_chain_arithmetic
)
