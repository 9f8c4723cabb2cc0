"""Chains of reasoning, and where they branched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workings.core.answer import NO_ANSWER, Answer
from workings.core.completion import Completion, Stop, Usage
from workings.core.prompt import Prompt

__all__ = ["Step", "Trace"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its text and its half-open character span in the trace's text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Trace:
    """One chain of reasoning, kept whether or not it was chosen.

    `text` is everything the assistant wrote: the lead, then what was generated. `parent` is the index in the
    pool of the trace it branched from, and `branch_at` the character of `text` where it left it. `scores`
    maps a verifier's name to its scores: one per step for a process verifier, one for an outcome verifier.
    `role` "chain" says that it was drawn as all other chains of the pool were and whatever they answered, so that any
    of them could have come first; a "branch" was not, and a "probe" only served to look.
    `certainty` is the chain's self-certainty (nats), when the model tells it, `entropy` the mean entropy of its tokens
    (nats), `tokens` their texts.
    """

    text: str
    steps: tuple[Step, ...] = ()
    answer: Answer = NO_ANSWER
    stop: Stop = Stop.UNKNOWN
    prompt: Prompt | None = None
    thinking: str = ""
    parent: int | None = None
    branch_at: int | None = None
    role: str = "chain"
    token_ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    seed: int | None = None
    usage: Usage = Usage()
    certainty: float | None = None
    entropy: float | None = None
    tokens: tuple[str, ...] | None = None

    @property
    def mean_logprob(self) -> float | None:
        """Mean log-probability per generated token, when the model gave any."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else None

    @classmethod
    def of(
        cls,
        prompt: Prompt,
        completion: Completion,
        answer: Answer,
        steps: tuple[Step, ...],
        *,
        role: str = "chain",
        parent: int | None = None,
        branch_at: int | None = None,
    ) -> Trace:
        """A trace from a prompt and the completion that continued its lead."""
        return cls(
            text=prompt.lead + completion.text,
            steps=steps,
            answer=answer,
            stop=completion.stop,
            prompt=prompt,
            thinking=completion.thinking,
            parent=parent,
            branch_at=branch_at,
            role=role,
            token_ids=completion.token_ids,
            logprobs=completion.logprobs,
            seed=completion.seed,
            usage=completion.usage,
            certainty=completion.certainty,
            entropy=completion.entropy,
            tokens=completion.tokens,
        )
