"""Two methods on the same problems, and many comparisons at once."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, stdtr

from workings.core.errors import BadSetting
from workings.core.finding import Interval
from workings.stats.intervals import Floats, checked, clopper_pearson, cluster_sums, clustered_interval, clustered_se
from workings.stats.resampling import bootstrap_mean

__all__ = ["Difference", "benjamini_hochberg", "holm", "mcnemar", "paired_difference", "paired_t"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference of means with its interval, and a two-sided p-value with the test it came from."""

    value: float
    interval: Interval
    p: float
    test: str
    problems: int
    clusters: int


def mcnemar(better: int, worse: int) -> float:
    """Exact two-sided p-value of McNemar's test: `better` and `worse` count the problems only one side got right.

    The binomial test of better among better + worse against one half; 1 when nothing is discordant.
    It takes problems as independent: not for several attempts or problems of one cluster.
    """
    if min(better, worse) < 0:
        raise BadSetting(f"Counts of {better} and {worse} are impossible.", "Give counts of 0 or more.")
    total = better + worse
    if total == 0:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(better, worse), total, 0.5)))


def paired_t(differences: ArrayLike, clusters: Sequence[Hashable] | NDArray[Any] | None = None) -> float:
    """Two-sided p-value of the paired t test with clustered standard error and C-1 degrees of freedom.

    1 when all differences are 0; NaN when they do not vary otherwise, or come from one cluster.
    """
    array = checked(differences, "differences")
    if not array.any():
        return 1.0
    error = clustered_se(array, clusters)
    if not error > 1e-12:
        return math.nan
    count = cluster_sums(array, clusters)[0].size
    return float(2 * stdtr(count - 1, -abs(float(array.mean())) / error))


def paired_difference(
    one: ArrayLike,
    other: ArrayLike,
    clusters: Sequence[Hashable] | NDArray[Any] | None = None,
    *,
    level: float = 0.95,
    rule: str = "bca",
    resamples: int = 4000,
    seed: int = 0,
) -> Difference:
    """Mean of `one` minus mean of `other` over the same problems, with interval and test.

    Each entry is one problem: 0 or 1, or the share of its repeats that were right. `rule` is "bca",
    "percentile" or "t". The test is exact McNemar when all entries are 0 or 1 and no cluster holds two problems;
    otherwise the clustered paired t. Where all problems agree, the interval is the Clopper-Pearson bound on how
    many can disagree, since a bootstrap would show none.
    """
    first, second = checked(one, "one"), checked(other, "other")
    if first.size != second.size:
        raise BadSetting(f"{first.size} and {second.size} problems cannot be paired.", "Give the same problems.")
    gaps = first - second
    sums, sizes = cluster_sums(gaps, clusters)
    alone = bool(sizes.max() == 1)
    binary = bool(np.isin(first, (0, 1)).all() and np.isin(second, (0, 1)).all())
    if alone and binary:
        p, test = mcnemar(int((gaps > 0).sum()), int((gaps < 0).sum())), "exact McNemar"
    else:
        p, test = paired_t(gaps, clusters), f"paired t, {sums.size} clusters"
    interval = _interval(gaps, clusters, sums, sizes, level, rule, resamples, seed)
    return Difference(float(gaps.mean()), interval, p, test, gaps.size, sums.size)


def _interval(
    gaps: Floats,
    clusters: Sequence[Hashable] | NDArray[Any] | None,
    sums: Floats,
    sizes: Floats,
    level: float,
    rule: str,
    resamples: int,
    seed: int,
) -> Interval:
    if np.ptp(sums / sizes) < 1e-12:
        value, count = float(gaps.mean()), int(sums.size)
        doubt = clopper_pearson(0, count, level).high
        name = f"Clopper-Pearson bound on disagreement, {count} clusters that do not differ"
        low, high = value - doubt * (1 + value), value + doubt * (1 - value)
        return Interval(max(-1.0, low), min(1.0, high), name, level)
    if rule == "t":
        return clustered_interval(gaps, clusters, level, bounds=(-1.0, 1.0))
    return bootstrap_mean(gaps, clusters, level=level, resamples=resamples, seed=seed, rule=rule)


def _p_values(p_values: ArrayLike) -> Floats:
    array = np.asarray(p_values, dtype=np.float64)
    known = array[~np.isnan(array)]
    if array.ndim != 1 or ((known < 0) | (known > 1)).any():
        raise BadSetting(f"{array!r:.80} are no p-values.", "Give numbers from 0 to 1; NaN for an unknown one.")
    return array


def holm(p_values: ArrayLike) -> tuple[float, ...]:
    """Holm's step-down adjustment, in the order given: bounds the chance of any false claim. Holm 1979.

    NaN stays NaN and takes no part.
    """
    array = _p_values(p_values)
    known = np.flatnonzero(~np.isnan(array))
    order = known[np.argsort(array[known], kind="stable")]
    factors = np.arange(order.size, 0, -1)
    adjusted = array.copy()
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(array[order] * factors))
    return tuple(float(p) for p in adjusted)


def benjamini_hochberg(p_values: ArrayLike) -> tuple[float, ...]:
    """Benjamini and Hochberg's adjustment, in the order given: bounds the expected share of false claims (1995).

    NaN stays NaN and takes no part.
    """
    array = _p_values(p_values)
    known = np.flatnonzero(~np.isnan(array))
    order = known[np.argsort(array[known], kind="stable")][::-1]
    factors = order.size / np.arange(order.size, 0, -1)
    adjusted = array.copy()
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(array[order] * factors))
    return tuple(float(p) for p in adjusted)
