"""REBASE: a tree whose samples are shared out by reward."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workings.core.ask import Flow
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.reason.manner import check_settings
from workings.reason.search.stepwise import Pick, Stepwise, conclude, need
from workings.reason.search.tree import Want, distinct

__all__ = ["Rebase", "allot"]


@dataclass(frozen=True, slots=True)
class Rebase(Stepwise):
    """Reward-balanced search: every level's samples go to the open chains in proportion to exp(value / `balance`).

    `n` samples are drawn at the first level. Each finished chain takes one sample off the budget of all later levels;
    the rest is shared out exactly as `allot` does. There is no pruning but that a chain of little reward may get
    nothing. In the end finished chains vote with their values, equal samples as often as they were drawn. A small
    `balance` is greedy, a large one even. `n` 1 is plain sampling.

    Source: Wu et al. 2024, section 3.2 (their balance was 0.1). Left out: truncation to the top share of nodes.
    """

    n: int = 16
    balance: float = 0.1
    pick: Pick = "weighted"

    def __post_init__(self) -> None:
        Stepwise.__post_init__(self)
        check_settings(n=self.n)
        need(
            self.balance > 0, f"balance={self.balance} is not above 0.", "Use a small number such as 0.1 to be greedy."
        )

    def __call__(self, question: Question) -> Flow[Solution]:
        if self.n == 1:
            return (yield from self.alone(question))
        tree = self.plant(question)
        wants, left = [Want(tree.root, self.n)], self.n
        while wants:
            groups = yield from tree.grow(wants)
            new = distinct(groups)
            yield from self.judge(tree, new)
            if tree.ended:
                break
            left -= sum(node.closed for group in groups for node in group)
            live = [node for node in new if not node.closed]
            counts = allot([n.value for n in live], left, self.balance, [n.copies for n in live])
            wants = [Want(node, count) for node, count in zip(live, counts, strict=True) if count]
        return conclude(tree, self.pick, f"{self.pick} of a balanced tree by {self.by}", copies=True)


def allot(values: Sequence[float], budget: int, balance: float, copies: Sequence[int] | None = None) -> list[int]:
    """How many of `budget` samples each value gets: largest first, the ceiling of its share of what is left.

    The share of i is its e^(value / balance) over the sum of those not yet served; both the budget and the sum shrink
    after each (Wu et al. 2024). `copies` counts equal nodes, which weigh as many times. Sums to `budget` exactly.

    >>> allot([0.9, 0.5, 0.5], 8, 1.0)
    [4, 2, 2]
    """
    if not values or budget <= 0:
        return [0] * len(values)
    top = max(values)
    many = copies or [1] * len(values)
    weights = [many[i] * math.exp((value - top) / balance) for i, value in enumerate(values)]
    order = sorted(range(len(values)), key=lambda i: (-values[i], i))
    given = [0] * len(values)
    for place, i in enumerate(order):
        rest = math.fsum(weights[j] for j in order[place:])
        share = weights[i] / rest if rest > 0 else 1 / (len(order) - place)
        given[i] = min(budget, math.ceil(budget * share - 1e-9))
        budget -= given[i]
    return given
