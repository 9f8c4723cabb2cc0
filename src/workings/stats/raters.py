"""How far raters agree beyond chance where kappa does not do: rare categories (AC1), many raters, gaps (alpha)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Literal

import numpy as np

from workings.core.errors import BadSetting
from workings.core.finding import Interval

__all__ = ["Scale", "alpha_interval", "gwet_ac1", "krippendorff_alpha"]

Scale = Literal["nominal", "ordinal", "interval"]


def gwet_ac1(one: Sequence[Hashable], other: Sequence[Hashable], categories: int | None = None) -> float | None:
    """Agreement of two raters beyond a chance that shrinks where one category is rare (AC1). Source: Gwet 2008.

    `categories` is how many there are to choose from; those that were used when not given, and at least two.
    """
    if len(one) != len(other) or not one:
        raise BadSetting(f"{len(one)} and {len(other)} ratings cannot be paired.", "Give both raters the same items.")
    seen = sum(a == b for a, b in zip(one, other, strict=True)) / len(one)
    counts = Counter((*one, *other))
    many = max(categories or 0, len(counts), 2)
    shares = [count / (2 * len(one)) for count in counts.values()]
    chance = sum(share * (1 - share) for share in shares) / (many - 1)
    return (seen - chance) / (1 - chance) if chance < 1 else None


def krippendorff_alpha(units: Sequence[Sequence[float | None]], scale: Scale = "nominal") -> float | None:
    """Agreement of any number of raters with ratings missing, 1 for all and 0 for chance.

    `units` has for each item the ratings it got (None: missing), as numbers; items rated once do not count. None when
    nothing was rated twice, or all ratings are equal. Source: Krippendorff 2011, "Computing alpha-reliability".

    >>> round(krippendorff_alpha([[1, 1], [2, 2], [1, 2], [2, 2]]), 3)
    0.533
    """
    rated = [kept for unit in units if len(kept := [float(v) for v in unit if v is not None]) > 1]
    values = sorted(v for unit in rated for v in unit)
    if not values:
        return None
    apart = _distance(Counter(values), scale)
    counts = sorted(Counter(values).items())
    n = len(values)
    seen = 0.0
    for unit in rated:
        seen += 2 * sum(apart(a, b) for i, a in enumerate(unit) for b in unit[i + 1 :]) / (len(unit) - 1)
    chance = 2 * sum(m * k * apart(a, b) for i, (a, m) in enumerate(counts) for b, k in counts[i + 1 :])
    return 1 - (n - 1) * seen / chance if chance > 0 else None


def _distance(counts: Counter[float], scale: Scale) -> Callable[[float, float], float]:
    if scale == "nominal":
        return lambda a, b: float(a != b)
    if scale == "interval":
        return lambda a, b: (a - b) ** 2
    if scale != "ordinal":
        raise BadSetting(f"scale={scale!r} is not known.", "Use nominal, ordinal or interval.")
    below: dict[float, float] = {}
    total = 0.0
    for value, count in sorted(counts.items()):
        below[value] = total + count / 2
        total += count
    return lambda a, b: (below[a] - below[b]) ** 2


def alpha_interval(
    units: Sequence[Sequence[float | None]],
    scale: Scale = "nominal",
    *,
    level: float = 0.95,
    resamples: int = 500,
    seed: int = 0,
) -> Interval | None:
    """A percentile bootstrap over items for `krippendorff_alpha`; None where fewer than two items say anything."""
    kept = [unit for unit in units if sum(v is not None for v in unit) > 1]
    if len(kept) < 2:
        return None
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(kept), size=(resamples, len(kept)))
    found = [alpha for row in drawn if (alpha := krippendorff_alpha([kept[i] for i in row], scale)) is not None]
    if not found:
        return None
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), f"percentile bootstrap over {len(kept)} items", level)
