"""A chain that is written piece by piece, each piece continuing the exact tokens of the last where they are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from workings.core.answer import Answer
from workings.core.ask import Sample, Sampling
from workings.core.completion import Completion, Stop, Usage
from workings.core.errors import MissingCapability
from workings.core.problem import Question
from workings.core.prompt import Prompt
from workings.core.trace import Trace
from workings.verify.extract import extract
from workings.verify.steps import split_steps
from workings.verify.thinking import closing_tag

__all__ = ["Written"]

_BROKEN = "\ufffd"

Row = tuple[tuple[int, float], ...]
T = TypeVar("T")


@dataclass(slots=True)
class Written:
    """What has been written of one chain so far; `text` begins with the prompt's lead.

    `ids` are None once text was put in that nobody sampled, or when the model does not say. `tokens` and `top` are
    those of all that was generated, None when a piece came without. `pieces` counts the samples.
    """

    prompt: Prompt
    number: int = 0
    text: str = ""
    ids: tuple[int, ...] | None = ()
    logprobs: tuple[float, ...] | None = ()
    tokens: tuple[str, ...] | None = ()
    top: tuple[Row, ...] | None = ()
    generated: int = 0
    usage: Usage = field(default_factory=Usage)
    stop: Stop = Stop.UNKNOWN
    seed: int | None = None
    thinking: str = ""
    certainty: float | None = None
    pieces: int = 0

    def __post_init__(self) -> None:
        self.text = self.text or self.prompt.lead

    @property
    def lead(self) -> Prompt:
        """The prompt that continues this chain."""
        if not self.pieces and self.text == self.prompt.lead:
            return self.prompt
        ids = self.ids or None
        return Prompt(self.prompt.messages, self.text, ids, len(self.prompt.lead) if ids else 0)

    def ask(self, sampling: Sampling) -> Sample:
        """Asks for the next piece. The first one draws the random numbers of a plain chain with the same number."""
        if not self.pieces:
            return Sample(self.lead, 1, sampling, "chain", self.number)
        return Sample(self.lead, 1, sampling, f"chain/{self.number}", self.pieces)

    def add(self, completion: Completion) -> None:
        """Takes a piece in.

        Raises MissingCapability when the server keeps thinking apart from the text: such a chain cannot be continued.
        """
        if completion.thinking and completion.stop in (Stop.LENGTH, Stop.STRING):
            raise MissingCapability(
                "This server returns thinking apart from the text, so a chain cannot be continued.",
                "Start it without a reasoning parser, or use cot or vote.",
            )
        paused = completion.stop is Stop.LENGTH and completion.token_ids is not None
        self.text += completion.text.rstrip(_BROKEN) if paused else completion.text
        self.ids = _joined(self.ids, completion.token_ids)
        self.logprobs = _joined(self.logprobs, completion.logprobs)
        self.tokens = _joined(self.tokens, completion.tokens)
        self.top = _joined(self.top, completion.top)
        self.generated += completion.usage.generated
        self.usage = self.usage + completion.usage
        self.stop, self.thinking = completion.stop, self.thinking + completion.thinking
        self.seed = completion.seed if self.pieces == 0 else self.seed
        self.certainty = completion.certainty if self.pieces == 0 else None
        self.pieces += 1

    def say(self, text: str) -> None:
        """Puts in text that the model did not write."""
        if text:
            self.text += text
            self.ids = None

    @property
    def tag(self) -> str:
        """The tag that closes the thinking this chain is in the middle of; empty when it is not."""
        return closing_tag(self.text)

    def trace(
        self, question: Question, answer: Answer | None = None, *, stop: Stop | None = None, role: str = "chain"
    ) -> Trace:
        """The chain as a trace; its answer is read from its text when none is given."""
        if answer is None:
            answer = extract(self.text, question.kind, question.choices, thinking=self.thinking)
        return Trace(
            text=self.text,
            steps=split_steps(self.text),
            answer=answer,
            stop=stop or self.stop,
            prompt=self.prompt,
            thinking=self.thinking,
            role=role,
            token_ids=self.ids if self.pieces else None,
            logprobs=self.logprobs if self.pieces else None,
            seed=self.seed,
            usage=self.usage,
            certainty=self.certainty,
        )


def _joined(one: tuple[T, ...] | None, more: tuple[T, ...] | None) -> tuple[T, ...] | None:
    return None if one is None or more is None else (*one, *more)
