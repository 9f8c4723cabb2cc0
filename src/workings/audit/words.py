"""Words of a question: where they stand, taking them out, and whether an explanation mentions them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

from workings.verify.text import fold

__all__ = ["lemma", "masked", "mentions", "places_of", "word_spans", "words_in"]

_HAN = r"\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"\d+(?:[.,]\d+)*|[^\W\d_{_HAN}]+(?:['’-][^\W\d_{_HAN}]+)*|[{_HAN}]")
_ENDINGS = (("sses", "ss"), ("ss", "ss"), ("ies", "y"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", ""))
_VERBAL = ("ing", "ed", "ly")


def word_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Where the words of a text stand; a number is one word, and so is each Chinese character.

    >>> text = "Anna's 3.5 cups"
    >>> [text[a:b] for a, b in word_spans(text)]
    ["Anna's", '3.5', 'cups']
    """
    return tuple(found.span() for found in _WORD.finditer(text))


def words_in(text: str) -> tuple[str, ...]:
    """The words of a text, in order."""
    return tuple(found.group() for found in _WORD.finditer(text))


def lemma(word: str) -> str:
    """A word without case and common English endings: "Flips", "flipped" and "flipping" fall together.

    No dictionary is behind it: irregular forms stay apart ("ran"), and a word is never cut below three letters.

    >>> [lemma(w) for w in ("Flips", "flipped", "flipping", "boxes", "was", "red")]
    ['flip', 'flip', 'flip', 'box', 'was', 'red']
    """
    told = unicodedata.normalize("NFKC", fold(word)).casefold().removesuffix("'s")
    if not told.isascii() or not told.replace("-", "").isalpha():
        return told.replace(",", "") if told[:1].isdigit() else told
    for ending, instead in _ENDINGS:
        if told.endswith(ending):
            if len(told) - len(ending) + len(instead) >= 3:
                told = told.removesuffix(ending) + instead
            break
    for ending in _VERBAL:
        stem = told.removesuffix(ending)
        if stem != told and len(stem) >= 3:
            doubled = len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "aeiouls"
            return stem[:-1] if doubled else stem.removesuffix("e")
    return told.removesuffix("e") if len(told) > 3 else told


def mentions(text: str, word: str) -> bool:
    """Whether a text holds a word, in any of its forms and as a whole word.

    "art" is not in "part", and 3 is not in 13; several words must follow one another. A word of Chinese characters,
    which nothing sets apart, is looked for as it stands.
    """
    wanted, told = [lemma(w) for w in words_in(word)], [lemma(w) for w in words_in(text)]
    if not wanted:
        return False
    return any(told[at : at + len(wanted)] == wanted for at in range(len(told) - len(wanted) + 1))


def places_of(text: str, named: Iterable[str]) -> tuple[list[int], list[str]]:
    """The numbers of the words of `text` that are named, in the order named, and what is named but not there."""
    own = [lemma(w) for w in words_in(text)]
    places: list[int] = []
    missing: list[str] = []
    for name in named:
        wanted = [lemma(w) for w in words_in(name)]
        found: list[int] = []
        for at in range(len(own) - len(wanted) + 1 if wanted else 0):
            if own[at : at + len(wanted)] == wanted:
                found += range(at, at + len(wanted))
        if found:
            places += [place for place in found if place not in places]
        else:
            missing.append(name)
    return places, missing


def masked(text: str, places: Collection[int], mask: str, spans: Sequence[tuple[int, int]] | None = None) -> str:
    """The text with the words at `places` replaced by `mask`; an empty mask takes them out, with a blank beside.

    >>> masked("Is the red box full?", {2}, "___")
    'Is the ___ box full?'
    >>> masked("Is the red box full?", {2}, "")
    'Is the box full?'
    """
    parts, at = [], 0
    for number, (start, end) in enumerate(word_spans(text) if spans is None else spans):
        if number not in places:
            continue
        parts += [text[at:start], mask]
        at = end
        if not mask and at < len(text) and text[at] == " " and (start == 0 or text[start - 1].isspace()):
            at += 1
    return "".join([*parts, text[at:]])
