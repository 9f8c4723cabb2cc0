"""Token level: how likely what was written was to the model that wrote it, over chain, answer and whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from workings.audit.case import Case, Measured, Reading
from workings.audit.doubt.pieces import own_words, pieces_of, spans_of
from workings.audit.doubt.scale import NO_ANSWER, Direction, Said, Scale, Scope, own_answer, reading
from workings.audit.doubt.verdict import findings
from workings.core.ask import Flow, Sampling, sample
from workings.core.capability import Capability
from workings.core.errors import BadSetting, MissingCapability
from workings.core.finding import Finding
from workings.core.trace import Trace

__all__ = ["TokenDistribution", "TokenLikelihood"]

_UNSAID = "the chain does not say its answer at a place"
_BARE = "the record has no log-probabilities"


@dataclass(frozen=True, slots=True)
class TokenLikelihood:
    """How likely the written tokens were.

    `measure` "sequence" is minus the sum of log-probabilities (nats), "normalised" the exponential of their mean,
    "least" the smallest probability of one. The whole is read from the recorded log-probabilities; chain and answer
    from the recorded tokens where there are any, else from one ask that scores the text's beginnings: then the pieces
    are words, which the reading's `unit` says. With `by` "record" nothing is asked.

    A long answer is not less sure than a short one because its probability is smaller, and a model may be sure of its
    words and wrong. Sampling at a temperature other than 1 does not change these numbers, which are of the model's own
    distribution.
    """

    measure: Literal["sequence", "normalised", "least"] = "normalised"
    by: Literal["auto", "record"] = "auto"

    def __post_init__(self) -> None:
        if self.measure not in ("sequence", "normalised", "least"):
            raise BadSetting(f"measure={self.measure!r} is not known.", "Use sequence, normalised or least.")
        if self.by not in ("auto", "record"):
            raise BadSetting(f"by={self.by!r} is not known.", "Use auto or record.")

    @property
    def scale(self) -> Scale:
        if self.measure == "sequence":
            return Scale(Direction.UNCERTAINTY, 0.0, math.inf, "nats")
        return Scale(Direction.CONFIDENCE, 0.0, 1.0, "probability of a piece")

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return (Scope.CHAIN, Scope.ANSWER, Scope.WHOLE)

    @property
    def asks(self) -> bool:
        return False

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset()

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        trace, unit = case.trace, "tokens"
        spans = spans_of(trace)
        told = {Scope.WHOLE: self._of(list(trace.logprobs) if trace.logprobs else None)}
        if own_answer(case) is None:
            return reading(self.scale, {scope: Said(missing=NO_ANSWER) for scope in self.scopes}, (trace,))
        if self.by == "record" and (trace.tokens is None or trace.logprobs is None):
            told |= {scope: Said(missing="the record does not say which tokens") for scope in self.scopes[:2]}
        else:
            wanted = [spans[scope] for scope in self.scopes[:2]] if self.measure == "sequence" else None
            parts = yield from pieces_of(case, trace, None if wanted is None else [s for s in wanted if s is not None])
            unit = parts.unit
            for scope in self.scopes[:2]:
                span = spans[scope]
                if parts.missing:
                    told[scope] = Said(missing=parts.missing)
                elif span is None:
                    told[scope] = Said(missing=_UNSAID if scope is Scope.ANSWER else "no reasoning before the answer")
                else:
                    told[scope] = self._of([piece.logprob for piece in parts.over(span)])
        return reading(self.scale, told, (trace,), more={"unit": unit})

    def _of(self, values: list[float] | None) -> Said:
        if not values or any(math.isnan(value) for value in values):
            return Said(missing=_BARE)
        match self.measure:
            case "sequence":
                return Said(max(0.0, -math.fsum(values)))
            case "least":
                return Said(math.exp(min(0.0, *values)))
            case _:
                return Said(math.exp(min(0.0, math.fsum(values) / len(values))))

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        return findings(self, measured)


@dataclass(frozen=True, slots=True)
class TokenDistribution:
    """How peaked the distribution was from which tokens were drawn.

    `measure` "entropy" (nats) and "certainty" (self-certainty, mean KL from uniform, nats; Kang et al. 2025) are over
    the full vocabulary for the whole, where the record holds their means. The answer's "entropy" and "margin" (the
    likeliest probability minus the next) are read where the chain states it: the model writes up to `most` tokens
    there, greedily, and their `top` likeliest alternatives are taken, renormalised; means over those tokens. What the
    record does not hold and no model tells is missing.
    """

    measure: Literal["entropy", "margin", "certainty"] = "entropy"
    top: int = 20
    most: int = 4

    def __post_init__(self) -> None:
        if self.measure not in ("entropy", "margin", "certainty"):
            raise BadSetting(f"measure={self.measure!r} is not known.", "Use entropy, margin or certainty.")
        if self.top < 2 or self.most < 1:
            raise BadSetting(f"top={self.top}, most={self.most} show no distribution.", "Use top=20, most=4.")
        Sampling(top=self.top)

    @property
    def scale(self) -> Scale:
        match self.measure:
            case "entropy":
                return Scale(Direction.UNCERTAINTY, 0.0, math.inf, "nats")
            case "certainty":
                return Scale(Direction.CONFIDENCE, 0.0, math.inf, "nats")
            case _:
                return Scale(Direction.CONFIDENCE, 0.0, 1.0, "difference of probabilities")

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return {
            "entropy": (Scope.ANSWER, Scope.WHOLE),
            "margin": (Scope.ANSWER,),
            "certainty": (Scope.WHOLE,),
        }[self.measure]

    @property
    def asks(self) -> bool:
        return self.measure == "margin"

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset()

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        trace = case.trace
        if own_answer(case) is None:
            return reading(self.scale, {scope: Said(missing=NO_ANSWER) for scope in self.scopes}, (trace,))
        told: dict[Scope, Said] = {}
        if Scope.WHOLE in self.scopes:
            value = trace.certainty if self.measure == "certainty" else trace.entropy
            named = "self-certainty" if self.measure == "certainty" else "entropy"
            told[Scope.WHOLE] = Said(value, "" if value is not None else f"the record has no {named}")
        if Scope.ANSWER in self.scopes:
            told[Scope.ANSWER] = yield from self._at_answer(case, trace)
        return reading(self.scale, told, (trace,))

    def _at_answer(self, case: Case, trace: Trace) -> Flow[Said]:
        span = spans_of(trace)[Scope.ANSWER]
        if span is None:
            return Said(missing=_UNSAID)
        prompt = trace.prompt or case.prompt
        before = prompt.lead + own_words(trace)[: span[0]].rstrip()
        sampling = Sampling(0.0, max_tokens=self.most, stop=("\n",), top=self.top)
        try:
            asked = replace(prompt, lead=before, lead_ids=None, ids_from=0)
            (reply,) = yield from sample(asked, 1, sampling, path="doubt/answer", role="probe")
        except MissingCapability:
            return Said(missing="the model does not tell its likeliest tokens")
        rows = [_renormalised(row) for row in reply.top or ()]
        if not rows:
            return Said(missing="the model does not tell its likeliest tokens")
        if self.measure == "margin":
            return Said(math.fsum(row[0] - (row[1] if len(row) > 1 else 0.0) for row in rows) / len(rows))
        entropies = [-math.fsum(p * math.log(p) for p in row if p > 0) for row in rows]
        return Said(max(0.0, math.fsum(entropies) / len(rows)))

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        return findings(self, measured)


def _renormalised(row: Sequence[tuple[int, float]]) -> list[float]:
    """Probabilities of the likeliest tokens, which then sum to 1, the largest first."""
    chances = sorted((math.exp(value) for _, value in row), reverse=True)
    total = math.fsum(chances)
    return [chance / total for chance in chances] if total > 0 else []
