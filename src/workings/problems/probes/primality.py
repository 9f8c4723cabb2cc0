"""Is a number prime? Yes and no equally often, and nothing but division tells them apart."""

from __future__ import annotations

import functools
import math
import random
import re
from collections import deque
from collections.abc import Sequence

from workings.core.errors import BadSetting
from workings.core.problem import AnswerKind, Problem
from workings.problems.family import Drawn, Family, Split, generate

__all__ = ["PRIMALITY", "balanced_primality"]

_SMALL = (2, 3, 5)
_STATED = re.compile(r"(\d{1,6}) / (\d{1,6}): remainder (\d{1,6})")


@functools.cache
def _primes(digits: int) -> tuple[int, ...]:
    """All primes of so many digits."""
    high = 10**digits
    sieve = bytearray([1]) * high
    sieve[:2] = b"\0\0"
    for n in range(2, math.isqrt(high) + 1):
        if sieve[n]:
            sieve[n * n :: n] = bytes(len(range(n * n, high, n)))
    return tuple(n for n in range(10 ** (digits - 1), high) if sieve[n])


@functools.cache
def _products(digits: int) -> tuple[tuple[int, int], ...]:
    """All products of two primes from 7 on with so many digits, with their smaller factor: no last digit and no sum of
    digits gives them away."""
    low, high = 10 ** (digits - 1), 10**digits
    factors = [p for d in range(1, digits) for p in _primes(d) if p > _SMALL[-1]]
    found = {}
    for p in factors:
        if p * p >= high:
            break
        for q in factors:
            if q >= p and low <= p * q < high:
                found[p * q] = p
    return tuple(sorted(found.items()))


def build_primality(rng: random.Random, length: int) -> Drawn:
    """A prime of `length` digits or a product of two primes from 7 on, each in half of the draws; the steps divide by
    primes in turn until one goes in or their square is larger.

    `meta` has the number, and its smaller factor (None for a prime).

    Source of the question: Zhang et al. 2023 ("How language model hallucinations can snowball"), whose released set has
    primes alone, so that a model that always says no looks as if it were always wrong.
    """
    if rng.random() < 0.5:
        number, factor = rng.choice(_primes(length)), None
    else:
        number, factor = rng.choice(_products(length))
    steps, drafts = [], []
    for p in (p for d in range(1, length) for p in _primes(d)):
        if p * p > number:
            break
        steps.append(f"{number} / {p}: remainder {number % p}")
        drafts.append(f"mod {p}: {number % p}")
        if number % p == 0:
            break
    return Drawn(
        text=f"Is {number} a prime number?",
        gold="no" if factor else "yes",
        steps=tuple(steps),
        drafts=tuple(drafts),
        kind=AnswerKind.YES_NO,
        meta={"number": number, "factor": factor},
    )


def check_primality(problem: Problem, steps: Sequence[str]) -> tuple[bool | None, ...]:
    """A line is right when the remainder it states is that of the number."""
    verdicts: list[bool | None] = []
    for line in steps:
        found = _STATED.search(line[:200])
        if found is None or int(found[2]) == 0:
            verdicts.append(None if found is None else False)
        else:
            number = problem.meta["number"]
            verdicts.append(int(found[1]) == number and number % int(found[2]) == int(found[3]))
    return tuple(verdicts)


PRIMALITY = Family("primality", (3, 4), (5, 5), build_primality, "digits", check_primality)


def balanced_primality(count: int = 100, seed: int = 0, split: str = "test", lengths: str = "in") -> list[Problem]:
    """`count` problems in which yes and no stand in turn, so that every even number of them is balanced."""
    if count < 1 or lengths not in ("in", "out"):
        raise BadSetting(f"count={count}, lengths={lengths!r} give no problems.", "Use 1 or more, and in or out.")
    span = PRIMALITY.in_length if lengths == "in" else PRIMALITY.out_of_length
    told: Split = "train" if split == "train" else "dev" if split == "dev" else "test"
    if told != split:
        raise BadSetting(f"split={split!r} is not known.", "Use train, dev or test.")
    waiting: dict[str | None, deque[Problem]] = {"yes": deque(), "no": deque()}
    chosen: list[Problem] = []
    for problem in generate(PRIMALITY, told, 4 * count + 20, seed, span):
        waiting[problem.gold].append(problem)
        while len(chosen) < count and waiting["no" if len(chosen) % 2 else "yes"]:
            chosen.append(waiting["no" if len(chosen) % 2 else "yes"].popleft())
        if len(chosen) == count:
            break
    return chosen
