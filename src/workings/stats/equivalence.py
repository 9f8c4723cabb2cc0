"""Whether a difference is small enough to be none: two one-sided tests."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from workings.core.errors import BadSetting
from workings.core.finding import Interval
from workings.stats.intervals import checked, clopper_pearson, cluster_sums, clustered_se

__all__ = ["Equivalence", "tost"]


@dataclass(frozen=True, slots=True)
class Equivalence:
    """A mean difference with the interval that decides: within the margin on both sides, it counts as none.

    `p` is the larger of the two one-sided p-values; `equivalent` says that it is at most `alpha`. Not equivalent does
    not mean different: few items show neither.
    """

    value: float
    interval: Interval
    margin: float
    p: float
    equivalent: bool


def tost(
    differences: ArrayLike, margin: float, clusters: Sequence[Hashable] | None = None, *, alpha: float = 0.05
) -> Equivalence:
    """Two one-sided t tests of a mean of paired differences in [-1, 1] against a margin on both sides.

    The interval has level 1 - 2 alpha and C-1 degrees of freedom for C clusters. Differences without any spread give
    the exact bound on how many clusters could differ, never an interval of no width.

    Source: Schuirmann 1987; Lakens 2017. Raises BadSetting for a margin that is not above 0.
    """
    if not margin > 0 or not 0 < alpha < 0.5:
        raise BadSetting(f"margin={margin}, alpha={alpha} test nothing.", "Give margin > 0 and alpha such as 0.05.")
    values = checked(differences, "differences")
    mean, error = float(values.mean()), clustered_se(values, clusters)
    count = int(cluster_sums(values, clusters)[0].size)
    level = 1 - 2 * alpha
    if not error > 1e-12:
        doubt = clopper_pearson(0, count, level).high
        low, high = max(-1.0, mean - doubt * (1 + mean)), min(1.0, mean + doubt * (1 - mean))
        inside = -margin < low and high < margin
        rule = f"Clopper-Pearson bound on disagreement, {count} clusters that do not differ"
        gap = margin - abs(mean)
        p = (1 - min(gap / (1 + abs(mean)), 1.0)) ** count if gap > 0 else 1.0
        return Equivalence(mean, Interval(low, high, rule, level), margin, p, inside)
    freedom = count - 1
    half = float(stdtrit(freedom, 1 - alpha)) * error
    lower = 1 - float(stdtr(freedom, (mean + margin) / error))
    upper = float(stdtr(freedom, (mean - margin) / error))
    p = max(lower, upper)
    interval = Interval(mean - half, mean + half, f"TOST, clustered t, {count} clusters", level)
    return Equivalence(mean, interval, margin, p, math.isfinite(p) and p <= alpha)
