"""Consistency: how much sampled chains agree, by what they answer or by the words they use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workings.audit.case import Case, Measured, Reading, reasoning_of
from workings.audit.doubt.scale import NO_ANSWER, Direction, Said, Scale, Scope, chains_of, own_answer, reading
from workings.audit.doubt.verdict import findings
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.core.trace import Trace
from workings.stats.entropy import (
    answer_shares,
    degree_spread,
    eccentricity,
    eigenvalue_sum,
    entropy,
    jaccard_matrix,
    likelihood_shares,
    same_answer_matrix,
)
from workings.verify.select import ballot

__all__ = ["Consistency"]

_FEW = "fewer than two chains"
_BARE = "the record has no log-probabilities"
_SPREADS = {"degree": degree_spread, "eigenvalues": eigenvalue_sum, "eccentricity": eccentricity}


@dataclass(frozen=True, slots=True)
class Consistency:
    """How much the chains of one attempt agree; from the record alone, without a model.

    `measure` is "agreement" (the share of chains that give the audited answer), "entropy" (of the shares of answers,
    which is discrete semantic entropy), "weighted-entropy" (shares by the probability of the distinct texts, each
    normalised by its length), "answers" (how many there are), or, over a matrix of similarities, "degree",
    "eigenvalues", "eccentricity". Chains are alike when they give the same answer, as votes are counted; with
    `similarity` "words", by the words they share, said over chain and whole apart. Chains without an answer count as
    one more answer. `most` chains at most are read (0: all).

    Samples of one model share its mistakes: agreement is not accuracy.
    Sources: Wang et al. 2023; Kuhn et al. 2023; Farquhar et al. 2024; Lin et al. 2024; answer equivalence stands in
    for entailment between texts.
    """

    measure: Literal["agreement", "entropy", "weighted-entropy", "answers", "degree", "eigenvalues", "eccentricity"] = (
        "agreement"
    )
    similarity: Literal["answer", "words"] = "answer"
    most: int = 0

    def __post_init__(self) -> None:
        known = ("agreement", "entropy", "weighted-entropy", "answers", *_SPREADS)
        if self.measure not in known:
            raise BadSetting(f"measure={self.measure!r} is not known.", f"Use {', '.join(known)}.")
        if self.similarity not in ("answer", "words"):
            raise BadSetting(f"similarity={self.similarity!r} is not known.", "Use answer or words.")
        if self.similarity == "words" and self.measure not in _SPREADS:
            raise BadSetting(f"{self.measure} goes by answers.", f"Words serve {', '.join(_SPREADS)}.")
        if self.most < 0 or self.most == 1:
            raise BadSetting(f"most={self.most} leaves nothing to agree.", "Use 2 or more, or 0 for all.")

    @property
    def scale(self) -> Scale:
        match self.measure:
            case "agreement":
                return Scale(Direction.CONFIDENCE, 0.0, 1.0, "share of chains")
            case "entropy" | "weighted-entropy":
                return Scale(Direction.UNCERTAINTY, 0.0, math.inf, "nats")
            case "answers" | "eigenvalues":
                return Scale(Direction.UNCERTAINTY, 1.0, math.inf, "answers")
            case "degree":
                return Scale(Direction.UNCERTAINTY, 0.0, 1.0, "mean unlikeness")
            case _:
                return Scale(Direction.UNCERTAINTY, 0.0, math.inf, "norm")

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return (Scope.ANSWER,) if self.similarity == "answer" else (Scope.CHAIN, Scope.WHOLE)

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
        chains = chains_of(case)
        chains = chains[: self.most or len(chains)]
        own = own_answer(case)
        told = {scope: self._say(case, chains, own, scope) for scope in self.scopes}
        yield from ()
        return reading(self.scale, told, chains)

    def _say(self, case: Case, chains: Sequence[Trace], own: str | None, scope: Scope) -> Said:
        if own is None:
            return Said(missing=NO_ANSWER)
        if len(chains) < 2:
            return Said(missing=_FEW)
        names = [ballot(trace.answer) for trace in chains]
        if self.measure == "agreement":
            return Said(names.count(own) / len(names))
        if self.measure == "answers":
            return Said(float(len(set(names))))
        if self.measure == "entropy":
            return Said(entropy(list(answer_shares(names).values())))
        if self.measure == "weighted-entropy":
            values = [trace.mean_logprob for trace in chains]
            known = [value for value in values if value is not None]
            if len(known) < len(values):
                return Said(missing=_BARE)
            return Said(entropy(list(likelihood_shares(names, [t.text for t in chains], known).values())))
        if self.similarity == "answer":
            table = same_answer_matrix(names)
        else:
            table = jaccard_matrix([t.text if scope is Scope.WHOLE else reasoning_of(t).text for t in chains])
        return Said(_SPREADS[self.measure](table))

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        return findings(self, measured)
