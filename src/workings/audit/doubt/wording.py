"""How a model is asked about its own answers; the wording is data, and its version part of what was measured."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

from workings.core.problem import Question

__all__ = ["hints", "posed", "version", "worded"]


@functools.cache
def _wording() -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(
        resources.files("workings.audit.doubt").joinpath("wording.json").read_text(encoding="utf-8")
    )
    return told


def version() -> int:
    """The version of the wording."""
    return int(_wording()["version"])


def worded(name: str, language: str, parts: Mapping[str, str] = MappingProxyType({})) -> str:
    """A text by name, in the language (English where there is none), with its parts in place."""
    told = _wording().get(language, _wording()["en"])[name]
    return re.sub(r"\{(\w+)\}", lambda m: parts.get(m[1], m[0]), told)


def hints(language: str, strength: str) -> tuple[str, ...]:
    """The hints of a strength, in order."""
    return tuple(_wording().get(language, _wording()["en"])["hints"][strength])


def posed(question: Question) -> str:
    """A question with its options."""
    options = [f"({chr(ord('A') + n)}) {text}" for n, text in enumerate(question.choices)]
    return "\n".join((question.text, *options))
