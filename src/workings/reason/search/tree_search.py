"""Tree search steered by a verifier: best-first, depth-first with back-tracking, or Monte-Carlo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workings.core.ask import Flow
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.reason.manner import check_settings
from workings.reason.search.mcts import Backup, Rules, favourite, simulate
from workings.reason.search.stepwise import Stepwise, conclude, need, one_of
from workings.reason.search.tree import Node, Tree, Want, distinct

__all__ = ["TreeSearch"]


@dataclass(frozen=True, slots=True)
class TreeSearch(Stepwise):
    """A search that decides after each expansion where to go on; an expansion samples `width` next steps.

    `search` "mcts" runs `n` simulations: down by UCT (Q + `explore` · sqrt(ln N parent / N); a step that was not
    visited has its own value for Q), expand, play the best new step out to the end of the chain with one sample, grade
    the whole chain and back its value up. `backup` "mean" or "max" says what Q is. Ends are visited again like other
    nodes, at no cost. `by_visits` answers with the most visited line in place of `pick`.

    "best-first" makes up to `n` expansions, each of the open chain with the highest value (the deeper one of equals),
    and ends when a finished chain is the best of all: with values that only fall along a chain (`steps` min, product)
    nothing it has seen can beat that one. "depth-first" makes up to `n` expansions, always of the best child first, and
    turns back from values below `threshold`; the first finished chain that reaches it is the end. When neither has a
    finished chain, the best open one is written to its end.

    `abreast` expands so many at once, in one batch; simulations under way count as visits of value 0. `n` 1 or `width`
    1 is plain sampling. Tree search often loses to voting at equal tokens: compare them.

    Source: Kocsis and Szepesvári 2006 (UCT); Hao et al. 2023; Yao et al. 2023 (depth-first).
    """

    n: int = 16
    width: int = 4
    search: Literal["mcts", "best-first", "depth-first"] = "mcts"
    explore: float = 1.0
    backup: Backup = "mean"
    by_visits: bool = False
    threshold: float = 0.5
    abreast: int = 1

    def __post_init__(self) -> None:
        Stepwise.__post_init__(self)
        check_settings(n=self.n)
        one_of("search", self.search, ("mcts", "best-first", "depth-first"))
        one_of("backup", self.backup, ("mean", "max"))
        need(self.width >= 1, f"width={self.width} samples nothing.", "Use width=1 or more.")
        need(self.explore >= 0, f"explore={self.explore} is negative.", "Use 0 to follow values alone.")
        need(self.abreast >= 1, f"abreast={self.abreast} does nothing.", "Use abreast=1 or more.")

    def __call__(self, question: Question) -> Flow[Solution]:
        if self.n == 1 or self.width == 1:
            return (yield from self.alone(question))
        tree = self.plant(question)
        if self.search == "mcts":
            rules = Rules(self.n, self.explore, self.backup, self.abreast)
            notes: dict[str, Any] = {"simulations": (yield from simulate(tree, self, rules))}
        elif self.search == "best-first":
            notes = {"expansions": (yield from self._best_first(tree))}
        else:
            notes = {"expansions": (yield from self._depth_first(tree))}
        only = [favourite(tree.root)] if self.by_visits and self.search == "mcts" and tree.nodes else None
        rule = f"{'visits' if only else self.pick} of {self.search} by {self.by}"
        return conclude(tree, self.pick, rule, candidates=only, notes=notes)

    def expand(self, tree: Tree, nodes: Sequence[Node]) -> Flow[None]:
        """Samples the next steps of each node and values them."""
        groups = yield from tree.grow([Want(node, self.width) for node in nodes])
        yield from self.judge(tree, distinct(groups))
        for node in nodes:
            node.options = [child for child in node.children if child.finished or not child.closed] or node.children

    def play(self, tree: Tree, nodes: Sequence[Node]) -> Flow[list[Node]]:
        """Writes each chain to its end with one sample and values that."""
        groups = yield from tree.grow([Want(node, whole=True) for node in nodes])
        yield from self.judge(tree, distinct(groups))
        return [group[0] if group else node for node, group in zip(nodes, groups, strict=True)]

    def _best_first(self, tree: Tree) -> Flow[int]:
        front, made = [tree.root], 0
        while made < self.n and front and not tree.ended:
            front.sort(key=lambda node: (-node.value, -node.depth))
            if front[0].closed:
                break
            chosen = [node for node in front if not node.closed][: min(self.abreast, self.n - made)]
            yield from self.expand(tree, chosen)
            made += len(chosen)
            front = [node for node in front if node not in chosen]
            front += [
                option for node in chosen for option in node.options or [] if option.finished or not option.closed
            ]
        yield from self._rescue(tree, front)
        return made

    def _depth_first(self, tree: Tree) -> Flow[int]:
        stack, made = [tree.root], 0
        while made < self.n and stack and not tree.ended:
            chosen = stack[-min(self.abreast, self.n - made) :]
            stack = stack[: -len(chosen)]
            if any(node.closed for node in chosen):
                return made
            yield from self.expand(tree, chosen)
            made += len(chosen)
            for node in chosen:
                good = [option for option in node.options or [] if option.value >= self.threshold]
                stack += sorted((o for o in good if o.finished or not o.closed), key=lambda option: option.value)
        yield from self._rescue(tree, stack)
        return made

    def _rescue(self, tree: Tree, front: Sequence[Node]) -> Flow[None]:
        """Writes the best open chain to its end when no chain is finished."""
        if tree.ended or any(node.finished for node in tree.nodes):
            return
        open_ends = [node for node in front if not node.closed] or [n for n in tree.leaves() if not n.closed]
        if open_ends:
            yield from self.play(tree, [max(open_ends, key=lambda node: (node.value, node.depth))])
