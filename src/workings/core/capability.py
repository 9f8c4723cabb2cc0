"""What a model can do, and which model it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Capability", "Identity"]


class Capability(StrEnum):
    """Stated by a model, needed by a method."""

    LEAD = "continue a lead"
    LOGPROBS = "log-probabilities of chosen tokens"
    TOP = "log-probabilities of the likeliest tokens"
    SCORE = "score given text"
    SEEDS = "seeds"
    STOP = "stop strings"
    WHITE_BOX = "white box"


@dataclass(frozen=True, slots=True)
class Identity:
    """Which model: name, revision, digest of its weights (when known) and of its chat template."""

    name: str
    revision: str = ""
    digest: str = ""
    template: str = ""

    @property
    def key(self) -> str:
        """One string that differs when any part does."""
        return "\x1f".join((self.name, self.revision, self.digest, self.template))
