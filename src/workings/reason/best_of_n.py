"""Best-of-N: sample several chains and keep the one that scores best."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workings.core.answer import NO_ANSWER, Answer, Source
from workings.core.ask import Flow, Grades, Sampling, grade
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.problem import Question
from workings.core.solution import Choice, Solution
from workings.core.trace import Trace
from workings.reason.cot import style_notes
from workings.reason.manner import Manner, Stage, check_settings, think
from workings.reason.vote import normalised_probability, seed_of
from workings.verify.select import agreement, ballot, best, weighted_best
from workings.verify.steps import Aggregation, aggregate

__all__ = ["BestOfN"]

_INSTEAD = "Name a grader with by=, or use vote."


@dataclass(frozen=True, slots=True)
class BestOfN:
    """The best of `n` sampled chains, by a verifier.

    `by` "logprob" scores a chain with its length-normalised probability (no verifier at all); any other value names
    a grader. Step scores are folded by `steps`: a chain is worth its worst step by default, since the last one often
    only repeats the answer. `weighted` sums scores over equal answers instead of taking the
    single best chain (Li et al. 2023). The confidence is the winning score where scores are probabilities, the
    winner's share of all scores when they are summed, and 0 when no chain gave an answer.

    An answer that a chain says competes before a number that was only the last one seen: a process verifier is right
    to praise every step of a chain that breaks off before its answer.

    Best-of-N over-optimises a weak verifier as `n` grows: compare it with `vote` on the same pool.
    """

    n: int = 16
    by: str = "logprob"
    steps: Aggregation = "min"
    weighted: bool = False
    style: str = "cot"
    shots: int = 0
    temperature: float = 0.7
    top_k: int = 0
    top_p: float = 1.0
    max_tokens: int = 1024
    stages: int = 1
    answer_by: Stage = "lead"
    order: int = 0
    language: str = "auto"

    def __post_init__(self) -> None:
        check_settings(n=self.n, stages=self.stages, shots=self.shots, answer_by=self.answer_by)
        if self.steps not in ("last", "min", "product", "mean"):
            raise BadSetting(f"steps={self.steps!r} is not known.", "Use last, min, product or mean.")
        self.sampling  # noqa: B018

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.max_tokens, self.top_k, self.top_p)

    @property
    def manner(self) -> Manner:
        return Manner(self.style, self.shots, self.stages, self.answer_by, self.order, self.language)

    @property
    def needs(self) -> frozenset[Capability]:
        extra = {Capability.LOGPROBS} if self.by == "logprob" else set()
        return self.manner.needs | extra

    @property
    def verifiers(self) -> tuple[str, ...]:
        return () if self.by == "logprob" else (self.by,)

    def __call__(self, question: Question) -> Flow[Solution]:
        traces, ended = yield from think(question, self.manner, self.sampling, self.n)
        if not traces:
            return Solution(partial=ended or "no sample came back")
        if self.by == "logprob":
            graded = Grades(tuple((normalised_probability(t, _INSTEAD),) for t in traces))
        else:
            chains = tuple(tuple(s.text for s in t.steps) or (t.text,) for t in traces)
            graded = (yield from grade(question, chains, self.by)).as_probabilities()
        return self._choose(question, traces, graded, ended)

    def _choose(self, question: Question, traces: tuple[Trace, ...], graded: Grades, ended: str) -> Solution:
        traces = tuple(replace(t, scores={**t.scores, self.by: s}) for t, s in zip(traces, graded.scores, strict=True))
        scores = [aggregate(s, self.steps) for s in graded.scores]
        answers, seed = _competing(traces), seed_of(question)
        pick = weighted_best(answers, scores, seed) if self.weighted else best(answers, scores, seed)
        choice = replace(pick, rule=f"{pick.rule} by {self.by}")
        if choice.chosen is None:
            return Solution(confidence=0.0, pool=traces, choice=choice, partial=ended)
        return Solution(
            answer=traces[choice.chosen].answer,
            confidence=self._confidence(choice, scores, graded.kind),
            pool=traces,
            choice=choice,
            partial=ended,
            notes=style_notes(self.style, traces),
        )

    def _confidence(self, choice: Choice, scores: list[float], kind: str) -> float | None:
        if not choice.weights or choice.chosen is None:
            return 0.0
        if self.weighted:
            return agreement(choice)
        return scores[choice.chosen] if kind == "probability" else None


def _competing(traces: tuple[Trace, ...]) -> list[Answer]:
    """The answers, without those that were only seen last when any chain says its own."""
    said = [t.answer if t.answer.source is not Source.LAST else NO_ANSWER for t in traces]
    return said if any(ballot(answer) is not None for answer in said) else [t.answer for t in traces]
