"""rStar: five ways to go on, searched by Monte-Carlo, and chains that can be completed from their beginnings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workings.core.ask import Flow, Sample, sample_together
from workings.core.problem import Question
from workings.core.prompt import Prompt
from workings.core.solution import Solution
from workings.reason.prompts import write_prompt
from workings.reason.search.mcts import simulate
from workings.reason.search.stepwise import Pick, Simulated, conclude, draws, need
from workings.reason.search.tree import Node, Tree, Want, distinct
from workings.reason.search.wording import gap, say, spoken
from workings.verify.extract import extract
from workings.verify.select import ballot
from workings.verify.steps import split_steps

__all__ = ["Rstar"]

_CUTS = (0.2, 0.3, 0.4, 0.5)
"""How much of a chain its second reading is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rstar(Simulated):
    """`n` simulations over five actions, then a check of each chain by completing it from its beginning.

    The actions: one next step (`width` samples); the rest of the chain (`votes` samples); a smaller question and its
    answer; that answer again (`votes` samples, the most frequent one); the problem in other words, at the root alone.
    A chain that the second action ends is worth the share of its samples that agree with it, any other end is worth 1
    over `votes`. Play goes by options drawn evenly; UCT's constant is `explore`.

    `checks` chains, the best of each answer first, are then cut after 20, 30, 40 and 50 % of their steps and completed
    at temperature 1; a chain survives when at least half of the completions agree. Each answer's score is its share of
    all values plus the share of its checked chains that survived, over 2. `checks` 0 leaves that out. `pick` chooses
    by values when nothing was checked. `n` 1 and `width` 1 follow one line.

    The same model reads twice, since a method has one model: agreement of a model with itself is weaker than the
    published agreement of two. Prompts are zero-shot and our own. Checks are charged as a verifier's tokens.

    Source: Qi et al. 2024, sections 3.2 and 3.3. Left out: the discount of the exploration weight.
    """

    n: int = 8
    width: int = 3
    votes: int = 4
    explore: float = 2.0
    pick: Pick = "weighted"
    checks: int = 4
    style: str = "cot"

    def __post_init__(self) -> None:
        Simulated.__post_init__(self)
        need(self.checks >= 0, f"checks={self.checks} is negative.", "Use 0 for no check.")

    def __call__(self, question: Question) -> Flow[Solution]:
        prompt = write_prompt(question, self.style, language=self.language)
        tree = Tree(question, prompt, self.sampling, step_tokens=self.step_tokens, depth=3 * self.depth + 3)
        tree.probable = True
        done = yield from simulate(tree, self, self.rules)
        ends = [node for node in tree.leaves() if node.kind == "whole" and node.finished]
        checked = yield from self._check(tree, ends)
        notes = {"simulations": done, "checked": len(checked), "survived": sum(map(bool, checked.values()))}
        if checked and not tree.ended:
            _rescore(tree, ends, checked)
            return conclude(tree, "best", "best of chains that agree", candidates=ends, notes=notes)
        return conclude(tree, self.pick, f"{self.pick} of chains", candidates=ends or None, notes=notes)

    def expand(self, tree: Tree, nodes: Sequence[Node]) -> Flow[None]:
        """Every action that a chain allows."""
        language = spoken(tree.question, self.language)
        wants: list[tuple[str, Want]] = []
        for node in nodes:
            node.options = []
            if node.kind == "asks":
                wants.append(("answered", Want(node, 1, gap(node.text) + _cue("subanswer", language, node))))
                continue
            wants.append(("whole", Want(node, self.votes, whole=True)))
            if _actions(node) + 1 < self.depth:
                wants.append(("step", Want(node, self.width)))
                wants.append(("asks", Want(node, 1, gap(node.text) + _cue("subquestion", language, node))))
            if node.kind == "answered" and node.parent is not None:
                wants.append(
                    (
                        "again",
                        Want(node.parent, self.votes, gap(node.parent.text) + _cue("subanswer", language, node.parent)),
                    )
                )
            if node is tree.root:
                wants.append(("rephrase", Want(node, 1, gap(node.text) + say("rephrase", language))))
        yield from self._grow(tree, nodes, wants)

    def _grow(self, tree: Tree, nodes: Sequence[Node], wants: Sequence[tuple[str, Want]]) -> Flow[None]:
        """Asks for one kind of action after the other, since samples of one chain are numbered one after the other."""
        for kind in ("whole", "step", "asks", "answered", "again", "rephrase"):
            mine = [want for name, want in wants if name == kind]
            if tree.ended or not mine:
                continue
            groups = yield from tree.grow(mine)
            for want, group in zip(mine, groups, strict=True):
                node = next(one for one in nodes if one is want.node or (kind == "again" and one.parent is want.node))
                self._take(tree, kind, node, want, group)

    def _take(self, tree: Tree, kind: str, node: Node, want: Want, group: list[Node]) -> None:
        """Makes what an action gave the options of its chain."""
        fresh = [child for child in distinct([group]) if not child.kind]
        for child in fresh:
            child.kind = "whole" if child.closed and kind != "asks" else "answered" if kind == "again" else kind
            if kind == "asks":
                child.closed = child.closed and not child.stop.finished
            child.value = 1 / self.votes if child.finished else 0.0
        options = fresh
        if kind in ("whole", "again") and group:
            start = len(want.node.text) if kind == "again" else 0
            named = [_said(tree, child, start) for child in group]
            votes = Counter(name for name in named if name is not None)
            if votes:
                top = max(votes, key=lambda name: votes[name])
                if kind == "whole":
                    for child, name in zip(group, named, strict=True):
                        child.value = votes[name] / len(group) if name is not None else 0.0
                options = [group[named.index(top)]]
            else:
                options = [group[0]]
        assert node.options is not None
        node.options += [child for child in options if child not in node.options and child is not node]

    def play(self, tree: Tree, nodes: Sequence[Node]) -> Flow[list[Node]]:
        """Goes on by options drawn evenly, to the end of each chain."""
        ends = list(nodes)
        while not tree.ended and (going := [node for node in ends if not node.closed]):
            yield from self.expand(tree, [node for node in distinct([going]) if node.options is None])
            if tree.ended:
                break
            ends = [
                draws(tree, [node], node.depth).choice(node.options) if not node.closed and node.options else node
                for node in ends
            ]
            for node in going:
                node.closed = node.closed or not node.options
        return ends

    def _check(self, tree: Tree, ends: Sequence[Node]) -> Flow[dict[int, bool]]:
        """Whether each of the best chains survives, by its `id`."""
        ranked = sorted((node for node in ends if _said(tree, node) is not None), key=lambda node: -node.value)
        first: dict[str | None, Node] = {}
        for node in ranked:
            first.setdefault(_said(tree, node), node)
        heads = list(first.values())
        chosen = [*heads, *[node for node in ranked if node not in heads]][: self.checks]
        if tree.ended or not chosen:
            return {}
        how = replace(tree.sampling, temperature=1.0 if tree.sampling.temperature else 0.0)
        asks = tuple(
            Sample(Prompt(tree.prompt.messages, lead), 1, how, f"{node.path}/check/{number}", role="verifier")
            for node in chosen
            for number, lead in enumerate(_beginnings(tree, node))
        )
        replies, ended = yield from sample_together(asks)
        tree.ended = tree.ended or ended
        agree: dict[int, list[bool]] = {id(node): [] for node in chosen}
        owners = [node for node in chosen for _ in _CUTS]
        for node, ask, part in zip(owners, asks, replies, strict=False):
            for reply in part:
                text = ask.prompt.lead + reply.text
                found = extract(text, tree.question.kind, tree.question.choices, thinking=reply.thinking)
                agree[id(node)].append(ballot(found) == _said(tree, node))
        survived = {}
        for node in chosen:
            marks = agree[id(node)]
            survived[id(node)] = 2 * sum(marks) >= len(marks) > 0
            node.grades["agreement"] = (sum(marks) / max(len(marks), 1),)
        return survived


def _rescore(tree: Tree, ends: Sequence[Node], checked: dict[int, bool]) -> None:
    """Gives each chain the score of its answer: share of all values, and of checked chains that survived, over 2."""
    total = math.fsum(node.value for node in ends) or 1.0
    values = [node.value for node in ends]
    names = [_said(tree, node) for node in ends]
    for node, name in zip(ends, names, strict=True):
        share = math.fsum(v for v, other in zip(values, names, strict=True) if other == name) / total
        marks = [
            checked[id(one)] for one, other in zip(ends, names, strict=True) if other == name and id(one) in checked
        ]
        node.grades["share"] = (share,)
        node.value = (share + sum(marks) / max(len(marks), 1)) / 2 if name is not None else 0.0


def _said(tree: Tree, node: Node, start: int = 0) -> str | None:
    """What a chain votes for; only what it says from character `start` on, when that is not 0."""
    if not start:
        return ballot(tree.answer(node))
    return ballot(extract(node.text[start:], tree.question.kind, tree.question.choices))


def _beginnings(tree: Tree, node: Node) -> list[str]:
    """The chain up to 20, 30, 40 and 50 % of its steps, at least one where there are two."""
    steps = split_steps(node.text)
    found = []
    for cut in _CUTS:
        kept = min(max(round(cut * len(steps)), 1), len(steps) - 1)
        found.append(node.text[: steps[kept].start] if kept > 0 else tree.prompt.lead)
    return found


def _actions(node: Node) -> int:
    """How many actions led here; a question and its answer are one."""
    return sum(one.kind != "answered" for one in node.line())


def _cue(name: str, language: str, node: Node) -> str:
    asked = sum(one.kind == "asks" for one in node.line())
    return say(name, language, {"number": asked + (name == "subquestion")})
