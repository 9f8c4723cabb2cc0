"""Chain of thought: one chain, few-shot or zero-shot, in one stage or two. A draft is a style of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from workings.core.ask import Flow, Sampling
from workings.core.capability import Capability
from workings.core.problem import Question
from workings.core.solution import Choice, Solution
from workings.core.trace import Trace
from workings.reason.manner import Manner, Stage, check_settings, think
from workings.verify.draft import compliance
from workings.verify.select import ballot

__all__ = ["Cot", "first_of", "style_notes"]


@dataclass(frozen=True, slots=True)
class Cot:
    """One chain of reasoning, then the answer.

    `shots` 0 asks for steps in words (zero-shot); more shows that many worked examples first (Wei et al. 2022,
    section 3.1; theirs were eight and greedy). `style` "kojima" with `stages` 2 is zero-shot chain of thought as
    published (Kojima et al. 2022, section 3); "draft" asks for five words a step (Xu et al. 2025) and reports
    how well that was kept. The confidence is the length-normalised probability of the chain.

    A right answer after a chain does not show that the chain produced it: that is what the audits are for.
    """

    style: str = "cot"
    shots: int = 0
    stages: int = 1
    temperature: float = 0.0
    max_tokens: int = 1024
    answer_by: Stage = "lead"
    order: int = 0
    language: str = "auto"

    def __post_init__(self) -> None:
        check_settings(stages=self.stages, shots=self.shots, answer_by=self.answer_by)
        Sampling(self.temperature, self.max_tokens)

    @property
    def manner(self) -> Manner:
        return Manner(self.style, self.shots, self.stages, self.answer_by, self.order, self.language)

    @property
    def needs(self) -> frozenset[Capability]:
        return self.manner.needs

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, question: Question) -> Flow[Solution]:
        traces, ended = yield from think(question, self.manner, Sampling(self.temperature, self.max_tokens))
        return first_of(traces, ended, "the only chain", style_notes(self.style, traces))


def first_of(traces: tuple[Trace, ...], ended: str, rule: str, notes: dict[str, Any] | None = None) -> Solution:
    """A solution that takes the first trace as it is; none at all when the budget bought nothing."""
    if not traces:
        return Solution(partial=ended or "no sample came back")
    trace = traces[0]
    name = ballot(trace.answer)
    weights = {} if name is None else {name: 1.0}
    return Solution(
        answer=trace.answer,
        confidence=None if trace.mean_logprob is None else math.exp(min(trace.mean_logprob, 0.0)),
        pool=traces,
        choice=Choice(rule, weights, 0, int(name is None)),
        partial=ended,
        notes=notes or {},
    )


def style_notes(style: str, traces: tuple[Trace, ...]) -> dict[str, Any]:
    """For a draft, the share of steps within five words and the mean words a step (the last line, which holds the
    answer, aside); nothing for other styles."""
    if style != "draft":
        return {}
    met = compliance(tuple(step for trace in traces for step in trace.steps[:-1]))
    return {"draft_limit": met.limit, "draft_kept": met.share, "draft_words": met.mean_words}
