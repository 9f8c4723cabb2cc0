"""From a score to a probability of being right, fitted on some attempts and used on others.

Every fit returns a frozen value whose `predict` takes new scores. `cross_fitted` never predicts an attempt from a fit
that saw it, nor one of its cluster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from workings.core.errors import BadSetting
from workings.stats.intervals import Floats, checked, cluster_codes

__all__ = [
    "Calibrator",
    "Isotonic",
    "Kind",
    "Logistic",
    "Temperature",
    "combination",
    "cross_fitted",
    "fit",
    "isotonic",
    "platt",
    "temperature",
]

Kind = Literal["temperature", "platt", "isotonic"]
_EDGE = 1e-6


class Calibrator(Protocol):
    """Turns scores, shape (attempt,) or (attempt, score), into probabilities of being right."""

    def predict(self, scores: ArrayLike) -> Floats: ...


Fit = Callable[[Floats, Floats], Calibrator]


def _log_odds(values: Floats) -> Floats:
    found: Floats = logit(np.clip(values, _EDGE, 1 - _EDGE))
    return found


@dataclass(frozen=True, slots=True)
class Temperature:
    """sigmoid(logit(confidence) / t): flatter for t above 1. It moves no order and cannot shift a bias."""

    t: float

    def predict(self, scores: ArrayLike) -> Floats:
        found: Floats = expit(_log_odds(np.asarray(scores, dtype=np.float64)) / self.t)
        return found


@dataclass(frozen=True, slots=True)
class Logistic:
    """sigmoid(intercept + weights · standardised scores)."""

    intercept: float
    weights: tuple[float, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    smoothed: bool = False

    def predict(self, scores: ArrayLike) -> Floats:
        table = np.asarray(scores, dtype=np.float64)
        table = table[:, None] if table.ndim == 1 else table
        found: Floats = expit(self.intercept + (table - self.centre) / self.spread @ np.array(self.weights))
        return found


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising line through points, flat outside them."""

    at: tuple[float, ...]
    shares: tuple[float, ...]

    def predict(self, scores: ArrayLike) -> Floats:
        found: Floats = np.interp(np.asarray(scores, dtype=np.float64), self.at, self.shares)
        return found


def temperature(confidence: ArrayLike, right: ArrayLike) -> Temperature:
    """The temperature of greatest likelihood for confidences in [0, 1]. Source: Guo et al. 2017, for two classes."""
    values, marks = checked(confidence, "confidence"), checked(right, "right")
    if ((values < 0) | (values > 1)).any():
        raise BadSetting("A confidence is outside 0 to 1.", "Use platt or isotonic, which take any score.")
    odds = _log_odds(values)

    def loss(log_t: float) -> float:
        z = odds / math.exp(log_t)
        return float(np.mean(np.logaddexp(0, z) - marks * z))

    return Temperature(math.exp(float(minimize_scalar(loss, bounds=(-4, 4), method="bounded").x)))


def platt(scores: ArrayLike, right: ArrayLike) -> Logistic:
    """A logistic curve through one score, by maximum likelihood and without a ridge.

    Scores in two perfectly calibrated groups of 0.05 and 0.95 stay what they are; with the usual ridge they are bent to
    0.13 and 0.83. Where right and wrong are fully separated there is no maximum: then marks are drawn in to
    (n + 1)/(n + 2) and 1/(m + 2), as Platt 1999 does for all data.
    """
    return combination(np.asarray(scores, dtype=np.float64)[:, None], right)


def combination(scores: ArrayLike, right: ArrayLike) -> Logistic:
    """Logistic regression on several scores, shape (attempt, score), without a ridge.

    A missing score (NaN) counts as that score's mean, and its being missing as a score of its own: it is neither sure
    nor unsure, and what it says about being right is learnt. Columns that say the same share their weight.
    """
    table, marks = np.asarray(scores, dtype=np.float64), checked(right, "right")
    if table.ndim != 2 or len(table) != marks.size:
        raise BadSetting(f"Scores of shape {table.shape} for {marks.size} marks.", "Give (attempt, score).")
    if np.isnan(table).any():
        raise BadSetting("A score is NaN.", "Use cross_fitted, which says what is missing in columns of their own.")
    centre, spread = table.mean(axis=0), table.std(axis=0)
    spread = np.where(spread > 1e-12, spread, 1.0)
    design = np.column_stack((np.ones(marks.size), (table - centre) / spread))
    weights, smoothed = _most_likely(design, marks), False
    if weights is None:
        ups, downs = marks.sum(), (1 - marks).sum()
        drawn_in = np.where(marks == 1, (ups + 1) / (ups + 2), 1 / (downs + 2))
        weights, smoothed = _most_likely(design, drawn_in, force=True), True
    assert weights is not None
    return Logistic(
        float(weights[0]), tuple(weights[1:].tolist()), tuple(centre.tolist()), tuple(spread.tolist()), smoothed
    )


def _most_likely(design: Floats, marks: Floats, *, force: bool = False) -> Floats | None:
    """Weights by Newton steps, halved while they do not help; None where the likelihood has no maximum."""
    weights = np.zeros(design.shape[1])

    def loss(w: Floats) -> float:
        z = design @ w
        return float(np.sum(np.logaddexp(0, z) - marks * z))

    now = loss(weights)
    for _ in range(100):
        z = design @ weights
        p = expit(z)
        gradient = design.T @ (marks - p)
        if float(np.abs(gradient).max()) < 1e-8 * marks.size:
            break
        step = np.linalg.lstsq((design * (p * (1 - p))[:, None]).T @ design, gradient, rcond=1e-10)[0]
        size = 1.0
        while size > 1e-6 and loss(weights + size * step) > now - 1e-12:
            size /= 2
        if size <= 1e-6:
            break
        weights = weights + size * step
        now = loss(weights)
        if not force and (now < 1e-6 * marks.size or float(np.abs(design @ weights).max()) > 40):
            return None
    if not force and (marks.min() == marks.max() or _separated(design @ weights, marks)):
        return None
    found: Floats = weights
    return found


def _separated(z: Floats, marks: Floats) -> bool:
    return bool(z[marks == 1].min() > z[marks == 0].max())


def isotonic(scores: ArrayLike, right: ArrayLike) -> Isotonic:
    """The rising curve of greatest likelihood (pool adjacent violators), each flat piece drawn in to its centre and
    the centres joined by lines: the centred form, which does not give large groups one value.

    Equal scores are one point. Source: Ayer et al. 1955; Oron and Flournoy 2017 (centred).
    """
    values, marks = checked(scores, "scores"), checked(right, "right")
    at, place = np.unique(values, return_inverse=True)
    sizes = np.bincount(place).astype(np.float64)
    sums = np.bincount(place, marks)
    blocks: list[list[float]] = []
    for x, n, s in zip(at, sizes, sums, strict=True):
        blocks.append([x * n, n, s])
        while len(blocks) > 1 and blocks[-2][2] * blocks[-1][1] >= blocks[-1][2] * blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    return Isotonic(tuple(float(x / n) for x, n, _ in blocks), tuple(float(s / n) for _, n, s in blocks))


def fit(kind: Kind, scores: ArrayLike, right: ArrayLike) -> Calibrator:
    """The calibrator of that kind."""
    match kind:
        case "temperature":
            return temperature(scores, right)
        case "platt":
            return platt(scores, right)
        case "isotonic":
            return isotonic(scores, right)
    raise BadSetting(f"calibrator={kind!r} is not known.", "Use temperature, platt or isotonic.")


def cross_fitted(
    scores: ArrayLike,
    right: ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    *,
    kind: Kind = "platt",
    folds: int = 5,
    seed: int = 0,
) -> Floats | None:
    """For each attempt its probability of being right, from a fit on the folds it is not in; None with under two
    clusters, or where a fit would see right ones or wrong ones only.

    Clusters stay whole. `scores` of shape (attempt, score) are combined by logistic regression, with a column more for
    every score that is missing (NaN) somewhere.
    """
    table, marks = np.asarray(scores, dtype=np.float64), checked(right, "right")
    if folds < 2:
        raise BadSetting(f"folds={folds} leaves nothing to predict.", "Use 2 or more.")
    codes, count = (np.arange(marks.size), marks.size) if clusters is None else cluster_codes(clusters)
    if len(codes) != marks.size or len(table) != marks.size:
        raise BadSetting(f"{marks.size} marks have {len(table)} scores.", "Give as many scores, marks and clusters.")
    if count < 2:
        return None
    fold = _folds(codes, count, min(folds, count), seed)
    found = np.empty(marks.size)
    for number in range(min(folds, count)):
        test = fold == number
        known = marks[~test]
        if not known.size or known.min() == known.max():
            return None
        if table.ndim == 1:
            found[test] = fit(kind, table[~test], known).predict(table[test])
        else:
            learnt, told = _filled(table[~test], table[~test]), _filled(table[test], table[~test])
            found[test] = combination(learnt, known).predict(told)
    return found


def _folds(codes: NDArray[np.int64], count: int, folds: int, seed: int) -> NDArray[np.int64]:
    """A fold for each attempt: clusters in a seeded order, the largest first, each into the smallest fold."""
    order = np.random.default_rng(seed).permutation(count)
    sizes = np.bincount(codes, minlength=count)
    filled, place = np.zeros(folds), np.zeros(count, dtype=np.int64)
    for cluster in order[np.argsort(-sizes[order], kind="stable")]:
        place[cluster] = int(filled.argmin())
        filled[place[cluster]] += sizes[cluster]
    found: NDArray[np.int64] = place[codes]
    return found


def _filled(table: Floats, known: Floats) -> Floats:
    """What is missing as the mean of what is known in its column, and a column that says it was missing."""
    missing = np.isnan(known).any(axis=0)
    counts = (~np.isnan(known)).sum(axis=0)
    means = np.where(counts > 0, np.nansum(known, axis=0) / np.maximum(counts, 1), 0.0)
    gaps = np.isnan(table)
    return np.column_stack((np.where(gaps, means, table), gaps[:, missing].astype(np.float64)))
