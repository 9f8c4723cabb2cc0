"""What an estimator says, and on which scale: missing is neither sure nor unsure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

from workings.audit.case import Audit, Case, Measured, Reading
from workings.core.errors import BadReply
from workings.core.trace import Trace
from workings.verify.select import ballot

__all__ = [
    "NO_ANSWER",
    "Direction",
    "Estimator",
    "Said",
    "Scale",
    "Scope",
    "chains_of",
    "own_answer",
    "reading",
    "said",
]

NO_ANSWER = "no answer to be sure of"


class Direction(StrEnum):
    """Which way a number points."""

    CONFIDENCE = "confidence"
    UNCERTAINTY = "uncertainty"


class Scope(StrEnum):
    """What a number is said over: the reasoning before the answer, the answer itself, or all that was written."""

    CHAIN = "chain"
    ANSWER = "answer"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Scale:
    """Direction, range and unit of a number. `low` and `high` may be infinite; a number outside them is an error.

    >>> Scale(Direction.UNCERTAINTY, 0, math.inf, "nats").surer(2.0)
    -2.0
    """

    direction: Direction
    low: float
    high: float
    unit: str

    @property
    def share(self) -> bool:
        """Whether a value can be read as a probability of being right, however badly calibrated."""
        return self.direction is Direction.CONFIDENCE and (self.low, self.high) == (0.0, 1.0)

    def surer(self, value: float) -> float:
        """The value turned so that higher is surer."""
        return value if self.direction is Direction.CONFIDENCE else -value

    def __str__(self) -> str:
        high = "∞" if self.high == math.inf else f"{self.high:g}"
        return f"{self.direction.value}, {self.low:g} to {high} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Said:
    """A number, or why there is none."""

    value: float | None = None
    missing: str = ""


class Estimator(Audit, Protocol):
    """An audit of how sure an answer is. `asks` says whether it puts anything to a model at all."""

    @property
    def scale(self) -> Scale: ...

    @property
    def scopes(self) -> tuple[Scope, ...]: ...

    @property
    def asks(self) -> bool: ...


def reading(
    scale: Scale,
    scopes: Mapping[Scope, Said],
    traces: Iterable[Trace],
    *,
    pool: tuple[Trace, ...] = (),
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Reading:
    """The values of one case as plain JSON; `traces` are the chains that were read, whose making is part of the cost.

    Raises BadReply for a number that is not on the scale: a NaN is missing, and to be said so, never a certainty.
    """
    scopes = {scope: _finite(one) for scope, one in scopes.items()}
    for scope, one in scopes.items():
        if one.value is not None and not scale.low - 1e-9 <= one.value <= scale.high + 1e-9:
            raise BadReply(f"{one.value} is not on the scale {scale} ({scope.value}).", "Say that it is missing.")
    read = list(traces)
    return Reading(
        {
            "scopes": {
                scope.value: {"value": None if one.value is None else _within(scale, one.value), "missing": one.missing}
                for scope, one in scopes.items()
            },
            "reads": {"chains": len(read), "tokens": sum(trace.usage.generated for trace in read)},
            **more,
        },
        pool,
    )


def _finite(one: Said) -> Said:
    """Infinity has no place in a record, and comes from texts that the model says it cannot write."""
    return Said(missing="impossible under the model") if one.value in (math.inf, -math.inf) else one


def _within(scale: Scale, value: float) -> float:
    return min(max(float(value), scale.low), scale.high)


def said(one: Measured, scope: Scope) -> Said:
    """What a reading from the record says over a scope."""
    told = one.values.get("scopes", {}).get(scope.value)
    if told is None:
        return Said(None, one.excluded or "not said over this")
    return Said(told["value"], told["missing"])


def own_answer(case: Case) -> str | None:
    """What the audited answer votes as; None when there is no answer to be sure of."""
    return ballot(case.solution.answer)


def chains_of(case: Case) -> Sequence[Trace]:
    """The chains that were drawn alike, any of which could have come first."""
    return [trace for trace in case.solution.pool if trace.role == "chain"]
