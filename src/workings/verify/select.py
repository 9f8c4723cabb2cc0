"""Choosing one answer from many."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Sequence

from workings.core.answer import Answer
from workings.core.errors import BadSetting
from workings.core.solution import Choice
from workings.verify.number import is_symbolic
from workings.verify.text import fold

__all__ = ["agreement", "ballot", "best", "vote", "weighted_best"]

_JOINED = re.compile(r"\b(?:or|and|to)\b|[或和]", re.IGNORECASE)


def ballot(answer: Answer) -> str | None:
    """What an answer votes for: its canonical form, else the text of a formula; None when it abstains.

    A formula that text cannot reduce ("2\\sqrt{3}") votes with its folded text, without spaces and dollar signs:
    equal formulas that are written differently count apart, unless they fold to the same text. What cannot be told
    ("5 or 6") and what was not answered abstain.
    """
    if answer.canonical is not None or not answer.raw:
        return answer.canonical
    if not is_symbolic(answer.raw) or _JOINED.search(answer.raw):
        return None
    return "".join(fold(answer.raw).replace("$", "").split()).rstrip(".") or None


def vote(answers: Sequence[Answer], weights: Sequence[float] | None, seed: int, rule: str = "counts") -> Choice:
    """Choose the answer with the largest summed weight (self-consistency; Wang et al. 2023, ICLR).

    `weights` has one finite entry >= 0 an answer; None counts each as 1. Weights are summed, never averaged:
    averaged, one confident chain beats nine that agree. Answers vote as `ballot` says; those that abstain are counted
    in `abstained`. Equal sums are decided by the seed and the tied answers alone, so neither the order of the answers
    nor that of arrival matters, and `tied` is set. `chosen` is the first answer of the winning class, None when
    nobody voted.

    Raises BadSetting for a weight that is negative or not finite, or a wrong number of them.
    """
    weights = [1.0] * len(answers) if weights is None else weights
    _check(answers, weights, "weight", lambda w: math.isfinite(w) and w >= 0, "finite and >= 0")
    names = [ballot(a) for a in answers]
    parts: dict[str, list[float]] = {}
    for name, weight in zip(names, weights, strict=True):
        if name is not None:
            parts.setdefault(name, []).append(float(weight))
    return _choose(names, {name: math.fsum(sorted(ws)) for name, ws in parts.items()}, seed, rule)


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
    names = [ballot(a) for a in answers]
    top: dict[str, float] = {}
    for name, score in zip(names, scores, strict=True):
        if name is not None:
            top[name] = max(float(score), top.get(name, -math.inf))
    if not top:
        first = max(range(len(answers)), key=lambda i: scores[i]) if answers else None
        return Choice(rule, {}, first, len(answers))
    choice = _choose(names, top, seed, rule)
    winner = next(iter(choice.weights))
    chosen = next(i for i, name in enumerate(names) if name == winner and scores[i] == top[winner])
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


def _choose(ballots: Sequence[str | None], weights: dict[str, float], seed: int, rule: str) -> Choice:
    abstained = sum(1 for name in ballots if name is None)
    if not weights:
        return Choice(rule, {}, None, abstained)
    top = max(weights.values())
    winners = sorted(name for name, weight in weights.items() if weight == top)
    winner = winners[_draw(seed, winners)]
    order = sorted(weights, key=lambda name: (-weights[name], name != winner, name))
    chosen = next(i for i, name in enumerate(ballots) if name == winner)
    return Choice(rule, {name: weights[name] for name in order}, chosen, abstained, len(winners) > 1)


def _draw(seed: int, names: list[str]) -> int:
    digest = hashlib.sha256("\x1f".join((str(seed), *names)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % len(names)
