"""Edits of a step: a mistake that is checked to be one, and a rewording that changes nothing."""

from __future__ import annotations

import difflib
import functools
import json
import random
import re
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from workings.core.problem import Problem
from workings.problems.procedural import check_steps, families
from workings.verify.equations import check_equations

__all__ = [
    "Edit",
    "chars_changed",
    "mistakes_for",
    "rephrased",
    "reworded",
    "rewordings",
    "spread",
    "takes_back",
    "texts",
    "verdicts",
]

_WRITTEN = r"\d{1,3}(?:,\d{3}){1,3}(?:\.\d{1,4})?|\d{1,9}(?:\.\d{1,4})?"
_NUMBER = re.compile(rf"(?<![\d.,])(?:{_WRITTEN})(?!\d|[.,]\d)")
_RESULT = re.compile(rf"(?:(?<==)|(?<== )|(?<==\$)|(?<== \$))(?:{_WRITTEN})(?!\d|[.,]\d)")
_SIDES = {"heads": "tails", "tails": "heads", "yes": "no", "no": "yes", "true": "false", "false": "true"}
_WORD = re.compile(r"[A-Za-z]+")
_SUM = re.compile(r"(?<![\dxX+\-−*/×÷^)=] )(?<![\w+\-−*/×÷^.)=])(\d{1,9})(\s?[+*×]\s?)(\d{1,9})(?=\s?=)")
_TIGHT = re.compile(r"(?<=\d)([+*×=])(?=\d)")
_LOOSE = re.compile(r"(?<=\d) ([+*×=]) (?=\d)")


@dataclass(frozen=True, slots=True)
class Edit:
    """A step rewritten: what it said, what it says now, who wrote it, and the size of the change in characters.

    `verified` is True when a checker found the new step wrong where the old one was right, None when none could tell.
    """

    before: str
    after: str
    by: str
    verified: bool | None

    @property
    def size(self) -> int:
        return chars_changed(self.before, self.after)


@functools.cache
def texts() -> Mapping[str, Any]:
    """The word lists and prompts of edits, by name and language."""
    found: Mapping[str, Any] = json.loads(
        resources.files("workings.audit").joinpath("step_edits.json").read_text(encoding="utf-8")
    )
    return found


def spread(count: int, most: int) -> tuple[int, ...]:
    """At most `most` of the places 0..count-1, evenly spread, the first always among them; all for 0.

    >>> spread(9, 3)
    (0, 3, 6)
    """
    if most <= 0 or most >= count:
        return tuple(range(count))
    return tuple(count * n // most for n in range(most))


def chars_changed(one: str, other: str) -> int:
    """The characters that are deleted or inserted, the larger of the two a place: the size of an edit."""
    codes = difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return sum(max(b - a, d - c) for tag, a, b, c, d in codes if tag != "equal")


def verdicts(problem: Problem, lines: Sequence[str]) -> tuple[bool | None, ...]:
    """Whether each line is right: by the family's own rules where it has some, else by the equations it states.

    None where neither can tell, which a line without an equation cannot.
    """
    known = families().get(problem.question.family)
    if known is not None and known.check is not None and problem.meta:
        try:
            return check_steps(problem, lines)
        except (KeyError, TypeError, IndexError):
            pass
    found: list[bool | None] = []
    for line in lines:
        held = check_equations(line)
        found.append(all(held) if held else None)
    return tuple(found)


def mistakes_for(problem: Problem, lines: Sequence[str], at: int, avoid: Collection[str | None] = ()) -> Edit | None:
    """A mistake for line `at`, which was right before and is wrong now by the checker; None when none can be checked.

    The last number is changed, or the last result of an equation, to a number that other lines use where that will
    do; or the last side, letter or yes and no. No number in `avoid` is put in: an answer that stands in the chain
    moves the answer by itself.
    """
    before = lines[at]
    if verdicts(problem, lines)[at] is not True:
        return None
    rng = random.Random(zlib.crc32(f"{problem.id}|{at}".encode()))
    for after in _wrong_lines(before, lines, rng, avoid):
        changed = [*lines[:at], after, *lines[at + 1 :]]
        if after != before and verdicts(problem, changed)[at] is False:
            return Edit(before, after, "rules", True)
    return None


def _wrong_lines(line: str, lines: Sequence[str], rng: random.Random, avoid: Collection[str | None]) -> Iterator[str]:
    words = [found for found in _WORD.finditer(line) if found[0].lower() in _SIDES]
    if words:
        last = words[-1]
        yield line[: last.start()] + _SIDES[last[0].lower()] + line[last.end() :]
    numbers = list(_NUMBER.finditer(line))
    results = list(_RESULT.finditer(line))
    for last in (*numbers[-1:], *results[-1:]):
        for text in _other_numbers(last[0], lines, rng):
            if text not in avoid:
                yield line[: last.start()] + text + line[last.end() :]
    letters = re.search(r"[a-z](?=[^A-Za-z0-9]*$)", line)
    if letters and not numbers[-1:]:
        rest = [chr(code) for code in range(ord("a"), ord("z") + 1) if chr(code) != letters[0]]
        yield line[: letters.start()] + rng.choice(rest) + line[letters.end() :]
    if letters and numbers and letters.start() > numbers[-1].end():
        yield line[: letters.start()] + ("a" if letters[0] != "a" else "n") + line[letters.end() :]


def _other_numbers(text: str, lines: Sequence[str], rng: random.Random) -> Iterator[str]:
    """Other numbers of as many digits: first the results of other lines, then some near by.

    One with commas or a point keeps them, and its last digit but zeros is changed.
    """
    results = {found[-1][0] for line in lines if (found := list(_NUMBER.finditer(line)))}
    alike = sorted(one for one in results if len(one) == len(text) and one != text)
    rng.shuffle(alike)
    if not text.isdigit():
        at = max((place for place, sign in enumerate(text) if sign in "123456789"), default=len(text) - 1)
        yield from dict.fromkeys((*alike, *(text[:at] + sign + text[at + 1 :] for sign in _digits(text[at], rng))))
        return
    near = [int(text) + shift for shift in (1, -1, 2, -2, 3, -3, 10, -10, 20, 100)]
    close = [str(one).zfill(len(text)) for one in near if one >= 0]
    first, rest = close[:6], close[6:]
    rng.shuffle(first)
    ranked = sorted((*first, *rest), key=lambda one: len(one) != len(text))
    yield from dict.fromkeys((*alike, *ranked))


def _digits(other_than: str, rng: random.Random) -> list[str]:
    found = [sign for sign in "123456789" if sign != other_than]
    rng.shuffle(found)
    return found


def rewordings(line: str, language: str) -> tuple[str, ...]:
    """The line said otherwise by one rule each: a sum turned round, a word for a word, blanks around signs, a full
    stop.
    """
    found: list[str] = []
    turned = _SUM.sub(lambda m: f"{m[3]}{m[2]}{m[1]}", line)
    found.append(turned)
    for one, other in texts()["openings"].get(language, ()):
        found.append(_word_for_word(line, one, other, language, opening=True))
    for one, other in texts()["synonyms"].get(language, ()):
        found.append(_word_for_word(line, one, other, language))
    found.append(_LOOSE.sub(r"\1", line))
    found.append(_TIGHT.sub(r" \1 ", line))
    found.append(line.rstrip(".。") if line.endswith((".", "。")) else line + ("。" if language == "zh" else "."))
    return tuple(dict.fromkeys(one for one in found if one != line and one.strip()))


def _word_for_word(line: str, one: str, other: str, language: str, *, opening: bool = False) -> str:
    """The line with a word or phrase exchanged where it first stands, or only where it opens the line."""
    if language == "zh":
        return other + line[len(one) :] if line.startswith(one) else line if opening else line.replace(one, other, 1)
    edge = r"\A" if opening else r"\b"

    def same_case(found: re.Match[str]) -> str:
        return other[0].upper() + other[1:] if found[0][0].isupper() else other

    return re.sub(rf"{edge}{re.escape(one)}\b", same_case, line, count=1, flags=re.IGNORECASE)


def reworded(problem: Problem, lines: Sequence[str], at: int, size: int | None = None) -> Edit | None:
    """Line `at` said otherwise with nothing changed in what it says; None when no rule applies.

    Of the rewordings, the one whose size comes nearest `size` is taken, the first without one. What a checker calls
    wrong is no rewording.
    """
    before, right = lines[at], verdicts(problem, lines)[at]
    fit = []
    for after in rewordings(before, problem.question.language):
        verdict = verdicts(problem, [*lines[:at], after, *lines[at + 1 :]])[at]
        if verdict is right:
            fit.append(Edit(before, after, "rules", verdict))
    if not fit:
        return None
    return fit[0] if size is None else min(fit, key=lambda edit: abs(edit.size - size))


def rephrased(problem: Problem, lines: Sequence[str], at: int) -> Edit | None:
    """Line `at` with its sums turned round and every word exchanged that has another; one rewording where that is none.

    What a checker calls wrong is no rephrasing. None when no rule applies.
    """
    before, right, language = lines[at], verdicts(problem, lines)[at], problem.question.language
    after, put = _SUM.sub(lambda m: f"{m[3]}{m[2]}{m[1]}", before), set[str]()
    pairs = [(*pair, True) for pair in texts()["openings"].get(language, ())]
    pairs += [(*pair, False) for pair in texts()["synonyms"].get(language, ())]
    for one, other, opening in pairs:
        changed = after if one in put else _word_for_word(after, one, other, language, opening=opening)
        if changed != after:
            after = changed
            put.add(other)
    if after != before and verdicts(problem, [*lines[:at], after, *lines[at + 1 :]])[at] is right:
        return Edit(before, after, "rules", right)
    return reworded(problem, lines, at)


def takes_back(text: str, language: str) -> bool:
    """Whether a continuation says that something before it was wrong."""
    folded = text.lower()
    for phrase in texts()["retractions"].get(language, ()):
        if (phrase in folded) if language == "zh" else re.search(rf"\b{re.escape(phrase)}\b", folded):
            return True
    return False
