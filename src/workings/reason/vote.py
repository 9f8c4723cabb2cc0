"""Self-consistency: several chains vote."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from workings.core.answer import NO_ANSWER
from workings.core.ask import Flow, Sampling, grade
from workings.core.capability import Capability
from workings.core.errors import BadSetting, GraderError, MissingCapability
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.core.trace import Trace
from workings.reason.cot import style_notes
from workings.reason.manner import Manner, Stage, check_settings, think
from workings.verify.confidence import borda
from workings.verify.select import agreement, ballot, vote
from workings.verify.steps import Aggregation, aggregate

__all__ = ["Vote"]


@dataclass(frozen=True, slots=True)
class Vote:
    """The answer that most of `n` sampled chains reach.

    `weight` "count" gives each chain one vote; "probability" its length-normalised probability; "certainty" ranks the
    chains that answer by self-certainty and gives rank r of N the weight (N - r + 1)^`power` (Kang et al. 2025; power
    0 is a count); "verifier" the score of the grader `by`, step scores folded by `steps`, logits turned into
    probabilities. A model that does not tell self-certainty is ranked by mean log-probability instead, and the rule
    says so. Weights are summed over equal answers, never averaged (Wang et al. 2023, table 1). A formula votes with
    its text, so equal formulas written differently count apart. Chains without an answer do not vote and are counted;
    a tie is broken by the question's id, and said. The confidence is the winner's share of all weight (of all chains
    when each has one vote): it is not calibrated. With `n` 1 the answer is that of one sampled chain, readable or not.
    """

    n: int = 16
    weight: Literal["count", "probability", "certainty", "verifier"] = "count"
    power: float = 0.5
    by: str = "arithmetic"
    steps: Aggregation = "min"
    style: str = "cot"
    shots: int = 0
    stages: int = 1
    temperature: float = 0.7
    top_k: int = 0
    top_p: float = 1.0
    max_tokens: int = 1024
    answer_by: Stage = "lead"
    order: int = 0
    language: str = "auto"

    def __post_init__(self) -> None:
        check_settings(n=self.n, stages=self.stages, shots=self.shots, answer_by=self.answer_by)
        if self.weight not in ("count", "probability", "certainty", "verifier"):
            raise BadSetting(
                f"weight={self.weight!r} is not known.", "Use weight=count, probability, certainty or verifier."
            )
        if self.steps not in ("last", "min", "product", "mean"):
            raise BadSetting(f"steps={self.steps!r} is not known.", "Use last, min, product or mean.")
        borda((), self.power)
        self.sampling  # noqa: B018

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.max_tokens, self.top_k, self.top_p)

    @property
    def manner(self) -> Manner:
        return Manner(self.style, self.shots, self.stages, self.answer_by, self.order, self.language)

    @property
    def needs(self) -> frozenset[Capability]:
        extra = {Capability.LOGPROBS} if self.weight in ("probability", "certainty") else set()
        return self.manner.needs | extra

    @property
    def verifiers(self) -> tuple[str, ...]:
        return (self.by,) if self.weight == "verifier" else ()

    def __call__(self, question: Question) -> Flow[Solution]:
        traces, ended = yield from think(question, self.manner, self.sampling, self.n)
        if not traces:
            return Solution(partial=ended or "no sample came back")
        rule, weights = f"vote by {self.weight}", None
        if self.weight == "probability":
            weights = tuple(map(normalised_probability, traces))
        elif self.weight == "certainty":
            weights, told = certainty_weights(traces, self.power)
            rule += told
        elif self.weight == "verifier":
            traces, weights = yield from self._graded(question, traces)
            rule += f" {self.by}"
        choice = vote([t.answer for t in traces], weights, seed_of(question), rule)
        if choice.chosen is None:
            only = traces[0].answer if len(traces) == 1 else NO_ANSWER
            return Solution(only, 0.0, traces, choice, partial=ended, notes=style_notes(self.style, traces))
        return Solution(
            answer=traces[choice.chosen].answer,
            confidence=agreement(choice, abstentions=self.weight == "count"),
            pool=traces,
            choice=choice,
            partial=ended,
            notes=style_notes(self.style, traces),
        )

    def _graded(
        self, question: Question, traces: tuple[Trace, ...]
    ) -> Flow[tuple[tuple[Trace, ...], tuple[float, ...]]]:
        """The traces with their scores, and the weights these become."""
        chains = tuple(tuple(step.text for step in t.steps) or (t.text,) for t in traces)
        graded = (yield from grade(question, chains, self.by)).as_probabilities()
        if len(graded.scores) != len(traces):
            raise GraderError(f"{self.by!r} gave {len(graded.scores)} results for {len(traces)} chains.")
        scored = tuple(replace(t, scores={**t.scores, self.by: s}) for t, s in zip(traces, graded.scores, strict=True))
        weights = [aggregate(row, self.steps) for row in graded.scores]
        if min(weights) < 0:
            raise GraderError(
                f"{self.by!r} gave the score {min(weights)!r}, and votes cannot be negative.",
                "Take its best chain with best-of-n, or a grader of probabilities or logits.",
            )
        return scored, tuple(weights)


def certainty_weights(traces: Sequence[Trace], power: float) -> tuple[tuple[float, ...], str]:
    """Borda weights by self-certainty among the traces that vote (0 for the others), and what the rule must say.

    Where a chain that votes came without self-certainty, all are ranked by mean log-probability.
    """
    voters = [i for i, trace in enumerate(traces) if ballot(trace.answer) is not None]
    known = [traces[i].certainty for i in voters]
    told = "" if None not in known else " (ranked by mean log-probability)"
    scores = [
        value if not told and value is not None else _mean_logprob(traces[i])
        for i, value in zip(voters, known, strict=True)
    ]
    weights = [0.0] * len(traces)
    for i, weight in zip(voters, borda(scores, power), strict=True):
        weights[i] = weight
    return tuple(weights), told


def _mean_logprob(trace: Trace) -> float:
    chance = normalised_probability(trace)
    return -math.inf if trace.mean_logprob is None or chance == 0 else trace.mean_logprob


def normalised_probability(trace: Trace, instead: str = "Use weight=count.") -> float:
    """exp of the mean token log-probability, in (0, 1]; 0 for a chain of which nothing was written.

    Raises MissingCapability, with `instead` as the next step, when the model gave text but no log-probabilities.
    """
    if trace.mean_logprob is not None:
        return math.exp(min(trace.mean_logprob, 0.0))
    lead = "" if trace.prompt is None else trace.prompt.lead
    if trace.logprobs is not None or (trace.text == lead and not trace.thinking):
        return 0.0
    raise MissingCapability("This model returned a chain without log-probabilities, which are needed here.", instead)


def seed_of(question: Question) -> int:
    """A number fixed by the question's id, for tie-breaks."""
    return zlib.crc32(question.id.encode())
