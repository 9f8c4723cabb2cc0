"""Self-consistency: several chains vote."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import Literal

from workings.core.answer import NO_ANSWER
from workings.core.ask import Flow, Sampling
from workings.core.capability import Capability
from workings.core.errors import BadSetting, MissingCapability
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.core.trace import Trace
from workings.reason.cot import style_notes
from workings.reason.manner import Manner, Stage, check_settings, think
from workings.verify.select import agreement, vote

__all__ = ["Vote"]


@dataclass(frozen=True, slots=True)
class Vote:
    """The answer that most of `n` sampled chains reach.

    `weight` "count" gives each chain one vote; "probability" its length-normalised probability. Weights are summed
    over equal answers, never averaged (Wang et al. 2023, table 1). A formula votes with its text, so equal formulas
    written differently count apart. Chains without an answer do not vote and are counted; a tie is broken by the
    question's id, and said. The confidence is the winner's share of all weight (of all chains when each has one
    vote): it is not calibrated. With `n` 1 the answer is that of one sampled chain, readable or not.
    """

    n: int = 16
    weight: Literal["count", "probability"] = "count"
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
        if self.weight not in ("count", "probability"):
            raise BadSetting(f"weight={self.weight!r} is not known.", "Use weight=count or weight=probability.")
        self.sampling  # noqa: B018

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.max_tokens, self.top_k, self.top_p)

    @property
    def manner(self) -> Manner:
        return Manner(self.style, self.shots, self.stages, self.answer_by, self.order, self.language)

    @property
    def needs(self) -> frozenset[Capability]:
        extra = {Capability.LOGPROBS} if self.weight == "probability" else set()
        return self.manner.needs | extra

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, question: Question) -> Flow[Solution]:
        traces, ended = yield from think(question, self.manner, self.sampling, self.n)
        if not traces:
            return Solution(partial=ended or "no sample came back")
        weights = None if self.weight == "count" else tuple(map(normalised_probability, traces))
        choice = vote([t.answer for t in traces], weights, seed_of(question), f"vote by {self.weight}")
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
