"""A chain's text in pieces with their log-probabilities: tokens where the record has them, else words, read anew."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from workings.audit.case import Case, reasoning_of
from workings.audit.doubt.scale import Scope
from workings.core.ask import Flow, score
from workings.core.errors import BadReply, MissingCapability
from workings.core.trace import Trace

__all__ = ["Piece", "Pieces", "own_words", "pieces_of", "spans_of"]

_WORD = re.compile(r"\s*\S+")
_MOST = 400


@dataclass(frozen=True, slots=True)
class Piece:
    """A text, its half-open span in the trace's own words (what stands behind its lead), and log p (nats)."""

    text: str
    start: int
    end: int
    logprob: float


@dataclass(frozen=True, slots=True)
class Pieces:
    """All pieces of a chain in order; `unit` is "tokens" or "words". Empty with `missing` where they cannot be had."""

    unit: str = ""
    all: tuple[Piece, ...] = ()
    missing: str = ""

    def over(self, span: tuple[int, int]) -> tuple[Piece, ...]:
        """The pieces that hold a character of the span; one that holds more than the span counts whole."""
        return tuple(p for p in self.all if p.start < span[1] and p.end > span[0])


def own_words(trace: Trace) -> str:
    """What the model wrote behind the lead."""
    return trace.text[len("" if trace.prompt is None else trace.prompt.lead) :]


def spans_of(trace: Trace) -> dict[Scope, tuple[int, int] | None]:
    """Where chain, answer and whole stand in the trace's own words; None for what it does not have."""
    words, lead = own_words(trace), len(trace.text) - len(own_words(trace))
    reasoned = len(reasoning_of(trace).text)
    span = trace.answer.span
    placed = None if span is None or span[0] < lead else (span[0] - lead, span[1] - lead)
    return {
        Scope.CHAIN: (0, reasoned) if reasoned else None,
        Scope.ANSWER: placed,
        Scope.WHOLE: (0, len(words)) if words else None,
    }


def pieces_of(case: Case, trace: Trace, spans: Sequence[tuple[int, int]] | None = None) -> Flow[Pieces]:
    """The pieces of a chain, from its recorded tokens, or else from one ask that scores its beginnings.

    Each word's log-probability is the difference of two beginnings'; a word carries the blank before it. Where only
    sums over `spans` matter, only their edges are read, and a piece is what lies between two. Without tokens in the
    record and a model that scores given text, all is missing; so it is for more than 400 beginnings.
    """
    words = own_words(trace)
    if trace.tokens is not None and trace.logprobs is not None:
        told = _recorded(words, trace.tokens, trace.logprobs)
        if told is not None:
            return told
    ends = [m.end() for m in _WORD.finditer(words)]
    if spans is not None and ends:
        starts = {max((end for end in ends if end <= a), default=0) for a, _ in spans}
        ends = sorted({*starts, *(min((end for end in ends if end >= b), default=ends[-1]) for _, b in spans)} - {0})
    if not ends or len(ends) > _MOST:
        return Pieces(missing="nothing was written" if not ends else f"longer than {_MOST} words")
    prompt = replace(trace.prompt or case.prompt, lead_ids=None)
    try:
        found = yield from score(prompt, tuple(words[:end] for end in ends))
    except MissingCapability:
        return Pieces(missing="no tokens in the record, and no model that scores given text")
    sums = [0.0, *found.logprobs[0]]
    if any(math.isnan(value) for value in sums):
        raise BadReply("The model scored a chain with NaN.", "Load it in float32.")
    edges = [0, *ends]
    parts = zip(pairwise(edges), pairwise(sums), strict=True)
    return Pieces(
        "words", tuple(Piece(words[a:b], a, b, y - x if x > -math.inf else -math.inf) for (a, b), (x, y) in parts)
    )


def _recorded(words: str, tokens: Sequence[str], logprobs: Sequence[float]) -> Pieces | None:
    """Pieces from recorded tokens, None when they do not make up the text; an end token is a piece without text."""
    if len(tokens) != len(logprobs) or "".join(tokens) != words:
        return None
    found, at = [], 0
    for token, value in zip(tokens, logprobs, strict=True):
        found.append(Piece(token, at, at + len(token), value))
        at += len(token)
    return Pieces("tokens", tuple(found))
