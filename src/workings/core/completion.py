"""What a model returned for one sample, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Completion", "Stop", "Usage"]


class Stop(StrEnum):
    """Why a completion ended."""

    STRING = "stop string"
    END = "end token"
    LENGTH = "length"
    CONTEXT = "context full"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @property
    def finished(self) -> bool:
        """Whether the model came to an end of its own; a chain cut by length is not finished."""
        return self in (Stop.STRING, Stop.END)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and calls spent. Prompt tokens are split into newly computed and cached ones.

    `generated` counts sampled tokens of chains; `probe` those of probes that are thrown away; `verifier`
    every token a verifier or judge read or wrote.
    """

    prompt: int = 0
    cached: int = 0
    generated: int = 0
    verifier: int = 0
    probe: int = 0
    calls: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.generated + other.generated,
            self.verifier + other.verifier,
            self.probe + other.probe,
            self.calls + other.calls,
        )

    @property
    def total(self) -> int:
        """All tokens, cached prompt tokens included."""
        return self.prompt + self.cached + self.generated + self.verifier + self.probe


@dataclass(frozen=True, slots=True)
class Completion:
    """One sample.

    `text` is what the assistant wrote after the lead; `thinking` is reasoning text that the server returned
    apart from it. `token_ids` and `logprobs` (natural log, of the chosen tokens, under the unmodified
    distribution at temperature 1) have one entry a generated token, the end token included when one was
    sampled; None when the model does not say. `top` has for each token the likeliest token ids with their
    log-probabilities, when they were asked for; a model that can give them then gives `tokens` too, which make up the
    text. `entropy` and `certainty` are the means over generated tokens
    of the full-vocabulary entropy (nats) and of self-certainty (mean KL from uniform, nats), when known.
    """

    text: str
    stop: Stop = Stop.UNKNOWN
    token_ids: tuple[int, ...] | None = None
    tokens: tuple[str, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    thinking: str = ""
    entropy: float | None = None
    certainty: float | None = None
    seed: int | None = None
    usage: Usage = Usage()
    top: tuple[tuple[tuple[int, float], ...], ...] | None = None

    @property
    def mean_logprob(self) -> float | None:
        """Mean log-probability per generated token: the log of the length-normalised probability."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else None
