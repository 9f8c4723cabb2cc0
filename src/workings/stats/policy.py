"""Which option to take in each group of problems, so that a target is reached or a budget kept: exact."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workings.core.errors import BadSetting
from workings.stats.intervals import cluster_codes

__all__ = ["assign", "edges_of", "group_of", "halves", "unbeaten"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SLACK = 1e-9


def assign(
    values: ArrayLike,
    costs: ArrayLike,
    shares: ArrayLike,
    *,
    target: float | None = None,
    budget: float | None = None,
) -> tuple[int, ...]:
    """The option of each group: the cheapest assignment whose mean value reaches `target`, or the best within `budget`.

    `values` and `costs` have the shape (group, option), `shares` the share of problems in each group. With both, the
    cheapest that reaches the target, if one within the budget does, else the best within the budget. When no
    assignment reaches the target: the one with the highest value; when none keeps the budget: the cheapest. Equal
    values take the cheaper, equal costs the better, and what is still equal the earlier option.

    Every assignment that another beats in both is dropped on the way, so the result is the optimum, not that of a
    price per unit of value (which misses points inside the convex hull).
    """
    gains, prices, weight = (np.asarray(a, dtype=np.float64) for a in (values, costs, shares))
    if gains.ndim != 2 or gains.shape != prices.shape or weight.shape != gains.shape[:1] or not gains.size:
        raise BadSetting(
            f"Values {gains.shape}, costs {prices.shape} and shares {weight.shape} do not fit.",
            "Give (group, option), (group, option) and (group,).",
        )
    if target is None and budget is None:
        raise BadSetting("There is neither a target nor a budget.", "Give one of them.")
    paths: list[tuple[int, ...]] = [()]
    value, cost = np.zeros(1), np.zeros(1)
    for group in range(len(gains)):
        value = (value[:, None] + weight[group] * gains[group]).ravel()
        cost = (cost[:, None] + weight[group] * prices[group]).ravel()
        kept = unbeaten(value, cost)
        options = gains.shape[1]
        paths = [(*paths[at // options], at % options) for at in kept]
        value, cost = value[list(kept)], cost[list(kept)]
    return paths[_picked(value, cost, target, budget)]


def unbeaten(values: ArrayLike, costs: ArrayLike) -> tuple[int, ...]:
    """Places of what no other beats in value at the same or a smaller cost, cheapest first; values rise along it.

    >>> unbeaten([0.5, 0.4, 0.9], [1, 2, 3])
    (0, 2)
    """
    value, cost = np.asarray(values, dtype=np.float64), np.asarray(costs, dtype=np.float64)
    order = np.lexsort((np.arange(value.size), -value, cost))
    before = np.concatenate(([-np.inf], np.maximum.accumulate(value[order])[:-1]))
    return tuple(order[value[order] > before + 1e-12].tolist())


def _picked(value: Floats, cost: Floats, target: float | None, budget: float | None) -> int:
    inside = np.flatnonzero(cost <= budget * (1 + _SLACK)) if budget is not None else np.arange(value.size)
    if not inside.size:
        return 0
    if target is not None:
        reaching = inside[value[inside] >= target - _SLACK]
        if reaching.size:
            return int(reaching[0])
    return int(inside[-1])


def halves(clusters: Sequence[Hashable] | NDArray[Any], seed: int = 0) -> Ints:
    """0 or 1 for each item: two seeded halves that share no cluster, as equal in their number as can be."""
    codes, count = cluster_codes(clusters)
    if count < 2:
        raise BadSetting(f"{count} cluster cannot be halved.", "Give at least two clusters of problems.")
    side = np.zeros(count, dtype=np.int64)
    side[np.random.default_rng(seed).permutation(count)[: count // 2]] = 1
    halved: Ints = side[codes]
    return halved


def edges_of(signal: ArrayLike, groups: int) -> tuple[float, ...]:
    """Upper edges that cut a signal into at most `groups` groups of about equal size; equal signals stay together.

    Where the largest signal is so frequent that a cut falls on it, the cut is made below it.
    """
    if groups < 1:
        raise BadSetting(f"groups={groups} is out of range.", "Use 1 or more.")
    array = np.asarray(signal, dtype=np.float64)
    below = array[array < array.max()]
    if not below.size:
        return ()
    cuts = np.quantile(array, np.arange(1, groups) / groups, method="lower")
    return tuple(float(cut) for cut in np.unique(np.minimum(cuts, below.max())))


def group_of(signal: ArrayLike, edges: Sequence[float]) -> Ints:
    """The group of each item: 0 up to the first edge, the edge included."""
    found: Ints = np.searchsorted(np.asarray(edges, dtype=np.float64), np.asarray(signal, dtype=np.float64))
    return found.astype(np.int64)
