"""No model: it answers nothing. It stands where outputs are on record and whatever made them is not at hand."""

from __future__ import annotations

from typing import NoReturn

from workings.core.ask import Sample, Score
from workings.core.capability import Capability, Identity
from workings.core.errors import MissingCapability
from workings.run.ports import Watch

__all__ = ["Silent"]


class Silent:
    """A model without capabilities, by the name of what made the outputs; every ask raises MissingCapability."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset()

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> NoReturn:
        """Always raises."""
        raise self._missing()

    async def score(self, ask: Score) -> NoReturn:
        """Always raises."""
        raise self._missing()

    async def aclose(self) -> None:
        """Nothing to close."""

    def _missing(self) -> MissingCapability:
        return MissingCapability(f"There is no model behind {self.identity.name!r}.", "Name one with --model.")
