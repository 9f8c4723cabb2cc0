"""Which steps of a chain already state its answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workings.core.problem import AnswerKind, Question
from workings.core.trace import Step
from workings.verify.number import format_number, scan
from workings.verify.text import fold

__all__ = ["last_numbers", "states", "stating"]

_OPTION = r"(?:answer|option|choice|答案|选项?)\W{{0,3}}(?:is|would be|must be|是|为)?\W{{0,3}}{0}(?![a-z])|\({0}\)"
_YES_NO = {"yes": r"\byes\b|是的|答案是是", "no": r"\bno\b(?!\s+(?:one|other|more|longer))|不是|否"}


def states(text: str, name: str, question: Question) -> bool:
    """Whether a text states the answer `name`.

    A number is stated where the text ends in it or an equals sign or a colon leads to it: other numbers are mostly what
    is reckoned with. An option is stated by its letter as an option, or by its whole text; yes and no by the word; a
    text by its words. A number may stand there for another reason, and a paraphrase is not seen: this finds where the
    answer could be read off, and not where it was found.
    """
    view = fold(text).lower()
    if question.kind is AnswerKind.NUMBER:
        return name in _results(text)
    if question.kind is AnswerKind.YES_NO:
        return bool(re.search(_YES_NO[name], view)) if name in _YES_NO else False
    if question.kind is AnswerKind.CHOICE:
        place = ord(name) - ord("A") if len(name) == 1 else -1
        shown = fold(question.choices[place]).lower() if 0 <= place < len(question.choices) else ""
        return bool(re.search(_OPTION.format(re.escape(name.lower())), view)) or bool(shown and _has(view, shown))
    return _has(view, fold(name).lower())


def stating(steps: Sequence[Step], name: str, question: Question) -> tuple[int, ...]:
    """The places of the steps that state the answer, from 0."""
    return tuple(place for place, step in enumerate(steps) if states(step.text, name, question))


def last_numbers(steps: Sequence[Step]) -> tuple[str, ...]:
    """The last number of each step that has one, the chain's last first: what a chain cut short may answer."""
    found = [numbers[-1] for step in steps if (numbers := _results(step.text))]
    return tuple(dict.fromkeys(reversed(found)))


def _results(text: str) -> list[str]:
    """The last number of a text, and those right behind an equals sign or a colon; the last one last."""
    view = fold(text)
    found = list(scan(view))
    led = [one for one in found if view[: one.start].rstrip().rstrip("$*\\([").rstrip().endswith(("=", ":"))]
    told = (None if one.value is None else format_number(one.value) for one in (*led, *found[-1:]))
    return [number for number in told if number is not None]


def _has(view: str, part: str) -> bool:
    at = view.find(part)
    while at >= 0:
        before, after = view[at - 1 : at], view[at + len(part) : at + len(part) + 1]
        if not (_joined(before) and _joined(part[0])) and not (_joined(after) and _joined(part[-1])):
            return True
        at = view.find(part, at + 1)
    return False


def _joined(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()
