"""Deep think with confidence: only chains that were sure of themselves throughout vote."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from workings.core.answer import NO_ANSWER, Answer
from workings.core.ask import Flow, Sampling, sample_affordable, sample_together
from workings.core.capability import Capability
from workings.core.completion import Stop
from workings.core.errors import BadSetting, MissingCapability
from workings.core.problem import Question
from workings.core.solution import Choice, Solution
from workings.core.trace import Trace
from workings.reason.cot import style_notes
from workings.reason.manner import Manner, check_settings
from workings.reason.prompts import write_prompt
from workings.reason.vote import seed_of
from workings.reason.written import Written
from workings.verify.confidence import (
    ChainScore,
    chain_score,
    drops_at,
    most_confident,
    percentile,
    short_window,
    token_confidence,
)
from workings.verify.select import agreement, vote

__all__ = ["DeepConf"]


@dataclass(frozen=True, slots=True)
class DeepConf:
    """The answer with the largest summed confidence among the most confident of `n` sampled chains.

    A token's confidence is minus the mean log-probability of the `top` likeliest tokens there, a group's the mean over
    `window` tokens (0: a quarter of the median length of the chains, or of the warm-up; the published 2048 is for very
    long chains). A chain's is its least sure group ("lowest"), the mean of the least sure tenth of its groups
    ("bottom"), of its last window ("tail") or of all tokens ("mean").

    "offline": all chains are written, the share `keep` of the answered ones votes, each with its confidence. "online":
    `warmup` chains are written; the least sure group of the share `keep` of them sets a threshold; every later chain
    stops when a group falls below it, and does not vote; sampling stops once the winner holds the share `consensus` of
    all weight. Chains are written `batch` at a time in pieces of a window, and decided in the order asked. So up to a
    window of tokens behind the stop is written, charged and kept.

    A model that does not tell its likeliest tokens runs in a degraded mode: the probability of the chosen token stands
    for its confidence, and the rule says so. Chains that were filtered out or stopped count as abstained. Whether
    confidence helps depends on the model: compare with `vote`, which draws the same chains offline. `keep` 0.1 is the
    paper's "high" variant, 0.9 its conservative one, which is also what the published code calls 90.

    Source: Fu et al. 2025 (DeepConf). Left out: their adaptive warm-up for several problems.
    """

    n: int = 16
    mode: Literal["offline", "online"] = "offline"
    score: ChainScore = "lowest"
    keep: float = 0.9
    window: int = 0
    top: int = 20
    warmup: int = 8
    consensus: float = 0.95
    batch: int = 4
    style: str = "cot"
    shots: int = 0
    temperature: float = 0.7
    top_k: int = 0
    top_p: float = 1.0
    max_tokens: int = 1024
    order: int = 0
    language: str = "auto"

    def __post_init__(self) -> None:
        check_settings(n=self.n, shots=self.shots)
        if self.mode not in ("offline", "online"):
            raise BadSetting(f"mode={self.mode!r} is not known.", "Use mode=offline or mode=online.")
        chain_score((1.0,), 1, self.score)
        most_confident((), self.keep)
        for name, least in (("window", 0), ("top", 1), ("warmup", 1), ("batch", 1)):
            if getattr(self, name) < least:
                raise BadSetting(f"{name}={getattr(self, name)} is too small.", f"Use {name}={least} or more.")
        if not 0.5 < self.consensus <= 1:
            raise BadSetting(f"consensus={self.consensus} is no majority.", "Use a share above 0.5 and at most 1.")
        self.sampling  # noqa: B018

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.max_tokens, self.top_k, self.top_p, top=self.top)

    @property
    def manner(self) -> Manner:
        return Manner(self.style, self.shots, order=self.order, language=self.language)

    @property
    def needs(self) -> frozenset[Capability]:
        more = {Capability.LEAD} if self.mode == "online" else set()
        return self.manner.needs | {Capability.LOGPROBS} | more

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, question: Question) -> Flow[Solution]:
        prompt = write_prompt(question, self.style, shots=self.shots, order=self.order, language=self.language)
        first = self.n if self.mode == "offline" else min(self.warmup, self.n)
        completions, ended = yield from sample_affordable(prompt, first, self.sampling)
        if not completions:
            return Solution(partial=ended or "no sample came back")
        pool = _Pool(question, self.score, self.top)
        for number, completion in enumerate(completions):
            chain = Written(prompt, number)
            chain.add(completion)
            pool.chains.append(chain)
        pool.measure(self.window)
        if self.mode == "offline":
            pool.filter(self.keep)
            return self._solve(pool, ended)
        pool.warm(self.keep)
        while len(pool.chains) < self.n and not ended and not pool.clear(self.consensus):
            more = range(len(pool.chains), min(self.n, len(pool.chains) + self.batch))
            batch = [Written(prompt, number) for number in more]
            ended = yield from self._write(pool, batch)
            pool.hear(batch, self.consensus)
        return self._solve(pool, ended)

    def _write(self, pool: _Pool, batch: list[Written]) -> Flow[str]:
        """Writes the chains of a batch side by side until each has ended or its confidence fell."""
        going = batch
        while going:
            pieces = [min(pool.window, self.max_tokens - chain.generated) for chain in going]
            how = [Sampling(self.temperature, piece, self.top_k, self.top_p, top=self.top) for piece in pieces]
            replies, ended = yield from sample_together(
                tuple(chain.ask(sampling) for chain, sampling in zip(going, how, strict=True))
            )
            for chain, part in zip(going, replies, strict=False):
                for completion in part:
                    chain.add(completion)
            if ended:
                return ended
            going = [
                chain
                for chain in going
                if chain.stop is Stop.LENGTH and chain.generated < self.max_tokens and not pool.dropped(chain)
            ]
        return ""

    def _solve(self, pool: _Pool, ended: str) -> Solution:
        traces, choice = pool.choose(f"deepconf {self.mode} by {self.score} confidence")
        notes = {**pool.notes(), **style_notes(self.style, traces)}
        if choice.chosen is None:
            only = traces[0].answer if len(traces) == 1 else NO_ANSWER
            return Solution(only, 0.0, traces, choice, partial=ended, notes=notes)
        return Solution(traces[choice.chosen].answer, agreement(choice), traces, choice, partial=ended, notes=notes)


@dataclass(slots=True)
class _Pool:
    """The chains of one attempt, how sure each was, and which of them vote."""

    question: Question
    score: ChainScore
    top: int
    chains: list[Written] = field(default_factory=list)
    window: int = 1
    exact: bool = True
    threshold: float | None = None
    votes: list[bool] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    stopped: int = 0
    known: dict[tuple[int, int], tuple[float, ...]] = field(default_factory=dict)

    def measure(self, window: int) -> None:
        """Fixes the window, and which kind of confidence this model allows."""
        self.exact = all(chain.top is not None for chain in self.chains)
        self.window = window or short_window([chain.generated for chain in self.chains])
        self.answers = [chain.trace(self.question).answer for chain in self.chains]

    def filter(self, keep: float) -> None:
        """Lets the most confident share of the answered chains vote."""
        given = [i for i, answer in enumerate(self.answers) if answer.raw]
        kept = most_confident([self.weight(self.chains[i]) for i in given], keep)
        self.votes = [False] * len(self.chains)
        for i, stays in zip(given, kept, strict=True):
            self.votes[i] = stays

    def warm(self, keep: float) -> None:
        """Sets the threshold from the warm-up, of which those above it vote."""
        lows = [chain_score(self.values(chain), self.window, "lowest") for chain in self.chains]
        self.threshold = percentile(lows, 1 - keep)
        self.votes = [low >= self.threshold for low in lows]

    def hear(self, batch: Sequence[Written], consensus: float) -> None:
        """Takes in chains in the order asked; those behind a consensus are kept and do not vote."""
        for chain in batch:
            if not chain.pieces:
                continue
            fell = self.dropped(chain)
            self.stopped += fell
            self.votes.append(not fell and not self.clear(consensus))
            self.chains.append(chain)
            self.answers.append(chain.trace(self.question).answer)

    def dropped(self, chain: Written) -> bool:
        """Whether a group of this chain fell below the threshold."""
        return self.threshold is not None and drops_at(self.values(chain), self.window, self.threshold) is not None

    def clear(self, consensus: float) -> bool:
        """Whether the winner so far holds enough of all weight."""
        choice = self._vote("")
        return bool(choice.weights) and agreement(choice) >= consensus

    def values(self, chain: Written) -> tuple[float, ...]:
        """The confidence of each token of a chain."""
        place = (chain.number, chain.generated)
        if place not in self.known:
            self.known[place] = self._values(chain)
        return self.known[place]

    def _values(self, chain: Written) -> tuple[float, ...]:
        if self.exact and chain.top is not None:
            return token_confidence(chain.top, self.top)
        if chain.logprobs is None or self.exact:
            raise MissingCapability(
                "This model returned a chain without log-probabilities, which are needed here.", "Use vote."
            )
        return tuple(math.exp(min(logprob, 0.0)) for logprob in chain.logprobs)

    def weight(self, chain: Written) -> float:
        return chain_score(self.values(chain), self.window, self.score)

    def _vote(self, rule: str) -> Choice:
        heard = [a if votes else NO_ANSWER for a, votes in zip(self.answers, self.votes, strict=True)]
        weights = [self.weight(chain) for chain in self.chains]
        return vote(heard, weights, seed_of(self.question), rule)

    def choose(self, rule: str) -> tuple[tuple[Trace, ...], Choice]:
        """The pool as traces, and the vote."""
        choice = self._vote(rule if self.exact else f"{rule} (of chosen tokens)")
        traces = []
        for chain, answer in zip(self.chains, self.answers, strict=True):
            late = self.threshold is not None and chain.pieces > 1 and self.dropped(chain)
            role = "chain" if self.threshold is None else "branch"
            trace = chain.trace(self.question, answer, stop=Stop.CANCELLED if late else None, role=role)
            traces.append(replace(trace, scores={"deepconf": (self.weight(chain),)}))
        return tuple(traces), choice

    def notes(self) -> dict[str, Any]:
        told: dict[str, Any] = {"window": self.window, "voted": sum(self.votes), "drawn": len(self.chains)}
        if self.threshold is not None:
            told |= {"threshold": self.threshold, "stopped": self.stopped}
        return told
