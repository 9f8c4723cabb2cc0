"""Read-out: the answer's share when the answer is asked for at the end of the reasoning, without sampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from workings.audit.case import Case, Measured, Reading
from workings.audit.doubt.scale import NO_ANSWER, Direction, Said, Scale, Scope, own_answer, reading
from workings.audit.doubt.verdict import findings
from workings.audit.readout import Options, options_of, read_out, written
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.stats.entropy import entropy

__all__ = ["ReadOut"]


@dataclass(frozen=True, slots=True)
class ReadOut:
    """How likely the answers are where the reasoning ends, in one ask.

    `measure` "probability" is that of the audited answer's text, "share" that among the options, "margin" its share
    minus the largest other one, "entropy" that of the shares (nats). Options are the choices of the question, or the
    answers that came up in the pool and in chains of other problems: never the gold answer, which would tell. With
    nothing to set against the answer only the probability is said. `at` "end" reads behind the whole reasoning,
    "start" before it: how sure the model was without thinking.
    """

    measure: Literal["probability", "share", "margin", "entropy"] = "probability"
    at: Literal["end", "start"] = "end"

    def __post_init__(self) -> None:
        if self.measure not in ("probability", "share", "margin", "entropy"):
            raise BadSetting(f"measure={self.measure!r} is not known.", "Use probability, share, margin or entropy.")
        if self.at not in ("end", "start"):
            raise BadSetting(f"at={self.at!r} is not known.", "Use end or start.")

    @property
    def scale(self) -> Scale:
        match self.measure:
            case "entropy":
                return Scale(Direction.UNCERTAINTY, 0.0, math.inf, "nats")
            case "margin":
                return Scale(Direction.CONFIDENCE, -1.0, 1.0, "difference of shares")
            case _:
                return Scale(Direction.CONFIDENCE, 0.0, 1.0, "probability of the answer")

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
        if own is None:
            return reading(self.scale, {Scope.ANSWER: Said(missing=NO_ANSWER)}, (case.trace,))
        blind = replace(case, problem=replace(case.problem, gold=None))
        options = options_of(blind)
        if options is None:
            if self.measure != "probability":
                return reading(self.scale, {Scope.ANSWER: Said(missing="no other answer came up")}, (case.trace,))
            options = Options((own,), (written(case.question, own),))
        chain = case.reasoning.text if self.at == "end" else ""
        curve = yield from read_out(case, options, chain)
        shares = curve.shares[0]
        match self.measure:
            case "probability":
                value = min(1.0, math.exp(curve.logprobs[0][0]))
            case "share":
                value = shares[0]
            case "margin":
                value = shares[0] - max(shares[1:])
            case _:
                value = entropy(shares)
        more = {"mass": curve.mass[0], "options": len(options.names)}
        return reading(self.scale, {Scope.ANSWER: Said(value)}, (case.trace,), more=more)

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        return findings(self, measured)
