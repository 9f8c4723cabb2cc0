"""What a chain is worth while it is being written: a grader's scores folded into one value, or its own probability."""

from __future__ import annotations

import math
from collections.abc import Sequence

from workings.core.ask import Flow, grade
from workings.core.errors import MissingCapability
from workings.reason.search.tree import Node, Tree
from workings.verify.steps import Aggregation, aggregate, split_steps

__all__ = ["appraise"]


def appraise(tree: Tree, nodes: Sequence[Node], by: str, how: Aggregation, ahead: int = 0) -> Flow[None]:
    """Sets the `value` of each node, and `tree.probable` when values are probabilities.

    `by` "logprob" takes the length-normalised probability of the chain; any other value names a grader, which is asked
    once for all nodes, each as all its steps so far. Its scores are folded by `how`, logits turned into probabilities
    first. With `ahead`, each open chain is first continued by so many steps, and the text with them is what is scored
    (Snell et al. 2024, section 5.2); the continuation is kept as a probe.
    """
    if not nodes:
        return
    ends = (yield from tree.glance(nodes, ahead)) if ahead else list(nodes)
    if by == "logprob":
        for node, end in zip(nodes, ends, strict=True):
            node.value = _likelihood(end)
            node.grades["logprob"] = (node.value,)
        tree.probable = True
        return
    chains = tuple(tuple(step.text for step in split_steps(end.text)) or (end.text,) for end in ends)
    graded = (yield from grade(tree.question, chains, by)).as_probabilities()
    for node, end, scores in zip(nodes, ends, graded.scores, strict=True):
        end.grades[by] = scores
        own = len(split_steps(node.text)) or 1
        node.grades[by] = scores if end is node or len(scores) == 1 else scores[:own]
        node.value = aggregate(scores, how)
    tree.probable = graded.kind == "probability"


def _likelihood(node: Node) -> float:
    if node.logprobs is None:
        raise MissingCapability(
            "This model returned a chain without log-probabilities, which are needed here.", "Name a grader with by=."
        )
    return math.exp(min(math.fsum(node.logprobs) / len(node.logprobs), 0.0)) if node.logprobs else 0.0
