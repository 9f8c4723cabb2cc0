"""From measured cases to findings: means with clustered intervals, and what was left out and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workings.audit.case import Measured
from workings.core.completion import Usage
from workings.core.finding import Finding, Interval
from workings.stats.intervals import clustered_interval

__all__ = ["counted", "excluded", "left_out", "mean_finding", "ratio_finding", "spent"]

Value = Callable[[Measured], float | None]


def counted(measured: Sequence[Measured]) -> list[Measured]:
    """The cases that were measured and not excluded."""
    return [one for one in measured if not one.excluded]


def excluded(measured: Sequence[Measured]) -> dict[str, int]:
    """How many cases were left out, by reason."""
    return dict(Counter(one.excluded for one in measured if one.excluded))


def left_out(measured: Sequence[Measured], more: str, count: int) -> dict[str, int]:
    """The cases left out, by reason, and `count` more for one reason, where that is not 0."""
    return excluded(measured) | ({more: count} if count else {})


def spent(measured: Sequence[Measured]) -> Usage:
    """What all of them cost."""
    return sum((one.spent for one in measured), Usage())


def mean_finding(
    name: str,
    measured: Sequence[Measured],
    value: Value,
    *,
    null: float | None = None,
    ceiling: float | None = None,
    noise: float | None = None,
    does_not_show: str = "",
    span: tuple[float, float] | None = None,
) -> Finding:
    """The mean over cases of `value`, with an interval that respects clusters.

    Cases for which `value` is None are left out and counted as "not defined". `span` is the range of the values where
    they have one; the interval stays within it. Two cases are needed for an interval.
    """
    told = [(value(one), one.cluster) for one in counted(measured)]
    values = [v for v, _ in told if v is not None]
    missing = excluded(measured)
    if len(values) < len(told):
        missing["not defined"] = len(told) - len(values)
    interval: Interval | None = None
    if len(values) > 1:
        clusters = [cluster for v, cluster in told if v is not None]
        interval = clustered_interval(values, clusters, bounds=span)
        if not math.isfinite(interval.high - interval.low):
            interval = None
    return Finding(
        name=name,
        value=sum(values) / len(values) if values else None,
        interval=interval,
        null=null,
        ceiling=ceiling,
        noise=noise,
        n=len(values),
        excluded=missing,
        cost=spent(measured),
        does_not_show=does_not_show,
    )


def ratio_finding(
    name: str,
    measured: Sequence[Measured],
    part: Value,
    whole: Value,
    *,
    null: float | None = None,
    ceiling: float | None = None,
    noise: float | None = None,
    detail: Mapping[str, Any] | None = None,
    does_not_show: str = "",
) -> Finding:
    """The sum over cases of `part` by the sum of `whole`, with an interval that respects clusters (by linearisation).

    A ratio of sums stays defined where some cases' own ratios are not. Cases for which either is None are left out and
    counted as "not defined".
    """
    kept = counted(measured)
    told = [(part(one), whole(one), one.cluster) for one in kept]
    pairs = [(p, w, cluster) for p, w, cluster in told if p is not None and w is not None]
    missing = excluded(measured)
    if len(pairs) < len(kept):
        missing["not defined"] = len(kept) - len(pairs)
    total = math.fsum(w for _, w, _ in pairs)
    value = math.fsum(p for p, _, _ in pairs) / total if total > 1e-12 else None
    interval: Interval | None = None
    if value is not None and len(pairs) > 1:
        mean = total / len(pairs)
        drawn = [value + (p - value * w) / mean for p, w, _ in pairs]
        interval = clustered_interval(drawn, [cluster for *_, cluster in pairs], bounds=None)
        if not math.isfinite(interval.high - interval.low):
            interval = None
    return Finding(
        name=name,
        value=value,
        interval=interval,
        null=null,
        ceiling=ceiling,
        noise=noise,
        n=len(pairs) if value is not None else 0,
        excluded=missing,
        detail=detail or {},
        cost=spent(measured),
        does_not_show=does_not_show,
    )
