"""Particle filtering: chains that are copied in proportion to what a verifier thinks of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workings.core.ask import Flow
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.reason.manner import check_settings
from workings.reason.search.stepwise import Stepwise, conclude, draws, need, one_of
from workings.reason.search.tree import Node, Want, distinct

__all__ = ["Particles", "normalised", "resample"]

_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Particles(Stepwise):
    """`n` particles: each writes a step, then all are resampled in proportion to their weights.

    The weight of a chain is the odds p / (1 - p) of its value, or with `weight` "score" the value itself, which makes
    the values the likelihood of the steps. Resampling is systematic: one random number a level, so each particle gets
    its expected number of copies rounded up or down. It happens when the effective number of particles is below `ess`
    times `n`, with the default 1 at every level; until then weights multiply. A score that is no probability is
    taken as a log-weight. A finished chain stays among the particles with its last weight; one that was cut by length
    has none. In the end `pick` chooses among the particles. `n` 1 is plain sampling.

    With few particles one lucky score can leave only copies of one chain.

    Source: Puri et al. 2025, algorithm 1 (multinomial resampling there). Left out: particle Gibbs, entropic annealing.
    """

    n: int = 16
    weight: Literal["odds", "score"] = "odds"
    ess: float = 1.0

    def __post_init__(self) -> None:
        Stepwise.__post_init__(self)
        check_settings(n=self.n)
        one_of("weight", self.weight, ("odds", "score"))
        need(0 <= self.ess <= 1, f"ess={self.ess} is not a share.", "Use a number from 0 (never resample) to 1.")

    def __call__(self, question: Question) -> Flow[Solution]:
        if self.n == 1:
            return (yield from self.alone(question))
        tree = self.plant(question)
        flock, logs, times = [tree.root] * self.n, [0.0] * self.n, 0
        while any(not node.closed for node in flock):
            parents = distinct([[node for node in flock if not node.closed]])
            groups = yield from tree.grow([Want(node, flock.count(node)) for node in parents])
            new = distinct(groups)
            yield from self.judge(tree, new)
            if tree.ended:
                break
            pieces = {id(parent): iter(group) for parent, group in zip(parents, groups, strict=True)}
            moved = [not node.closed for node in flock]
            flock = [next(pieces[id(node)]) if moves else node for node, moves in zip(flock, moved, strict=True)]
            logs = [
                log + self._log_weight(node, tree.probable) if moves else log
                for log, node, moves in zip(logs, flock, moved, strict=True)
            ]
            weights = normalised(logs)
            if self.ess and 1 / math.fsum(w * w for w in weights) <= self.ess * self.n + 1e-9:
                picked = resample(weights, draws(tree, new, times).random())
                flock = [flock[i] for i in picked]
                logs = [self._log_weight(node, tree.probable) if node.closed else 0.0 for node in flock]
                times += 1
        last = None if tree.ended else flock
        return conclude(
            tree, self.pick, f"{self.pick} of particles by {self.by}", candidates=last, notes={"resampled": times}
        )

    def _log_weight(self, node: Node, probable: bool) -> float:
        if node.closed and not node.finished:
            return -math.inf
        if not probable:
            return node.value
        if self.weight == "score":
            return math.log(node.value) if node.value > 0 else -math.inf
        p = min(max(node.value, _EDGE), 1 - _EDGE)
        return math.log(p) - math.log1p(-p)


def normalised(logs: Sequence[float]) -> list[float]:
    """Weights that sum to 1 from their logarithms; even when none has any weight."""
    top = max(logs)
    if top == -math.inf:
        return [1 / len(logs)] * len(logs)
    weights = [math.exp(log - top) for log in logs]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def resample(weights: Sequence[float], point: float) -> list[int]:
    """Systematic resampling: as many indices as there are weights, from one number in [0, 1).

    Index i comes floor or ceiling of n times its weight times, and that many on average.

    >>> resample([0.5, 0.25, 0.25, 0.0], 0.5)
    [0, 0, 1, 2]
    """
    count, picked, passed, at = len(weights), list[int](), weights[0], 0
    for number in range(count):
        mark = (number + point) / count
        while mark >= passed and at < count - 1:
            at += 1
            passed += weights[at]
        picked.append(at)
    return picked
