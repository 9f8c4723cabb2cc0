"""How well a verifier finds the first wrong step of a chain, and how well labels of steps agree with the gold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workings.core.errors import BadSetting

__all__ = ["LabelQuality", "ProcessScore", "best_threshold", "first_error", "label_quality", "process_score"]


@dataclass(frozen=True, slots=True)
class ProcessScore:
    """ProcessBench's numbers (Zheng et al. 2024, section 3): shares in [0, 1], with the chains behind each.

    `on_wrong` is the share of chains with a wrong step whose first one was found, `on_right` that of sound chains in
    which none was; `f1` is their harmonic mean. An interval, and how far off a miss was, are left out.
    """

    f1: float
    on_wrong: float
    on_right: float
    wrong: int
    right: int


def first_error(scores: Sequence[float], threshold: float = 0.5) -> int:
    """The number from 0 of the first step that scores below `threshold`, -1 when there is none.

    Raises BadSetting for a NaN, which is below nothing.

    >>> first_error((0.9, 0.2, 0.8))
    1
    """
    if any(math.isnan(score) for score in scores):
        raise BadSetting(f"A step score is NaN: {tuple(scores)}.", "Find out which verifier returned it.")
    return next((number for number, score in enumerate(scores) if score < threshold), -1)


def process_score(said: Sequence[int], gold: Sequence[int]) -> ProcessScore:
    """First wrong steps as a verifier names them against the gold ones, -1 for none.

    Raises BadSetting when the two differ in number, or when one of the two kinds of chain is missing: there is no
    harmonic mean of one number.

    >>> process_score((1, -1, 0, -1), (1, 2, -1, -1)).f1
    0.5
    """
    if len(said) != len(gold):
        raise BadSetting(f"{len(said)} verdicts for {len(gold)} chains.", "Give one a chain.")
    wrong = [a == b for a, b in zip(said, gold, strict=True) if b != -1]
    right = [a == b for a, b in zip(said, gold, strict=True) if b == -1]
    if not wrong or not right:
        raise BadSetting(
            f"There are {len(wrong)} chains with a wrong step and {len(right)} without.", "Give some of each."
        )
    found, kept = sum(wrong) / len(wrong), sum(right) / len(right)
    f1 = 2 * found * kept / (found + kept) if found + kept else 0.0
    return ProcessScore(f1, found, kept, len(wrong), len(right))


def best_threshold(chains: Sequence[Sequence[float]], gold: Sequence[int]) -> float:
    """The threshold among 0.02, 0.04, … 0.98 with the largest F1, the one nearest 0.5 among equals.

    Choose it on chains that are not those it is then judged by.
    """
    tried = [number / 50 for number in range(1, 50)]
    return max(tried, key=lambda t: (process_score([first_error(c, t) for c in chains], gold).f1, -abs(t - 0.5)))


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """Labels of steps against the gold, a wrong step being what is looked for. Shares are None where nothing counts.

    `precision`: of the steps labelled wrong, those that are. `recall`: of the wrong steps, those labelled so.
    `accuracy`: of all steps, those labelled as the gold does. `steps` and `wrong` count the gold's.
    """

    precision: float | None
    recall: float | None
    accuracy: float | None
    steps: int
    wrong: int

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        if self.precision is None or self.recall is None:
            return None
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def label_quality(pairs: Iterable[tuple[bool, bool]]) -> LabelQuality:
    """From (label, gold) of each step, True for a right one.

    >>> label_quality([(True, True), (False, False), (True, False)]).recall
    0.5
    """
    said = list(pairs)
    caught = sum(not a and not b for a, b in said)
    named, wrong = sum(not a for a, _ in said), sum(not b for _, b in said)
    same = sum(a == b for a, b in said)
    return LabelQuality(
        caught / named if named else None,
        caught / wrong if wrong else None,
        same / len(said) if said else None,
        len(said),
        wrong,
    )
