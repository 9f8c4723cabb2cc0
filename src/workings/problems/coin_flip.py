"""Coin flips: which way up is a coin after some people flip it and some do not."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from workings.core.problem import AnswerKind, Problem
from workings.problems.family import Drawn, Family
from workings.problems.names import draw_names

__all__ = ["COIN_FLIP"]

_OTHER = {"heads": "tails", "tails": "heads"}
_SIDE = re.compile(r"\b(heads|tails)\b", re.IGNORECASE)


def build_coin_flip(rng: random.Random, length: int) -> Drawn:
    """A coin that is heads up, and `length` numbered people, each of whom flips it or does not.

    The numbers begin anywhere from 1 to 20, so that short lists already use those of long ones.

    Source: Wei et al. 2022, section 5. The parity of a few flips can be learnt without reasoning in steps.
    """
    people = draw_names(rng, length)
    flips = [rng.random() < 0.5 for _ in people]
    first = rng.randint(1, 20)
    side, acts, steps, drafts = "heads", [], [], []
    for item, (name, flip) in enumerate(zip(people, flips, strict=True), first):
        after = _OTHER[side] if flip else side
        acts.append(f"{item}) {name} {'flips it' if flip else 'does not flip it'}.")
        steps.append(f"{item}) {name} {'flips' if flip else 'does not flip'}: {side} -> {after}")
        drafts.append(f"{item}) {name} {'flips' if flip else 'not'}: {after}")
        side = after
    return Drawn(
        text=f"A coin is heads up. {' '.join(acts)} Is the coin still heads up?",
        gold="yes" if side == "heads" else "no",
        steps=tuple(steps),
        drafts=tuple(drafts),
        kind=AnswerKind.YES_NO,
        meta={"people": people, "flips": tuple(flips)},
    )


def check_coin_flip(problem: Problem, steps: Sequence[str]) -> tuple[bool | None, ...]:
    """A line is right when it names the person in turn and ends with the side that is then up."""
    side, sides = "heads", []
    for flip in problem.meta["flips"]:
        side = _OTHER[side] if flip else side
        sides.append(side)
    verdicts: list[bool | None] = []
    for place, line in enumerate(steps):
        stated = _SIDE.findall(line[:400])
        if not stated:
            verdicts.append(None)
        elif place >= len(sides):
            verdicts.append(False)
        else:
            mine = problem.meta["people"][place].lower() in line[:400].lower()
            verdicts.append(mine and stated[-1].lower() == sides[place])
    return tuple(verdicts)


COIN_FLIP = Family("coin-flip", (2, 6), (7, 12), build_coin_flip, "people", check_coin_flip)
