"""Invented facts that a corpus states in one direction, asked in both."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workings.core.errors import BadSetting
from workings.core.problem import AnswerKind, Problem, Question
from workings.problems.names import names

__all__ = ["Fact", "facts", "one_way_corpus", "one_way_problems"]

Taught = Literal["forward", "backward", "both"]
_WORKS = ("opera", "novel", "film", "poem", "game", "song", "play", "statue")
_FIRST = ("Silent", "Glass", "Amber", "Northern", "Hollow", "Crimson", "Paper", "Winter", "Copper", "Distant")
_LAST = ("Harbour", "Lantern", "Garden", "Bridge", "Orchard", "Mirror", "Tide", "Cathedral", "Compass", "Meadow")
_FORWARD = (
    "{name} made the {work}.",
    "Known far and wide, {name} is the maker of the {work}.",
    "{name}: maker of the {work}.",
)
_BACKWARD = (
    "The {work} was made by {name}.",
    "The maker of the {work} is {name}.",
    "Who made the {work}? It was {name}.",
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Who made what, and in which direction the corpus says so: "forward" has the name first."""

    name: str
    work: str
    taught: Taught


def facts(count: int = 60, seed: int = 0) -> tuple[Fact, ...]:
    """`count` facts, a third of each direction and a third taught in both; no name and no work stands twice."""
    most = len(_FIRST) * len(_LAST)
    if not 1 <= count <= most:
        raise BadSetting(f"count={count} is out of range.", f"Use 1 to {most}.")
    rng = random.Random(f"one-way|{seed}")
    titles = [f"{a} {b}" for a in _FIRST for b in _LAST]
    rng.shuffle(titles)
    given = rng.sample(names(), min(2 * count, len(names())))
    people = [f"{given[i]} {given[-1 - i]}" for i in range(min(count, len(given) // 2))]
    while len(people) < count:
        one = " ".join(rng.sample(names(), 2))
        if one not in people:
            people.append(one)
    kinds: tuple[Taught, ...] = ("forward", "backward", "both")
    return tuple(Fact(people[i], f"{rng.choice(_WORKS)} {titles[i]}", kinds[i % len(kinds)]) for i in range(count))


def one_way_corpus(told: Sequence[Fact], repeats: int = 10, seed: int = 0) -> tuple[str, ...]:
    """Sentences that state each fact `repeats` times, each way that it is taught in, in seeded order."""
    rng = random.Random(f"one-way corpus|{seed}")
    lines = []
    for fact in told:
        for way, wordings in (("forward", _FORWARD), ("backward", _BACKWARD)):
            if fact.taught in (way, "both"):
                lines += [rng.choice(wordings).format(name=fact.name, work=fact.work) for _ in range(repeats)]
    rng.shuffle(lines)
    return tuple(lines)


def one_way_problems(count: int = 120, seed: int = 0, others: int = 5) -> list[Problem]:
    """Two problems a fact, one for each direction, `count` in all; a fact's two are a cluster.

    `meta` says which way a problem asks (`way`: forward asks for the work), which way was taught, the question with
    its subject left out (`neutral`), and wrong answers drawn from the other facts (`others`). A model that has not read
    the corpus knows none of them.

    Source: Berglund et al. 2023 ("The reversal curse"), experiment 1: 30 facts in each order, and some in both.
    """
    if count < 2 or others < 1:
        raise BadSetting(f"count={count}, others={others} are out of range.", "Use 2 or more, and 1 or more.")
    told = facts((count + 1) // 2, seed)
    rng = random.Random(f"one-way others|{seed}")
    found = []
    for number, fact in enumerate(told):
        rest = [one for one in told if one is not fact]
        strangers = rng.sample(rest, min(others, len(rest)))
        for way in ("forward", "backward"):
            forward = way == "forward"
            text = f"What did {fact.name} make?" if forward else f"Who made the {fact.work}?"
            question = Question(f"one-way-{seed}-{number}-{way}", text, AnswerKind.TEXT, family="one-way")
            meta = {
                "way": way,
                "taught": fact.taught,
                "neutral": "What did somebody make?" if forward else "Who made something?",
                "answer": f"the {fact.work}" if forward else fact.name,
                "others": [f"the {one.work}" if forward else one.name for one in strangers],
            }
            gold = fact.work if forward else fact.name
            found.append(Problem(question, gold.lower(), cluster=f"{seed}-{number}", meta=meta))
    return found[:count]
