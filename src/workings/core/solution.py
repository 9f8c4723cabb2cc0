"""What a method returns, and what the record keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workings.core.answer import NO_ANSWER, Answer, Outcome
from workings.core.completion import Usage
from workings.core.trace import Trace

__all__ = ["Attempt", "Choice", "Failure", "Solution"]


@dataclass(frozen=True, slots=True)
class Choice:
    """How the answer was chosen from the pool.

    `weights` maps each canonical answer to its weight (votes, summed probability, best score), largest
    first. `chosen` is the index in the pool of the trace that stands for the answer. `tied` says that a
    seeded tie-break decided; `abstained` counts traces without an answer.
    """

    rule: str
    weights: Mapping[str, float] = field(default_factory=dict)
    chosen: int | None = None
    abstained: int = 0
    tied: bool = False


@dataclass(frozen=True, slots=True)
class Solution:
    """An answer, how sure the method is of it in [0, 1] (None: it cannot say), and the whole pool.

    `spent` is filled in by the driver. `partial` says why the method stopped early, or is empty.
    """

    answer: Answer = NO_ANSWER
    confidence: float | None = None
    pool: tuple[Trace, ...] = ()
    choice: Choice | None = None
    spent: Usage = Usage()
    partial: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)

    def having(self, spent: Usage) -> Solution:
        """This solution with what it cost."""
        return Solution(self.answer, self.confidence, self.pool, self.choice, spent, self.partial, self.notes)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that ended an attempt: its class, its message, and the line of the method it came from."""

    kind: str
    message: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One (problem, method, index): the unit of record.

    `seconds` is wall time from the start of the method until its answer was judged, waiting for the model included.
    `replies` is the journal
    of asks and replies, from which the attempt replays without a model.
    """

    problem_id: str
    method: str
    index: int
    seed: int
    outcome: Outcome | None
    solution: Solution | None = None
    failure: Failure | None = None
    spent: Usage = Usage()
    seconds: float = 0.0
    replies: tuple[Mapping[str, Any], ...] = ()
