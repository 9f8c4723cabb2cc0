"""Splitting a chain into steps, and putting step scores together."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

from workings.core.errors import BadSetting
from workings.core.trace import Step

__all__ = ["Aggregation", "aggregate", "split_steps"]

Aggregation = Literal["last", "min", "product", "mean"]

_SENTENCE = re.compile(
    r"(?:(?<=[.!?])|(?<=[.!?][\"')\]]))[ \t]+(?=\S)"  # English: a blank after the mark
    r"|(?<=[。！？；])(?=\S)|(?<=[。！？；])[ \t]+"
)
_MARKER = re.compile(r"\(?[0-9]{1,3}[.)]")
_SHORT = re.compile(r"(?:Dr|Mrs?|Ms|St|vs|e\.g|i\.e|[A-Z])\.")


def split_steps(text: str) -> tuple[Step, ...]:
    """Split a chain into steps: its lines, or the sentences of a text of a single line.

    Every step's span is exact (`text[s.start:s.end] == s.text`), and only whitespace lies between steps, so
    nothing is lost. A formula set between `$$` or `\\[` and `\\]` on lines of its own stays one step with the
    line that opens it, and so does a fenced block.
    """
    spans = _lines(text)
    if len(spans) == 1:
        spans = _sentences(text, *spans[0])
    return tuple(Step(text[a:b], a, b) for a, b in spans)


def _lines(text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    at = 0
    opened = ""
    for line in text.split("\n"):
        left = at + len(line) - len(line.lstrip())
        right = at + len(line.rstrip())
        at += len(line) + 1
        if right <= left:
            continue
        mark = text[left:right]
        if opened:
            spans[-1] = (spans[-1][0], right)
            if mark.endswith(opened) or mark.startswith(opened):
                opened = ""
            continue
        spans.append((left, right))
        if mark in ("$$", "\\["):
            opened = "$$" if mark == "$$" else "\\]"
        elif mark.startswith("```") and not mark.endswith("```", 3):
            opened = "```"
    return spans


def _sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    spans = []
    at = start
    for gap in _SENTENCE.finditer(text, start, end):
        if gap.start() > at and not _goes_on(text, at, gap.start()):
            spans.append((at, gap.start()))
            at = gap.end()
    spans.append((at, end))
    return [(a, b) for a, b in spans if b > a]


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether what ends here is only a list marker ("1.") or an abbreviation ("Dr.")."""
    if end - start <= 6 and _MARKER.fullmatch(text, start, end):
        return True
    word = text[max(start, end - 6) : end].rsplit(None, 1)[-1]
    return bool(_SHORT.fullmatch(word))


def aggregate(scores: Sequence[float], how: Aggregation) -> float:
    """One score for a chain from its steps' scores.

    "last" (Snell et al. 2024), "min" (Wang et al. 2024, Math-Shepherd), "product" (Lightman et al. 2023), "mean".
    Raises BadSetting for no scores, a NaN, or another `how`. A product favours short chains; a mean forgives one
    fatal step.
    """
    if not scores:
        raise BadSetting(
            "No step scores to put together.", "Grade the chain first; a chain without steps has no score."
        )
    if any(math.isnan(s) for s in scores):
        raise BadSetting("A step score is NaN.", "Find out which verifier returned it; NaN is never ranked.")
    match how:
        case "last":
            return float(scores[-1])
        case "min":
            return float(min(scores))
        case "product":
            return math.prod(map(float, scores))
        case "mean":
            return math.fsum(scores) / len(scores)
    raise BadSetting(f"how={how!r} is not a way to put step scores together.", "Choose last, min, product or mean.")
