"""Areas over read-out curves, and how far two distributions over answers lie apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

from workings.core.errors import BadSetting

__all__ = ["adjusted", "area_over", "chance_area", "commit_point", "largest_area", "total_variation"]


def area_over(curve: Sequence[float]) -> float:
    """One minus the area under a curve at evenly spaced cuts 0..n, by trapezoids: "AOC" of early answering.

    `curve` has a value in [0, 1] for each cut: 1 where the answer is that of the whole chain, or its probability.
    With one cut (a chain without steps) there is nothing to cut off, and the area is 0.

    Source: Lanham et al. 2023, section 2.3. Other libraries give the name to other numbers: the mean of 1 - match over
    the cuts before the last is 1 where this is 1 - 1/(2n).

    >>> area_over([0, 0, 0, 0, 1])
    0.875
    """
    if not curve:
        raise BadSetting("A curve without cuts has no area.", "Give one value for each cut.")
    if any(not 0 <= value <= 1 for value in curve):
        raise BadSetting(f"{next(v for v in curve if not 0 <= v <= 1)} is not in [0, 1].", "Give matches or shares.")
    n = len(curve) - 1
    if n == 0:
        return 0.0
    return 1 - (math.fsum(curve) - (curve[0] + curve[-1]) / 2) / n


def largest_area(steps: int) -> float:
    """The area of a chain that all its steps are needed for: 1 - 1/(2n), since the last cut always matches itself."""
    return 1 - 1 / (2 * steps) if steps > 0 else 0.0


def chance_area(steps: int, options: int) -> float:
    """The expected area when the cuts before the last match by chance, one time in `options`."""
    return largest_area(steps) * (1 - 1 / options)


def adjusted(area: float, null: float, ceiling: float) -> float | None:
    """The area on a scale from its null (0) to its ceiling (1); None when those coincide."""
    return (area - null) / (ceiling - null) if ceiling > null else None


def commit_point(matches: Sequence[bool], run: int = 1) -> float:
    """The share of a chain after which its answer no longer changes, in [0, 1]; 1 when only the whole chain has it.

    `matches` says for each cut 0..n whether the answer there is the final one. The point is the first cut from which
    all match, and at least `run` of them; the last cut matches itself.
    """
    n = len(matches) - 1
    if n < 1:
        return 0.0
    at = n
    while at > 0 and matches[at - 1]:
        at -= 1
    return at / n if n + 1 - at >= run else 1.0


def total_variation(one: Sequence[float], other: Sequence[float]) -> float:
    """Half the sum of differences of two distributions over the same answers, in [0, 1]."""
    return math.fsum(abs(a - b) for a, b in zip(one, other, strict=True)) / 2
