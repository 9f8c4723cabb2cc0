"""What a confidence is worth: order, selective answering at a risk, and the difference between two on the same items.

`confidence` is higher for surer throughout; `right` holds attempts, 1 or 0.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtri, stdtr
from scipy.stats import rankdata

from workings.core.errors import BadSetting
from workings.core.finding import Interval
from workings.stats.calibration import accuracy_rejection, auroc
from workings.stats.intervals import Floats, Ints, checked, cluster_codes, cluster_sums

__all__ = ["Gap", "Selection", "auroc_gap", "excess_area", "rejection_ratio", "selective"]

_WALKS = 3


@dataclass(frozen=True, slots=True)
class Selection:
    """Which attempts may be answered at a risk.

    `threshold` is the least confidence that is answered, None when no share of the attempts passes; `coverage` the
    share answered, `risk` the share of wrong ones among them, `bound` the highest that `risk` may be.
    """

    target: float
    threshold: float | None
    coverage: float
    risk: float | None
    bound: float | None
    rule: str


@dataclass(frozen=True, slots=True)
class Gap:
    """One area minus another on the same attempts, with its interval and the p-value of no difference."""

    value: float
    interval: Interval
    p: float


def rejection_ratio(confidence: ArrayLike, right: ArrayLike, most: float = 1.0) -> float | None:
    """The prediction rejection ratio: where the area of accuracy against rejection lies between chance (0) and the
    perfect order (1). Below 0 it is worse than chance. None where all are right, or all are wrong.

    Ties are averaged over every order, and chance is the accuracy itself, so that no shuffles and no order of the
    input decide. `most` is the largest share that is rejected, 1 or less.
    Source: Malinin and Gales 2021; the published form sorts without regard to ties and simulates chance.
    """
    if not 0 < most <= 1:
        raise BadSetting(f"most={most} is out of range.", "Use a share above 0 and at most 1, such as 0.5.")
    found = accuracy_rejection(confidence, right)
    n = len(found.accuracy)
    first = n - int(n * most) if most < 1 else 0
    kept = np.arange(1, n + 1)
    best = np.minimum(kept, round(found.chance * n)) / kept
    area = float(np.mean(found.accuracy[first:]))
    oracle = float(best[first:].mean())
    return None if oracle - found.chance < 1e-12 else (area - found.chance) / (oracle - found.chance)


def excess_area(confidence: ArrayLike, right: ArrayLike) -> float:
    """E-AURC: the area under risk against coverage, above that of the perfect order; 0 is best.

    The perfect order's area is counted, not taken from r + (1 - r) log(1 - r), which it approaches for many attempts.
    Source: Geifman et al. 2019.
    """
    found = accuracy_rejection(confidence, right)
    return found.oracle - found.area


def selective(
    confidence: ArrayLike,
    right: ArrayLike,
    target: float,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    steps: int = 20,
) -> Selection:
    """The largest share of attempts that can be answered with at most `target` of them wrong, at confidence `level`.

    Of `steps` evenly spaced shares of the most confident attempts, each widened to whole ties, larger and larger ones
    are tried while the Clopper-Pearson bound on their risk is at most the target. Three such walks begin at the
    smallest share that could pass, and a third and two thirds of the way on, each with a third of the error allowed:
    so the choice does not spoil the bounds, and one early mistake does not end it. With clusters, errors and attempts
    are scaled to their effective number. Source: Geifman and El-Yaniv 2017; Angelopoulos et al. 2021 (learn then
    test, fixed sequences).

    It promises for attempts drawn like these, not for other problems.
    """
    if not 0 < target < 1:
        raise BadSetting(f"target={target} is no risk.", "Use a share between 0 and 1, such as 0.1.")
    if steps < 1 or not 0 < level < 1:
        raise BadSetting(f"steps={steps}, level={level} are out of range.", "Use steps=20, level=0.95.")
    values, marks = checked(confidence, "confidence"), checked(right, "right")
    keys = np.arange(values.size) if clusters is None else cluster_codes(clusters)[0]
    order = np.argsort(-values, kind="stable")
    error = (1 - level) / _WALKS
    least = math.log(error) / math.log(1 - target)
    shares = [share for share in np.arange(1, steps + 1) / steps if share * values.size >= least]
    rule = f"Clopper-Pearson, {_WALKS} walks over {steps} shares" + ("" if clusters is None else ", effective numbers")
    best = Selection(target, None, 0.0, None, None, rule)
    for start in sorted({len(shares) * walk // _WALKS for walk in range(_WALKS)}):
        for share in shares[start:]:
            edge = float(values[order[math.ceil(share * values.size - 1e-9) - 1]])
            inside = values >= edge
            n, wrong = int(inside.sum()), float((1 - marks[inside]).sum())
            scale = _effective(1 - marks[inside], keys[inside]) / n
            high = 1.0 if wrong == n else float(betaincinv(wrong * scale + 1, (n - wrong) * scale, 1 - error))
            if high > target:
                break
            if n / values.size > best.coverage:
                best = Selection(target, edge, n / values.size, wrong / n, high, rule)
    return best


def _effective(errors: Floats, keys: Ints) -> float:
    """How many independent attempts these are worth: p(1-p)/SE^2 with clustered errors, at most all of them, and at
    least the clusters' number where they show no spread."""
    sums, sizes = cluster_sums(errors, keys)
    mean, count = float(errors.mean()), sums.size
    if count == errors.size:
        return float(count)
    variance = count / max(count - 1, 1) * float(np.sum((sums - sizes * mean) ** 2)) / errors.size**2
    if not variance > 1e-18:
        return float(count)
    return min(mean * (1 - mean) / variance, float(errors.size))


def auroc_gap(
    one: ArrayLike, other: ArrayLike, right: ArrayLike, clusters: Sequence[Hashable] | None = None, level: float = 0.95
) -> Gap | None:
    """AUROC of `one` minus that of `other` on the same attempts; None without both right and wrong ones.

    The variance is that of the differences of placements, summed over clusters; without clusters this is DeLong's
    test. Where all placements agree the interval has no width and p is 1.
    Source: DeLong et al. 1988; Obuchowski 1997.
    """
    marks = checked(right, "right")
    first, second = auroc(one, marks), auroc(other, marks)
    if first is None or second is None:
        return None
    up = marks == 1
    ups, downs = int(up.sum()), int((~up).sum())
    moved = _placements(checked(one), up, first) - _placements(checked(other), up, second)
    keys = np.arange(marks.size) if clusters is None else clusters
    above = cluster_sums(np.where(up, moved, 0.0), keys)[0] / ups
    under = cluster_sums(np.where(up, 0.0, moved), keys)[0] / downs
    count = above.size
    error = math.sqrt(count / max(count - 1, 1) * float(np.sum((above + under) ** 2)))
    gap = first - second
    if not error > 1e-12:
        same = abs(gap) < 1e-12
        return Gap(gap, Interval(gap, gap, "no spread to go by", level), 1.0 if same else 0.0)
    z = float(ndtri(0.5 + level / 2))
    p = 2 * float(stdtr(1e9, -abs(gap) / error))
    return Gap(gap, Interval(gap - z * error, gap + z * error, f"paired placements, {count} clusters", level), p)


def _placements(values: Floats, up: np.ndarray, area: float) -> Floats:
    placed = np.empty_like(values)
    ranks = rankdata(values)
    placed[up] = (ranks[up] - rankdata(values[up])) / int((~up).sum())
    placed[~up] = 1 - (ranks[~up] - rankdata(values[~up])) / int(up.sum())
    found: Floats = placed - area
    return found
