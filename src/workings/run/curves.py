"""Accuracy of every way to choose among k of a pool's chains, and how far it stays below coverage."""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workings.core.finding import Interval
from workings.run.compute import Size
from workings.run.coverage import AXES, LOGPROB, Pool, Pools, ks_of, spend
from workings.stats.draws import Chance, best_of_draws, vote_of_draws
from workings.stats.intervals import cluster_sums, clustered_interval
from workings.stats.paired import paired_difference
from workings.stats.pools import best_of_k, maj_at_k, pass_at_k
from workings.stats.resampling import bootstrap_curve

__all__ = ["COVERAGE", "MAJORITY", "Curve", "Fall", "Point", "chance", "curves", "reads_verifier", "rules_of"]

COVERAGE, MAJORITY, PROBABILITY = "coverage", "majority", "probability"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Point:
    """One k of a curve: the mean over problems, what it costs an attempt, and its gap to coverage.

    `error` is the standard error from drawing (0 when every draw was counted), which is not in `interval`. `costs`
    maps each axis to its mean, None when it is not known. `gap` is coverage minus this, in the same draws.
    """

    k: int
    value: float
    interval: Interval
    error: float
    gap: float
    gap_interval: Interval | None
    costs: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Fall:
    """A rule that is worse with all its chains than with `k` of them: its verifier is over-optimised.

    `value` is the accuracy lost, paired over problems. `k` was picked as the best after looking, so the interval is
    widened for as many looks as there are points (Bonferroni).
    """

    k: int
    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Curve:
    """One rule on the pools of one method: "coverage", "majority", "probability", "best by …" or "weighted by …".

    `undecided` counts chains that nothing could judge, which count as not right. `fall` is None unless more chains
    made it worse beyond doubt.
    """

    method: str
    rule: str
    n: int
    problems: int
    points: tuple[Point, ...]
    fall: Fall | None = None
    undecided: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


def rules_of(pools: Sequence[Pool]) -> tuple[str, ...]:
    """The rules that all these pools have what is needed for; coverage first, which is no way to choose.

    Scores can be summed where none is negative: logits cannot.
    """
    if not pools:
        return ()
    names = [name for name in pools[0].scores if all(name in pool.scores for pool in pools)]
    found = [COVERAGE, MAJORITY]
    for name in names:
        if all(0 <= value < np.inf for pool in pools for value in pool.scores[name]):
            found.append(PROBABILITY if name == LOGPROB else f"weighted by {name}")
        found.append(f"best by {name}")
    return tuple(found)


def reads_verifier(rule: str) -> bool:
    """Whether a rule needs a verifier's scores, and so its tokens."""
    return rule not in (COVERAGE, MAJORITY, PROBABILITY, f"best by {LOGPROB}")


def chance(pool: Pool, rule: str, k: int, *, first: int = 0) -> Chance:
    """The chance that a rule is right with k of a pool's chains, over all draws that hold the first `first` ones.

    Closed forms where there are any; else every draw up to 13,000, and beyond that seeded ones with their error.
    """
    n, kind, name = len(pool), *_split(rule)
    seed = zlib.crc32(pool.problem_id.encode("utf-8", "surrogatepass"))
    if kind == "coverage":
        known = sum(pool.right[:first])
        rest = n - first
        if known or k == first:
            return Chance(float(known > 0))
        return Chance(pass_at_k(rest, sum(pool.right), k - first))
    if kind == "best":
        scores = [s if v is not None else -np.inf for s, v in zip(pool.scores[name], pool.votes, strict=True)]
        if not first:
            return Chance(best_of_k(scores, pool.right, k))
        return best_of_draws(scores, pool.right, k, first=first, seed=seed)
    if kind == "majority" and not first:
        return Chance(_majority(pool, k))
    weights: Sequence[float] = pool.scores[name] if name else (1.0,) * n
    return vote_of_draws(pool.votes, weights, pool.right, k, first=first, seed=seed)


def _split(rule: str) -> tuple[str, str]:
    if rule == PROBABILITY:
        return "weighted", LOGPROB
    kind, _, name = rule.partition(" by ")
    return kind, name


def _majority(pool: Pool, k: int) -> float:
    names = list(dict.fromkeys(vote for vote in pool.votes if vote is not None))
    rights = {vote for vote, right in zip(pool.votes, pool.right, strict=True) if right}
    counts = [pool.votes.count(name) for name in names]
    where = [at for at, name in enumerate(names) if name in rights]
    return maj_at_k(counts, where, k, pool.votes.count(None)) if names else 0.0


def curves(found: Pools, *, size: Size | None = None, level: float = 0.95, seed: int = 0) -> tuple[Curve, ...]:
    """A curve for each rule over k = 1, 2, 4 … n; none when the method has no pool.

    Each point is the mean over pools of a chance that is exact within the pool. Intervals come from a bootstrap over
    clusters of problems (one resample serves all points of all rules); where all problems agree, from the rule that
    bounds how many may not. They cover the drawing of problems and not another pool for the same ones.
    """
    pools = found.pools
    if not pools:
        return ()
    ks, rules = tuple(ks_of(found.n)), rules_of(pools)
    clusters = [pool.cluster for pool in pools]
    cells = [[chance(pool, rule, k) for rule in rules for k in ks] for pool in pools]
    values = np.array([[cell.value for cell in row] for row in cells])
    errors = np.array([[cell.error for cell in row] for row in cells])
    cover = np.tile(values[:, : len(ks)], (1, len(rules)))
    gaps = cover - values
    bands = _bands(values, clusters, level, seed)
    gap_bands = bootstrap_curve(gaps, clusters, level=level, seed=seed)
    drawn = np.sqrt((errors**2).sum(axis=0)) / len(pools)
    made = []
    for number, rule in enumerate(rules):
        points = []
        for place, k in enumerate(ks):
            at = number * len(ks) + place
            gap_band: Interval | None = gap_bands[at]
            if rule == COVERAGE:
                gap_band = None
            elif np.ptp(gaps[:, at]) < 1e-12:
                gap_band = paired_difference(cover[:, at], values[:, at], clusters, level=level).interval
            points.append(
                Point(
                    k=k,
                    value=float(values[:, at].mean()),
                    interval=bands[at],
                    error=float(drawn[at]),
                    gap=float(gaps[:, at].mean()),
                    gap_interval=gap_band,
                    costs={axis: mean_spend(pools, k, axis, rule, size) for axis in AXES},
                )
            )
        problems = len({pool.problem_id for pool in pools})
        undecided = sum(pool.undecided for pool in pools)
        own = values[:, number * len(ks) : (number + 1) * len(ks)]
        fall = _fall(ks, own, clusters, level)
        made.append(Curve(found.method, rule, found.n, problems, tuple(points), fall, undecided, found.left_out))
    return tuple(made)


def _fall(ks: Sequence[int], values: Floats, clusters: Sequence[Hashable], level: float) -> Fall | None:
    """What is lost from the best k to the last, where the interval excludes that nothing is."""
    best = int(values.mean(axis=0).argmax())
    if best == len(ks) - 1:
        return None
    lost = paired_difference(values[:, best], values[:, -1], clusters, level=1 - (1 - level) / len(ks))
    return Fall(ks[best], lost.value, lost.interval) if lost.interval.low > 0 else None


def mean_spend(pools: Sequence[Pool], k: int, axis: str, rule: str, size: Size | None) -> float | None:
    """The mean expected cost of a rule with k chains; None where any is not known."""
    spent = [spend(pool, k, axis, verified=reads_verifier(rule), size=size) for pool in pools]
    known = [value for value in spent if value is not None]
    return float(np.mean(known)) if len(known) == len(spent) else None


def _bands(values: Floats, clusters: Sequence[object], level: float, seed: int) -> list[Interval]:
    keys = [repr(key) for key in clusters]
    found = list(bootstrap_curve(values, keys, level=level, seed=seed))
    for at in range(values.shape[1]):
        sums, sizes = cluster_sums(values[:, at], keys)
        if np.ptp(sums / sizes) < 1e-12:
            found[at] = clustered_interval(values[:, at], keys, level)
    return found
