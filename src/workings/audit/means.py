"""Means over measured cases for nulls, noise and ceilings, and findings of equivalence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workings.audit.case import Measured
from workings.audit.evidence import counted, excluded, spent
from workings.core.finding import Finding
from workings.stats.equivalence import tost

__all__ = ["equivalence_finding", "mean_over", "share"]

Value = Callable[[Measured], float | None]


def mean_over(measured: Sequence[Measured], value: Value) -> float | None:
    """The mean of `value` over the counted cases in which it is defined; None when there are none."""
    return share([value(one) for one in counted(measured)])


def share(values: Sequence[float | None]) -> float | None:
    """The mean of what is not None; None for nothing, never 0."""
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if found else None


def equivalence_finding(
    name: str, measured: Sequence[Measured], value: Value, margin: float, *, does_not_show: str = ""
) -> Finding:
    """A paired difference with the interval of two one-sided tests against `margin`, and their verdict in `detail`.

    A difference that is not significant is no sign of equivalence; this is the test of it. Cases for which `value` is
    None are left out and counted as "not defined"; two cases are needed.
    """
    told = [(value(one), one.cluster) for one in counted(measured)]
    pairs = [(v, cluster) for v, cluster in told if v is not None]
    missing = excluded(measured)
    if len(pairs) < len(told):
        missing["not defined"] = len(told) - len(pairs)
    if len(pairs) < 2:
        only = pairs[0][0] if pairs else None
        return Finding(name, only, null=0.0, n=len(pairs), excluded=missing, cost=spent(measured))
    found = tost([v for v, _ in pairs], margin, [cluster for _, cluster in pairs])
    return Finding(
        name,
        found.value,
        found.interval,
        null=0.0,
        n=len(pairs),
        excluded=missing,
        detail={"margin": margin, "p": found.p, "equivalent": found.equivalent},
        cost=spent(measured),
        does_not_show=does_not_show,
    )
