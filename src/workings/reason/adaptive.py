"""Adaptive self-consistency: chains are sampled until the vote is clear."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workings.core.answer import NO_ANSWER
from workings.core.ask import Flow, Sampling
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.core.trace import Trace
from workings.reason.cot import style_notes
from workings.reason.manner import Manner, Stage, check_settings, think
from workings.reason.vote import seed_of
from workings.stats.stopping import Rule, stops_at
from workings.verify.select import agreement, ballot, vote

__all__ = ["Adaptive"]


@dataclass(frozen=True, slots=True)
class Adaptive:
    """The answer that most chains reach, of at most `n`, sampled until `rule` says that the vote is clear.

    "beta" (Aggarwal et al. 2023), "dirichlet" (the same, against all rivals), "window" (Li et al. 2024, ESC: `window`
    chains in a row agree), "valid" (an error of at most 1 - `threshold` against the model's own most likely answer,
    however often one looks; the others promise no such thing), "settled" (no further chain can change the winner: the
    answer is always that of `vote` with the same `n`). See `workings.stats.stopping`.

    Chains are asked for `batch` at a time and looked at one by one in the order asked, never in order of arrival,
    which would favour short chains. What a batch holds behind the stop is kept, charged and does not vote, so `batch`
    changes the cost and never the answer. A chain without an answer is a look and no vote. All chains looked at vote,
    also those before the window that agreed. The samples are those of `vote`, in the role of branches: how many there
    are depends on what they answered, so a curve over their number would be biased. The notes say how many were drawn
    and looked at.

    A clear vote is not a right one: the rules know the counts and nothing else.
    """

    n: int = 16
    rule: Rule = "beta"
    threshold: float = 0.95
    window: int = 5
    batch: int = 4
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
        stops_at((), self.rule, threshold=self.threshold, window=self.window)
        if self.batch < 1:
            raise BadSetting(f"batch={self.batch} asks for nothing.", "Use batch=1 or more.")
        self.sampling  # noqa: B018

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.max_tokens, self.top_k, self.top_p)

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
        traces: tuple[Trace, ...] = ()
        ended, looked = "", None
        while len(traces) < self.n and not ended and looked is None:
            more = min(self.batch, self.n - len(traces))
            found, ended = yield from think(question, self.manner, self.sampling, more, start=len(traces))
            traces += tuple(replace(trace, role="branch") for trace in found)
            ballots = [ballot(t.answer) for t in traces]
            looked = stops_at(ballots, self.rule, threshold=self.threshold, window=self.window, most=self.n)
        if not traces:
            return Solution(partial=ended or "no sample came back")
        return self._choose(question, traces, looked, ended)

    def _choose(self, question: Question, traces: tuple[Trace, ...], looked: int | None, ended: str) -> Solution:
        heard = traces[:looked]
        rule = f"vote until {self.rule}" if looked is not None else "vote by count"
        choice = vote([t.answer for t in heard], None, seed_of(question), rule)
        told = {"drawn": len(traces), "looked": len(heard), "stopped": looked is not None}
        notes = {**told, **style_notes(self.style, traces)}
        partial = ended and f"{ended} {len(traces)} of {self.n} chains were drawn."
        if choice.chosen is None:
            only = traces[0].answer if len(traces) == 1 else NO_ANSWER
            return Solution(only, 0.0, traces, choice, partial=partial, notes=notes)
        return Solution(
            answer=traces[choice.chosen].answer,
            confidence=agreement(choice, abstentions=True),
            pool=traces,
            choice=choice,
            partial=partial,
            notes=notes,
        )
