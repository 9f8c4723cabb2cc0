"""What all searches share: how chains are asked for, how they are judged, and how one answer is picked in the end."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from workings.core.ask import Flow, Sampling
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.reason.cot import first_of, style_notes
from workings.reason.manner import Manner, check_settings, think
from workings.reason.prompts import write_prompt
from workings.reason.search.mcts import Backup, Rules
from workings.reason.search.tree import Node, Tree
from workings.reason.search.worth import appraise
from workings.reason.vote import seed_of
from workings.verify.select import agreement, best, vote
from workings.verify.steps import Aggregation

__all__ = ["Boundary", "Grown", "Pick", "Simulated", "Stepwise", "conclude", "draws", "need", "one_of"]

Boundary = Literal["line", "paragraph", "tokens"]
Pick = Literal["best", "weighted", "vote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """Settings of every search whose chains are written step by step.

    A step ends with a "line", a "paragraph" (blank line) or after `step_tokens` "tokens" (32 when it is 0); with lines
    and paragraphs `step_tokens` only bounds a step (0: it does not), and a longer one pauses there. At level `depth`
    a chain is written to its end. `pick` "best" takes the finished chain of the highest value, "weighted" sums values
    over equal answers, "vote" counts chains. A chain has at most `max_tokens` tokens, and one that is cut there is not
    finished: it counts only when no finished chain has an answer. A server that does not say whether a stop string or
    the end token ended a reply ends every chain at its first step.
    """

    pick: Pick = "best"
    depth: int = 40
    boundary: Boundary = "line"
    step_tokens: int = 0
    style: str = "cot"
    shots: int = 0
    temperature: float = 0.7
    top_k: int = 0
    top_p: float = 1.0
    max_tokens: int = 1024
    order: int = 0
    language: str = "auto"

    def __post_init__(self) -> None:
        check_settings(shots=self.shots)
        one_of("pick", self.pick, ("best", "weighted", "vote"))
        one_of("boundary", self.boundary, ("line", "paragraph", "tokens"))
        need(self.depth >= 1, f"depth={self.depth} has no level.", "Use depth=1 or more.")
        need(self.step_tokens >= 0, f"step_tokens={self.step_tokens} is negative.", "Use 0 for no limit.")
        self.sampling  # noqa: B018

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.max_tokens, self.top_k, self.top_p)

    @property
    def manner(self) -> Manner:
        return Manner(self.style, self.shots, order=self.order, language=self.language)

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.LEAD, Capability.STOP})

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def plant(self, question: Question) -> Tree:
        """The tree of a question, with nothing written yet."""
        prompt = write_prompt(question, self.style, shots=self.shots, order=self.order, language=self.language)
        return Tree(
            question,
            prompt,
            self.sampling,
            boundary=self.boundary,
            step_tokens=self.step_tokens or (32 if self.boundary == "tokens" else 0),
            depth=self.depth,
        )

    def alone(self, question: Question) -> Flow[Solution]:
        """One chain and no choice: plain sampling."""
        traces, ended = yield from think(question, self.manner, self.sampling)
        return first_of(traces, ended, "the only chain", style_notes(self.style, traces))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepwise(Grown):
    """Settings of every search that a grader steers.

    `by` names the grader ("logprob": the chain's own length-normalised probability, no verifier at all); `steps` folds
    its scores into one value.
    """

    by: str = "arithmetic"
    steps: Aggregation = "min"

    def __post_init__(self) -> None:
        Grown.__post_init__(self)
        one_of("steps", self.steps, ("last", "min", "product", "mean"))

    @property
    def needs(self) -> frozenset[Capability]:
        extra = {Capability.LOGPROBS} if self.by == "logprob" else set()
        return frozenset({Capability.LEAD, Capability.STOP} | extra)

    @property
    def verifiers(self) -> tuple[str, ...]:
        return () if self.by == "logprob" else (self.by,)

    def judge(self, tree: Tree, nodes: Sequence[Node], ahead: int = 0) -> Flow[None]:
        """Sets the nodes' values."""
        yield from appraise(tree, nodes, self.by, self.steps, ahead)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """Settings of every Monte-Carlo search whose moves are kinds of sentences and not next lines of one style.

    `n` simulations; each move samples `width` ways or `votes` answers; a chain makes at most `depth` moves, each of at
    most `step_tokens` tokens. UCT's constant is `explore`, a node keeps the "mean" or "max" of its values (`backup`),
    and `abreast` simulations run at once. `pick` chooses among the finished chains by their values.
    """

    n: int
    width: int
    votes: int
    explore: float
    pick: Pick
    depth: int = 5
    backup: Backup = "mean"
    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0
    max_tokens: int = 1024
    step_tokens: int = 128
    abreast: int = 1
    language: str = "auto"

    def __post_init__(self) -> None:
        check_settings(n=self.n)
        one_of("backup", self.backup, ("mean", "max"))
        one_of("pick", self.pick, ("best", "weighted", "vote"))
        for name in ("width", "votes", "depth", "abreast", "step_tokens"):
            need(getattr(self, name) >= 1, f"{name}={getattr(self, name)} is too small.", f"Use {name}=1 or more.")
        need(self.explore >= 0, f"explore={self.explore} is negative.", "Use 0 to follow values alone.")
        self.sampling  # noqa: B018

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.max_tokens, self.top_k, self.top_p)

    @property
    def rules(self) -> Rules:
        return Rules(self.n, self.explore, self.backup, self.abreast)

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.LEAD, Capability.STOP})

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()


def need(holds: bool, what: str, step: str) -> None:
    """Refuses a setting that does not hold."""
    if not holds:
        raise BadSetting(what, step)


def one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    """Refuses a value that is not among the known ones."""
    need(value in known, f"{name}={value!r} is not known.", f"Use {', '.join(known[:-1])} or {known[-1]}.")


def draws(tree: Tree, nodes: Sequence[Node], *place: int) -> random.Random:
    """Random numbers for one place in a search: fixed by the seeds of the samples that led there, so they differ from
    attempt to attempt and never with the order of replies; at temperature 0 by the question alone."""
    seeds = [node.seed for node in nodes] if tree.sampling.temperature else []
    return random.Random(f"{tree.question.id}\x1f{place}\x1f{seeds}")


def conclude(
    tree: Tree,
    pick: Pick,
    rule: str,
    *,
    candidates: Sequence[Node] | None = None,
    copies: bool = False,
    notes: dict[str, Any] | None = None,
) -> Solution:
    """The solution of a search: an answer picked among its finished chains, and every chain in the pool.

    `candidates` are the chains that compete, all finished ones by default; unfinished ones take their place when none
    of them has an answer. With `copies` equal samples count as many times as they were drawn.
    """
    leaves = tree.leaves()
    given = [node for node in (leaves if candidates is None else candidates) if node.finished]
    if not any(tree.answer(node).given or tree.answer(node).raw for node in given):
        given = list(leaves if candidates is None else candidates)
    pool, of = tree.pool()
    if not given:
        return Solution(confidence=None, pool=pool, partial=tree.ended or "no sample came back", notes=notes or {})
    if copies:
        given = [node for node in given for _ in range(node.copies)]
    answers, seed = [tree.answer(node) for node in given], seed_of(tree.question)
    values = [node.value for node in given]
    if pick == "best":
        choice = best(answers, values, seed, rule)
    else:
        choice = vote(answers, values if pick == "weighted" else None, seed, rule)
    told = {"nodes": len(tree.nodes), "merged": sum(node.copies - 1 for node in tree.nodes), **(notes or {})}
    if choice.chosen is None:
        return Solution(confidence=0.0, pool=pool, choice=choice, partial=tree.ended, notes=told)
    chosen = given[choice.chosen]
    where = replace(choice, chosen=of[id(chosen)])
    if not choice.weights:
        sure: float | None = 0.0
    elif pick == "best":
        sure = chosen.value if tree.probable else None
    else:
        sure = agreement(choice, abstentions=pick == "vote")
    return Solution(tree.answer(chosen), sure, pool, where, partial=tree.ended, notes=told)
