"""How far a confidence can be believed. All of it on attempts, never on averages of attempts."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri
from scipy.stats import rankdata

from workings.core.errors import BadSetting
from workings.core.finding import Interval
from workings.stats.intervals import Floats, Ints, checked, cluster_sums, wilson

__all__ = [
    "Bin",
    "Brier",
    "Calibration",
    "Rejection",
    "accuracy_rejection",
    "auroc",
    "auroc_interval",
    "brier",
    "calibration",
    "ece",
]


@dataclass(frozen=True, slots=True)
class Bin:
    """Attempts whose confidence lies from `low` to `high`: how sure they were, and how often right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected and maximum calibration error, with the bin rule that they depend on, and the filled bins."""

    ece: float
    mce: float
    rule: str
    n: int
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Brier:
    """Mean squared error of confidences, and its parts: value = reliability - resolution + uncertainty + within.

    `within` is the spread of confidences inside bins, 0 when every distinct confidence is its own bin.
    """

    value: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


@dataclass(frozen=True, slots=True)
class Rejection:
    """Accuracy of the k most confident of n attempts, k = 1..n, and areas under it (1 when all are right).

    `chance` is the area of a confidence that says nothing (the accuracy), `oracle` that of a perfect order.
    """

    coverage: tuple[float, ...]
    accuracy: tuple[float, ...]
    area: float
    chance: float
    oracle: float


def _pair(confidence: ArrayLike, right: ArrayLike, *, shares: bool = False) -> tuple[Floats, Floats]:
    values, marks = checked(confidence, "confidence"), checked(right, "right")
    if values.size != marks.size:
        raise BadSetting(f"{values.size} confidences have {marks.size} marks.", "Give one mark a confidence.")
    if not np.isin(marks, (0, 1)).all():
        bad = marks[~np.isin(marks, (0, 1))][0]
        raise BadSetting(f"A mark of {bad} is not an attempt's.", "Give attempts, 0 or 1, not their averages.")
    if shares and ((values < 0) | (values > 1)).any():
        bad = values[(values < 0) | (values > 1)][0]
        raise BadSetting(f"A confidence of {bad} is outside 0 to 1.", "Turn scores into probabilities first.")
    return values, marks


def _bins_of(values: Floats, bins: int, rule: str) -> Ints:
    if bins < 1:
        raise BadSetting(f"bins={bins} is out of range.", "Use 1 or more.")
    if rule == "width":
        places = np.floor(values * bins)
    elif rule == "mass":
        places = np.floor((rankdata(values) - 0.5) / values.size * bins)
    else:
        raise BadSetting(f"rule={rule!r} is not known.", 'Use "width" or "mass".')
    return np.clip(places, 0, bins - 1).astype(np.int64)


def calibration(confidence: ArrayLike, right: ArrayLike, *, bins: int = 10, rule: str = "width") -> Calibration:
    """Calibration of confidences in [0, 1] against attempts that are right (1) or wrong (0), bin by bin.

    `rule` "width" cuts [0, 1] into equal parts [a, b), the last one closed; "mass" puts about as many attempts in
    each bin, equal confidences always together. Missing confidences are to be left out, and counted apart.

    A small error does not show that a confidence tells right from wrong: a constant equal to the accuracy has
    none. Binned errors are biased upwards for few attempts a bin.
    Source: Naeini et al. 2015 (ECE); Guo et al. 2017.
    """
    values, marks = _pair(confidence, right, shares=True)
    places = _bins_of(values, bins, rule)
    found, total, worst = [], 0.0, 0.0
    for place in np.unique(places):
        inside = places == place
        n, mean, share = int(inside.sum()), float(values[inside].mean()), float(marks[inside].mean())
        edges = (place / bins, (place + 1) / bins)
        low, high = edges if rule == "width" else (float(values[inside].min()), float(values[inside].max()))
        found.append(Bin(float(low), float(high), n, mean, share, wilson(float(marks[inside].sum()), n)))
        total += n * abs(mean - share)
        worst = max(worst, abs(mean - share))
    name = f"{bins} bins of equal {rule}"
    return Calibration(total / values.size, worst, name, values.size, tuple(found))


def ece(confidence: ArrayLike, right: ArrayLike, *, bins: int = 10, rule: str = "width") -> float:
    """Expected calibration error alone; see `calibration`."""
    return calibration(confidence, right, bins=bins, rule=rule).ece


def brier(confidence: ArrayLike, right: ArrayLike, bins: int | None = None) -> Brier:
    """The Brier score with Murphy's parts; without `bins` each distinct confidence is a group of its own.

    With many distinct confidences those groups are single attempts, and then reliability and resolution say
    nothing: give a number of (equal-mass) bins. Source: Murphy 1973; Stephenson et al. 2008 for `within`.
    """
    values, marks = _pair(confidence, right, shares=True)
    groups = np.unique(values, return_inverse=True)[1] if bins is None else _bins_of(values, bins, "mass")
    groups = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(groups)
    means, shares = np.bincount(groups, values) / sizes, np.bincount(groups, marks) / sizes
    base, n = float(marks.mean()), values.size
    value = float(np.mean((values - marks) ** 2))
    reliability = float(np.sum(sizes * (means - shares) ** 2) / n)
    resolution = float(np.sum(sizes * (shares - base) ** 2) / n)
    uncertainty = base * (1 - base)
    return Brier(value, reliability, resolution, uncertainty, value - (reliability - resolution + uncertainty))


def auroc(confidence: ArrayLike, right: ArrayLike) -> float | None:
    """Chance that a right attempt is more confident than a wrong one, ties counting half; None without both.

    Any real score will do, higher for surer. It does not show calibration.
    """
    values, marks = _pair(confidence, right)
    ups, downs = float(marks.sum()), float((1 - marks).sum())
    if not ups or not downs:
        return None
    ranks = rankdata(values)
    return float((ranks[marks == 1].sum() - ups * (ups + 1) / 2) / (ups * downs))


def auroc_interval(
    confidence: ArrayLike, right: ArrayLike, clusters: Sequence[Hashable] | None = None, level: float = 0.95
) -> Interval | None:
    """A normal interval for the area, its variance from placements summed over clusters; None without both kinds.

    Without clusters this is DeLong's. At an area of 0 or 1 the variance is 0: then the interval spans what the
    smaller kind's count leaves open (Wilson).
    Source: DeLong et al. 1988; Obuchowski 1997 for clusters.
    """
    values, marks = _pair(confidence, right)
    area = auroc(values, marks)
    if area is None:
        return None
    up = marks == 1
    ups, downs = int(up.sum()), int((~up).sum())
    ranks = rankdata(values)
    placed = np.empty_like(values)
    placed[up] = (ranks[up] - rankdata(values[up])) / downs
    placed[~up] = 1 - (ranks[~up] - rankdata(values[~up])) / ups
    keys = clusters if clusters is not None else np.arange(values.size)
    above = cluster_sums(np.where(up, placed - area, 0.0), keys)[0] / ups
    under = cluster_sums(np.where(up, 0.0, placed - area), keys)[0] / downs
    if clusters is None:
        ratios = [n / (n - 1) if n > 1 else math.inf for n in (ups, downs)]
        variance = ratios[0] * float(np.sum(above**2)) + ratios[1] * float(np.sum(under**2))
    else:
        count = above.size
        variance = (count / (count - 1) if count > 1 else math.inf) * float(np.sum((above + under) ** 2))
    if not 1e-18 < variance < math.inf:
        few = min(ups, downs)
        found = wilson(area * few, few, level)
        return Interval(found.low, found.high, f"Wilson with n = {few}, no spread to go by", level)
    half = float(ndtri(0.5 + level / 2)) * math.sqrt(variance)
    name = "DeLong" if clusters is None else "clustered placements"
    return Interval(max(0.0, area - half), min(1.0, area + half), name, level)


def accuracy_rejection(confidence: ArrayLike, right: ArrayLike) -> Rejection:
    """Accuracy as the least confident attempts are set aside; within a tie, every order is averaged.

    The area is the mean over k = 1..n of the accuracy of the k most confident.
    """
    values, marks = _pair(confidence, right)
    _, block, sizes = np.unique(-values, return_inverse=True, return_counts=True)
    shares = np.bincount(block, marks) / sizes
    n = values.size
    kept = np.arange(1, n + 1)
    accuracy = np.cumsum(np.repeat(shares, sizes)) / kept
    best = np.minimum(kept, marks.sum()) / kept
    return Rejection(
        tuple((kept / n).tolist()),
        tuple(accuracy.tolist()),
        float(accuracy.mean()),
        float(marks.mean()),
        float(best.mean()),
    )
