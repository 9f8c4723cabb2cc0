"""A family of procedural problems: a length dial, gold steps, and splits that cannot overlap."""

from __future__ import annotations

import hashlib
import random
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from workings.core.errors import BadSetting, DataError
from workings.core.problem import AnswerKind, Problem, Question

__all__ = ["SPLITS", "Drawn", "Family", "Split", "generate", "split_of"]

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")

_TRIES: Mapping[Split, int] = {"train": 350, "dev": 6_000, "test": 3_000}
_ITEM_NUMBER = re.compile(r"(?<!\S)\d{1,3}\)")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One question as its family drew it, before it has a split or an id.

    `steps` are one line each, and each needs only the question and the line before it; `drafts` are the same
    steps in at most five words. `cluster` is empty where problems are independent draws.
    """

    text: str
    gold: str
    steps: tuple[str, ...]
    drafts: tuple[str, ...]
    kind: AnswerKind = AnswerKind.NUMBER
    cluster: str = ""
    choices: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of problem: how to draw one of a given length, and what the length dial means.

    `in_length` and `out_of_length` are inclusive and do not overlap: models are trained on the first only.
    `dial` says in words what is counted. `check`, where there is one, says of each line of a chain whether it
    is right (True), wrong (False), or cannot be told (None).
    """

    name: str
    in_length: tuple[int, int]
    out_of_length: tuple[int, int]
    build: Callable[[random.Random, int], Drawn]
    dial: str = "steps"
    check: Callable[[Problem, Sequence[str]], tuple[bool | None, ...]] | None = None


def split_of(text: str) -> Split:
    """The one split a question belongs to: a hash of its text, leaving out case, spacing and item numbers.

    Of 20 buckets, 2 are test, 1 is dev and 17 are train, so no seed can leak a question from one to another, and
    neither can a list that is the same but for where its numbering starts ("3)", "4)").
    """
    bucket = int(hashlib.sha256(_normal(text).encode()).hexdigest(), 16) % 20
    if bucket < 2:
        return "test"
    return "dev" if bucket == 2 else "train"


def _normal(text: str) -> str:
    return " ".join(_ITEM_NUMBER.sub(" ", text).casefold().split())


def generate(
    family: Family, split: Split, count: int, seed: int = 0, lengths: tuple[int, int] | None = None
) -> Iterator[Problem]:
    """Draws `count` different problems of one split, lazily, with lengths in equal shares.

    `lengths` is an inclusive range of the family's dial and defaults to its in-length range; a length leaves the
    rotation when hardly any of its questions (about one in a hundred) are left to draw. The same arguments give the
    same problems, and a smaller count gives a prefix of a larger one. Two seeds of one split may share questions;
    two splits never do. Raises BadSetting for a range or split that does not exist, and DataError when the family
    has fewer different questions than were asked for.
    """
    low, high = lengths if lengths is not None else family.in_length
    floor, ceiling = family.in_length[0], max(family.in_length[1], family.out_of_length[1])
    if not floor <= low <= high <= ceiling:
        raise BadSetting(
            f"{family.name} has no lengths {low} to {high}.", f"Its {family.dial} go from {floor} to {ceiling}."
        )
    if split not in SPLITS:
        raise BadSetting(f"There is no split {split!r}.", "Use train, dev or test.")
    if count < 0:
        raise BadSetting(f"Cannot draw {count} problems.", "Ask for none or more.")
    return _generate(family, split, count, seed, low, high)


def _generate(family: Family, split: Split, count: int, seed: int, low: int, high: int) -> Iterator[Problem]:
    rng = random.Random(f"{family.name}|{split}|{seed}")
    seen: set[bytes] = set()
    rotation = deque(range(low, high + 1))
    while len(seen) < count:
        drawn = _draw(family, split, rng, rotation[0], seen)
        if drawn is not None:
            yield _problem(family, split, rotation[0], drawn)
            rotation.rotate(-1)
            continue
        rotation.popleft()
        if not rotation:
            raise DataError(
                f"{family.name} has only about {len(seen)} different {split} questions with {low} to {high} "
                f"{family.dial}, and {count} were asked for.",
                "Ask for fewer, or for a wider range of lengths.",
            )


def _draw(family: Family, split: Split, rng: random.Random, length: int, seen: set[bytes]) -> Drawn | None:
    for _ in range(_TRIES[split]):
        drawn = family.build(rng, length)
        key = hashlib.blake2b(_normal(drawn.text).encode(), digest_size=12).digest()
        if key not in seen and split_of(drawn.text) == split:
            seen.add(key)
            return drawn
    return None


def _problem(family: Family, split: Split, length: int, drawn: Drawn) -> Problem:
    asked = "\x1f".join((drawn.text, *drawn.choices))
    digest = hashlib.sha256(asked.encode()).hexdigest()[:16]
    question = Question(
        id=f"{family.name}-{split}-{digest}",
        text=drawn.text,
        kind=drawn.kind,
        choices=drawn.choices,
        family=family.name,
    )
    meta = {**drawn.meta, "in_length": family.in_length[0] <= length <= family.in_length[1]}
    return Problem(question, drawn.gold, drawn.steps, drawn.drafts, drawn.cluster, length, split, meta)
