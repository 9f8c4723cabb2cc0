"""Canonical forms, and whether two answers are the same."""

from __future__ import annotations

import functools
import re
from fractions import Fraction

from workings.core.problem import AnswerKind
from workings.verify import choice, grid, number, yes_no
from workings.verify.text import Reading, fold, read_date, tidy

__all__ = ["canonical", "equivalent"]

_SHORT = 64
_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,14}")
_PERCENT = ("%", "％", "percent", "per cent", "百分之")


def canonical(raw: str, kind: AnswerKind, choices: tuple[str, ...] = ()) -> str | None:
    """The one spelling of an answer of this kind, or None when it cannot be told. Applying it twice changes nothing.

    Numbers: exact, "12", "3.5" or "7/3"; "15%" is 15. Choices: the label. Yes/no: "yes" or "no". Text: see
    `workings.verify.text.tidy`. Grids: compact JSON.
    """
    if kind is AnswerKind.NUMBER and _PLAIN_INTEGER.fullmatch(raw):
        return raw
    return _remembered(raw, kind, choices) if len(raw) <= _SHORT else _canonical(raw, kind, choices)


def _canonical(raw: str, kind: AnswerKind, choices: tuple[str, ...]) -> str | None:
    view = fold(raw)
    if len(view) > 100_000 and kind is not AnswerKind.GRID:
        return None
    reading: Reading | None = None
    match kind:
        case AnswerKind.NUMBER:
            reading = number.read_phrase(view, 0, len(view))
        case AnswerKind.CHOICE:
            reading = choice.read_choice(view, 0, len(view), choices)
        case AnswerKind.YES_NO:
            reading = yes_no.read_yes_no(view, 0, len(view))
        case AnswerKind.GRID:
            reading = grid.read_grid(view, 0, len(view))
        case AnswerKind.TEXT:
            return tidy(raw)
    return reading.canonical if reading else None


_remembered = functools.lru_cache(maxsize=4096)(_canonical)


def equivalent(a: str, b: str, kind: AnswerKind, choices: tuple[str, ...] = ()) -> bool | None:
    """Whether two answers, raw or canonical, are the same; None when text alone cannot tell.

    Currency and units do not count. A percent sign on one side only is met with tolerance: 15% equals both 15 and
    0.15. Numbers are compared exactly: 0.33 is not 1/3. Dates in words and in figures are the same text when their
    order is beyond doubt.
    """
    if a == b and kind is not AnswerKind.TEXT and canonical(a, kind, choices) is not None:
        return True
    left, right = canonical(a, kind, choices), canonical(b, kind, choices)
    if left is None or right is None:
        same = "".join(fold(a).split()) == "".join(fold(b).split())
        return True if same and a.strip() else None
    if left == right:
        return True
    if kind is AnswerKind.NUMBER:
        one, two = _is_percent(a), _is_percent(b)
        if one != two:
            x, y = Fraction(left), Fraction(right)
            return x / 100 == y if one else y / 100 == x
    if kind is AnswerKind.TEXT:
        day, other = read_date(a), read_date(b)
        if day and other:
            return day == other
        return _same_number(a, b)
    return False


def _is_percent(raw: str) -> bool:
    return any(sign in raw.lower() for sign in _PERCENT)


def _same_number(a: str, b: str) -> bool:
    reads = []
    for raw in (a, b):
        view = fold(raw)
        if sum(c.isdigit() for c in view) == 0 or any(c.isalpha() for c in view):
            return False
        reads.append(number.read_phrase(view, 0, len(view), words=False))
    x, y = reads
    return x is not None and y is not None and x.canonical is not None and x.canonical == y.canonical
