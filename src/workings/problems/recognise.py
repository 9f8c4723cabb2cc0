"""Which procedural family a free question belongs to, by its words alone."""

from __future__ import annotations

import functools
import re

from workings.problems.procedural import families, generate

__all__ = ["recognise"]

_TOKEN = re.compile(r"[^\W\d_]+|[^\w\s]")
_DRAWS = 120
_DRAWS_OF_TEMPLATES = 300
_SHARE = 0.9


@functools.cache
def _words(name: str) -> frozenset[str]:
    family = families()[name]
    found: set[str] = set()
    draws = _DRAWS_OF_TEMPLATES if name.startswith("word-problems") else _DRAWS
    for problem in generate(family, "train", draws):
        found.update(_TOKEN.findall(problem.question.text.lower()))
    return frozenset(found)


def recognise(text: str) -> str | None:
    """The family in whose questions at least nine tenths of this question's words and signs occur, or None.

    Numbers do not count. It is a sign that the pocket model has seen such questions, not that it can answer this one.

    >>> recognise("What is 365+921?")
    'addition'
    >>> recognise("What is the capital of France?") is None
    True
    """
    tokens = _TOKEN.findall(text.lower())
    if not any(t.isalpha() for t in tokens):
        return None
    shares = {name: sum(t in _words(name) for t in tokens) / len(tokens) for name in families()}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= _SHARE else None
