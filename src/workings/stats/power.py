"""What a paired comparison can detect, before it is run."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import bdtr, bdtrc, ndtri
from scipy.stats import binom

from workings.core.errors import BadSetting

__all__ = [
    "expected_discordance",
    "mcnemar_mde",
    "mcnemar_power",
    "minimum_detectable_difference",
    "problems_needed",
]


def _settings(alpha: float, power: float, discordance: float) -> None:
    rules = {"alpha": 0 < alpha < 1, "power": 0 < power < 1, "discordance": 0 < discordance <= 1}
    values = {"alpha": alpha, "power": power, "discordance": discordance}
    for name, fits in rules.items():
        if not fits:
            raise BadSetting(f"{name}={values[name]} is out of range.", "Use a share between 0 and 1.")


def expected_discordance(accuracy: float, correlation: float = 0.0) -> float:
    """Share of problems that only one of two methods gets right: 2p(1-p)(1-r), both being right with chance p.

    `correlation` r between their outcomes on a problem is 0 when they have nothing in common, which asks for the
    most problems; methods on the same model often reach 0.5.
    """
    if not 0 <= accuracy <= 1 or not 0 <= correlation < 1:
        raise BadSetting(f"accuracy={accuracy}, correlation={correlation} is out of range.", "Use 0 to 1, and < 1.")
    return 2 * accuracy * (1 - accuracy) * (1 - correlation)


def minimum_detectable_difference(
    n: int,
    *,
    discordance: float | None = None,
    accuracy: float = 0.5,
    correlation: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
    clusters: int | None = None,
    within: float = 1.0,
) -> float | None:
    """The smallest true difference in accuracy that two methods on the same n problems would show, or None.

    `discordance` is the share of problems that only one gets right; without it, that of two independent methods
    of this accuracy, which is the cautious guess. Problems in `clusters` count as n / (1 + (n/clusters - 1) *
    `within`) problems, where `within` is the correlation inside a cluster (1: a cluster is worth one problem).
    None when even a difference as large as the discordance would be missed.

    Solves n d^2 = (z_a sqrt(D) + z_b sqrt(D - d^2))^2 for d (Connor 1987), a large-sample approximation;
    `mcnemar_mde` is exact.
    """
    if n < 1 or (clusters is not None and not 1 <= clusters <= n) or not 0 <= within <= 1:
        raise BadSetting(f"n={n}, clusters={clusters}, within={within} do not fit.", "Use 1 <= clusters <= n.")
    share = discordance if discordance is not None else expected_discordance(accuracy, correlation)
    _settings(alpha, power, share)
    items = n / (1 + (n / clusters - 1) * within) if clusters else float(n)

    def excess(gap: float) -> float:
        return _z_sum(share, gap, alpha, power) - gap * math.sqrt(items)

    if excess(share) > 0:
        return None
    return _root(excess, 0.0, share)


def _z_sum(share: float, gap: float, alpha: float, power: float) -> float:
    spread = math.sqrt(max(share - gap * gap, 0.0))
    return float(ndtri(1 - alpha / 2)) * math.sqrt(share) + float(ndtri(power)) * spread


def _root(falls: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falls(middle) > 0 else (low, middle)
    return high


def problems_needed(gap: float, discordance: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """How many problems show a true difference of `gap` between two methods, by the same approximation."""
    _settings(alpha, power, discordance)
    if not 0 < gap <= discordance:
        raise BadSetting(f"gap={gap} does not fit a discordance of {discordance}.", "Use 0 < gap <= discordance.")
    return math.ceil((_z_sum(discordance, gap, alpha, power) / gap) ** 2)


def mcnemar_power(n: int, gap: float, discordance: float, alpha: float = 0.05) -> float:
    """Power of the exact two-sided McNemar test with n problems, exact: summed over the discordant counts.

    The discordant count m is Binomial(n, D), and given m the better side's share is (D + gap) / 2D.
    Counts of m with less than 1e-12 of chance in each tail are left out.
    """
    _settings(alpha, 0.5, discordance)
    if n < 1 or not 0 <= gap <= discordance:
        raise BadSetting(f"n={n}, gap={gap} do not fit.", "Use n >= 1 and 0 <= gap <= discordance.")
    first, last = (int(m) for m in binom.ppf([1e-12, 1 - 1e-12], n, discordance))
    counts = np.arange(max(first, 1), max(last, 1) + 1)
    edge = binom.ppf(alpha / 2, counts, 0.5)
    edge = edge - (bdtr(np.maximum(edge, 0), counts, 0.5) > alpha / 2)
    share = (discordance + gap) / (2 * discordance)
    lower, upper = np.maximum(edge, 0), np.minimum(counts - edge - 1, counts - 1)
    hits = np.where(edge >= 0, bdtr(lower, counts, share) + bdtrc(upper, counts, share), 0.0)
    return float(np.sum(binom.pmf(counts, n, discordance) * hits))


def mcnemar_mde(n: int, discordance: float, *, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """The smallest true difference that the exact McNemar test finds with this power, or None if there is none."""
    _settings(alpha, power, discordance)
    if mcnemar_power(n, discordance, discordance, alpha) < power:
        return None
    return _root(lambda gap: power - mcnemar_power(n, gap, discordance, alpha), 0.0, discordance)
