"""Addition of two numbers, digit by digit from the right."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from workings.core.problem import Problem
from workings.problems.family import Drawn, Family

__all__ = ["ADDITION"]

_LAST_NUMBER = re.compile(r"\d{1,40}(?=\D*$)")


def build_addition(rng: random.Random, length: int) -> Drawn:
    """Two numbers, the longer with `length` digits and the other with at most two fewer, in either order.

    Which of the two comes first follows from the two, so that a sum and its twin never stand in different splits.
    Each step shows what is left of both numbers, adds their last digits and the carry, and shows the result so far;
    a last step puts a remaining carry in front.
    """
    sizes = [length, rng.randint(max(1, length - 2), length)]
    a, b = (rng.randint(10 ** (size - 1), 10**size - 1) for size in sizes)
    if (a + b) % 2 == (a > b):
        a, b = b, a
    steps, drafts = [], []
    x, y, carry, done = a, b, 0, ""
    while x or y:
        total = x % 10 + y % 10 + carry
        done = f"{total % 10}{done}"
        digits = f"{x % 10}+{y % 10}+{carry}={total}"
        steps.append(f"{x}+{y}: {digits}, carry {total // 10}, have {done}")
        drafts.append(f"{x}+{y}: {digits}, {done}")
        x, y, carry = x // 10, y // 10, total // 10
    if carry:
        done = f"1{done}"
        steps.append(f"0+0: 0+0+1=1, carry 0, have {done}")
        drafts.append(f"0+0: 0+0+1=1, {done}")
    return Drawn(
        text=f"What is {a}+{b}?",
        gold=str(a + b),
        steps=tuple(steps),
        drafts=tuple(drafts),
        meta={"a": a, "b": b},
    )


def check_addition(problem: Problem, steps: Sequence[str]) -> tuple[bool | None, ...]:
    """A line is right when its last number is that many last digits of the sum, and its carry, if given, fits."""
    a, b = problem.meta["a"], problem.meta["b"]
    places = max(len(str(a)), len(str(b)))
    whole = str(a + b)
    verdicts: list[bool | None] = []
    for place, line in enumerate(steps):
        found = _LAST_NUMBER.search(line[-400:])
        if found is None:
            verdicts.append(None)
            continue
        right = place < len(whole) and found.group() == whole[-(place + 1) :]
        carried = re.search(r"carry (\d)(?!\d)", line[-400:])
        if carried and place < places:
            scale = 10 ** (place + 1)
            right = right and int(carried.group(1)) == (a % scale + b % scale) // scale
        verdicts.append(right)
    return tuple(verdicts)


ADDITION = Family("addition", (2, 6), (7, 10), build_addition, "digits", check_addition)
