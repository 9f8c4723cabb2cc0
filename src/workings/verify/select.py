"""Choosing one answer from many."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence

from workings.core.answer import Answer
from workings.core.errors import BadSetting
from workings.core.solution import Choice

__all__ = ["agreement", "best", "vote", "weighted_best"]


def vote(answers: Sequence[Answer], weights: Sequence[float] | None, seed: int, rule: str = "counts") -> Choice:
    """Choose the answer with the largest summed weight (self-consistency; Wang et al. 2022).

    `weights` has one finite entry >= 0 an answer; None counts each as 1. Weights are summed, never averaged:
    averaged, one confident chain beats nine that agree. Answers that are not given do not vote and are counted in
    `abstained`. Equal sums are decided by the seed and the tied answers alone, so neither the order of the answers
    nor that of arrival matters, and `tied` is set. `chosen` is the first answer of the winning class, None when
    nobody voted.

    Raises BadSetting for a weight that is negative or not finite, or a wrong number of them.
    """
    weights = [1.0] * len(answers) if weights is None else weights
    _check(answers, weights, "weight", lambda w: math.isfinite(w) and w >= 0, "finite and >= 0")
    parts: dict[str, list[float]] = {}
    for answer, weight in zip(answers, weights, strict=True):
        if answer.canonical is not None:
            parts.setdefault(answer.canonical, []).append(float(weight))
    return _choose(answers, {name: math.fsum(sorted(ws)) for name, ws in parts.items()}, seed, rule)


def weighted_best(answers: Sequence[Answer], scores: Sequence[float], seed: int = 0) -> Choice:
    """Weighted best-of-N: the answer with the largest sum of scores (Li et al. 2023; Snell et al. 2024).

    Raises BadSetting for scores below 0 or not finite: turn logits into probabilities first.
    """
    return vote(answers, scores, seed, "weighted best")


def best(answers: Sequence[Answer], scores: Sequence[float], seed: int = 0, rule: str = "best") -> Choice:
    """Best-of-N: the answered trace with the highest score.

    `weights` of the result holds each answer's best score. Different answers with equal best scores are a tie,
    decided like a vote's; equal scores within one answer take the first. Only when nothing was answered is an
    unanswered trace chosen, and `weights` is then empty. Raises BadSetting for NaN.
    """
    _check(answers, scores, "score", lambda s: not math.isnan(s), "a number")
    top: dict[str, float] = {}
    for answer, score in zip(answers, scores, strict=True):
        if answer.canonical is not None:
            top[answer.canonical] = max(float(score), top.get(answer.canonical, -math.inf))
    if not top:
        first = max(range(len(answers)), key=lambda i: scores[i]) if answers else None
        return Choice(rule, {}, first, len(answers))
    choice = _choose(answers, top, seed, rule)
    winner = next(iter(choice.weights))
    chosen = next(i for i, a in enumerate(answers) if a.canonical == winner and scores[i] == top[winner])
    return Choice(rule, choice.weights, chosen, choice.abstained, choice.tied)


def agreement(choice: Choice, *, abstentions: bool = False) -> float:
    """The winner's share of the voters' weight, in [0, 1]; 0 when nobody voted or no weight was cast.

    With `abstentions`, each abstention counts as one more vote for nobody: only meaningful when every vote has
    weight 1. High agreement is not accuracy: samples of one model share its mistakes.
    """
    weights = list(choice.weights.values())
    total = math.fsum(weights) + (choice.abstained if abstentions else 0)
    return min(1.0, weights[0] / total) if weights and total > 0 else 0.0


def _check(
    answers: Sequence[Answer], values: Sequence[float], what: str, fits: Callable[[float], bool], must_be: str
) -> None:
    if len(values) != len(answers):
        raise BadSetting(f"{len(values)} {what}s for {len(answers)} answers.", f"Give one {what} an answer.")
    for i, value in enumerate(values):
        if not fits(value):
            raise BadSetting(
                f"The {what} {value!r} of answer {i} must be {must_be}.", "Leave that trace out, or fix its verifier."
            )


def _choose(answers: Sequence[Answer], weights: dict[str, float], seed: int, rule: str) -> Choice:
    abstained = sum(1 for a in answers if a.canonical is None)
    if not weights:
        return Choice(rule, {}, None, abstained)
    top = max(weights.values())
    winners = sorted(name for name, weight in weights.items() if weight == top)
    winner = winners[_draw(seed, winners)]
    order = sorted(weights, key=lambda name: (-weights[name], name != winner, name))
    chosen = next(i for i, a in enumerate(answers) if a.canonical == winner)
    return Choice(rule, {name: weights[name] for name in order}, chosen, abstained, len(winners) > 1)


def _draw(seed: int, names: list[str]) -> int:
    digest = hashlib.sha256("\x1f".join((str(seed), *names)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % len(names)
