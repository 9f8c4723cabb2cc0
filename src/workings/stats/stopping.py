"""When enough samples have voted: how sure the counts so far make it that the leader stays ahead."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Literal

import numpy as np

from workings.core.errors import BadSetting

__all__ = ["Rule", "beta_lead", "dirichlet_lead", "lead_evidence", "settled", "steady", "stops_at", "unanimous"]

Rule = Literal["beta", "dirichlet", "window", "valid", "settled"]

_GRID = 801


def beta_lead(first: int, second: int) -> float:
    """The posterior probability that the leader of two answers is the likelier one, with a uniform prior.

    1 - I_{1/2}(first + 1, second + 1), in closed form: 2^-(m) sum_{j <= first} C(m, j) with m = first + second + 1
    (Aggarwal et al. 2023, who integrate numerically). It is a posterior for one look: stopping at the first
    look where it exceeds 0.95 errs more often than 1 time in 20.
    """
    _counts((first, second))
    trials = first + second + 1
    return float(Fraction(sum(math.comb(trials, j) for j in range(first + 1)), 2**trials))


def dirichlet_lead(counts: Sequence[int]) -> float:
    """The posterior probability that the first answer is the likeliest of all, one that was never seen included.

    The prior is uniform over the seen answers and one unseen. Exact up to an integral over one dimension (error below
    1e-6), where the published library draws random numbers, so that its decision can change from run to run.
    """
    _counts(counts)
    if not counts:
        return 0.0
    shapes = [counts[0] + 1, *(count + 1 for count in counts[1:]), 1]
    top = shapes[0]
    grid = np.linspace(0.0, top + 12 * math.sqrt(top) + 30, _GRID)
    with np.errstate(divide="ignore"):
        density = np.exp((top - 1) * np.log(grid) - grid - math.lgamma(top)) if top > 1 else np.exp(-grid)
    below = {shape: _gamma_below(shape, grid) for shape in set(shapes[1:])}
    for shape in shapes[1:]:
        density = density * below[shape]
    weights = np.ones(_GRID)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    return min(1.0, float(np.sum(weights * density) * (grid[1] - grid[0]) / 3))


def _gamma_below(shape: int, grid: np.ndarray) -> np.ndarray:
    """The probability that a gamma variable of whole shape is below each point."""
    term = np.exp(-grid)
    total = term.copy()
    for k in range(1, shape):
        term = term * grid / k
        total = total + term
    return np.asarray(1.0 - total)


def lead_evidence(first: int, second: int) -> float:
    """How much more the counts speak for a likelier first answer than for two that are equally likely.

    A martingale when the two are equally likely, and below one when the second is likelier, so it exceeds x at any
    time with probability at most 1/x (Ville). The alternative is uniform on (1/2, 1) (Jain et al. 2022, for modes).
    """
    _counts((first, second))
    m = first + second + 1
    larger = sum(math.comb(m, j) for j in range(first + 1))  # 2^m (1 - I_{1/2}(first + 1, second + 1))
    return float(Fraction(larger, m * math.comb(first + second, first)))


def settled(first: int, second: int, left: int) -> bool:
    """Whether `left` further votes cannot make the second answer catch up, not even tie."""
    return first - second > left


def unanimous(ballots: Sequence[str | None], window: int) -> bool:
    """Whether the last complete window of votes agrees, an abstention being no agreement (Li et al. 2024, ESC).

    Windows stand end to end: only at a multiple of `window` is there something to decide.
    """
    if not ballots or len(ballots) % window:
        return False
    return steady(ballots, window)


def steady(ballots: Sequence[str | None], last: int) -> bool:
    """Whether the last `last` answers are there and equal (Fu et al. 2024, Dynasor).

    In the published code three different answers pass.
    """
    recent = ballots[-last:]
    return len(recent) == last >= 1 and recent[0] is not None and all(ballot == recent[0] for ballot in recent)


def stops_at(
    ballots: Sequence[str | None], rule: Rule, *, threshold: float = 0.95, window: int = 5, most: int | None = None
) -> int | None:
    """After how many votes, in the order asked, a rule stops; None when it does not.

    `ballots` has each sample's answer, None for an abstention: it is a look and no vote. `most` is the number of
    samples that there can be (for "settled"; the number of ballots by default). The rules:

    "beta": `beta_lead` of the two most frequent answers reaches `threshold`. "dirichlet": `dirichlet_lead` does.
    "window": the last `window` votes agree. "settled": no further vote can change the winner. "valid": the leader's
    `lead_evidence` against every other answer, one unseen included, reaches 1/alpha_k. Here 1 - threshold is shared out
    over answers in the order they appeared, alpha_k = (1 - threshold) 3/4^k, and votes count from behind the one with
    which the leader appeared: so the probability that the winner is not the model's likeliest answer is at most
    1 - threshold, however often one looks. The others promise nothing of the kind.

    Raises BadSetting for a rule, threshold or window out of range.
    """
    _settings(rule, threshold, window)
    most = len(ballots) if most is None else most
    decide = _RULES[rule]
    seen: dict[str, int] = {}
    for looked, ballot in enumerate(ballots, 1):
        if ballot is not None:
            seen[ballot] = seen.get(ballot, 0) + 1
        if decide(ballots[:looked], seen, threshold, window, most - looked):
            return looked
    return None


def _top_two(seen: dict[str, int]) -> tuple[int, int]:
    ranked = sorted(seen.values(), reverse=True)
    return (ranked[0], ranked[1]) if len(ranked) > 1 else (ranked[0] if ranked else 0, 0)


def _beta(_: Sequence[str | None], seen: dict[str, int], threshold: float, __: int, ___: int) -> bool:
    return bool(seen) and beta_lead(*_top_two(seen)) >= threshold


def _dirichlet(_: Sequence[str | None], seen: dict[str, int], threshold: float, __: int, ___: int) -> bool:
    counts = sorted(seen.values(), reverse=True)
    if not counts or beta_lead(*_top_two(seen)) < threshold:
        return False  # more rivals only make the leader less sure
    return dirichlet_lead(counts) >= threshold


def _window(ballots: Sequence[str | None], _: dict[str, int], __: float, window: int, ___: int) -> bool:
    return unanimous(ballots, window)


def _settled(_: Sequence[str | None], seen: dict[str, int], __: float, ___: int, left: int) -> bool:
    return settled(*_top_two(seen), left)


def _valid(ballots: Sequence[str | None], seen: dict[str, int], threshold: float, _: int, __: int) -> bool:
    if not seen:
        return False
    leader = max(seen, key=lambda name: seen[name])
    place = list(seen).index(leader) + 1
    later = [ballot for ballot in ballots[ballots.index(leader) + 1 :] if ballot is not None]
    for_it = later.count(leader)
    rival = max((later.count(name) for name in seen if name != leader), default=0)
    return bool(lead_evidence(for_it, rival) * (1 - threshold) * 3 >= 4**place)


_RULES: dict[str, Callable[[Sequence[str | None], dict[str, int], float, int, int], bool]] = {
    "beta": _beta,
    "dirichlet": _dirichlet,
    "window": _window,
    "valid": _valid,
    "settled": _settled,
}


def _settings(rule: str, threshold: float, window: int) -> None:
    if rule not in _RULES:
        raise BadSetting(f"rule={rule!r} is not known.", f"Use one of: {', '.join(_RULES)}.")
    if not 0.5 < threshold < 1:
        raise BadSetting(f"threshold={threshold} is out of range.", "Use a probability above 0.5 and below 1.")
    if window < 1:
        raise BadSetting(f"window={window} holds no vote.", "Use window=5, or another number from 1.")


def _counts(counts: Sequence[int]) -> None:
    if any(count < 0 for count in counts):
        raise BadSetting(f"Votes of {list(counts)} are impossible.", "Use counts from 0.")
    if list(counts) != sorted(counts, reverse=True) and len(counts) > 2:
        raise BadSetting(f"Counts {list(counts)} are not in order.", "Give the most frequent answer's first.")
