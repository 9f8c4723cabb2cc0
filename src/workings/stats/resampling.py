"""The bootstrap over clusters, seeded."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from workings.core.errors import BadSetting
from workings.core.finding import Interval
from workings.stats.intervals import Floats, Ints, checked, cluster_codes, cluster_sums

__all__ = ["bootstrap_curve", "bootstrap_mean", "bootstrap_se", "bootstrap_statistics", "mean_replicates"]

CELLS = 4_000_000
"""Numbers held at once while resampling."""


def mean_replicates(sums: Floats, sizes: Floats, resamples: int, seed: int) -> Floats:
    """Means of `resamples` resamples of whole clusters, given each cluster's sum and number of items.

    Clusters that are alike are drawn together (a multinomial over the distinct ones), which is the same
    distribution and far fewer draws when values are outcomes.
    """
    if resamples < 1:
        raise BadSetting(f"resamples={resamples} is out of range.", "Use 1,000 or more.")
    kinds, counts = np.unique(np.column_stack((sums, sizes)), axis=0, return_counts=True)
    generator = np.random.default_rng(seed)
    shares = counts / counts.sum()
    step = max(1, CELLS // len(kinds))
    found = []
    for first in range(0, resamples, step):
        draws = generator.multinomial(int(counts.sum()), shares, size=min(step, resamples - first))
        found.append((draws @ kinds[:, 0]) / (draws @ kinds[:, 1]))
    return np.concatenate(found)


def bootstrap_se(
    values: ArrayLike,
    clusters: Sequence[Hashable] | NDArray[Any] | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> float:
    """Standard error of a mean: the standard deviation of its replicates (not divided by their number's root)."""
    sums, sizes = cluster_sums(checked(values), clusters)
    return float(np.std(mean_replicates(sums, sizes, resamples, seed), ddof=1))


def bootstrap_mean(
    values: ArrayLike,
    clusters: Sequence[Hashable] | NDArray[Any] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 4000,
    seed: int = 0,
    rule: str = "bca",
) -> Interval:
    """A bootstrap interval for a mean, resampling whole clusters; `rule` is "bca" or "percentile".

    An interval of no width means that the values show no spread, not that the mean is certain.
    Source: Efron 1987 (BCa), with the acceleration from the jackknife over clusters.
    """
    if rule not in ("bca", "percentile"):
        raise BadSetting(f"rule={rule!r} is not known.", 'Use "bca" or "percentile".')
    if not 0 < level < 1:
        raise BadSetting(f"level={level} is out of range.", "Use a share between 0 and 1, such as 0.95.")
    array = checked(values)
    sums, sizes = cluster_sums(array, clusters)
    replicates = mean_replicates(sums, sizes, resamples, seed)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    name = "percentile bootstrap"
    if rule == "bca" and sums.size > 1 and np.ptp(replicates) > 0:
        tails = _bca_tails(tails, sums, sizes, replicates, float(array.mean()))
        name = "BCa bootstrap"
    low, high = np.quantile(replicates, tails)
    return Interval(float(low), float(high), f"{name}, {sums.size} clusters, {resamples} resamples", level)


def _bca_tails(tails: Floats, sums: Floats, sizes: Floats, replicates: Floats, mean: float) -> Floats:
    slack = 1e-12 * max(1.0, abs(mean))
    below = np.mean(replicates < mean - slack) + np.mean(np.abs(replicates - mean) <= slack) / 2
    edge = 0.5 / replicates.size
    bias = float(ndtri(np.clip(below, edge, 1 - edge)))
    left = (sums.sum() - sums) / (sizes.sum() - sizes)
    gaps = left.mean() - left
    spread = float(np.sum(gaps**2))
    acceleration = float(np.sum(gaps**3)) / (6 * spread**1.5) if spread > 0 else 0.0
    points = bias + ndtri(tails)
    shifted: Floats = ndtr(bias + points / (1 - acceleration * points))
    return shifted


def bootstrap_curve(
    values: ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[Interval, ...]:
    """Percentile intervals for the mean of each point of a curve; values of shape (problem, point).

    Every resample of the problems (or of their clusters) serves all points, so that points move together.
    Intervals hold for each point alone, not for the whole curve at once.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise BadSetting(f"A curve of shape {table.shape} cannot be resampled.", "Give finite (problem, point).")
    codes, count = cluster_codes(clusters) if clusters is not None else (np.arange(len(table)), len(table))
    if len(codes) != len(table):
        raise BadSetting(f"{len(table)} problems have {len(codes)} cluster keys.", "Give one key a problem.")
    sums = np.zeros((count, table.shape[1]))
    np.add.at(sums, codes, table)
    sizes = np.bincount(codes, minlength=count).astype(np.float64)
    generator = np.random.default_rng(seed)
    step = max(1, CELLS // count)
    found = []
    for first in range(0, resamples, step):
        draws = generator.multinomial(count, np.full(count, 1 / count), size=min(step, resamples - first))
        found.append((draws @ sums) / (draws @ sizes)[:, None])
    low, high = np.quantile(np.concatenate(found), [(1 - level) / 2, (1 + level) / 2], axis=0)
    rule = f"percentile bootstrap, {count} clusters, {resamples} resamples"
    if count < 2:
        return tuple(Interval(-math.inf, math.inf, "none: one cluster", level) for _ in low)
    return tuple(Interval(float(a), float(b), rule, level) for a, b in zip(low, high, strict=True))


def bootstrap_statistics(
    statistics: Callable[[Ints], Sequence[float]],
    count: int,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> tuple[Interval | None, ...]:
    """Percentile intervals for any statistics of `count` items, resampling whole clusters.

    `statistics` gets the places of the items drawn and returns one number a statistic, the same number of them each
    time; NaN where it has none. A statistic that more than half of the resamples lack gets no interval, as do all with
    under two clusters.
    """
    codes, groups = (np.arange(count), count) if clusters is None else cluster_codes(clusters)
    if groups < 2:
        return (None,) * len(statistics(np.arange(count)))
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(codes, minlength=groups))[:-1])
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(resamples):
        drawn = generator.integers(groups, size=groups)
        rows.append(statistics(drawn if clusters is None else np.concatenate([members[g] for g in drawn])))
    table = np.asarray(rows, dtype=np.float64)
    rule = f"percentile bootstrap, {groups} clusters, {resamples} resamples"
    found: list[Interval | None] = []
    for column in table.T:
        kept = column[np.isfinite(column)]
        if 2 * kept.size < resamples:
            found.append(None)
            continue
        low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2])
        found.append(Interval(float(low), float(high), rule, level))
    return tuple(found)
