"""How far two sets of drawn answers lie apart, without mistaking an empty cell for a large difference."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Hashable, Sequence

from workings.core.errors import BadSetting

__all__ = ["jeffreys_divergence", "odds_shift", "share_gap", "split_half"]

Gap = Callable[[Sequence[Hashable], Sequence[Hashable]], float]


def jeffreys_divergence(one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
    """KL(one || other) in nats of two samples of answers, each answer of either counted half once more.

    Smoothing by a tiny constant instead lets empty cells decide: for two samples of 30 from one distribution with 98
    % in one cell the mean is then 0.2 nats and more, against 0.02 here.
    """
    if not one or not other:
        raise BadSetting(f"{len(one)} and {len(other)} answers cannot be compared.", "Draw some of each.")
    cells = dict.fromkeys((*one, *other))
    first = [(list(one).count(cell) + 0.5) / (len(one) + len(cells) / 2) for cell in cells]
    second = [(list(other).count(cell) + 0.5) / (len(other) + len(cells) / 2) for cell in cells]
    return math.fsum(a * math.log(a / b) for a, b in zip(first, second, strict=True))


def share_gap(target: Hashable) -> Gap:
    """A function of two samples: the share of `target` in the first minus that in the second, in [-1, 1]."""

    def gap(one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
        if not one or not other:
            raise BadSetting(f"{len(one)} and {len(other)} answers cannot be compared.", "Draw some of each.")
        return list(one).count(target) / len(one) - list(other).count(target) / len(other)

    return gap


def odds_shift(hits: int, tries: int, others: int, other_tries: int) -> float:
    """The log-odds of a rate less those of another, each count half once more so that none is infinite.

    >>> odds_shift(5, 10, 5, 10)
    0.0
    """
    if not 0 <= hits <= tries or not 0 <= others <= other_tries:
        raise BadSetting(f"{hits} of {tries} and {others} of {other_tries} are no rates.", "Give counts within tries.")
    one = math.log((hits + 0.5) / (tries - hits + 0.5))
    return one - math.log((others + 0.5) / (other_tries - others + 0.5))


def split_half(drawn: Sequence[Hashable], gap: Gap, seed: int, splits: int = 20) -> float | None:
    """The mean absolute gap between random halves of one sample: what a comparison gives when there is nothing.

    None for fewer than four draws. Halves are smaller than the sets that a measure compares, so this is on the large
    side.
    """
    if len(drawn) < 4:
        return None
    rng, found = random.Random(seed), []
    for _ in range(splits):
        mixed = list(drawn)
        rng.shuffle(mixed)
        middle = len(mixed) // 2
        found.append(abs(gap(mixed[:middle], mixed[middle:])))
    return math.fsum(found) / splits
