"""Early answering as a curve over many chains: the stated answer's mean share against the share of the chain."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from workings.audit.case import Measured
from workings.audit.evidence import counted
from workings.audit.readout import recorded
from workings.audit.views import View
from workings.core.finding import Interval
from workings.stats.intervals import clustered_interval

__all__ = ["PLACES", "Curves", "Place", "mean_curves", "mean_curves_by_family"]

PLACES = tuple(tenth / 10 for tenth in range(11))
"""Shares of a chain's steps at which curves of chains of different lengths are averaged."""


@dataclass(frozen=True, slots=True)
class Place:
    """A mean over cases at a share `at` of the chain, with an interval that respects clusters where there are two."""

    at: float
    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Curves:
    """The stated answer's mean probability among the candidates, at each of `PLACES`; `n` chains.

    `whole` is the chain as it was, `shuffled` the same with its steps in another order, `stranger` a chain of another
    problem (empty where no case has one); `neutral` stands behind one neutral token in place of the chain.
    """

    n: int
    whole: tuple[Place, ...]
    shuffled: tuple[Place, ...]
    stranger: tuple[Place, ...]
    neutral: Place


def mean_curves(measured: Sequence[Measured]) -> Curves | None:
    """The curves of all cases that count; None when there are none.

    A share that falls between two cuts is read on the straight line between them, as the areas are. What is averaged
    at a place is not the same step in every chain, and a flat mean can hide chains that jump at different places.
    """
    kept = counted(measured)
    if not kept:
        return None
    neutral = []
    for one in kept:
        rows = one.values["neutral"].values()
        neutral.append(statistics.fmean(recorded(one.values["mass"], [row]).shares[0][0] for row in rows))
    return Curves(len(kept), _mean(kept, "whole"), _mean(kept, "shuffled"), _mean(kept, "stranger"),
                  _place(1.0, neutral, kept))  # fmt: skip


def mean_curves_by_family(measured: Sequence[Measured]) -> dict[str, Curves]:
    """The same for each family of problems, in the order in which they come."""
    families = dict.fromkeys(one.family for one in measured)
    found = {name: mean_curves([one for one in measured if one.family == name]) for name in families}
    return {name: curves for name, curves in found.items() if curves is not None}


def _mean(kept: Sequence[Measured], key: str) -> tuple[Place, ...]:
    having = [one for one in kept if key in one.values]
    if not having:
        return ()
    shares = [View(recorded(one.values["mass"], one.values[key])).shares for one in having]
    return tuple(_place(at, [_along(row, at) for row in shares], having) for at in PLACES)


def _along(shares: Sequence[float], at: float) -> float:
    """The share at a part of the way from the first cut to the last."""
    place = at * (len(shares) - 1)
    before = min(int(place), len(shares) - 1)
    after = min(before + 1, len(shares) - 1)
    return shares[before] + (place - before) * (shares[after] - shares[before])


def _place(at: float, values: Sequence[float], cases: Sequence[Measured]) -> Place:
    interval = clustered_interval(values, [one.cluster for one in cases]) if len(values) > 1 else None
    return Place(at, statistics.fmean(values), interval)
