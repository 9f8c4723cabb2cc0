"""Relevance: log-probabilities weighted by what would be lost without each piece of the text (SAR)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from workings.audit.case import Case, Measured, Reading
from workings.audit.doubt.pieces import own_words, pieces_of, spans_of
from workings.audit.doubt.scale import NO_ANSWER, Direction, Said, Scale, Scope, chains_of, own_answer, reading
from workings.audit.doubt.verdict import findings
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.errors import BadSetting
from workings.core.finding import Finding
from workings.core.trace import Trace
from workings.stats.entropy import jaccard, jaccard_matrix, same_answer_matrix
from workings.stats.relevance import relevances, sentence_sar, token_sar
from workings.verify.extract import extract
from workings.verify.select import ballot

__all__ = ["Sar", "Similarity"]

Similarity = Callable[[str, str], float]
"""How alike two texts are, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Sar:
    """Uncertainty shifted to what is relevant (Duan et al. 2024), in nats.

    `form` "token" is TokenSAR of the audited chain, "sentence" SentSAR of the sampled chains, "both" SAR, which is
    SentSAR of their TokenSARs. `similarity` g is "answer" (1 for texts that give the same answer, so that only what
    carries the answer is relevant) or "words" (words shared, the question's included); in Python `g` takes any other.
    TokenSAR is said over the chain and the whole. The sampled chains are at most `most`. `t` is the published 0.001.

    Pieces are recorded tokens, or words where the record has no tokens.
    """

    form: Literal["token", "sentence", "both"] = "token"
    similarity: Literal["answer", "words"] = "answer"
    t: float = 0.001
    most: int = 5
    g: Similarity | None = None

    def __post_init__(self) -> None:
        if self.form not in ("token", "sentence", "both"):
            raise BadSetting(f"form={self.form!r} is not known.", "Use token, sentence or both.")
        if self.similarity not in ("answer", "words"):
            raise BadSetting(f"similarity={self.similarity!r} is not known.", "Use answer or words.")
        if not self.t > 0 or self.most < 2:
            raise BadSetting(f"t={self.t}, most={self.most} are out of range.", "Use t=0.001, most=5.")

    @property
    def scale(self) -> Scale:
        low = 0.0 if self.form == "token" else -math.inf
        return Scale(Direction.UNCERTAINTY, low, math.inf, "nats")

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return (Scope.CHAIN, Scope.WHOLE) if self.form == "token" else (Scope.WHOLE,)

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
        if own_answer(case) is None:
            return reading(self.scale, {scope: Said(missing=NO_ANSWER) for scope in self.scopes}, (case.trace,))
        if self.form == "token":
            told = yield from self._token(case, case.trace)
            return reading(self.scale, told, (case.trace,))
        chains = chains_of(case)[: self.most]
        if len(chains) < 2:
            return reading(self.scale, {Scope.WHOLE: Said(missing="fewer than two chains")}, chains)
        values: list[float] = []
        for trace in chains:
            if self.form == "sentence":
                value = None if not trace.logprobs else math.fsum(trace.logprobs)
                why = "the record has no log-probabilities"
            else:
                one = (yield from self._token(case, trace))[Scope.WHOLE]
                value, why = None if one.value is None else -one.value, one.missing
            if value is None:
                return reading(self.scale, {Scope.WHOLE: Said(missing=why)}, chains)
            values.append(value)
        table = self._table(chains)
        return reading(self.scale, {Scope.WHOLE: Said(sentence_sar(values, table, self.t))}, chains)

    def _table(self, chains: Sequence[Trace]) -> ArrayLike:
        texts = [own_words(trace) for trace in chains]
        if self.g is not None:
            return [[self.g(a, b) for b in texts] for a in texts]
        if self.similarity == "words":
            return jaccard_matrix(texts)
        return same_answer_matrix([ballot(trace.answer) for trace in chains])

    def _token(self, case: Case, trace: Trace) -> Flow[dict[Scope, Said]]:
        parts = yield from pieces_of(case, trace)
        spans, told = spans_of(trace), {}
        for scope in (Scope.CHAIN, Scope.WHOLE):
            span = spans[scope]
            kept = () if span is None else parts.over(span)
            if parts.missing or not kept:
                told[scope] = Said(missing=parts.missing or "no reasoning before the answer")
                continue
            relevance = relevances([piece.text for piece in kept], self._alike(case))
            told[scope] = Said(max(0.0, token_sar([piece.logprob for piece in kept], relevance)))
        return told

    def _alike(self, case: Case) -> Similarity:
        if self.g is not None:
            return self.g
        question = case.question
        if self.similarity == "words":
            return lambda one, other: jaccard(f"{question.text} {one}", f"{question.text} {other}")

        read: dict[str, str | None] = {}

        def same(one: str, other: str) -> float:
            for text in (one, other):
                if text not in read:
                    read[text] = ballot(extract(text, question.kind, question.choices))
            return float(read[one] == read[other])

        return same

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        return findings(self, measured)
