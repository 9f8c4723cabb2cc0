"""Answer at once, without showing any working: the control for every way of thinking."""

from __future__ import annotations

from dataclasses import dataclass

from workings.core.ask import Flow, Sampling
from workings.core.capability import Capability
from workings.core.problem import Question
from workings.core.solution import Solution
from workings.reason.cot import first_of
from workings.reason.manner import Manner, check_settings, think

__all__ = ["Direct"]


@dataclass(frozen=True, slots=True)
class Direct:
    """One reply that holds only the answer.

    `shots` exemplars show questions with answers alone. The confidence is the length-normalised probability of
    the reply. A model may still think before it answers if it was trained to: look at the tokens spent.

    Source: the "standard prompting" baseline of Wei et al. 2022, section 3.1.
    """

    shots: int = 0
    temperature: float = 0.0
    max_tokens: int = 256
    order: int = 0
    language: str = "auto"

    def __post_init__(self) -> None:
        check_settings(shots=self.shots)
        Sampling(self.temperature, self.max_tokens)

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset()

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, question: Question) -> Flow[Solution]:
        manner = Manner("direct", self.shots, order=self.order, language=self.language)
        traces, ended = yield from think(question, manner, Sampling(self.temperature, self.max_tokens))
        return first_of(traces, ended, "the only reply")
