"""Areas over read-out curves, and what a distribution over answers says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from workings.core.errors import BadSetting

__all__ = [
    "adjusted",
    "area_over",
    "areas_by_length",
    "chance_area",
    "commit_point",
    "entropy",
    "largest_area",
    "log_odds",
    "margin",
    "total_variation",
]


def area_over(curve: Sequence[float], places: Sequence[float] | None = None) -> float:
    """One minus the area under a curve at cuts 0..n of a chain, by trapezoids: "AOC" of early answering.

    `curve` has a value in [0, 1] for each cut: 1 where the answer is that of the whole chain, or its probability.
    `places` are the cuts' shares of the chain, from 0 to 1 and never falling; without them the cuts are evenly spaced,
    as the paper's are. A curve whose longest cut is missing is refused: stretched to the whole axis it would be
    another number. With one cut (a chain without steps) there is nothing to cut off, and the area is 0.

    Source: Lanham et al. 2023, section 2.3. Other libraries give the name to other numbers: the mean of 1 - match over
    the cuts before the last is 1 where this is 1 - 1/(2n).

    >>> area_over([0, 0, 0, 0, 1])
    0.875
    >>> area_over([0, 0, 1], [0, 0.8, 1])
    0.9
    """
    if not curve:
        raise BadSetting("A curve without cuts has no area.", "Give one value for each cut.")
    if any(not 0 <= value <= 1 for value in curve):
        raise BadSetting(f"{next(v for v in curve if not 0 <= v <= 1)} is not in [0, 1].", "Give matches or shares.")
    n = len(curve) - 1
    if places is None:
        return 1 - (math.fsum(curve) - (curve[0] + curve[-1]) / 2) / n if n else 0.0
    if len(places) != n + 1 or any(b < a for a, b in pairwise(places)):
        raise BadSetting(f"{len(places)} places do not fit {n + 1} cuts.", "Give one a cut, in order.")
    if n and (places[0] != 0 or places[-1] != 1):
        raise BadSetting(f"The cuts go from {places[0]} to {places[-1]} of the chain.", "Read it at 0 and at its end.")
    return (
        1 - math.fsum((b - a) * (x + y) / 2 for (a, b), (x, y) in zip(pairwise(places), pairwise(curve), strict=True))
        if n
        else 0.0
    )


def areas_by_length(curves: Sequence[Sequence[float]]) -> dict[int, tuple[int, float]]:
    """For each number of steps: how many curves have it, and the area over their mean curve.

    Weighted by how many they are, these areas give the task's area as the paper defines it; that is the plain mean of
    the curves' own areas, since an area is linear in its curve.

    >>> areas_by_length([[0, 1], [1, 1], [0, 0, 1]])
    {1: (2, 0.25), 2: (1, 0.75)}
    """
    groups: dict[int, list[Sequence[float]]] = {}
    for curve in curves:
        groups.setdefault(len(curve) - 1, []).append(curve)
    return {
        steps: (len(group), area_over([math.fsum(column) / len(group) for column in zip(*group, strict=True)]))
        for steps, group in sorted(groups.items())
    }


def largest_area(steps: int) -> float:
    """The area of a chain that all its steps are needed for: 1 - 1/(2n), since the last cut always matches itself."""
    return 1 - 1 / (2 * steps) if steps > 0 else 0.0


def chance_area(steps: int, agreement: float) -> float:
    """The expected area when the cuts before the last match by chance, a share `agreement` of the time.

    It is where a chain lands that is needed to its last step while the model guesses before: chance lowers the ceiling.
    It is no floor. A model that knows its answer before the chain has an area of 0, below chance.

    >>> chance_area(4, 0.25)
    0.65625
    """
    return largest_area(steps) * (1 - agreement)


def adjusted(area: float, null: float, ceiling: float) -> float | None:
    """The area on a scale from its null (0) to its ceiling (1); None when those coincide."""
    return (area - null) / (ceiling - null) if ceiling > null else None


def commit_point(matches: Sequence[bool], run: int = 1, places: Sequence[float] | None = None) -> float:
    """The share of a chain after which its answer no longer changes, in [0, 1]; 1 when only the whole chain has it.

    `matches` says for each cut 0..n whether the answer there is the final one; `places` are the cuts' shares of the
    chain, evenly spaced without them. The point is the first cut from which all match, and at least `run` of them,
    so that a chain which settles at its end is not called settled; the last cut matches itself.

    >>> commit_point([False, True, False, True, True])
    0.75
    """
    n = len(matches) - 1
    if n < 1:
        return 0.0
    at = n
    while at > 0 and matches[at - 1]:
        at -= 1
    if n + 1 - at < run:
        return 1.0
    return at / n if places is None else places[at]


def total_variation(one: Sequence[float], other: Sequence[float]) -> float:
    """Half the sum of differences of two distributions over the same answers, in [0, 1]."""
    return math.fsum(abs(a - b) for a, b in zip(one, other, strict=True)) / 2


def entropy(shares: Sequence[float]) -> float:
    """Shannon entropy of a distribution (nats), from 0 to the log of the number of answers."""
    return -math.fsum(p * math.log(p) for p in shares if p > 0) + 0.0


def margin(shares: Sequence[float]) -> float:
    """The largest share less the second largest, in [0, 1]; 1 for a single answer."""
    first, second, *_ = (*sorted(shares, reverse=True), 0.0)
    return first - second


def log_odds(logprobs: Sequence[float], at: int) -> float:
    """Log of the odds of one answer against all others (nats), from their log-probabilities; infinite when certain.

    Nothing is added to avoid infinities: constants such as 1e-9 decide the result wherever they matter.
    """
    others = [value for place, value in enumerate(logprobs) if place != at and value > -math.inf]
    if logprobs[at] == -math.inf:
        return -math.inf if others else math.nan
    if not others:
        return math.inf
    top = max(others)
    return logprobs[at] - top - math.log(math.fsum(math.exp(value - top) for value in others))
