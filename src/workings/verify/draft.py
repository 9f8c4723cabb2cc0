"""How well a chain keeps to a draft's word limit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workings.core.errors import BadSetting
from workings.core.trace import Step

__all__ = ["Compliance", "compliance", "count_words"]

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af]")
_WORD = re.compile(r"[^\s]+")


@dataclass(frozen=True, slots=True)
class Compliance:
    """Words in each step, and the share of steps within the limit (None when there are no steps)."""

    limit: int
    words: tuple[float, ...]
    share: float | None

    @property
    def mean_words(self) -> float | None:
        """Mean number of words a step."""
        return sum(self.words) / len(self.words) if self.words else None


def count_words(text: str) -> float:
    """Words in a step: runs between blanks that hold a letter or digit; two Chinese characters count as one word.

    Operators and bullets alone are not words: "20 - x = 12" has three.
    """
    han = len(_HAN.findall(text))
    rest = _HAN.sub(" ", text)
    return sum(1 for w in _WORD.findall(rest) if any(c.isalnum() for c in w)) + han / 2


def compliance(steps: Sequence[Step], limit: int = 5) -> Compliance:
    """Measure a draft against its limit of words a step (Chain of Draft; Xu et al. 2025, which asks for five).

    The limit is only asked of a model; this says how far it was kept, not whether the draft is right. Raises
    BadSetting for a limit below 1.
    """
    if limit < 1:
        raise BadSetting(f"limit={limit} leaves no room for a word.", "Use 5, as the paper does.")
    words = tuple(count_words(s.text) for s in steps)
    share = sum(w <= limit for w in words) / len(words) if words else None
    return Compliance(limit, words, share)
