"""What a method may want from the world: samples, scores, grades.

A method is a generator of asks. The helpers below give each reply its type, so that a method reads
`chains = yield from sample(prompt, n=8)` and needs no cast. The driver in `run/` answers.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from workings.core.completion import Completion, Usage
from workings.core.errors import BadSetting, BudgetEnded
from workings.core.problem import Question
from workings.core.prompt import Prompt

__all__ = [
    "Ask",
    "Flow",
    "Grade",
    "Grades",
    "Sample",
    "Sampling",
    "Score",
    "Scores",
    "Together",
    "grade",
    "sample",
    "sample_affordable",
    "sample_together",
    "score",
    "sigmoid",
]

R = TypeVar("R")
Flow = Generator["Ask", Any, R]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn.

    `temperature` 0 is greedy. `max_tokens` bounds generated tokens per sample. `top_k` 0 and `top_p` 1 switch
    those filters off; `stop` strings end a sample and are not part of its text, unless `keep_stop`: then the text ends
    with the stop string and whatever else its last token wrote, so that the sample's tokens can be continued exactly.
    `logprobs` asks for the log-probability of each chosen token, `top` for those of so many likeliest tokens at each
    place. `bias` adds to the logits of token ids before anything else, and `allowed` token ids, where given, are the
    only ones drawn: forced choices. Both change what is drawn, not the log-probabilities that are reported.
    """

    temperature: float = 0.7
    max_tokens: int = 512
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    stop: tuple[str, ...] = ()
    logprobs: bool = True
    top: int = 0
    bias: tuple[tuple[int, float], ...] = ()
    allowed: tuple[int, ...] = ()
    keep_stop: bool = False

    def __post_init__(self) -> None:
        rules = (
            self.temperature >= 0,
            self.max_tokens >= 1,
            self.top_k >= 0,
            0 < self.top_p <= 1,
            0 <= self.min_p < 1,
            0 <= self.top <= 100,
        )
        if not all(rules):
            name = ("temperature", "max_tokens", "top_k", "top_p", "min_p", "top")[rules.index(False)]
            raise BadSetting(f"{name}={getattr(self, name)} is out of range.", "See workings.core.ask.Sampling.")


@dataclass(frozen=True, slots=True)
class Sample:
    """Asks for `n` completions of one prompt, numbered from `start`.

    `path` names the place in the method ("chain", "answer"): together with the attempt's seed and a sample's
    number it fixes that sample's random numbers, so n=8 begins with the samples of n=5.
    `role` says how the tokens are charged: "chain", "probe" or "verifier".
    """

    prompt: Prompt
    n: int = 1
    sampling: Sampling = Sampling()
    path: str = "chain"
    start: int = 0
    role: str = "chain"


@dataclass(frozen=True, slots=True)
class Together:
    """Asks for samples of several prompts at once, so that branches of different parents are computed in one batch.

    The reply has one tuple of completions an ask, in the order asked, whatever the order in which they arrive. The
    budget is spent in that order too: what fits is a beginning of the samples, taken end to end.
    """

    asks: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """Asks for the log-probability of each candidate text after each cut of a chain.

    The text scored is the prompt and its lead, then the chain up to a cut (token ids when `chain_ids` is
    given and cuts count tokens; else characters), then `cue`, then the candidate.
    """

    prompt: Prompt
    candidates: tuple[str, ...]
    cuts: tuple[int, ...] = ()
    cue: str = ""
    chain: str = ""
    chain_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """Log-probabilities (nats), shape (cut, candidate), and what they cost."""

    logprobs: tuple[tuple[float, ...], ...]
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Grade:
    """Asks a verifier for scores of several chains, each given as its steps.

    An outcome verifier returns one score a chain; a process verifier one a step.
    """

    question: Question
    chains: tuple[tuple[str, ...], ...]
    verifier: str


@dataclass(frozen=True, slots=True)
class Grades:
    """Scores, shape (chain, score); `kind` is "probability", "logit" or "unbounded"."""

    scores: tuple[tuple[float, ...], ...]
    kind: str = "probability"
    usage: Usage = Usage()

    def as_probabilities(self) -> Grades:
        """The same with logits turned into probabilities, which alone can be multiplied, averaged and summed.

        Unbounded scores stay what they are.

        >>> Grades(((0.0,),), "logit").as_probabilities().scores
        ((0.5,),)
        """
        if self.kind != "logit":
            return self
        return Grades(tuple(tuple(map(sigmoid, row)) for row in self.scores), "probability", self.usage)


Ask = Sample | Together | Score | Grade


def sigmoid(logit: float) -> float:
    """The probability of a logit."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def sample(
    prompt: Prompt,
    n: int = 1,
    sampling: Sampling = Sampling(),
    *,
    path: str = "chain",
    start: int = 0,
    role: str = "chain",
) -> Flow[tuple[Completion, ...]]:
    """Exactly `n` completions in the order asked, or BudgetEnded with those that fit."""
    reply: tuple[Completion, ...] = yield Sample(prompt, n, sampling, path, start, role)
    return reply


def sample_affordable(
    prompt: Prompt,
    n: int = 1,
    sampling: Sampling = Sampling(),
    *,
    path: str = "chain",
    start: int = 0,
    role: str = "chain",
) -> Flow[tuple[tuple[Completion, ...], str]]:
    """Up to `n` completions, and why there are fewer than `n` (empty when there are not)."""
    try:
        completions = yield from sample(prompt, n, sampling, path=path, start=start, role=role)
    except BudgetEnded as end:
        kept = tuple(c for c in end.completions if isinstance(c, Completion))
        return kept, end.what
    return completions, ""


def sample_together(asks: tuple[Sample, ...]) -> Flow[tuple[tuple[tuple[Completion, ...], ...], str]]:
    """For each ask its completions, in the order asked, and why some are missing (empty when none is)."""
    if not asks:
        return (), ""
    try:
        reply: tuple[tuple[Completion, ...], ...] = yield Together(asks)
    except BudgetEnded as end:
        return tuple(part if isinstance(part, tuple) else () for part in end.completions), end.what
    return reply, ""


def score(
    prompt: Prompt,
    candidates: tuple[str, ...],
    *,
    cuts: tuple[int, ...] = (),
    cue: str = "",
    chain: str = "",
    chain_ids: tuple[int, ...] | None = None,
) -> Flow[Scores]:
    """Log-probabilities of candidates, shape (cut, candidate); no cuts means one, at the end of the chain."""
    reply: Scores = yield Score(prompt, candidates, cuts, cue, chain, chain_ids)
    return reply


def grade(question: Question, chains: tuple[tuple[str, ...], ...], verifier: str) -> Flow[Grades]:
    """A verifier's scores, shape (chain, score)."""
    reply: Grades = yield Grade(question, chains, verifier)
    return reply
