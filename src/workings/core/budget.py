"""How much may be spent."""

from __future__ import annotations

from dataclasses import dataclass

from workings.core.errors import BadSetting

__all__ = ["Budget"]


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits for one attempt; None is no limit.

    `tokens` counts generated tokens, probes included. Prompt and verifier tokens are charged in the ledger and
    shown, but do not count here, so that methods compare at equal generation. `calls` counts samples.
    `seconds` is wall time, checked before each ask: it makes a run depend on the machine.
    """

    tokens: int | None = None
    calls: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("tokens", "calls", "seconds"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise BadSetting(f"A budget of {value} {name} cannot buy anything.", "Give a positive number.")
