"""How sure a chain was of itself, token by token, and which chains that lets vote."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

from workings.core.errors import BadSetting

__all__ = [
    "ChainScore",
    "borda",
    "chain_score",
    "drops_at",
    "group_means",
    "hedged",
    "margin",
    "most_confident",
    "percentile",
    "short_window",
    "token_confidence",
]

ChainScore = Literal["lowest", "bottom", "tail", "mean"]

Row = Sequence[tuple[int, float]]

_HEDGE = re.compile(r"\b(?:wait|hold on|but|hmm+|actually|not sure)\b|等等|等一下|不对|不确定|但", re.IGNORECASE)


def token_confidence(top: Sequence[Row], k: int) -> tuple[float, ...]:
    """For each token, minus the mean log-probability of the `k` likeliest tokens there; larger is surer.

    The chosen token is not one of them unless it is among the likeliest (Fu et al. 2025, DeepConf).
    """
    found = []
    for row in top:
        values = [logprob for _, logprob in row[:k]]
        if not values:
            raise BadSetting("A token came without its likeliest alternatives.", "Ask for them with top=.")
        found.append(-math.fsum(values) / len(values))
    return tuple(found)


def group_means(values: Sequence[float], window: int) -> tuple[float, ...]:
    """Means over every `window` tokens in a row; one mean over all when there are fewer; none for no tokens."""
    if window < 1:
        raise BadSetting(f"window={window} holds no token.", "Use window=1 or more.")
    if not values:
        return ()
    if len(values) <= window:
        return (math.fsum(values) / len(values),)
    sums = list(accumulate(values, initial=0.0))
    return tuple((sums[end] - sums[end - window]) / window for end in range(window, len(values) + 1))


def chain_score(values: Sequence[float], window: int, how: ChainScore) -> float:
    """One confidence for a chain from its tokens' (Fu et al. 2025); 0 for a chain without tokens.

    "lowest" is the least sure group, "bottom" the mean of the least sure tenth of the groups (at least one), "tail"
    the mean of the last `window` tokens, "mean" that of all.
    """
    groups = group_means(values, window)
    if not groups:
        return 0.0
    match how:
        case "lowest":
            return min(groups)
        case "bottom":
            few = sorted(groups)[: max(1, len(groups) // 10)]
            return math.fsum(few) / len(few)
        case "tail":
            last = values[-window:]
            return math.fsum(last) / len(last)
        case "mean":
            return math.fsum(values) / len(values)
    raise BadSetting(f"score={how!r} is not known.", "Use lowest, bottom, tail or mean.")


def drops_at(values: Sequence[float], window: int, threshold: float) -> int | None:
    """After how many tokens the mean of the last `window` first is below `threshold`; None when it never is.

    Nothing is decided before a whole window is there.
    """
    if len(values) < window:
        return None
    return next((window + i for i, mean in enumerate(group_means(values, window)) if mean < threshold), None)


def most_confident(scores: Sequence[float], keep: float) -> tuple[bool, ...]:
    """Which of the scores are among the highest share `keep`, rounded up; those equal to the last one stay too."""
    if not 0 < keep <= 1:
        raise BadSetting(f"keep={keep} is not a share.", "Use a number above 0 and at most 1, such as 0.1 or 0.9.")
    if not scores:
        return ()
    last = sorted(scores, reverse=True)[math.ceil(keep * len(scores) - 1e-9) - 1]
    return tuple(score >= last for score in scores)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` in [0, 1] of the values lie, interpolated as numpy does."""
    if not values or not 0 <= share <= 1:
        raise BadSetting(f"The percentile {share} of {len(values)} values is not there.", "Give values, and a share.")
    ranked = sorted(values)
    at = share * (len(ranked) - 1)
    low = min(int(at), len(ranked) - 1)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (at - low)


def short_window(lengths: Sequence[int], longest: int = 2048) -> int:
    """A window that suits chains of these lengths: a quarter of the median one, from 4 to `longest` tokens.

    The published 2048 is for chains of tens of thousands of tokens; a shorter chain would be one group and never stop.
    """
    if not lengths:
        return 4
    ranked = sorted(lengths)
    return max(4, min(longest, ranked[len(ranked) // 2] // 4))


def borda(scores: Sequence[float], power: float) -> tuple[float, ...]:
    """Weights (N - rank + 1)^power by rank, the highest score first; 0 makes all equal (Kang et al. 2025).

    Equal scores share the mean of their places' weights, so that the order of the chains does not matter. Raises
    BadSetting for a power below 0 or a NaN.
    """
    if not power >= 0 or math.isinf(power):
        raise BadSetting(f"power={power} is out of range.", "Use power=0 for equal votes, or more, such as 0.5.")
    if any(math.isnan(score) for score in scores):
        raise BadSetting("A confidence is NaN.", "Find out which chain it belongs to; NaN has no rank.")
    places: dict[float, list[float]] = {}
    for place, score in enumerate(sorted(scores)):
        places.setdefault(score, []).append(float((place + 1) ** power))
    means = {score: math.fsum(weights) / len(weights) for score, weights in places.items()}
    return tuple(means[score] for score in scores)


def margin(
    tokens: Sequence[str], top: Sequence[Row], span: tuple[int, int], *, start: int = 0, forced: int = 0
) -> float:
    """The mean lead of the likeliest token over the next one, over the tokens that write an answer; 0 when none does.

    `span` is the answer's half-open character span, `start` the character at which the first token begins, and `top`
    has the two likeliest tokens at each place. The first `forced` tokens were not the model's choice: their lead counts
    as 0 (Wang and Zhou 2024, section 2.2, equation 1).
    """
    leads, at = [], start
    for place, (token, row) in enumerate(zip(tokens, top, strict=True)):
        end = at + len(token)
        if at < span[1] and end > span[0]:
            chances = [math.exp(logprob) for _, logprob in row[:2]]
            first, second = (*chances, 0.0, 0.0)[:2]
            leads.append(first - second if place >= forced else 0.0)
        at = end
    return math.fsum(leads) / len(leads) if leads else 0.0


def hedged(text: str) -> bool:
    """Whether a text takes something back: a whole word such as "wait", "but" or "hmm", or one of theirs in Chinese."""
    return _HEDGE.search(text) is not None
