"""What was answered. "No answer" is a value, and so is "could not tell"."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["NO_ANSWER", "Answer", "Outcome", "Source"]


class Source(StrEnum):
    """Where in the reply an answer was found."""

    DECLARED = "declared"
    BOXED = "boxed"
    LAST = "last seen"
    WHOLE = "whole reply"
    THINKING = "inside thinking"
    NONE = "none"


class Outcome(StrEnum):
    """Four states, never folded silently. UNPARSED: no answer was found, or it could not be read."""

    RIGHT = "right"
    WRONG = "wrong"
    UNPARSED = "unparsed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Answer:
    """Raw text, canonical form, and where it stood.

    `canonical` is None when there is no answer, or when there is text that could not be read as the kind
    asked for (then `raw` is not empty). `span` gives character offsets of `raw` in the reply.
    """

    raw: str = ""
    canonical: str | None = None
    span: tuple[int, int] | None = None
    source: Source = Source.NONE

    @property
    def given(self) -> bool:
        """Whether this answer can vote."""
        return self.canonical is not None


NO_ANSWER = Answer()
