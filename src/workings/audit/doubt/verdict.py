"""What an estimator is worth on attempts whose outcome is known: order, calibration, selective answering, cost."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from workings.audit.case import Measured
from workings.audit.doubt.scale import Estimator, Said, Scale, Scope, said
from workings.core.answer import Outcome
from workings.core.completion import Usage
from workings.core.finding import Finding, Interval
from workings.stats.calibration import Bin, accuracy_rejection, auroc, auroc_interval, brier, calibration
from workings.stats.calibrators import Kind, cross_fitted, fit
from workings.stats.intervals import Floats, Ints, clustered_interval
from workings.stats.resampling import bootstrap_statistics
from workings.stats.uncertainty import excess_area, rejection_ratio, selective

__all__ = ["Items", "Terms", "Verdict", "findings", "items_of", "judged", "verdict"]

_ORDER = "calibration: a score may order well and be no probability"
_BINS = "order: a constant equal to the accuracy has no calibration error; binned errors of few attempts are too large"


@dataclass(frozen=True, slots=True)
class Terms:
    """How verdicts are reached: the calibrator, its folds, the bins of calibration errors, the risk of selective
    answering, and the resamples of intervals."""

    calibrator: Kind = "isotonic"
    folds: int = 5
    bins: int = 10
    rule: str = "width"
    risk: float = 0.1
    resamples: int = 200
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Items:
    """The attempts that an estimator could say something about, in the order of the record.

    `surer` is higher for surer; `right` 1 or 0; `missing` counts the others by reason; `chains` and `tokens` are means
    of what was read to say it, `cost` is what was asked on top.
    """

    ids: tuple[str, ...]
    surer: Floats
    right: Floats
    clusters: tuple[Hashable, ...]
    missing: Mapping[str, int]
    chains: float = 0.0
    tokens: float = 0.0
    cost: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One estimator over one scope: findings by name, the reliability bins of its cross-fitted confidence, and that
    confidence itself by problem (None where no fold can be fitted).

    `values` is what was said of every attempt, on the estimator's own scale. Attempts without a gold answer are in no
    finding, but have a confidence, from a fit on all the others.
    """

    estimator: str
    scope: Scope
    scale: Scale
    items: Items
    findings: Mapping[str, Finding]
    bins: tuple[Bin, ...] = ()
    confidence: Mapping[str, float] | None = None
    calibrator: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


def items_of(measured: Sequence[Measured], scale: Scale, scope: Scope) -> Items:
    """What was said over a scope, and why it was not for the rest.

    Unparsed attempts count as wrong; errors and attempts without a gold answer are set aside and counted.
    """
    kept: list[tuple[Measured, float]] = []
    missing: Counter[str] = Counter()
    for one in measured:
        told = Said(None, "ended in an error") if one.outcome is Outcome.ERROR else said(one, scope)
        if told.value is None:
            missing[told.missing or "not said"] += 1
        elif one.outcome is None:
            missing["no gold answer, or none that text can compare"] += 1
        else:
            kept.append((one, scale.surer(told.value)))
    reads = [one.values.get("reads", {}) for one, _ in kept]
    count = max(len(kept), 1)
    return Items(
        tuple(one.problem_id for one, _ in kept),
        np.array([value for _, value in kept], dtype=np.float64),
        np.array([float(one.right) for one, _ in kept], dtype=np.float64),
        tuple(one.cluster for one, _ in kept),
        dict(missing),
        sum(read.get("chains", 0) for read in reads) / count,
        sum(read.get("tokens", 0) for read in reads) / count,
        sum((one.spent for one in measured), Usage()),
    )


def judged(
    estimator: Estimator, name: str, measured: Sequence[Measured], terms: Terms = Terms()
) -> tuple[Verdict, ...]:
    """A verdict for each scope that the estimator is said over."""
    scale, found = estimator.scale, []
    for scope in estimator.scopes:
        items = items_of(measured, scale, scope)
        one = verdict(name, scope, scale, items, terms)
        told = {row.problem_id: value for row in measured if (value := said(row, scope).value) is not None}
        confidence = one.confidence
        open_ones = [row.problem_id for row in measured if row.outcome is None and row.problem_id in told]
        if confidence is not None and open_ones:
            fitted = fit(_kind(terms.calibrator, scale), items.surer, items.right)
            guesses = fitted.predict([scale.surer(told[ident]) for ident in open_ones])
            confidence = {**confidence, **dict(zip(open_ones, guesses.tolist(), strict=True))}
        found.append(replace(one, confidence=confidence, values=told))
    return tuple(found)


def verdict(name: str, scope: Scope, scale: Scale, items: Items, terms: Terms, table: Floats | None = None) -> Verdict:
    """What the items are worth. With `table`, shape (attempt, score), they are calibrated from it and ordered by that.

    Nothing but counts is said without two right and two wrong attempts.
    """
    if items.right.size < 4 or not 2 <= items.right.sum() <= items.right.size - 2:
        empty = Finding("AUROC", None, n=items.right.size, excluded=items.missing, cost=items.cost)
        return Verdict(name, scope, scale, items, {"AUROC": empty})
    fitted = cross_fitted(
        items.surer if table is None else table,
        items.right,
        items.clusters,
        kind=_kind(terms.calibrator, scale),
        folds=terms.folds,
        seed=terms.seed,
    )
    if table is not None:
        if fitted is None:
            return Verdict(name, scope, scale, items, {})
        items = replace(items, surer=fitted)
    found = dict(_order(items, terms))
    if scale.share and table is None:
        found["ECE as said"] = _calibration("ECE as said", items, items.surer, terms)
    bins: tuple[Bin, ...] = ()
    if fitted is not None:
        found["ECE"] = _calibration("ECE", items, fitted, terms)
        found["Brier"] = _brier(items, fitted, terms)
        bins = calibration(fitted, items.right, bins=terms.bins, rule=terms.rule).bins
    told = f"{'combination' if table is not None else _kind(terms.calibrator, scale)}, {terms.folds} folds of clusters"
    confidence = None if fitted is None else dict(zip(items.ids, fitted.tolist(), strict=True))
    return Verdict(name, scope, scale, items, found, bins, confidence, told)


def _kind(wanted: Kind, scale: Scale) -> Kind:
    """Temperature needs a confidence; what is none is calibrated by a logistic curve instead."""
    return "platt" if wanted == "temperature" and not scale.share else wanted


def _finding(name: str, value: float | None, items: Items, **more: object) -> Finding:
    return Finding(name, value, n=items.right.size, excluded=items.missing, cost=items.cost, **more)  # type: ignore[arg-type]


def _order(items: Items, terms: Terms) -> Mapping[str, Finding]:
    values, right = items.surer, items.right
    curve = accuracy_rejection(values, right)

    def drawn(at: Ints) -> Sequence[float]:
        ratio = rejection_ratio(values[at], right[at])
        again = accuracy_rejection(values[at], right[at])
        return (again.area, again.oracle - again.area, math.nan if ratio is None else ratio)

    area, excess, ratio = bootstrap_statistics(
        drawn, right.size, items.clusters, resamples=terms.resamples, seed=terms.seed
    )
    chosen = selective(values, right, terms.risk, items.clusters)
    rate = float(right.mean())
    found = [
        _finding(
            "AUROC",
            auroc(values, right),
            items,
            interval=auroc_interval(values, right, items.clusters),
            null=0.5,
            ceiling=1.0,
            does_not_show=_ORDER,
        ),
        _finding(
            "AUARC",
            curve.area,
            items,
            interval=area,
            null=curve.chance,
            ceiling=curve.oracle,
            does_not_show="how much is due to the accuracy itself: see PRR",
        ),
        _finding(
            "PRR",
            rejection_ratio(values, right),
            items,
            interval=ratio,
            null=0.0,
            ceiling=1.0,
            does_not_show=_ORDER,
        ),
        _finding(
            "E-AURC",
            excess_area(values, right),
            items,
            interval=excess,
            null=curve.oracle - curve.chance,
            ceiling=0.0,
            does_not_show=_ORDER,
        ),
        _finding(
            "coverage",
            chosen.coverage,
            items,
            null=1.0 if 1 - rate <= terms.risk else 0.0,
            ceiling=min(1.0, rate / (1 - terms.risk)),
            detail={
                "risk": terms.risk,
                "threshold": chosen.threshold,
                "seen": chosen.risk,
                "bound": chosen.bound,
                "rule": chosen.rule,
            },
            does_not_show="the risk on other problems than these are drawn from",
        ),
    ]
    return {one.name: one for one in found}


def _calibration(name: str, items: Items, confidence: Floats, terms: Terms) -> Finding:
    """The calibration error; its null is what a perfectly calibrated confidence of these values shows by chance."""
    right = items.right

    def error(at: Ints) -> Sequence[float]:
        return (_calibration_error(confidence[at], right[at], terms),)

    (band,) = bootstrap_statistics(error, right.size, items.clusters, resamples=terms.resamples, seed=terms.seed)
    generator = np.random.default_rng(terms.seed)
    chance = [
        _calibration_error(confidence, (generator.random(right.size) < confidence).astype(np.float64), terms)
        for _ in range(50)
    ]
    told = calibration(confidence, right, bins=terms.bins, rule=terms.rule)
    return _finding(
        name,
        told.ece,
        items,
        interval=band,
        null=float(np.mean(chance)),
        noise=float(np.std(chance)),
        detail={"rule": told.rule, "mce": told.mce},
        does_not_show=_BINS,
    )


def _calibration_error(confidence: Floats, right: Floats, terms: Terms) -> float:
    """The expected calibration error without the intervals of its bins, which resampling has no need of."""
    if terms.rule != "width":
        return calibration(confidence, right, bins=terms.bins, rule=terms.rule).ece
    place = np.minimum((confidence * terms.bins).astype(np.int64), terms.bins - 1)
    gaps = np.bincount(place, confidence - right, terms.bins)
    return float(np.abs(gaps).sum() / right.size)


def _brier(items: Items, confidence: Floats, terms: Terms) -> Finding:
    parts = brier(confidence, items.right, bins=min(terms.bins, items.right.size))
    errors = (confidence - items.right) ** 2
    interval: Interval | None = clustered_interval(errors, items.clusters)
    rate = float(items.right.mean())
    return _finding(
        "Brier",
        parts.value,
        items,
        interval=interval,
        null=rate * (1 - rate),
        ceiling=0.0,
        detail={
            "reliability": parts.reliability,
            "resolution": parts.resolution,
            "uncertainty": parts.uncertainty,
            "within": parts.within,
        },
        does_not_show="which of its parts is at fault: see detail",
    )


def findings(estimator: Estimator, measured: Sequence[Measured]) -> tuple[Finding, ...]:
    """The findings of an estimator by scope: "answer: AUROC"."""
    told: list[Finding] = []
    for one in judged(estimator, "", measured):
        for name, found in one.findings.items():
            told.append(replace(found, name=f"{one.scope.value}: {name}"))
    return tuple(told)
