"""The ledger of one attempt: budget reserved before an ask, refunded after."""

from __future__ import annotations

import time
from collections.abc import Callable

from workings.core.budget import Budget
from workings.core.completion import Usage

__all__ = ["Meter"]

NOTHING = Usage()


class Meter:
    """What one attempt has spent, and what it may still spend.

    `drawn` counts the samples that were answered: a budget of calls is one of samples, and a verifier's calls, or a
    cache that needed none, do not change it.
    """

    def __init__(self, budget: Budget, clock: Callable[[], float] = time.monotonic) -> None:
        self.budget = budget
        self.spent = NOTHING
        self.drawn = 0
        self._clock = clock
        self._began = clock()

    @property
    def seconds(self) -> float:
        return self._clock() - self._began

    def room(self, wanted: int, max_tokens: int, tokens: int = 0, samples: int = 0) -> tuple[int, int]:
        """How many of `wanted` samples of at most `max_tokens` fit now, and how long each may be.

        `tokens` and `samples` are reserved already, for others that are asked for at the same time.

        When not even one whole sample fits, one shorter sample is offered as long as a token is left.
        """
        if self.budget.seconds is not None and self.seconds >= self.budget.seconds:
            return 0, 0
        if self.budget.calls is not None:
            wanted = min(wanted, self.budget.calls - self.drawn - samples)
        if self.budget.tokens is None or wanted <= 0:
            return max(wanted, 0), max_tokens
        left = self.budget.tokens - self.spent.generated - self.spent.probe - tokens
        whole = min(wanted, left // max_tokens)
        if whole > 0:
            return whole, max_tokens
        return (1, left) if left > 0 else (0, 0)

    def charge(self, usage: Usage) -> None:
        """Books what an ask really cost."""
        self.spent = self.spent + usage if self.spent is not NOTHING else usage
