"""The contract of graders."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from workings.core.ask import Grade, Grades
from workings.core.errors import GraderError
from workings.core.problem import Question
from workings.run.ports import Grader
from workings.testing.worlds import item_chain, item_problems

__all__ = ["HOSTILE_STEPS", "MANY_STEPS", "check_grader"]

HOSTILE_STEPS = (
    "",
    "1" * 30_000 + " + 1 = 2",
    "((((" * 2_000,
    "\\frac{" * 2_000,
    "9^9^9^9^9^9 = 1",
    "1/0 = 0",
    "\ud800 \x00 ‮ ٣ + ٤ = ٧",
    "2 " + "+ 1 " * 5_000 + "= 3",
)
"""Steps as no model should write them, and some will."""

MANY_STEPS = 400
"""A chain longer than most contexts: every step of it is scored, or it is refused; its end is never left out."""


def check_grader(
    grader: Grader,
    *,
    question: Question | None = None,
    chains: Sequence[Sequence[str]] = (),
    a_score_a_step: bool = False,
    repeats: bool = True,
) -> None:
    """Gives a grader chains to score and raises AssertionError for the first law that does not hold.

    `chains` are lists of steps for `question`; five chains about an item by default. `a_score_a_step` says that it is
    a process verifier; `repeats` False leaves out that the same chain scores the same twice, for judges that sample.
    Hostile steps, and a chain of 400 steps, must be scored in full or refused with GraderError. Nothing is said about
    whether its scores are right.

    >>> from workings.graders.arithmetic import ArithmeticGrader
    >>> check_grader(ArithmeticGrader(), a_score_a_step=True)
    """
    asked = question if question is not None else item_problems(1)[0].question
    labels = ("1", "2", "3", "none", "1")
    given = tuple(map(tuple, chains)) or tuple(tuple(item_chain(1, label).split("\n")) for label in labels)
    asyncio.run(_check(grader, asked, given, a_score_a_step, repeats))


async def _check(
    grader: Grader, question: Question, chains: tuple[tuple[str, ...], ...], a_score_a_step: bool, repeats: bool
) -> None:
    grades = await grader.grade(Grade(question, chains, "tried"))
    _check_grades(grades, chains, a_score_a_step)
    if repeats:
        again = await grader.grade(Grade(question, chains, "tried"))
        assert again.scores == grades.scores, "The same chains scored differently the second time."
        turned = await grader.grade(Grade(question, chains[::-1], "tried"))
        assert turned.scores == grades.scores[::-1], "Scores do not follow their chains when those change places."
        for chain, score in zip(chains, grades.scores, strict=True):
            alone = await grader.grade(Grade(question, (chain,), "tried"))
            assert alone.scores == (score,), f"A chain scores {alone.scores[0]} alone and {score} among others."
        together = await asyncio.gather(*(grader.grade(Grade(question, (chain,), "tried")) for chain in chains))
        assert [one.scores[0] for one in together] == list(grades.scores), (
            "Grades under way at once disturb each other."
        )
    many = (chains[0][0],) * MANY_STEPS
    for hostile in [(many,), *(((step,), (chains[0][0], step)) for step in HOSTILE_STEPS)]:
        try:
            found = await grader.grade(Grade(question, hostile, "tried"))
        except GraderError:
            continue
        _check_grades(found, hostile, a_score_a_step)


def _check_grades(grades: Grades, chains: tuple[tuple[str, ...], ...], a_score_a_step: bool) -> None:
    assert isinstance(grades, Grades), f"A grader must give Grades, not {grades!r:.80}."
    assert len(grades.scores) == len(chains), f"{len(chains)} chains gave {len(grades.scores)} results."
    assert grades.kind in ("probability", "logit", "unbounded"), f"{grades.kind!r} is not a kind of score."
    for chain, scores in zip(chains, grades.scores, strict=True):
        wanted = len(chain) if a_score_a_step else 1
        assert len(scores) == wanted, f"{wanted} scores were due for a chain of {len(chain)} steps, {len(scores)} came."
        assert not any(math.isnan(s) for s in scores), f"A score is NaN: {scores}."
        if grades.kind == "probability":
            assert all(0.0 <= s <= 1.0 for s in scores), f"Probabilities must be in [0, 1]: {scores}."
    spent = grades.usage
    assert min(spent.prompt, spent.cached, spent.generated, spent.verifier, spent.calls) >= 0, (
        f"Usage below 0: {spent}."
    )
