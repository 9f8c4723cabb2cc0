"""What a slot may hold: a person, a place, a noun, a number; and the text that each gives."""

from __future__ import annotations

import functools
import random
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources

from workings.core.errors import DataError
from workings.problems.words.expression import Node, parse

__all__ = ["Derived", "Filled", "Hole", "Noun", "Person", "Range", "Word", "fill", "holes", "slot_of", "word_list"]

Filled = Mapping[str, "Person | Noun | str | int"]


@dataclass(frozen=True, slots=True)
class Person:
    """A first name and the pronouns that go with it."""

    name: str
    he: str

    def form(self, form: str) -> str:
        """`he`, `him`, `his` or the same with a capital; the empty form is the name."""
        if not form:
            return self.name
        she = {"he": "she", "him": "her", "his": "her"}[form.lower()]
        word = form.lower() if self.he == "he" else she
        return word.capitalize() if form[0].isupper() else word


@dataclass(frozen=True, slots=True)
class Noun:
    """A thing that can be counted."""

    one: str
    many: str

    def form(self, form: str) -> str:
        """`one`, `many`, `a` (with its article) or the same with a capital; the empty form is the plural."""
        word = {"": self.many, "many": self.many, "one": self.one, "a": article(self.one)}[form.lower()]
        return word[0].upper() + word[1:] if form[:1].isupper() else word


def article(noun: str) -> str:
    """The noun after "a" or "an"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


@dataclass(frozen=True, slots=True)
class Word:
    """A slot for a person, a place or a noun, drawn from the lists called `lists`."""

    kind: str
    lists: tuple[str, ...]

    @property
    def words(self) -> int:
        """How many words it may hold."""
        return len(set(_pool(self.lists)))

    def draw(self, rng: random.Random, taken: Collection[Person | Noun | str]) -> Person | Noun | str:
        """One of its words, each as likely, that is not taken; a list must be longer than what can be taken."""
        words = _pool(self.lists)
        while (word := rng.choice(words)) in taken:
            pass
        return word


@dataclass(frozen=True, slots=True)
class Range:
    """A slot for a whole number from `low` to `high` in steps of `step`."""

    low: int
    high: int
    step: int = 1

    def draw(self, rng: random.Random) -> int:
        """One of its numbers, each as likely."""
        return rng.randrange(self.low, self.high + 1, self.step)


@dataclass(frozen=True, slots=True)
class Derived:
    """A slot for a number worked out from other slots, so that a condition holds by construction."""

    value: Node


@functools.cache
def _pool(lists: tuple[str, ...]) -> tuple[Person | Noun | str, ...]:
    return tuple(word for name in lists for word in word_list()[name])


_RANGE = re.compile(r"(\d{1,6})\.\.(\d{1,6})(?: by (\d{1,6}))?")


@functools.cache
def word_list() -> dict[str, tuple[Person | Noun | str, ...]]:
    """Every list of words by name: `person`, places and nouns."""
    text = resources.files("workings.problems.words").joinpath("words.toml").read_text("utf-8")
    data = tomllib.loads(text)
    lists: dict[str, tuple[Person | Noun | str, ...]] = {
        "person": tuple(Person(name, he) for he in ("he", "she") for name in data["people"][he])
    }
    lists.update({name: tuple(words) for name, words in data["places"].items()})
    lists.update({name: tuple(Noun(*pair.split("/")) for pair in words) for name, words in data["nouns"].items()})
    return lists


def slot_of(text: str) -> Word | Range | Derived:
    """The slot that a template declares as `text`.

    `person`, a list of places or nouns (several joined by `|`), a range `2..12` or `10..50 by 5`, or `= a * b`.
    """
    if text.startswith("="):
        return Derived(parse(text[1:]))
    if found := _RANGE.fullmatch(text):
        low, high, step = (int(part or 1) for part in found.groups())
        if low > high or step < 1:
            raise DataError(f"The range {text!r} is empty.", "Write it as low..high.")
        return Range(low, high, step)
    names = tuple(text.split("|"))
    lists = word_list()
    if missing := [name for name in names if name not in lists]:
        raise DataError(f"No word list is called {missing[0]!r}.", f"There are: {', '.join(sorted(lists))}.")
    kinds = {type(lists[name][0]).__name__ for name in names}
    if len(kinds) > 1:
        raise DataError(f"The slot {text!r} mixes kinds of words.", "Join lists of one kind only.")
    return Word({"Person": "person", "str": "place", "Noun": "noun"}[kinds.pop()], names)


@dataclass(frozen=True, slots=True)
class Hole:
    """A place in a template's text: a slot, the form of it, and for a counted noun its one-many pair."""

    slot: str
    form: str = ""
    pair: tuple[str, ...] = ()


_HOLE = re.compile(r"\{([^{}]*)\}")


def holes(text: str) -> tuple[str | Hole, ...]:
    """Text cut into plain pieces and holes.

    `{a}` is a slot, `{p.his}` a pronoun, `{item.one}` a form of a noun, `{a|item}` a number with the slot's noun
    after it, `{a|day|days}` a number with the first or the second word.
    """
    pieces: list[str | Hole] = []
    for index, piece in enumerate(_HOLE.split(text)):
        if index % 2 == 0:
            pieces.append(piece)
            continue
        head, *pair = piece.split("|")
        slot, _, form = head.partition(".")
        pieces.append(Hole(slot.strip(), form, tuple(pair)))
    return tuple(pieces)


def fill(pieces: tuple[str | Hole, ...], filled: Filled) -> str:
    """The text with every hole filled; DataError when a slot is unknown or has no such form."""
    return "".join(piece if isinstance(piece, str) else _shown(piece, filled) for piece in pieces)


def _shown(hole: Hole, filled: Filled) -> str:
    value = filled.get(hole.slot)
    if value is None:
        raise DataError(f"The text mentions a slot {hole.slot!r} that is not declared.")
    if isinstance(value, int):
        if not hole.pair:
            return str(value)
        pair = hole.pair
        if len(pair) == 1:
            noun = filled.get(pair[0])
            if not isinstance(noun, Noun):
                raise DataError(f"{pair[0]!r} is counted but is not a noun slot.")
            pair = (noun.one, noun.many)
        return f"{value} {pair[0] if value == 1 else pair[1]}"
    if isinstance(value, str):
        return value
    try:
        return value.form(hole.form)
    except KeyError:
        raise DataError(f"The slot {hole.slot!r} has no form {hole.form!r}.") from None
