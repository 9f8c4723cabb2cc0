"""Counts whose rates differ from item to item: the null of pairs that differ by chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import betaln, gammaln

from workings.core.errors import BadSetting

__all__ = ["fit_beta", "gap_chance"]

_SHARP = 1e6


def fit_beta(counts: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """The Beta(a, b) of success rates behind (successes, tries) of several items, by moments.

    Rates that vary no more than chance alone would make them are taken as one rate (a + b is then 10^6). A half is
    added to successes and failures over all, so that neither a nor b is 0.
    """
    if not counts or any(not 0 <= k <= n or n < 1 for k, n in counts):
        raise BadSetting(f"{list(counts)[:5]} are no counts.", "Give (successes, tries) with tries of 1 or more.")
    total, tries = sum(k for k, _ in counts), sum(n for _, n in counts)
    mean = (total + 0.5) / (tries + 1)
    spread = math.fsum(n * (k / n - mean) ** 2 for k, n in counts)
    by_chance = mean * (1 - mean) * (len(counts) - 1)
    room = mean * (1 - mean) * (tries - sum(n * n for _, n in counts) / tries - (len(counts) - 1))
    share = (spread - by_chance) / room if room > 0 else 0.0
    if share <= 1 / (_SHARP + 1):
        return mean * _SHARP, (1 - mean) * _SHARP
    size = max(1 / min(share, 0.999) - 1, 1e-3)
    return mean * size, (1 - mean) * size


def gap_chance(a: float, b: float, tries: int, other: int, gap: float) -> float:
    """The chance that two rates of `tries` and `other` draws differ by `gap` or more, when both come from one rate.

    That rate is drawn from Beta(a, b): the null of a pair of questions that the model takes as the same.

    >>> round(gap_chance(1e6, 1e6, 1, 1, 1.0), 3)
    0.5
    """
    if min(a, b) <= 0 or min(tries, other) < 1 or not 0 < gap <= 1:
        raise BadSetting(f"a={a}, b={b}, tries={tries}, {other}, gap={gap}", "Give a, b > 0, tries >= 1, 0 < gap <= 1.")
    one, two = np.arange(tries + 1), np.arange(other + 1)
    ways = _log_choose(tries, one)[:, None] + _log_choose(other, two)[None, :]
    both = one[:, None] + two[None, :]
    chances = np.exp(ways + betaln(a + both, b + tries + other - both) - betaln(a, b))
    apart = np.abs(one[:, None] / tries - two[None, :] / other) >= gap - 1e-9
    return float(min(chances[apart].sum(), 1.0))


def _log_choose(n: int, k: np.ndarray) -> np.ndarray:
    found: np.ndarray = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return found
