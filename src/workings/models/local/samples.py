"""Samples in progress: what was asked, what has been drawn so far, and the result when one ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from workings.core.ask import Sampling
from workings.core.completion import Stop
from workings.models.local.network import Network
from workings.models.local.sampling import Knobs, draw, likeliest, uniforms
from workings.models.local.stops import Stream, cut, find

__all__ = ["Request", "Result", "Sampled", "advance"]


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Request:
    """One sample to generate: at most `room` tokens, of which the sampling allows `sampling.max_tokens`."""

    ids: tuple[int, ...]
    sampling: Sampling
    seed: int
    room: int
    watch: Callable[[str], None] | None = None
    cancelled: Callable[[], bool] = _never

    @property
    def limit(self) -> int:
        """Most tokens this sample can have."""
        return min(self.sampling.max_tokens, self.room)


@dataclass(frozen=True, slots=True)
class Result:
    """One sample. `ids` and `logprobs` end with the last token that writes kept text, or with the end token;
    `generated` counts every token drawn, those of a stop string included; `computed` the prompt tokens that were
    computed for this sample, the others came from the tree."""

    text: str
    stop: Stop
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    entropy: float | None
    certainty: float | None
    generated: int
    computed: int
    top: tuple[tuple[tuple[int, float], ...], ...] | None = None


class Sampled:
    """One sample in progress. Its random numbers are fixed by its seed, one a token, however often it is put off."""

    __slots__ = (
        "computed",
        "done",
        "facts",
        "flagged",
        "ids",
        "limit",
        "number",
        "request",
        "stream",
        "top",
        "uniform",
    )

    def __init__(self, network: Network, request: Request, number: int, done: Callable[[int, Result], None]) -> None:
        self.request, self.number, self.done = request, number, done
        self.limit = request.limit
        self.ids: list[int] = []
        self.facts: list[Sequence[float]] = []
        self.computed = 0
        self.top: list[tuple[tuple[int, float], ...]] = []
        self.uniform = uniforms(request.seed, request.limit)
        self.flagged = network.watcher.flagged(request.sampling.stop)
        self.stream = None if request.watch is None else Stream(network.text, request.ids, request.sampling.stop)

    @property
    def written(self) -> tuple[int, ...]:
        """The prompt and all that has been drawn."""
        return (*self.request.ids, *self.ids)

    def take(self, token: int, facts: Sequence[float], network: Network) -> Stop | None:
        """Adds a token with its log-probability, entropy and certainty; says why the sample ends, if it does."""
        self.ids.append(token)
        self.facts.append(facts)
        if token in network.ends:
            return Stop.END
        if token in self.flagged and network.watcher.complete(self.ids, self.request.sampling.stop):
            return Stop.STRING
        if len(self.ids) >= self.limit:
            return Stop.CONTEXT if self.limit < self.request.sampling.max_tokens else Stop.LENGTH
        if self.stream is not None and self.request.watch is not None:
            new = self.stream.push(token)
            if new:
                self.request.watch(new)
        return None

    def finish(self, stop: Stop, network: Network) -> None:
        """Hands over the result."""
        text, request, ids = network.text, self.request, self.ids
        special = stop is Stop.STRING and ids[-1] in network.watcher.special(request.sampling.stop)
        written = text.decode_after(request.ids, ids[:-1] if stop is Stop.END or special else ids)
        at = find(written, request.sampling.stop)
        kept = len(ids)
        if at >= 0:
            stop = Stop.STRING
            if not request.sampling.keep_stop:
                written = written[:at]
                kept = cut(text, request.ids, ids, written)
        elif special:
            kept -= 1
        facts = np.array(self.facts[:kept]).reshape(kept, 3)
        entropy, certainty = (float(v) for v in facts[:, 1:].mean(axis=0)) if kept else (None, None)
        if self.stream is not None and request.watch is not None and len(written) > self.stream.sent:
            request.watch(written[self.stream.sent :])
        result = Result(
            written, stop, tuple(ids[:kept]), tuple(facts[:, 0].tolist()), entropy, certainty, len(ids), self.computed
        )
        if request.sampling.top:
            result = replace(result, top=tuple(self.top[:kept]))
        self.done(self.number, result)


def advance(
    network: Network, samples: Sequence[Sampled], logits: torch.Tensor, rows: torch.Tensor | None, knobs: Knobs
) -> tuple[list[int], list[tuple[Sampled, Stop]]]:
    """Draws one token for each sample; the tokens, and the samples that end with them, each with the reason.

    `logits` (rows, vocabulary) and `rows` (samples,) are as `draw` takes them.
    """
    uniform = torch.tensor([float(s.uniform[len(s.ids)]) for s in samples], dtype=torch.float64)
    drawn, facts = draw(logits, rows, knobs, uniform.to(logits.device))
    if knobs.top:
        for sample, best in zip(samples, likeliest(logits, rows, knobs.top), strict=True):
            sample.top.append(tuple(best[: sample.request.sampling.top]))
    tokens, ended = drawn.tolist(), []
    for sample, token, fact in zip(samples, tokens, facts.tolist(), strict=True):
        stop = sample.take(token, fact, network)
        if stop is None and sample.request.cancelled():
            stop = Stop.CANCELLED
        if stop is not None:
            ended.append((sample, stop))
    return tokens, ended
