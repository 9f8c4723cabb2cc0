"""Gold labels for the steps of a sampled chain, from the checkers of the procedural families."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workings.core.answer import Outcome
from workings.core.problem import Problem
from workings.problems.procedural import check_steps
from workings.run.judging import decide
from workings.verify.extract import extract
from workings.verify.steps import split_steps

__all__ = ["GoldChain", "gold_chain", "is_answer_line", "sound", "spoiled"]

_DECLARED = ("the answer is", "答案是")
_VALUE = re.compile(r"(?:\d+|heads|tails|[a-z])(?=\W*$)")
_TRIES = 20
_SPELLED = frozenset({"coin-flip", "last-letters", "shell-game", "addition", "chain-arithmetic", "dates"})


@dataclass(frozen=True, slots=True)
class GoldChain:
    """A chain of a procedural problem with what its family's checker says.

    `steps` are its lines, `correct` one of True, False and None (cannot be told) a line: is what this line states
    right? The line that declares the answer is right when the answer is. `sound` says of each line whether everything
    up to it is. `right` says whether the answer is, whatever went before.
    """

    problem: Problem
    steps: tuple[str, ...]
    correct: tuple[bool | None, ...]
    right: bool

    @property
    def sound(self) -> tuple[bool | None, ...]:
        return tuple(sound(self.correct))

    @property
    def first_error(self) -> int | None:
        """The number of the first wrong line, -1 when all are right; None when a line before it cannot be told."""
        for number, verdict in enumerate(self.correct):
            if verdict is None:
                return None
            if not verdict:
                return number
        return -1


def sound(correct: Sequence[bool | None]) -> Iterator[bool | None]:
    """For each line, whether all lines up to it are right: False behind a wrong one, None behind one not told."""
    so_far: bool | None = True
    for verdict in correct:
        so_far = False if so_far is False or verdict is False else None if so_far is None else verdict
        yield so_far


def is_answer_line(line: str) -> bool:
    """Whether a line declares the answer as our prompts ask for it."""
    return line.strip().lower().startswith(_DECLARED)


async def gold_chain(problem: Problem, text: str, *, spelled: bool = False) -> GoldChain:
    """A sampled chain as its family's checker judges it; all lines None for a problem without one.

    A checker looks at what a line arrives at. With `spelled`, a line of a family whose steps have one spelling is right
    only when it is the gold step or draft of its place: `3+4=8, mod 8: 7` arrives at the right value by a false sum, so
    it is None, not told. A line that goes on after the answer was declared is judged like the others. Judging needs no
    model.
    """
    steps = tuple(step.text for step in split_steps(text)) if "\n" in text.strip() else (text.strip(),)
    kind, choices = problem.question.kind, problem.question.choices
    right = await decide(extract(text, kind, choices), problem) is Outcome.RIGHT
    lines = [line for line in steps if not is_answer_line(line)]
    checked = check_steps(problem, lines)
    if spelled and problem.question.family in _SPELLED:
        known = [{a, b} for a, b in zip(problem.steps, problem.drafts, strict=True)]
        checked = tuple(
            None if said and line not in (known[place] if place < len(known) else ()) else said
            for place, (line, said) in enumerate(zip(lines, checked, strict=True))
        )
    verdicts = iter(checked)
    told = tuple(right if is_answer_line(line) else next(verdicts) for line in steps)
    return GoldChain(problem, steps, told, right)


def spoiled(problem: Problem, rng: random.Random) -> GoldChain | None:
    """The gold steps of a problem up to one of them, whose last value is changed so that its checker calls it wrong.

    The value is one of the same form: a near number, another letter, the other side of a coin. None when no line can be
    spoiled that way. The chain declares no answer, so `right` is False.
    """
    for _ in range(_TRIES):
        lines = list(problem.steps[: rng.randint(1, len(problem.steps))])
        found = _VALUE.search(lines[-1])
        if found is None:
            continue
        lines[-1] = lines[-1][: found.start()] + _other(found[0], rng) + lines[-1][found.end() :]
        verdicts = check_steps(problem, lines)
        if verdicts[-1] is False and all(verdicts[:-1]):
            return GoldChain(problem, tuple(lines), verdicts, False)
    return None


def _other(value: str, rng: random.Random) -> str:
    if value in ("heads", "tails"):
        return "tails" if value == "heads" else "heads"
    if not value.isdigit():
        return rng.choice("abcdefghijklmnopqrstuvwxyz".replace(value, ""))
    if rng.random() < 0.5:
        at = rng.randrange(len(value))
        return value[:at] + rng.choice("0123456789".replace(value[at], "")) + value[at + 1 :]
    return str(abs(int(value) + rng.choice((-3, -2, -1, 1, 2, 3)))).zfill(len(value) if value[0] == "0" else 0)
