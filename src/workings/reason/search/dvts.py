"""Diverse verifier tree search: several greedy trees side by side, one vote a tree."""

from __future__ import annotations

from dataclasses import dataclass

from workings.core.ask import Flow
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.reason.manner import check_settings
from workings.reason.search.beam import shares
from workings.reason.search.stepwise import Pick, Stepwise, conclude, need
from workings.reason.search.tree import Node, Tree, Want, distinct

__all__ = ["Dvts"]


@dataclass(frozen=True, slots=True)
class Dvts(Stepwise):
    """`n` samples a level, split into trees of `width`: each tree keeps its best step and grows only that.

    A tree ends when its best chain is finished, and gives one candidate: the best of its finished chains. `pick`
    "weighted" sums the candidates' values over equal answers. Equal steps in different trees stay apart. `n` 1 is plain
    sampling; `width` 1 is best-of-N written step by step; `width` equal to `n` is a beam that keeps one.

    The siblings of a tree's last level share all but their last step, so they do not vote as if they were
    independent. No tree learns from another: where one step decides, a beam spends its samples better.

    Source: Beeching, Tunstall and Rush 2024 (search-and-learn), "Scaling test-time compute with open models".
    """

    n: int = 16
    width: int = 4
    pick: Pick = "weighted"

    def __post_init__(self) -> None:
        Stepwise.__post_init__(self)
        check_settings(n=self.n)
        need(self.width >= 1, f"width={self.width} samples nothing.", "Use width=1 or more.")

    def __call__(self, question: Question) -> Flow[Solution]:
        if self.n == 1:
            return (yield from self.alone(question))
        tree = self.plant(question)
        counts = shares(self.n, max(self.n // self.width, 1))
        roots = [tree.sprout(sum(counts[:number])) for number in range(len(counts))]
        wants = [Want(root, count) for root, count in zip(roots, counts, strict=True)]
        while wants:
            groups = yield from tree.grow(wants)
            yield from self.judge(tree, distinct(groups))
            if tree.ended:
                break
            best = [(_best(distinct([group])), want.count) for group, want in zip(groups, wants, strict=True)]
            wants = [Want(node, count) for node, count in best if node is not None and not node.closed]
        given = [node for root in roots if (node := _candidate(tree, root)) is not None]
        return conclude(
            tree, self.pick, f"{self.pick} of trees by {self.by}", candidates=given, notes={"trees": len(roots)}
        )


def _best(nodes: list[Node]) -> Node | None:
    able = [node for node in nodes if node.finished or not node.closed]
    return max(able, key=lambda node: node.value, default=None)


def _candidate(tree: Tree, root: Node) -> Node | None:
    """The best finished chain of a tree that has an answer, else the best finished one, else the best of all."""
    leaves = [node for node in tree.leaves() if _root(node) is root]
    return max(leaves, key=lambda n: (n.finished and tree.answer(n).given, n.finished, n.value), default=None)


def _root(node: Node) -> Node:
    while node.parent is not None:
        node = node.parent
    return node
