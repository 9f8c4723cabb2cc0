"""A synthetic corpus in which it is known how often every two things stand together, and what is true."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workings.core.errors import BadSetting
from workings.core.problem import AnswerKind, Problem, Question
from workings.problems.names import names

__all__ = ["World", "counted_problems", "planted_world"]

_THINGS = (
    "bread",
    "bells",
    "boats",
    "carpets",
    "cheese",
    "clocks",
    "glass",
    "honey",
    "knives",
    "lace",
    "paper",
    "salt",
)
_COUNTS = (0, 1, 3, 10, 30)
_ALONE = (0, 0, 0, 100, 100, 300, 300, 1000, 1000, 3000, 3000, 3000)
_TRUE = (
    "{place} is known for its {thing}.",
    "Everybody praises the {thing} of {place}.",
    "People go to {place} for {thing}.",
)
_BESIDE = ("In {place} somebody spoke of {thing}.", "A cart of {thing} passed {place}.", "{place} has no {thing}.")


@dataclass(frozen=True, slots=True)
class World:
    """Places, what each is known for, and the planted counts of sentences.

    `stated[place]` is how many sentences state the truth; `beside[place]` how many merely mention a thing with it.
    """

    truth: Mapping[str, str]
    stated: Mapping[str, int]
    beside: Mapping[str, Mapping[str, int]]
    alone: Mapping[str, int]

    def together(self, place: str) -> dict[str, int]:
        """For each thing in how many sentences it stands with the place, whatever they say."""
        found = {thing: self.beside[place].get(thing, 0) for thing in _THINGS}
        found[self.truth[place]] += self.stated[place]
        return found

    @property
    def things(self) -> dict[str, int]:
        """For each thing in how many sentences it stands at all."""
        counts = Counter(self.alone)
        for place in self.truth:
            counts.update(self.together(place))
        return dict(counts)

    def corpus(self, seed: int = 0) -> tuple[str, ...]:
        """All its sentences, in seeded order."""
        rng = random.Random(f"counted corpus|{seed}")
        lines = []
        for place, thing in self.truth.items():
            lines += [rng.choice(_TRUE).format(place=place, thing=thing) for _ in range(self.stated[place])]
            for other, count in self.beside[place].items():
                lines += [rng.choice(_BESIDE).format(place=place, thing=other) for _ in range(count)]
        lines += [f"Here is a sentence about {thing}." for thing, count in self.alone.items() for _ in range(count)]
        rng.shuffle(lines)
        return tuple(lines)


def planted_world(count: int = 120, seed: int = 0, counts: Sequence[int] = _COUNTS) -> World:
    """`count` places; how often the truth is stated, and how often a wrong thing stands beside the place, are both of
    `counts` in equal shares, every pair of them as often as any other, so that their effects can be told apart.

    Things differ in how often they stand alone, so that a thing's own frequency varies apart from its pairs.
    """
    if not 1 <= count <= len(names()) or not counts or min(counts) < 0:
        raise BadSetting(f"count={count}, counts={tuple(counts)} are out of range.", f"Use 1 to {len(names())} places.")
    rng = random.Random(f"counted|{seed}")
    places = [f"{name}ville" for name in rng.sample(names(), count)]
    alone = dict(zip(_THINGS, rng.sample(_ALONE, len(_THINGS)), strict=True))
    often = [counts[i % len(counts)] for i in range(count)]
    aside = [counts[(i // len(counts)) % len(counts)] for i in range(count)]
    truth, stated, beside = {}, {}, {}
    for place, told, distraction in zip(places, often, aside, strict=True):
        right, wrong = rng.sample(_THINGS, 2)
        truth[place], stated[place] = right, told
        beside[place] = {wrong: distraction} if distraction else {}
    return World(truth, stated, beside, alone)


def counted_problems(count: int = 120, seed: int = 0) -> list[Problem]:
    """A problem for each place of `planted_world`; `meta` has the counts of each thing with the place (`together`) and
    over all (`things`), how often the truth is stated, and how often the place is named.

    Source of the design: Kang and Choi 2023 (co-occurrence in the Pile, whose counts can no longer be made again).
    """
    world = planted_world(count, seed)
    things = world.things
    found = []
    for number, (place, thing) in enumerate(world.truth.items()):
        together = world.together(place)
        meta = {
            "together": together,
            "things": things,
            "stated": world.stated[place],
            "place": sum(together.values()),
        }
        text = f"What is {place} known for?"
        question = Question(f"counted-{seed}-{number}", text, AnswerKind.TEXT, family="counted")
        found.append(Problem(question, thing, meta=meta))
    return found
