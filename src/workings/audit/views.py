"""One chain's read-out curve, seen against the answer of its whole: matches, shares, gains, importance of steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from workings.audit.readout import Curve, recorded
from workings.stats.areas import area_over, commit_point, entropy, log_odds, total_variation

__all__ = ["View", "difference", "mean_of"]


@dataclass(frozen=True)
class View:
    """A curve, and the length before each cut in tokens or words.

    Matches are with `final`: the option the whole chain gives, unless another is `wanted`. Probabilities are those of
    the answer that the chain stated, which is always option 0: it was not picked for being likely in this very curve,
    so that a model that guesses shows no gain.
    """

    curve: Curve
    lengths: tuple[int, ...] = ()
    wanted: int | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any], key: str = "whole") -> View:
        """The view of a recorded reading's chain."""
        return cls(recorded(values["mass"], values[key]), tuple(values["lengths"]))

    @classmethod
    def cues_of(cls, values: Mapping[str, Any]) -> tuple[View, ...]:
        """The views of the same chain under the other cues, each by the most that is covered under it."""
        told = [(rows, values["mass"] and max(Curve.of(rows).mass)) for rows in values["cues"]]
        return tuple(cls(recorded(mass, rows), tuple(values["lengths"])) for rows, mass in told)

    @cached_property
    def final(self) -> int:
        return self.curve.picks[-1] if self.wanted is None else self.wanted

    @property
    def steps(self) -> int:
        return len(self.curve.logprobs) - 1

    @cached_property
    def matches(self) -> tuple[float, ...]:
        """1 at each cut whose answer is the final one, else 0."""
        return tuple(float(pick == self.final) for pick in self.curve.picks)

    @cached_property
    def shares(self) -> tuple[float, ...]:
        """The stated answer's probability among the options, at each cut."""
        return tuple(row[0] for row in self.curve.shares)

    @property
    def places(self) -> tuple[float, ...]:
        """Each cut's share of the chain's length, from 0 to 1."""
        return tuple(count / self.lengths[-1] for count in self.lengths)

    @property
    def share_area(self) -> float:
        """How far the stated answer's probability lies, on average along the chain, below that at its end.

        0 where the answer stood before the chain, and where it is a guess to the end; 1 - 1/(2n) where the last of n
        steps makes it certain; negative where the chain takes it away.
        """
        return area_over([min(share, 1.0) for share in self.shares]) - (1 - self.shares[-1])

    @property
    def area(self) -> float:
        """The paper's: over matches, by steps."""
        return area_over(self.matches)

    def commit(self, run: int = 1, *, by_length: bool = False) -> float:
        """The share of steps (or of the length) after which the answer stays, when at least `run` cuts match."""
        return commit_point([bool(match) for match in self.matches], run, self.places if by_length else None)

    @property
    def gains(self) -> tuple[float | None, ...]:
        """What each step adds to the log of the stated answer's probability (nats); None where that is infinite."""
        return tuple(difference(a, b) for a, b in pairwise(_log(share) for share in self.shares))

    @property
    def importance(self) -> tuple[float | None, ...]:
        """What each step adds to the stated answer's log-odds against all others (nats); None where infinite.

        The forced-answer importance of Bogdan et al. 2025, from exact probabilities: nothing is drawn, so there is no
        noise to take off and no constant that stands for unseen answers.
        """
        return tuple(difference(a, b) for a, b in pairwise(log_odds(row, 0) for row in self.curve.rows))

    @property
    def variation(self) -> tuple[float, ...]:
        """How far the answers at each cut lie from those of the whole chain, in [0, 1]."""
        rows = self.curve.shares
        return tuple(total_variation(row, rows[-1]) for row in rows)

    @property
    def entropies(self) -> tuple[float, ...]:
        """Entropy of the answer at each cut (nats)."""
        return tuple(map(entropy, self.curve.shares))

    def before(self, steps: Sequence[int]) -> float | None:
        """The area up to the first of `steps` (from 0), on its own axis; None when no step comes before it.

        The last cut there is not the whole chain, so nothing matches by force and the ceiling is 1.
        """
        end = min(steps, default=self.steps)
        return area_over(self.matches[: end + 1]) if end > 0 else None


def _log(share: float) -> float:
    return math.log(share) if share > 0 else -math.inf


def difference(before: float, after: float) -> float | None:
    """After less before; None where either is infinite, which no mean survives."""
    return after - before if math.isfinite(before) and math.isfinite(after) else None


def mean_of(values: Iterable[float | None]) -> float | None:
    """The mean of the values that there are; None when there is none."""
    told = [value for value in values if value is not None]
    return math.fsum(told) / len(told) if told else None
