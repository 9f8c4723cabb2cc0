"""Monte-Carlo tree search over any policy that can expand a chain and play it out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from workings.core.ask import Flow
from workings.reason.search.tree import Node, Tree, distinct

__all__ = ["Backup", "Policy", "Rules", "climb", "favourite", "simulate", "urge"]

Backup = Literal["mean", "max"]


class Policy(Protocol):
    """What a search over a tree of chains leaves open."""

    def expand(self, tree: Tree, nodes: Sequence[Node]) -> Flow[None]:
        """Gives each node its `options`, with values: the nodes that may come next."""

    def play(self, tree: Tree, nodes: Sequence[Node]) -> Flow[list[Node]]:
        """Writes each chain to its end, with a value in the end node; the end nodes, in order."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`rounds` simulations, `abreast` of them at once; `explore` is the constant of UCT, `backup` what a node keeps."""

    rounds: int
    explore: float
    backup: Backup
    abreast: int = 1


def simulate(tree: Tree, policy: Policy, rules: Rules) -> Flow[int]:
    """Runs the simulations and leaves visits and values in the nodes; how many were run.

    Each one goes down from the root by the largest `urge` to a node without options, expands it, plays out its best
    option and backs the end's value up to the root: Q is the mean of such values, or the largest. With several abreast,
    each visit is booked before its value is known (a virtual loss of the mean), so that they part ways.
    """
    done = 0
    while done < rules.rounds and not tree.ended:
        paths = [_descend(tree.root, rules) for _ in range(min(rules.abreast, rules.rounds - done))]
        leaves = distinct([[path[-1] for path in paths if not path[-1].closed]])
        yield from policy.expand(tree, [leaf for leaf in leaves if leaf.options is None])
        if tree.ended:
            break
        for path in paths:
            if options := path[-1].options:
                path.append(min(options, key=lambda node: (node.visits, -node.value)))
                path[-1].visits += 1
        starts = distinct([[path[-1] for path in paths if not path[-1].closed]])
        ends = (yield from policy.play(tree, starts)) if starts else []
        reached = {id(start): end for start, end in zip(starts, ends, strict=True)}
        for path in paths:
            climb(path, reached.get(id(path[-1]), path[-1]))
        done += len(paths)
    return done


def _descend(root: Node, rules: Rules) -> list[Node]:
    path = [root]
    root.visits += 1
    while options := path[-1].options:
        visits = path[-1].visits
        path.append(max(options, key=partial(urge, visits=visits, rules=rules)))
        path[-1].visits += 1
    return path


def urge(node: Node, visits: int, rules: Rules) -> float:
    """UCT: Q + explore · sqrt(ln(visits of the parent) / visits), Kocsis and Szepesvári 2006.

    A node that was not visited has its own value for Q, and counts as visited once.
    """
    if node.visits == 0:
        worth = node.value
    else:
        worth = node.total / node.visits if rules.backup == "mean" else node.top
    return worth + rules.explore * math.sqrt(math.log(max(visits, 1)) / max(node.visits, 1))


def climb(path: Sequence[Node], end: Node) -> None:
    """Backs the value of `end` up to the root; the visits of the path were booked on the way down."""
    further = [node for node in end.line() if node not in path]
    for node in further:
        node.visits += 1
    for node in (*path, *further):
        node.total += end.value
        node.top = max(node.top, end.value)


def favourite(root: Node) -> Node:
    """The end of the most visited line; among equals the one of higher mean."""
    node = root
    while node.children:
        node = max(node.children, key=lambda child: (child.visits, child.total / max(child.visits, 1)))
    return node
