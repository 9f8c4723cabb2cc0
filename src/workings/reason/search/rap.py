"""Reasoning as planning: smaller questions are asked and answered, and Monte-Carlo search says which."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workings.core.ask import Flow, score, sigmoid
from workings.core.capability import Capability
from workings.core.problem import Question
from workings.core.prompt import Prompt
from workings.core.solution import Solution
from workings.reason.search.mcts import simulate
from workings.reason.search.stepwise import Pick, Simulated, conclude, need
from workings.reason.search.tree import Node, Tree, Want, distinct
from workings.reason.search.wording import asked, gap, say, spoken
from workings.verify.extract import extract
from workings.verify.select import ballot

__all__ = ["Rap"]

_UNKNOWN = 0.8
"""What stands for the confidence of an answer that was not asked for yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rap(Simulated):
    """`n` simulations over smaller questions: each step asks one of `width` sampled questions and answers it.

    An answer is sampled `votes` times and the most frequent one goes on; its share is the confidence. The reward of a
    step is usefulness^alpha · confidence^(1 - alpha), where usefulness is the model's probability of Yes, among Yes and
    No, to whether the question helps; before a question is answered 0.8 stands for the confidence. The value of a chain
    is the mean reward of its steps, backed up as `backup` says; UCT's constant is `explore`. The step at level `depth`
    asks the whole question, and any question that begins with "Now we can answer" is the last. `pick` chooses among
    the finished chains by their values. `n` 1 and `width` 1 follow one line of questions.

    Answers that lost their vote stay in the pool as branches. The rewards come from the model itself: a confident
    mistake looks like a good step. Prompts are zero-shot and our own.

    Source: Hao et al. 2023, sections 3.2 and 4.2; defaults as in their GSM8K runs, alpha 0.5.
    """

    n: int = 10
    width: int = 4
    votes: int = 8
    explore: float = 1.0
    pick: Pick = "best"
    alpha: float = 0.5

    def __post_init__(self) -> None:
        Simulated.__post_init__(self)
        need(0 <= self.alpha <= 1, f"alpha={self.alpha} is not a weight.", "Use a number from 0 to 1.")

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.LEAD, Capability.STOP, Capability.SCORE})

    def __call__(self, question: Question) -> Flow[Solution]:
        language = spoken(question, self.language)
        prompt = Prompt.user(say("split", language, {"question": asked(question)}))
        tree = Tree(question, prompt, self.sampling, step_tokens=self.step_tokens, depth=4 * self.depth + 4)
        tree.probable = True
        done = yield from simulate(tree, self, self.rules)
        reached = [node for node in tree.leaves() if node.visits]
        told = {"simulations": done}
        return conclude(tree, self.pick, f"{self.pick} of planned questions", candidates=reached or None, notes=told)

    def expand(self, tree: Tree, nodes: Sequence[Node]) -> Flow[None]:
        """Behind an answer, questions; behind a question, its answer."""
        yield from self._question(tree, [node for node in nodes if not _posed(node)])
        yield from self._answer(tree, [node for node in nodes if _posed(node)])

    def play(self, tree: Tree, nodes: Sequence[Node]) -> Flow[list[Node]]:
        """Goes on with the question of the highest reward until the whole question is answered."""
        ends = list(nodes)
        while not tree.ended and (going := [node for node in ends if not node.closed]):
            yield from self.expand(tree, [node for node in distinct([going]) if node.options is None])
            if tree.ended:
                break
            stuck = [node for node in going if not node.options]
            for node in stuck:
                node.closed = True
            ends = [
                max(node.options, key=lambda option: option.value) if not node.closed and node.options else node
                for node in ends
            ]
        for end in ends:
            end.value = _mean_reward(end)
        return ends

    def _question(self, tree: Tree, nodes: Sequence[Node]) -> Flow[None]:
        """The next questions of each node, with their rewards before they are answered."""
        language = spoken(tree.question, self.language)
        cues = [gap(node.text) + say("subquestion", language, {"number": _steps(node) + 1}) for node in nodes]
        last = [_steps(node) + 1 >= self.depth for node in nodes]
        wants = [Want(node, self.width, cue) for node, cue, final in zip(nodes, cues, last, strict=True) if not final]
        groups = iter((yield from tree.grow(wants)))
        for node, cue, final in zip(nodes, cues, last, strict=True):
            if final:
                whole = say("whole", language, {"question": asked(tree.question)})
                node.options = [tree.write(node, cue + whole)]
            else:
                node.options = distinct([next(groups)])
            for child in node.options:
                child.kind, child.closed = "asks", child.closed and not child.stop.finished
                useful = yield from self._useful(tree, child, language)
                child.grades["useful"] = (useful,)
                child.value = self._reward(useful, _UNKNOWN)

    def _answer(self, tree: Tree, nodes: Sequence[Node]) -> Flow[None]:
        """The answers of each question; the first of the most frequent ones goes on."""
        language = spoken(tree.question, self.language)
        wants = []
        for node in nodes:
            cue = say("subanswer", language, {"number": _steps(node)})
            wants.append(Want(node, self.votes, gap(node.text) + cue, end=self._final(node, language)))
        groups = yield from tree.grow(wants)
        for node, want, group in zip(nodes, wants, groups, strict=True):
            start = len(node.text) + len(want.cue)
            for child in distinct([group]):
                found = extract(child.text[start:], tree.question.kind, tree.question.choices)
                span = None if found.span is None else (found.span[0] + start, found.span[1] + start)
                child.answer = replace(found, span=span)
            named = [ballot(child.answer) if child.answer else None for child in group]
            votes = Counter(name for name in named if name is not None)
            top = max(votes, key=lambda name: votes[name]) if votes else None
            share = votes[top] / len(group) if top is not None else 0.0
            node.options = []
            if group:
                child = group[named.index(top)]
                useful = node.grades["useful"][0]
                child.value = self._reward(useful, share)
                child.grades["reward"] = (child.value,)
                node.options = [child]

    def _final(self, node: Node, language: str) -> bool:
        """Whether the question just asked is the whole one."""
        asks = node.text.rstrip("\n").rpartition("\n")[2]
        return say("ready", language) in asks

    def _reward(self, useful: float, sure: float) -> float:
        return float(useful**self.alpha * sure ** (1 - self.alpha))

    def _useful(self, tree: Tree, node: Node, language: str) -> Flow[float]:
        text = say("useful", language, {"question": asked(tree.question), "chain": node.text.strip()})
        words = (say("yes", language), say("no", language))
        found = yield from score(Prompt.user(text), words)
        yes, no = found.logprobs[0]
        return 0.5 if yes == no else sigmoid(yes - no)


def _posed(node: Node) -> bool:
    """Whether a node ends in a question that waits for its answer."""
    return node.kind == "asks"


def _steps(node: Node) -> int:
    """How many questions a chain has asked."""
    return sum(_posed(one) for one in node.line())


def _mean_reward(end: Node) -> float:
    rewards = [node.grades["reward"][0] for node in end.line() if "reward" in node.grades]
    return math.fsum(rewards) / len(rewards) if end.finished and rewards else 0.0
