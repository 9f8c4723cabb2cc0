"""Effects along a chain: areas over uneven places, and log-odds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from workings.core.errors import BadSetting

__all__ = ["area_at", "log_odds"]


def area_at(places: Sequence[float], values: Sequence[float]) -> float:
    """One minus the area under values at rising places in [0, 1], by trapezoids, over the span they cover.

    For even places this is `areas.area_over`. A curve of one place has no area: 0.

    >>> area_at([0, 0.5, 1], [0, 0, 1])
    0.75
    """
    if len(places) != len(values) or not places:
        raise BadSetting(f"{len(places)} places have {len(values)} values.", "Give one value a place.")
    if any(b <= a for a, b in pairwise(places)):
        raise BadSetting(f"Places {list(places)[:6]} do not rise.", "Give each place once, in order.")
    if len(places) == 1:
        return 0.0
    pairs = list(zip(places, values, strict=True))
    under = math.fsum((x - a) * (y + b) / 2 for (a, b), (x, y) in pairwise(pairs))
    return 1 - under / (places[-1] - places[0])


def log_odds(logprobs: Sequence[float], at: int = 0) -> float | None:
    """The log-odds (nats) of one option against all others of a row of log-probabilities.

    None where either side is impossible: an infinite shift is no measurement.
    """
    rest = [value for place, value in enumerate(logprobs) if place != at]
    top = max(rest, default=-math.inf)
    if not math.isfinite(top) or not math.isfinite(logprobs[at]):
        return None
    return logprobs[at] - top - math.log(math.fsum(math.exp(value - top) for value in rest))
