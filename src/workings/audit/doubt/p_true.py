"""P(True): the probability that the model calls its answer true rather than false."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workings.audit.case import Case, Measured, Reading
from workings.audit.doubt.scale import NO_ANSWER, Direction, Said, Scale, Scope, chains_of, own_answer, reading
from workings.audit.doubt.verdict import findings
from workings.audit.doubt.wording import posed, version, worded
from workings.core.ask import Flow, score, sigmoid
from workings.core.capability import Capability
from workings.core.errors import BadReply, BadSetting
from workings.core.finding import Finding
from workings.core.prompt import Prompt
from workings.verify.select import ballot

__all__ = ["PTrue"]


@dataclass(frozen=True, slots=True)
class PTrue:
    """p(True) / (p(True) + p(False)) behind the question and the answer, in a conversation of its own.

    Both answers are scored as texts, so it is defined for any tokenizer and whatever else the model would rather say;
    `mass` in the reading says how likely the two were together. With `samples` up to so many other answers of the pool
    are shown first. Source: Kadavath et al. 2022. Published code reads one token only, or leaves it unnormalised.

    A model without calibrated knowledge of itself says nothing by it; the pocket model has never seen the question.
    """

    samples: int = 0

    def __post_init__(self) -> None:
        if self.samples < 0:
            raise BadSetting(f"samples={self.samples} is negative.", "Use 0 to show none.")

    @property
    def scale(self) -> Scale:
        return Scale(Direction.CONFIDENCE, 0.0, 1.0, "probability of True")

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return (Scope.ANSWER,)

    @property
    def asks(self) -> bool:
        return True

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.SCORE, Capability.LEAD})

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        own = own_answer(case)
        read = chains_of(case)[: self.samples] if self.samples else ()
        if own is None:
            return reading(self.scale, {Scope.ANSWER: Said(missing=NO_ANSWER)}, read or (case.trace,))
        names = [name for trace in read if (name := ballot(trace.answer)) is not None]
        if self.samples and len(names) < 2:
            return reading(self.scale, {Scope.ANSWER: Said(missing="fewer than two chains")}, read)
        language = case.question.language
        others = worded("p-true-samples", language, {"others": ", ".join(names)}) if names else ""
        parts = {"question": posed(case.question), "answer": own, "samples": others}
        asked = worded("p-true", language, parts)
        prompt = Prompt.user(asked, lead=worded("p-true-lead", language))
        candidates = (worded("true", language), worded("false", language))
        good, bad = (yield from score(prompt, candidates)).logprobs[0]
        if math.isnan(good) or math.isnan(bad):
            raise BadReply("The model scored True or False with NaN.", "Load it in float32.")
        told = Said(missing="neither is possible") if good == bad == -math.inf else Said(sigmoid(good - bad))
        more = {"mass": min(1.0, math.exp(good) + math.exp(bad)), "wording": version()}
        return reading(self.scale, {Scope.ANSWER: told}, read or (case.trace,), more=more)

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        return findings(self, measured)
