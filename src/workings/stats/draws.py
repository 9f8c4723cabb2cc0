"""What k of a pool's chains would have chosen by weight: over every draw, or seeded ones where there are too many."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workings.core.errors import BadSetting

__all__ = ["EVERY", "Chance", "best_of_draws", "vote_of_draws"]

EVERY = 13_000
"""Up to this many draws all are counted (16 chains at any k); beyond it as many as `draws` says are made."""

_SAME = 1e-12


@dataclass(frozen=True, slots=True)
class Chance:
    """A mean over draws, and its standard error from drawing: 0 when every draw was counted."""

    value: float
    error: float = 0.0


def vote_of_draws(
    votes: Sequence[Hashable | None],
    weights: ArrayLike,
    right: Sequence[bool],
    k: int,
    *,
    first: int = 0,
    draws: int = 4_000,
    seed: int = 0,
) -> Chance:
    """Chance that the answer with the largest summed weight among k chains, drawn without replacement, is right.

    `votes` has each chain's answer, None for one that abstains; `weights` one finite number >= 0 a chain; `right` says
    which chains are right. Weights are summed over equal answers, never averaged. Sums within 1e-12 of the largest
    are tied, and ties are shared alike; a draw of abstentions alone is not right. With `first`, every draw holds the
    first so many chains (those that were already sampled to look at). Every draw is counted while there are at most
    `EVERY`; beyond that, `draws` seeded ones, and the standard error says what that costs.

    Raises BadSetting for weights that are negative or not finite, or do not fit.
    """
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (len(votes),) or len(right) != len(votes) or not np.isfinite(values).all() or (values < 0).any():
        raise BadSetting("Weights, votes and marks do not fit each other.", "Give each chain one finite weight >= 0.")
    names = list(dict.fromkeys(vote for vote in votes if vote is not None))
    picked, every = _draws(len(votes), k, first, draws, seed)
    if not names:
        return Chance(0.0)
    places = {name: at for at, name in enumerate(names)}
    votes_for = np.zeros((len(votes), len(names)))
    for at, vote in enumerate(votes):
        if vote is not None:
            votes_for[at, places[vote]] = 1.0
    marks = np.array([any(r for v, r in zip(votes, right, strict=True) if v == name) for name in names])
    sums = np.zeros((len(picked), len(names)))
    seen = np.zeros((len(picked), len(names)), dtype=bool)
    for column in picked.T:
        sums += values[column, None] * votes_for[column]
        seen |= votes_for[column] > 0
    sums[~seen] = -math.inf
    return _shared(sums, marks, every)


def best_of_draws(
    scores: ArrayLike,
    right: Sequence[bool],
    k: int,
    *,
    first: int = 0,
    draws: int = 4_000,
    seed: int = 0,
) -> Chance:
    """Chance that the highest-scored of k drawn chains is right, where every draw holds the first `first` chains.

    Ties are shared alike; a chain with score -inf is never chosen while another is drawn. For `first` 0
    `workings.stats.pools.best_of_k` is the closed form.
    """
    values, marks = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=bool)
    if values.ndim != 1 or values.shape != marks.shape or np.isnan(values).any():
        raise BadSetting("Scores and marks do not fit each other.", "Give one score, not NaN, and one mark a chain.")
    picked, every = _draws(values.size, k, first, draws, seed)
    drawn = values[picked]
    tied = drawn == drawn.max(axis=1, keepdims=True)
    shares = (tied & marks[picked]).sum(axis=1) / tied.sum(axis=1)
    return _mean(shares, every)


def _shared(sums: NDArray[np.float64], marks: NDArray[np.bool_], every: bool) -> Chance:
    top = sums.max(axis=1, keepdims=True)
    some = np.isfinite(top[:, 0])
    slack = _SAME * np.maximum(1.0, np.abs(np.where(np.isfinite(top), top, 0.0)))
    tied = (sums >= top - slack) & np.isfinite(sums)
    shares = (tied & marks).sum(axis=1) / np.maximum(1, tied.sum(axis=1))
    return _mean(np.where(some, shares, 0.0), every)


def _mean(shares: NDArray[np.float64], every: bool) -> Chance:
    error = 0.0 if every or shares.size < 2 else float(np.std(shares, ddof=1) / math.sqrt(shares.size))
    return Chance(float(shares.mean()), error)


def _draws(n: int, k: int, first: int, draws: int, seed: int) -> tuple[NDArray[np.int64], bool]:
    """Draws of k from n chains, shape (draw, k), and whether they are all there are."""
    if not 1 <= k <= n or not 0 <= first <= k:
        raise BadSetting(f"k={k} with the first {first} cannot be drawn from {n} chains.", "Use first <= k <= n.")
    if draws < 2:
        raise BadSetting(f"draws={draws} is too few.", "Use 1,000 or more.")
    if math.comb(n - first, k - first) <= EVERY:
        return _all(n, k, first), True
    return _some(n, first, draws, seed)[:, :k], False


@lru_cache(maxsize=64)
def _all(n: int, k: int, first: int) -> NDArray[np.int64]:
    count, more = math.comb(n - first, k - first), k - first
    rest = np.fromiter(chain.from_iterable(combinations(range(first, n), more)), dtype=np.int64, count=count * more)
    held = np.tile(np.arange(first), (count, 1))
    return np.concatenate((held, rest.reshape(count, more)), axis=1)


@lru_cache(maxsize=8)
def _some(n: int, first: int, draws: int, seed: int) -> NDArray[np.int64]:
    """Orders of the chains, whose beginnings are draws: those of k=8 begin with those of k=4."""
    rest = np.tile(np.arange(first, n), (draws, 1))
    mixed = np.random.default_rng(seed).permuted(rest, axis=1)
    return np.concatenate((np.tile(np.arange(first), (draws, 1)), mixed), axis=1)
