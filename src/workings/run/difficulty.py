"""How hard a problem looks after a few chains, and what it costs to have looked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from workings.core.errors import BadSetting
from workings.run.compute import Size
from workings.run.coverage import LOGPROB, Pool, Pools, spend
from workings.run.curves import chance, reads_verifier
from workings.run.options import Table

__all__ = ["AGREEMENT", "Probe", "charged", "signal_of"]

Floats = NDArray[np.float64]

AGREEMENT = "agreement"


@dataclass(frozen=True, slots=True)
class Probe:
    """The first `chains` chains of a pool, and what is read from them: a low signal predicts a hard problem.

    `signal` is "agreement" (the share of the most frequent answer, abstentions counted as one each), "logprob" or a
    verifier's name (the mean of the chains' scores). `source` is the method whose pools are looked at; empty takes the
    largest. None of these sees the gold.
    """

    chains: int = 4
    signal: str = AGREEMENT
    source: str = ""

    def __post_init__(self) -> None:
        if self.chains < 1:
            raise BadSetting(f"A probe of {self.chains} chains sees nothing.", "Use 1 or more.")


def signal_of(
    probe: Probe, found: Sequence[Pools], problems: Sequence[str]
) -> tuple[Probe, Mapping[str, Pool], Floats] | str:
    """The probe with its source named, the pool it looks at and the signal of each problem; or why there is none."""
    named = [pools for pools in found if pools.pools and probe.source in ("", pools.method)]
    if not named:
        return f"no pools of {probe.source!r} to look at" if probe.source else "there are no pools to look at"
    source = max(named, key=lambda pools: pools.n)
    if source.n < 2 or source.n < probe.chains:
        return f"the pools of {source.method} have {source.n} chains, and the probe looks at {probe.chains}"
    first: dict[str, Pool] = {}
    for pool in sorted(source.pools, key=lambda pool: pool.index):
        first.setdefault(pool.problem_id, pool)
    missing = sum(problem not in first for problem in problems)
    if missing:
        return f"{missing} problems have no pool of {source.method}"
    pools = {problem: first[problem] for problem in problems}
    if probe.signal != AGREEMENT and any(probe.signal not in pool.scores for pool in pools.values()):
        return f"not every chain of {source.method} has the score {probe.signal!r}"
    signal = np.array([_signal(pools[problem], probe) for problem in problems])
    if np.ptp(signal) < 1e-12:
        return f"{probe.signal} of {probe.chains} chains is the same for every problem"
    return replace(probe, source=source.method), pools, signal


def _signal(pool: Pool, probe: Probe) -> float:
    if probe.signal != AGREEMENT:
        return math.fsum(pool.scores[probe.signal][: probe.chains]) / probe.chains
    votes = Counter(vote for vote in pool.votes[: probe.chains] if vote is not None)
    return max(votes.values(), default=0) / probe.chains


def charged(
    table: Table, probe: Probe, pools: Mapping[str, Pool], axis: str, size: Size | None
) -> tuple[Floats, Floats, float]:
    """Values and costs of every option once the probe was paid, shape (problem, option), and the probe's mean cost.

    An option that draws from the probe's own pools goes on from its chains: at k chains or more it pays for k, and its
    value is that of the draws which hold the probe's; with fewer it still pays the probe. Every other option pays the
    probe on top. A cost that is not known is NaN.
    """
    reads = probe.signal not in (AGREEMENT, LOGPROB)
    values, costs = table.values.copy(), table.costs.copy()
    price = np.array([_price(pools[p], probe.chains, axis, reads, size) for p in table.problems])
    for at, option in enumerate(table.options):
        if option.source != probe.source or not option.rule:
            costs[:, at] += price
            continue
        for row, problem in enumerate(table.problems):
            pool = pools[problem]
            k = max(option.k, probe.chains)
            held = min(option.k, probe.chains)
            values[row, at] = chance(pool, option.rule, option.k, first=held).value
            graded = reads_verifier(option.rule)
            spent = _price(pool, k, axis, graded, size)
            # A verifier that the option does not read was paid for the probe's chains alone.
            extra = _price(pool, probe.chains, axis, True, size) - _price(pool, probe.chains, axis, False, size)
            costs[row, at] = spent + (extra if reads and not graded else 0.0)
    return values, costs, float(price.mean())


def _price(pool: Pool, k: int, axis: str, verified: bool, size: Size | None) -> float:
    spent = spend(pool, k, axis, verified=verified, size=size)
    return math.nan if spent is None else spent
