"""Every procedural family by name."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from workings.core.errors import UnknownName
from workings.core.problem import Problem
from workings.problems.family import SPLITS as SPLITS
from workings.problems.family import Drawn as Drawn
from workings.problems.family import Family as Family
from workings.problems.family import Split as Split
from workings.problems.family import generate as generate
from workings.problems.family import split_of as split_of

__all__ = ["SPLITS", "Drawn", "Family", "Split", "check_steps", "families", "family", "generate", "split_of"]


@functools.cache
def families() -> Mapping[str, Family]:
    """Every procedural family by name; imported on first use."""
    from workings.problems.addition import ADDITION
    from workings.problems.chain_arithmetic import CHAIN_ARITHMETIC
    from workings.problems.coin_flip import COIN_FLIP
    from workings.problems.countdown import COUNTDOWN
    from workings.problems.dates import DATES
    from workings.problems.last_letters import LAST_LETTERS
    from workings.problems.shell_game import SHELL_GAME
    from workings.problems.words import FAMILY as WORDS
    from workings.problems.words import FAMILY_NEW as NEW_WORDS

    known = (COIN_FLIP, LAST_LETTERS, SHELL_GAME, ADDITION, CHAIN_ARITHMETIC, COUNTDOWN, DATES, WORDS, NEW_WORDS)
    return {one.name: one for one in known}


def family(name: str) -> Family:
    """The procedural family called `name`; raises UnknownName with the nearest names."""
    known = families()
    if name not in known:
        raise UnknownName.among("procedural family", name, known)
    return known[name]


def check_steps(problem: Problem, steps: Sequence[str]) -> tuple[bool | None, ...]:
    """Says of each line of a chain whether it is right, given the question.

    A line is right when it is the gold step or draft of its place, or states what the family's own rules give
    there. Returns one of True, False and None (could not tell) per line; all None for a family without a check.
    A right answer can follow a wrong line, so this is not a verdict on the answer.
    """
    check = families()[problem.question.family].check if problem.question.family in families() else None
    return (None,) * len(steps) if check is None else check(problem, steps)
