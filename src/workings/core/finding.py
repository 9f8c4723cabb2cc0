"""A measured claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workings.core.completion import Usage

__all__ = ["Finding", "Interval"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval and the name of the rule that made it."""

    low: float
    high: float
    rule: str
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Finding:
    """A value with all that is needed to believe or doubt it.

    `null` is the value expected when there is nothing to find, `ceiling` the largest one possible, `noise` the
    spread between repetitions; `n` counts items, `excluded` those left out, by reason; `cost` is what was spent on it.
    """

    name: str
    value: float | None
    interval: Interval | None = None
    null: float | None = None
    ceiling: float | None = None
    noise: float | None = None
    n: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    cost: Usage = Usage()
    does_not_show: str = ""
