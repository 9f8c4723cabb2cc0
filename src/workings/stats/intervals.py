"""Intervals for proportions and means, with clusters respected."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtri, stdtrit

from workings.core.errors import BadSetting
from workings.core.finding import Interval

__all__ = [
    "accuracy_interval",
    "checked",
    "clopper_pearson",
    "cluster_codes",
    "cluster_sums",
    "clustered_interval",
    "clustered_se",
    "wilson",
]

SMALL = 300
"""Below this many clusters an accuracy gets a Wilson interval, with an effective number of items."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def checked(values: ArrayLike, name: str = "values") -> Floats:
    """The values as a flat array of finite numbers, at least one; BadSetting otherwise."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise BadSetting(f"{name} has the shape {array.shape}.", "Give one number an item, and at least one item.")
    if not np.isfinite(array).all():
        bad = int(np.flatnonzero(~np.isfinite(array))[0])
        raise BadSetting(f"{name}[{bad}] is {array[bad]}.", "Leave out missing items and count them apart.")
    return array


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise BadSetting(f"level={level} is out of range.", "Use a share between 0 and 1, such as 0.95.")
    return 0.5 + level / 2


def _counts(right: float, items: float) -> None:
    if not 0 <= right <= items or items <= 0:
        raise BadSetting(f"{right} right of {items} is impossible.", "Give 0 <= right <= items, and items > 0.")


def wilson(right: float, items: float, level: float = 0.95) -> Interval:
    """Wilson's score interval for a proportion; both counts may be fractions (effective numbers of items).

    Source: Wilson 1927. It holds for items drawn independently; repeats of a problem are not.
    """
    _counts(right, items)
    z = float(ndtri(_level(level)))
    share, z2 = right / items, z * z / items
    centre = (share + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * math.sqrt(share * (1 - share) / items + z2 / (4 * items))
    low = 0.0 if right == 0 else max(0.0, centre - half)
    high = 1.0 if right == items else min(1.0, centre + half)
    return Interval(low, high, "Wilson", level)


def clopper_pearson(right: int, items: int, level: float = 0.95) -> Interval:
    """The exact interval for a proportion: never covers less than its level, often more. Clopper, Pearson 1934."""
    _counts(right, items)
    tail = 1 - _level(level)
    low = 0.0 if right == 0 else float(betaincinv(right, items - right + 1, tail))
    high = 1.0 if right == items else float(betaincinv(right + 1, items - right, 1 - tail))
    return Interval(low, high, "Clopper-Pearson", level)


def cluster_codes(clusters: Sequence[Hashable] | NDArray[Any]) -> tuple[Ints, int]:
    """A number from 0 for each cluster key, in order of first appearance, and how many there are."""
    if isinstance(clusters, np.ndarray) and clusters.dtype.kind in "iu":
        codes = np.unique(clusters, return_inverse=True)[1].astype(np.int64)
        return codes, int(codes.max()) + 1 if codes.size else 0
    seen: dict[Hashable, int] = {}
    codes = np.fromiter((seen.setdefault(key, len(seen)) for key in clusters), dtype=np.int64, count=len(clusters))
    return codes, len(seen)


def _codes_for(values: Floats, clusters: Sequence[Hashable] | NDArray[Any] | None) -> tuple[Ints, int]:
    if clusters is None:
        return np.arange(values.size), int(values.size)
    if len(clusters) != values.size:
        raise BadSetting(f"{values.size} values have {len(clusters)} cluster keys.", "Give one key a value.")
    return cluster_codes(clusters)


def cluster_sums(values: Floats, clusters: Sequence[Hashable] | NDArray[Any] | None) -> tuple[Floats, Floats]:
    """The sum and the number of the values in each cluster."""
    codes, count = _codes_for(values, clusters)
    sums: Floats = np.bincount(codes, values, count).astype(np.float64)
    return sums, np.bincount(codes, minlength=count).astype(np.float64)


def clustered_se(values: ArrayLike, clusters: Sequence[Hashable] | NDArray[Any] | None = None) -> float:
    """Standard error of a mean whose items come in clusters, with the correction C/(C-1) for C clusters.

    Without clusters every item stands alone, and this is s/sqrt(n). NaN for one cluster.
    Source: Miller 2024 (arXiv 2411.00640), clustered standard errors.
    """
    array = checked(values)
    sums, sizes = cluster_sums(array, clusters)
    count = sums.size
    if count < 2:
        return math.nan
    residuals = sums - sizes * array.mean()
    return float(np.sqrt(count / (count - 1) * np.sum(residuals**2)) / array.size)


def clustered_interval(
    values: ArrayLike,
    clusters: Sequence[Hashable] | NDArray[Any] | None = None,
    level: float = 0.95,
    bounds: tuple[float, float] | None = (0.0, 1.0),
) -> Interval:
    """Student's t interval with C-1 degrees of freedom around the mean of values in C clusters, cut to `bounds`.

    Where the values show no spread between clusters (all right, all wrong, or one cluster), proportions fall
    back to Wilson with one item a cluster, and the rule says so; other means get an infinite interval.
    """
    array = checked(values)
    count = cluster_sums(array, clusters)[0].size
    mean, error = float(array.mean()), clustered_se(array, clusters)
    if not error > 1e-12:
        if bounds == (0.0, 1.0):
            fallback = wilson(min(max(mean, 0.0), 1.0) * count, count, level)
            return Interval(fallback.low, fallback.high, f"Wilson with n = {count} clusters, no spread to go by", level)
        return Interval(-math.inf, math.inf, "none: no spread to go by", level)
    half = float(stdtrit(count - 1, _level(level))) * error
    low, high = mean - half, mean + half
    if bounds is not None:
        low, high = max(bounds[0], low), min(bounds[1], high)
    return Interval(low, high, f"clustered t, {count} clusters", level)


def accuracy_interval(
    outcomes: ArrayLike, clusters: Sequence[Hashable] | NDArray[Any] | None = None, level: float = 0.95
) -> Interval:
    """The interval for an accuracy from attempts that are right (1) or wrong (0), by the rule that fits.

    Wilson where every cluster has one attempt. Otherwise, clustered t from 300 clusters on, and below that
    Wilson with the effective number of items p(1-p)/SE^2, shrunk for the C-1 degrees of freedom and at most the
    number of attempts. Repeats of one problem are a cluster: give the problem as key.

    Source: Miller 2024 (arXiv 2411.00640); Korn and Graubard 1998 for the effective number.
    """
    array = checked(outcomes, "outcomes")
    if ((array < 0) | (array > 1)).any():
        raise BadSetting("An outcome is outside 0 to 1.", "Give 1 for right and 0 for wrong.")
    sums, sizes = cluster_sums(array, clusters)
    if sizes.max() == 1:
        return wilson(float(array.sum()), array.size, level)
    mean, error, count = float(array.mean()), clustered_se(array, clusters), sums.size
    if count >= SMALL or not error > 1e-12:
        return clustered_interval(array, clusters, level)
    shrink = (float(ndtri(_level(level))) / float(stdtrit(count - 1, _level(level)))) ** 2
    effective = min(mean * (1 - mean) / error**2, array.size) * shrink
    found = wilson(mean * effective, effective, level)
    rule = f"Wilson with effective n = {effective:.1f}, {count} clusters of {array.size} attempts"
    return Interval(found.low, found.high, rule, level)
