"""A success rate from a few tries: the Beta posterior, with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from workings.core.errors import BadSetting

__all__ = ["Posterior", "beta_posterior", "tries_needed"]


@dataclass(frozen=True, slots=True)
class Posterior:
    """Beta(a, b): what is believed of a success rate after `right` of `tries`.

    `low` and `high` hold the rate with the probability that was asked for, in equal tails. The prior is part of the
    number: with few tries it moves the mean visibly.
    """

    right: int
    tries: int
    a: float
    b: float
    low: float
    high: float

    @property
    def mean(self) -> float:
        """The posterior mean, never 0 or 1."""
        return self.a / (self.a + self.b)

    def above(self, rate: float) -> float:
        """The probability that the success rate is above `rate`."""
        from scipy.special import betainc

        return float(1.0 - betainc(self.a, self.b, min(max(rate, 0.0), 1.0)))


def beta_posterior(
    right: int, tries: int, *, level: float = 0.95, prior: tuple[float, float] = (1.0, 1.0)
) -> Posterior:
    """The posterior of a success rate after `right` of `tries`, from a Beta prior (uniform by default).

    Raises BadSetting for counts that do not fit, a level outside (0, 1) or a prior that is not positive.

    >>> round(beta_posterior(0, 8).high, 3)
    0.336
    """
    if not 0 <= right <= tries:
        raise BadSetting(f"{right} of {tries} is no count of successes.", "Give 0 <= right <= tries.")
    if not 0 < level < 1 or min(prior) <= 0:
        raise BadSetting(f"level={level}, prior={prior} is out of range.", "Use a level in (0, 1), a prior above 0.")
    from scipy.special import betaincinv

    a, b = prior[0] + right, prior[1] + tries - right
    tail = (1 - level) / 2
    return Posterior(right, tries, a, b, float(betaincinv(a, b, tail)), float(betaincinv(a, b, 1 - tail)))


def tries_needed(rate: float, width: float, *, level: float = 0.95) -> int:
    """How many tries make the interval at most `width` wide when a share `rate` of them succeeds.

    Raises BadSetting for a rate or width outside (0, 1) or below a thousandth.
    """
    if not 0 <= rate <= 1 or not 0.001 <= width < 1:
        raise BadSetting(f"rate={rate}, width={width} is out of range.", "Use a rate in [0, 1], a width of 0.001 to 1.")

    def wide(tries: int) -> bool:
        found = beta_posterior(round(rate * tries), tries, level=level)
        return found.high - found.low > width

    low, high = 0, 1
    while wide(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if wide(middle) else (low, middle)
    return high
