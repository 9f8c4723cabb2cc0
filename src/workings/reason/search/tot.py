"""Tree of thoughts: the model itself says which beginnings are worth going on with."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workings.core.answer import Source
from workings.core.ask import Flow, Sample, Sampling, sample, sample_together
from workings.core.completion import Completion, Stop
from workings.core.errors import BudgetEnded
from workings.core.problem import Question
from workings.core.prompt import Prompt
from workings.core.solution import Solution
from workings.reason.manner import check_settings
from workings.reason.search.beam import levels
from workings.reason.search.stepwise import Grown, conclude, need, one_of
from workings.reason.search.tree import Node, Tree, Want
from workings.reason.search.wording import asked, gap, say, spoken
from workings.verify.extract import extract

__all__ = ["Tot", "verdict"]

_WORTH = {"sure": 20.0, "likely": 1.0, "impossible": 0.001, "肯定": 20.0, "可能": 1.0, "不可能": 0.001}
_VERDICT = re.compile(r"\b(?:sure|likely|impossible)\b|不可能|肯定|可能", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,4}")
_MARKER = re.compile(r"^\s*(?:[-*•]|\(?\d{1,3}[.)、:])\s*")


@dataclass(frozen=True, slots=True)
class Tot(Grown):
    """Breadth-first tree of thoughts: `n` thoughts a level, of which the model keeps the `keep` it thinks most of.

    `evaluate` "value" asks about each new chain `votes` times whether it is sure, likely or impossible (20, 1, 0.001,
    summed; a reply that says none of them counts 0); "vote" shows all chains side by side `votes` times and counts. A
    value is given as a share of the most that it could be. `generate` "sample" draws thoughts as next steps of the
    chain; "propose" asks for different ones in a single reply, one a line, which is charged as a probe. Equal thoughts
    are one. What judges reads and writes is charged as a verifier's. `n` 1 is plain sampling.

    A model that cannot solve a problem often cannot judge a beginning either: compare with `vote` at equal tokens, the
    judge's own aside or included.

    Source: Yao et al. 2023, algorithm 1. Depth-first search with a verifier is `tree:search=depth-first`.
    """

    n: int = 16
    keep: int = 4
    votes: int = 3
    evaluate: Literal["value", "vote"] = "value"
    generate: Literal["sample", "propose"] = "sample"
    judge_tokens: int = 64

    def __post_init__(self) -> None:
        Grown.__post_init__(self)
        check_settings(n=self.n)
        one_of("evaluate", self.evaluate, ("value", "vote"))
        one_of("generate", self.generate, ("sample", "propose"))
        need(self.keep >= 1, f"keep={self.keep} keeps nothing.", "Use keep=1 or more.")
        need(self.votes >= 1, f"votes={self.votes} judges nothing.", "Use votes=1 or more.")
        need(self.judge_tokens >= 1, f"judge_tokens={self.judge_tokens} says nothing.", "Use 1 or more.")

    def __call__(self, question: Question) -> Flow[Solution]:
        if self.n == 1:
            return (yield from self.alone(question))
        tree = self.plant(question)
        notes = yield from levels(
            tree,
            self.n,
            self._propose if self.generate == "propose" else Tree.grow,
            self._value if self.evaluate == "value" else self._vote,
            lambda ranked: list(ranked[: self.keep]),
        )
        return conclude(tree, self.pick, f"{self.pick} of thoughts by {self.evaluate}", notes=notes)

    @property
    def _judging(self) -> Sampling:
        return Sampling(self.temperature, self.judge_tokens, self.top_k, self.top_p)

    def _value(self, tree: Tree, new: list[Node], held: list[Node]) -> Flow[None]:
        if tree.ended:
            return
        asks = tuple(
            Sample(self._about(tree, "value", node), self.votes, self._judging, f"{node.path}/value", role="verifier")
            for node in new
        )
        replies, ended = yield from sample_together(asks)
        tree.ended = tree.ended or ended
        for node, part in zip(new, replies, strict=False):
            node.value = math.fsum(verdict(reply.text) for reply in part) / (20.0 * self.votes)
            node.grades["value"] = (node.value,)

    def _vote(self, tree: Tree, new: list[Node], held: list[Node]) -> Flow[None]:
        if tree.ended or not new:
            return
        every = [*held, *new]
        language = spoken(tree.question, self.language)
        shown = [
            say("choice", language, {"number": number, "chain": node.text.strip()})
            for number, node in enumerate(every, 1)
        ]
        text = say("vote", language, {"question": asked(tree.question), "chains": "\n\n".join(shown)})
        try:
            replies = yield from sample(
                Prompt.user(text), self.votes, self._judging, path=f"vote/{new[0].depth}", role="verifier"
            )
        except BudgetEnded as end:
            tree.ended = tree.ended or end.what
            replies = tuple(reply for reply in end.completions if isinstance(reply, Completion))
        named = [int(found[-1]) for reply in replies if (found := _NUMBER.findall(reply.text))]
        for number, node in enumerate(every, 1):
            node.value = named.count(number) / self.votes
            node.grades["vote"] = (node.value,)

    def _about(self, tree: Tree, name: str, node: Node, count: int = 0) -> Prompt:
        language = spoken(tree.question, self.language)
        chain = node.text.strip() or say("nothing", language)
        return Prompt.user(say(name, language, {"question": asked(tree.question), "chain": chain, "count": count}))

    def _propose(self, tree: Tree, wants: Sequence[Want]) -> Flow[list[list[Node]]]:
        if wants[0].node.depth + 1 >= self.depth:
            return (yield from tree.grow(wants))
        asks = tuple(
            Sample(
                self._about(tree, "propose", want.node, want.count),
                1,
                self.sampling,
                f"{want.node.path}/propose",
                role="probe",
            )
            for want in wants
        )
        replies, ended = yield from sample_together(asks)
        tree.ended = tree.ended or ended
        made: list[list[Node]] = [[] for _ in wants]
        for found, want, part in zip(made, wants, replies, strict=False):
            lines = [_MARKER.sub("", line).strip() for reply in part for line in reply.text.splitlines()]
            for line in list(dict.fromkeys(filter(None, lines)))[: want.count]:
                child = tree.write(want.node, f"{gap(want.node.text)}{line}\n")
                kind, choices = tree.question.kind, tree.question.choices
                if extract(line, kind, choices).source in (Source.DECLARED, Source.BOXED):
                    child.closed, child.stop = True, Stop.END
                found.append(child)
            if found and part:
                found[0].usage = found[0].usage + part[0].usage
        return made


def verdict(text: str) -> float:
    """What a reply says a chain is worth: its last verdict counts; 0 when it gives none.

    >>> verdict("It is unlikely, but not impossible: likely.")
    1.0
    """
    found = _VERDICT.findall(text)
    return _WORTH[found[-1].lower()] if found else 0.0
