"""First names from many places, three to nine letters each."""

from __future__ import annotations

import functools
import json
import random
from importlib import resources

__all__ = ["draw_names", "names"]


@functools.cache
def names() -> tuple[str, ...]:
    """All names, each once, plain letters only."""
    text = resources.files("workings.problems").joinpath("names.json").read_text(encoding="utf-8")
    return tuple(json.loads(text))


def draw_names(rng: random.Random, count: int) -> tuple[str, ...]:
    """`count` different names in random order."""
    return tuple(rng.sample(names(), count))
