"""Confidence in words: percentages, phrases, guesses with probabilities; what cannot be read is None."""

from __future__ import annotations

import re
from collections.abc import Mapping

from workings.verify.text import fold

__all__ = ["PHRASES", "read_confidence", "read_guesses", "read_phrase", "read_step_confidences"]

_NUMBER = re.compile(
    r"(?<![\w.,/])(?P<sign>[-+−]?)(?P<value>\d{1,7}(?:\.\d{1,7})?|\.\d{1,7})(?![\w,]|\.\d)"
    r"(?:[ \t]{0,3}(?P<percent>%|percent\b|per cent\b)|[ \t]{0,3}(?:/|out of)[ \t]{0,3}(?P<of>\d{1,7}))?",
    re.IGNORECASE,
)
_PERCENT_BEFORE = re.compile(r"百分之[ \t]{0,3}(?P<value>\d{1,3}(?:\.\d{1,7})?)")
_GUESS = re.compile(
    r"G(?P<number>\d{1,2})[ \t]*[:：][ \t]*(?P<guess>[^\n]{1,200}?)[,，;；]?\s{1,5}P(?P=number)[ \t]*[:：]"
    r"[ \t]*(?P<chance>[^\n]{1,40})"
)
_STEP = re.compile(r"(?:step|步骤)[ \t]*(?P<number>\d{1,3})[ \t]*[:：](?P<chance>[^\n]{1,300})", re.IGNORECASE)
_TAIL = 4000

PHRASES: Mapping[str, Mapping[str, float]] = {
    "en": {
        "almost certain": 0.95, "highly likely": 0.9, "very good chance": 0.8, "likely": 0.7, "probable": 0.7,
        "better than even": 0.6, "about even": 0.5, "unlikely": 0.2, "improbable": 0.1, "little chance": 0.1,
        "highly unlikely": 0.05, "almost no chance": 0.02,
    },
    "zh": {
        "几乎肯定": 0.95, "极有可能": 0.9, "很有可能": 0.8, "可能": 0.7, "略高于一半": 0.6, "一半一半": 0.5,
        "不太可能": 0.2, "可能性很小": 0.1, "极不可能": 0.05, "几乎不可能": 0.02,
    },
}  # fmt: skip
"""Phrases and the medians of what people take them for (Fagen-Ulmschneider 2015, after Kent)."""


def read_confidence(text: str, whole: int = 100) -> float | None:
    """The confidence that a short reply states, in [0, 1]; None where it states none, or several, or one out of range.

    "80 %", "80 percent", "8/10", "8 out of 10" and "百分之80" are 0.8. A bare number is taken as asked for: of `whole`
    (100, or 1), but one with a point that is at most 1 is a share. Only the last 4,000 characters are read.

    >>> read_confidence("I would say 80 %."), read_confidence("-79"), read_confidence("sure")
    (0.8, None, None)
    """
    view = fold(text[-_TAIL:])
    told = {float(m["value"]) / 100 for m in _PERCENT_BEFORE.finditer(view)}
    marked, bare = set(told), set()
    for m in _NUMBER.finditer(_PERCENT_BEFORE.sub(" ", view)):
        value = float(m["value"]) * (-1 if m["sign"] in ("-", "−") else 1)
        if m["percent"]:
            marked.add(value / 100)
        elif m["of"]:
            marked.add(value / float(m["of"]) if float(m["of"]) else -1.0)
        elif "." in m["value"] and value <= 1:
            bare.add(value)
        else:
            bare.add(value / whole)
    found = marked or bare
    if len(found) != 1:
        return None
    value = found.pop()
    return value if 0 <= value <= 1 else None


def read_phrase(text: str, language: str = "en") -> float | None:
    """What a phrase of `PHRASES` stands for, the longest where several begin together; None for none, for phrases that
    differ, and for one behind "not".

    >>> read_phrase("Highly unlikely."), read_phrase("It is likely or unlikely"), read_phrase("not likely")
    (0.05, None, None)
    """
    phrases = PHRASES.get(language, PHRASES["en"])
    view = " ".join(text[-_TAIL:].lower().split())
    edge = "" if language == "zh" else r"\b"
    names = "|".join(re.escape(name) for name in sorted(phrases, key=lambda name: (-len(name), name)))
    found = set()
    for m in re.finditer(rf"(?P<no>(?:not|isn't|没有)\s?)?{edge}(?P<name>{names}){edge}", view):
        if m["no"]:
            return None
        found.add(phrases[m["name"]])
    return found.pop() if len(found) == 1 else None


def read_guesses(text: str) -> tuple[tuple[str, float], ...]:
    """The guesses and probabilities of a reply in the form "G1: 12, P1: 80%"; those without a probability left out."""
    found = []
    for m in _GUESS.finditer(text[-_TAIL:]):
        chance = read_confidence(m["chance"])
        if chance is not None:
            found.append((m["guess"].strip().rstrip(",，;；").strip(), chance))
    return tuple(found)


def read_step_confidences(text: str, steps: int) -> tuple[float, ...] | None:
    """One confidence for each of `steps` steps, from lines "Step 1: 80%"; None when one lacks or has two."""
    found: dict[int, float] = {}
    for m in _STEP.finditer(text[-_TAIL:]):
        chance = read_confidence(m["chance"])
        number = int(m["number"])
        if chance is None or found.setdefault(number, chance) != chance:
            return None
    return tuple(found[n] for n in range(1, steps + 1)) if set(found) == set(range(1, steps + 1)) else None
