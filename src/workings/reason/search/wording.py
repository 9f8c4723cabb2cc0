"""The sentences that searches put to the model, English and Chinese, from `prompts.json`."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from workings.core.errors import BadSetting
from workings.core.problem import Question
from workings.reason.prompts import pose

__all__ = ["asked", "gap", "say", "spoken"]


@functools.cache
def _sentences() -> Mapping[str, Mapping[str, str]]:
    text = resources.files("workings.reason.search").joinpath("prompts.json").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, str]] = json.loads(text)
    return found


def spoken(question: Question, language: str) -> str:
    """The language to use: "auto" is the question's own; BadSetting for one that nothing is written in."""
    chosen = question.language if language == "auto" else language
    if chosen not in ("en", "zh"):
        raise BadSetting(f"The prompts of this search are not written in {chosen!r}.", "There is: en, zh.")
    return chosen


def say(name: str, language: str, values: Mapping[str, Any] | None = None) -> str:
    """One sentence with its {places} filled; braces in the values are left as they are."""
    parts = _sentences()[name][language].split("{")
    text = parts[0]
    for part in parts[1:]:
        place, _, rest = part.partition("}")
        text += str((values or {})[place]) + rest
    return text


def asked(question: Question) -> str:
    """The question with its options."""
    return pose(question.text, question.choices)


def gap(text: str) -> str:
    """What stands between a chain and a line of its own behind it."""
    return "" if not text or text[-1].isspace() else "\n"
