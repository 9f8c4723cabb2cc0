"""How one thing goes with another: correlations and slopes, with intervals that respect clusters."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workings.core.errors import BadSetting
from workings.core.finding import Interval
from workings.stats.intervals import Floats, checked, cluster_codes

__all__ = ["Association", "correlation", "slopes"]

Association = tuple[float | None, Interval | None]
"""A coefficient and its interval, each None where it is not defined."""


def correlation(
    one: Sequence[float],
    other: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Association:
    """Pearson's correlation with a percentile bootstrap over clusters; undefined where either does not vary."""
    if len(one) != len(other):
        raise BadSetting(f"{len(one)} and {len(other)} values cannot be paired.", "Give as many of each.")
    if len(one) < 2:
        return None, None
    table = np.column_stack((checked(one, "one"), checked(other, "other")))

    def pearson(weights: Floats) -> float:
        total = weights.sum()
        centred = table - (weights @ table) / total
        spread = weights @ centred**2
        if not (spread > 1e-12 * total).all():
            return math.nan
        return float(weights @ (centred[:, 0] * centred[:, 1]) / math.sqrt(spread[0] * spread[1]))

    return _bootstrapped(pearson, len(table), clusters, level, resamples, seed)


def slopes(
    columns: Sequence[Sequence[float]],
    outcome: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[Association, ...]:
    """For each column the change of the outcome a unit, the others held: least squares, bootstrapped over clusters.

    All are undefined where the columns do not tell their shares apart (one constant, or the sum of others).
    """
    target = np.asarray(outcome, dtype=np.float64)
    if any(len(column) != len(target) for column in columns):
        raise BadSetting(f"{len(target)} outcomes need as many values in each column.", "Give one value an item.")
    if len(target) < len(columns) + 2:
        return ((None, None),) * len(columns)
    table = np.column_stack((np.ones(len(target)), *(checked(column, "a column") for column in columns)))
    found = []
    for place in range(1, len(columns) + 1):

        def one(weights: Floats, place: int = place) -> float:
            root = np.sqrt(weights)[:, None]
            told, _, rank, _ = np.linalg.lstsq(table * root, target * root[:, 0], rcond=1e-9)
            return float(told[place]) if rank == table.shape[1] else math.nan

        found.append(_bootstrapped(one, len(table), clusters, level, resamples, seed))
    return tuple(found)


def _bootstrapped(
    statistic: Any, items: int, clusters: Sequence[Hashable] | None, level: float, resamples: int, seed: int
) -> Association:
    """`statistic` of weights for each item: 1 each, then how often each item's cluster was drawn.

    No interval where it does not vary: there is no spread to go by.
    """
    value = statistic(np.ones(items))
    if math.isnan(value):
        return None, None
    codes: NDArray[np.int64]
    codes, count = cluster_codes(clusters) if clusters is not None else (np.arange(items), items)
    if count < 3:
        return value, None
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    told = np.array([statistic(draw[codes].astype(np.float64)) for draw in draws])
    known = told[~np.isnan(told)]
    if known.size < resamples / 2 or np.ptp(known) < 1e-9 * max(1.0, abs(value)):
        return value, None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return value, Interval(float(low), float(high), f"percentile bootstrap, {count} clusters", level)
