"""How far two raters agree beyond chance."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from workings.core.errors import BadSetting

__all__ = ["Agreement", "agree", "kappa"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two raters' yes and no on the same items.

    `kappa` is None when both gave one and the same verdict throughout: there is then nothing to agree on by more than
    chance. `first_only` and `second_only` count the items that one of them alone said yes to: which way they differ.
    """

    items: int
    observed: float
    kappa: float | None
    first_only: int
    second_only: int


def kappa(one: Sequence[Hashable], other: Sequence[Hashable]) -> float | None:
    """Cohen's kappa: agreement beyond what the raters' own rates give, at most 1; None when chance alone gives 1.

    Source: Cohen 1960. It falls when a label is rare, whatever the raters do.

    >>> kappa([1, 1, 0, 0], [1, 0, 0, 0])
    0.5
    """
    if len(one) != len(other) or not one:
        raise BadSetting(f"{len(one)} and {len(other)} ratings cannot be compared.", "Give both raters the same items.")
    n = len(one)
    observed = sum(a == b for a, b in zip(one, other, strict=True)) / n
    labels = dict.fromkeys((*one, *other))
    chance = sum(list(one).count(label) * list(other).count(label) for label in labels) / n**2
    return None if chance >= 1 else (observed - chance) / (1 - chance)


def agree(one: Sequence[bool], other: Sequence[bool]) -> Agreement:
    """The agreement of two raters of yes and no; raises BadSetting when they did not rate the same items."""
    found = kappa(one, other)
    pairs = list(zip(one, other, strict=True))
    return Agreement(
        len(pairs),
        sum(a == b for a, b in pairs) / len(pairs),
        found,
        sum(a and not b for a, b in pairs),
        sum(b and not a for a, b in pairs),
    )
