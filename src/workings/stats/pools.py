"""What k of a pool's n chains would have given: exact, from stored counts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from workings.core.errors import BadSetting

__all__ = ["best_of_k", "maj_at_k", "pass_all_k", "pass_at_k"]


def _drawable(n: int, k: int) -> None:
    if not 1 <= k <= n:
        raise BadSetting(f"k={k} chains cannot be drawn from a pool of {n}.", "Use 1 <= k <= n.")


def pass_at_k(n: int, right: int, k: int) -> float:
    """Chance that k chains drawn without replacement from n, of which `right` are right, hold a right one.

    1 - C(n-c, k) / C(n, k): Chen et al. 2021 (arXiv 2107.03374), section 2.1. It says what a perfect selector
    would reach, which no method without the gold has.
    """
    _drawable(n, k)
    _share(right, n)
    return float(1 - Fraction(comb(n - right, k), comb(n, k)))


def pass_all_k(n: int, right: int, k: int) -> float:
    """Chance that all k drawn chains are right: C(c, k) / C(n, k)."""
    _drawable(n, k)
    _share(right, n)
    return float(Fraction(comb(right, k), comb(n, k)))


def _share(right: int, n: int) -> None:
    if not 0 <= right <= n:
        raise BadSetting(f"{right} right chains of {n} are impossible.", "Use 0 <= right <= n.")


def maj_at_k(counts: Sequence[int], right: int | Sequence[int], k: int, abstained: int = 0) -> float:
    """Chance that the majority of k chains, drawn without replacement from the pool, is right: exact.

    `counts` has the votes of each answer in the pool, `right` the index (or indices) of the right one;
    `abstained` chains can be drawn and do not vote. Tied answers are chosen alike often, and a draw of
    abstentions alone is not right. The mean over all C(n, k) draws, not the first k chains.

    For each number v of votes for the right answer, answers that cannot reach v are counted together by one
    binomial, and the rest by dynamic programming over (chains drawn, answers tied).
    """
    if abstained < 0 or any(count < 0 for count in counts):
        raise BadSetting(f"Votes of {list(counts)} with {abstained} abstained are impossible.", "Use counts from 0.")
    rights = [right] if isinstance(right, int) else list(right)
    if any(not 0 <= at < len(counts) for at in rights) or len(set(rights)) != len(rights):
        raise BadSetting(f"right={right!r} does not index {len(counts)} answers.", "Give indices into counts.")
    n = sum(counts) + abstained
    _drawable(n, k)
    won = Fraction(0)
    for at in rights:
        others = [count for place, count in enumerate(counts) if place != at]
        for votes in range(1, min(counts[at], k) + 1):
            won += comb(counts[at], votes) * _winning_ways(others, abstained, votes, k - votes)
    return float(won / comb(n, k))


def _winning_ways(others: list[int], abstained: int, votes: int, draws: int) -> Fraction:
    """Ways to draw the rest so that no other answer has more than `votes`, each divided by the answers tied."""
    free = abstained + sum(count for count in others if count < votes)
    ways: dict[tuple[int, int], int] = {(0, 0): 1}
    for count in (count for count in others if count >= votes):
        grown: dict[tuple[int, int], int] = {}
        for (drawn, tied), number in ways.items():
            for take in range(min(votes, draws - drawn) + 1):
                state = (drawn + take, tied + (take == votes))
                grown[state] = grown.get(state, 0) + number * comb(count, take)
        ways = grown
    total = Fraction(0)
    for (drawn, tied), number in ways.items():
        total += Fraction(number * comb(free, draws - drawn), tied + 1)
    return total


def best_of_k(scores: ArrayLike, right: ArrayLike, k: int) -> float:
    """Chance that the highest-scored of k chains drawn without replacement is right; ties are chosen alike often.

    With scores sorted, the top of the draw is in a tied block with chance [C(m, k) - C(l, k)] / C(n, k), for m
    chains up to the block and l below it.
    """
    values, marks = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if values.ndim != 1 or values.shape != marks.shape or np.isnan(values).any():
        raise BadSetting("Scores and marks do not fit each other.", "Give one score, not NaN, and one mark a chain.")
    _drawable(values.size, k)
    _, block, sizes = np.unique(values, return_inverse=True, return_counts=True)
    shares = np.bincount(block, marks) / sizes
    total, upto = Fraction(0), 0
    for share, size in zip(shares.tolist(), sizes.tolist(), strict=True):
        total += Fraction(share) * (comb(upto + size, k) - comb(upto, k))
        upto += size
    return float(total / comb(values.size, k))
