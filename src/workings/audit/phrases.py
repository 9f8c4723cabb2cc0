"""The sentences that audits put to a model: data, in English and Chinese, under a name and a version."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from workings.core.errors import BadSetting

__all__ = ["Phrases", "filled", "phrases"]

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Phrases:
    """The sentences of one file in one language; `name` and `version` are part of what was measured."""

    name: str
    version: int
    language: str
    texts: Mapping[str, Any]

    @property
    def stamp(self) -> str:
        """Name, version and language as one word: "sycophancy/1/en"."""
        return f"{self.name}/{self.version}/{self.language}"

    def say(self, key: str, parts: Mapping[str, str] | None = None) -> str:
        """The sentence `key` with each {slot} that is in `parts` filled in; other braces stay as they are."""
        return filled(str(self.texts[key]), parts or {})


def filled(text: str, parts: Mapping[str, str]) -> str:
    """A text with each {slot} that is in `parts` filled in, once: what is put in is not looked at again."""
    return _SLOT.sub(lambda m: parts.get(m[1], m[0]), text)


@functools.cache
def phrases(name: str, language: str) -> Phrases:
    """The sentences of `audit/NAME.json`; BadSetting for a language they are not written in."""
    told = json.loads(resources.files("workings.audit").joinpath(f"{name}.json").read_text(encoding="utf-8"))
    if language not in told:
        known = ", ".join(key for key in told if key != "version")
        raise BadSetting(f"The prompts of {name!r} are not written in {language!r}.", f"There is: {known}.")
    return Phrases(name, int(told["version"]), language, told[language])
