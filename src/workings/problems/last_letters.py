"""Last letters: take the last letter of each name and join them."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from workings.core.problem import AnswerKind, Problem
from workings.problems.family import Drawn, Family
from workings.problems.names import draw_names

__all__ = ["LAST_LETTERS"]

_JOINED = re.compile(r"[a-z](?:-[a-z])*(?![a-z-])")


def build_last_letters(rng: random.Random, length: int) -> Drawn:
    """`length` different numbered names; the answer is their last letters in order, joined by hyphens.

    The numbers begin anywhere from 1 to 20, so that short lists already use those of long ones.

    Source: Wei et al. 2022, section 5, which joins them without hyphens; with hyphens every tokenizer sees letters.
    """
    people = draw_names(rng, length)
    letters = [name[-1].lower() for name in people]
    first = rng.randint(1, 20)
    items = [f"{number}) {name}" for number, name in enumerate(people, first)]
    done = ["-".join(letters[: i + 1]) for i in range(length)]
    return Drawn(
        text=f"Take the last letter of each name and join them with hyphens: {', '.join(items)}.",
        gold=done[-1],
        steps=tuple(f"{item} ends in {x}: {so_far}" for item, x, so_far in zip(items, letters, done, strict=True)),
        drafts=tuple(f"{item}: {so_far}" for item, so_far in zip(items, done, strict=True)),
        kind=AnswerKind.TEXT,
        meta={"names": people},
    )


def check_last_letters(problem: Problem, steps: Sequence[str]) -> tuple[bool | None, ...]:
    """A line is right when what stands after its last colon is the letters so far."""
    letters = [name[-1].lower() for name in problem.meta["names"]]
    verdicts: list[bool | None] = []
    for place, line in enumerate(steps):
        stated = line[-400:].rpartition(":")[2].strip().rstrip(".").lower()
        if not _JOINED.fullmatch(stated):
            verdicts.append(None)
        else:
            verdicts.append(place < len(letters) and stated == "-".join(letters[: place + 1]))
    return tuple(verdicts)


LAST_LETTERS = Family("last-letters", (2, 6), (7, 10), build_last_letters, "names", check_last_letters)
