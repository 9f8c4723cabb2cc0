"""The shell game: follow a ball under five cups through a list of swaps."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Sequence

from workings.core.problem import Problem
from workings.problems.family import Drawn, Family

__all__ = ["SHELL_GAME"]

_CUPS = (1, 2, 3, 4, 5)
_PAIRS = tuple(itertools.combinations(_CUPS, 2))
_LAST_NUMBER = re.compile(r"\d{1,6}(?=\D*$)")


def build_shell_game(rng: random.Random, length: int) -> Drawn:
    """A ball under one of five cups and `length` swaps of two cups, each numbered.

    Numbering starts anywhere from 1 to 20, so that a model trained on short games has met every number of a long
    one. Games in which the ball moves less than twice are redrawn: they need no serial work.
    """
    while True:
        start, first = rng.choice(_CUPS), rng.randint(1, 20)
        swaps = tuple(rng.choice(_PAIRS) for _ in range(length))
        places = _places(start, swaps)
        if sum(a != b for a, b in itertools.pairwise(places)) >= 2:
            break
    listed = ", ".join(f"{first + i}) {a} {b}" for i, (a, b) in enumerate(swaps))
    return Drawn(
        text=f"A ball is under cup {start} of 5. Cups are swapped: {listed}. Which cup is the ball under?",
        gold=str(places[-1]),
        steps=tuple(
            f"{first + i}) {a} {b}: {before} -> {after}"
            for i, ((a, b), before, after) in enumerate(zip(swaps, places, places[1:], strict=False))
        ),
        drafts=tuple(
            f"{first + i}) {a} {b}: {after}" for i, ((a, b), after) in enumerate(zip(swaps, places[1:], strict=True))
        ),
        meta={"start": start, "first": first, "swaps": swaps},
    )


def _places(start: int, swaps: Sequence[Sequence[int]]) -> list[int]:
    places = [start]
    for a, b in swaps:
        at = places[-1]
        places.append(b if at == a else a if at == b else at)
    return places


def check_shell_game(problem: Problem, steps: Sequence[str]) -> tuple[bool | None, ...]:
    """A line is right when its last number is the cup that the ball is then under."""
    places = _places(problem.meta["start"], problem.meta["swaps"])[1:]
    verdicts: list[bool | None] = []
    for place, line in enumerate(steps):
        found = _LAST_NUMBER.search(line[-400:])
        if found is None:
            verdicts.append(None)
        else:
            verdicts.append(place < len(places) and int(found.group()) == places[place])
    return tuple(verdicts)


SHELL_GAME = Family("shell-game", (4, 9), (10, 15), build_shell_game, "swaps", check_shell_game)
