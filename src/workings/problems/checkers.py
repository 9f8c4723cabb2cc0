"""Judgments for answers that are right in more than one way, by the name that a problem's metadata gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from workings.problems.countdown import judge_countdown

__all__ = ["CHECKERS"]

CHECKERS: Mapping[str, Callable[[str, Mapping[str, Any]], bool | None]] = MappingProxyType(
    {"countdown": judge_countdown}
)
"""From `problem.meta["checker"]` to a judgment of (answer text, `problem.meta`); None when the text cannot be read."""
