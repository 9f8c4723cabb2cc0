"""Beam search steered by a verifier: many next steps are sampled, the best are kept and grown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workings.core.ask import Flow
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.reason.manner import check_settings
from workings.reason.search.stepwise import Stepwise, conclude, need
from workings.reason.search.tree import Node, Tree, Want, distinct

__all__ = ["Beam", "levels", "shares"]

Grow = Callable[[Tree, Sequence[Want]], Flow[list[list[Node]]]]
"""Writes the pieces that are wanted: for each want its nodes."""
Judge = Callable[[Tree, list[Node], list[Node]], Flow[None]]
"""Sets the values of new nodes; the finished ones that still hold a place stand beside them."""


@dataclass(frozen=True, slots=True)
class Beam(Stepwise):
    """Process-verifier beam search: `n` samples a level, of which the best stay.

    Each level samples `n` next steps, scores every chain so far and keeps `keep` of them, or the best `fraction`, or
    those of value `threshold` or more; never fewer than one. The kept ones share the next `n` samples evenly, the best
    first. A finished chain holds its place as long as it is among the best, and its share is not spent; in the end all
    finished chains compete, those that lost their place too. Equal samples of one chain are one branch. `ahead` rolls
    each candidate so many steps further, greedily, and scores that text. `n` 1 is plain sampling, `keep` equal to `n`
    never prunes.

    A beam over-optimises a weak verifier, the more the wider it is: compare it with `vote` at equal tokens. Values tie
    often with a coarse grader; then the earlier sample stays.

    Source: Snell et al. 2024, section 5.2; Lightman et al. 2023 (product), Wang et al. 2024 (min).
    """

    n: int = 16
    keep: int = 4
    fraction: float | None = None
    threshold: float | None = None
    ahead: int = 0

    def __post_init__(self) -> None:
        Stepwise.__post_init__(self)
        check_settings(n=self.n)
        need(self.keep >= 1, f"keep={self.keep} keeps nothing.", "Use keep=1 or more.")
        need(self.ahead >= 0, f"ahead={self.ahead} is negative.", "Use ahead=0 for no look-ahead.")
        if self.fraction is not None:
            need(0 < self.fraction <= 1, f"fraction={self.fraction} is not a share.", "Use a number in (0, 1].")
            need(self.threshold is None, "fraction and threshold are two rules for one thing.", "Give one of them.")

    def __call__(self, question: Question) -> Flow[Solution]:
        if self.n == 1:
            return (yield from self.alone(question))
        tree = self.plant(question)

        def judge(tree: Tree, new: list[Node], held: list[Node]) -> Flow[None]:
            yield from self.judge(tree, new, self.ahead)

        notes = yield from levels(tree, self.n, Tree.grow, judge, self.kept)
        return conclude(tree, self.pick, f"{self.pick} of a beam by {self.by}", notes=notes)

    def kept(self, ranked: Sequence[Node]) -> list[Node]:
        """The nodes that stay, of `ranked` ones, best first."""
        if self.threshold is not None:
            return [node for node in ranked if node.value >= self.threshold] or list(ranked[:1])
        if self.fraction is not None:
            return list(ranked[: math.ceil(self.fraction * len(ranked))])
        return list(ranked[: self.keep])


def levels(
    tree: Tree, n: int, grow: Grow, judge: Judge, kept: Callable[[Sequence[Node]], list[Node]]
) -> Flow[dict[str, int]]:
    """Grows `tree` level by level until nothing open is kept; how many levels and samples that took."""
    wants, held, level, samples = [Want(tree.root, n)], list[Node](), 0, 0
    while wants:
        groups = yield from grow(tree, wants)
        level, samples = level + 1, samples + sum(map(len, groups))
        new = distinct(groups)
        yield from judge(tree, new, held)
        if tree.ended:
            break
        running = [node for node in (*held, *new) if node.finished or not node.closed]
        stay = kept(sorted(running, key=lambda node: -node.value))
        held = [node for node in stay if node.closed]
        live = [node for node in stay if not node.closed]
        counts = shares(n * len(live) // len(stay), len(live)) if live else []
        wants = [Want(node, count) for node, count in zip(live, counts, strict=True)]
    return {"levels": level, "samples": samples}


def shares(samples: int, places: int) -> list[int]:
    """`samples` dealt out evenly, the first places getting what is over; at least one each.

    >>> shares(10, 4)
    [3, 3, 2, 2]
    """
    each, over = divmod(max(samples, places), places)
    return [each + (place < over) for place in range(places)]
