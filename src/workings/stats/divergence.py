"""How far apart two sets of draws lie, beside how far apart draws from one source would."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from workings.core.errors import BadSetting

__all__ = ["Apart", "divergence", "divergence_of_counts"]


@dataclass(frozen=True, slots=True)
class Apart:
    """A divergence of counts (nats), its mean when both are draws from one source, and the difference."""

    value: float
    null: float

    @property
    def excess(self) -> float:
        """What is left when the null is taken off: about 0 when there is nothing to find; may be negative."""
        return self.value - self.null


def divergence(one: Sequence[float], other: Sequence[float]) -> float:
    """Kullback-Leibler divergence of two exact distributions over the same answers (nats); infinite where it is.

    >>> round(divergence([0.5, 0.5], [0.9, 0.1]), 4)
    0.5108
    """
    parts = []
    for p, q in zip(one, other, strict=True):
        if p > 0:
            if q <= 0:
                return math.inf
            parts.append(p * math.log(p / q))
    return max(math.fsum(parts), 0.0)


def divergence_of_counts(one: ArrayLike, other: ArrayLike, *, shuffles: int = 200, seed: int = 0) -> Apart:
    """The divergence of two vectors of counts over the same answers, with half a count added to each (Jeffreys).

    Its null is the mean over `shuffles` seeded deals of all draws into two sets of the same sizes, smoothed alike.
    Published code adds 1e-9 to shares in place of half a count: cells without draws then decide the result, 0.23 nats
    at 30 draws of which 98 % give one answer, where there is nothing to find.

    Raises BadSetting for counts that are negative or differ in number, and for an empty set.
    """
    first, second = np.asarray(one, dtype=np.int64), np.asarray(other, dtype=np.int64)
    if first.ndim != 1 or first.shape != second.shape or (first < 0).any() or (second < 0).any():
        raise BadSetting(f"Counts {first.tolist()} and {second.tolist()} do not fit.", "Give a count >= 0 an answer.")
    if not first.sum() or not second.sum():
        raise BadSetting("A set without draws has no distribution.", "Leave it out and count it apart.")
    rng = np.random.default_rng(seed)
    both = first + second
    dealt = rng.multivariate_hypergeometric(both, int(first.sum()), size=shuffles)
    nulls = [_smoothed(deal, both - deal) for deal in dealt]
    return Apart(_smoothed(first, second), float(np.mean(nulls)) if nulls else 0.0)


def _smoothed(one: ArrayLike, other: ArrayLike) -> float:
    p, q = np.asarray(one) + 0.5, np.asarray(other) + 0.5
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum(p * np.log(p / q)))
