"""The curves of a run's pools as plain JSON, for the page and for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from workings.core.problem import Problem
from workings.core.record import AttemptRow, RunSpec
from workings.core.solution import Attempt
from workings.report.source import RunSource
from workings.run.compute import Size, size_of
from workings.run.coverage import Mark, read_pools
from workings.run.curves import Curve, Fall, Point, curves
from workings.run.judging import decide_by_text

__all__ = ["curves_of"]


def curves_of(
    run: RunSource, rows: Sequence[AttemptRow], problems: Mapping[str, Problem], mark: Mark = decide_by_text
) -> dict[str, Any]:
    """Every curve of every method with several chains, the model's size, and what has no curve and why.

    Attempts are read whole for such methods alone. `mark` says whether a chain's answer is right; an answer that
    nothing can judge counts as not right, and is counted.
    """
    size = size_of(run.spec.identity, run.spec.notes)
    found: dict[str, Any] = {"size": asdict(size) if size else None, "pools": [], "left_out": []}
    for pools in read_pools(_attempts(run, _several(run.spec, rows)), problems, mark):
        made = curves(pools, size=size) if pools.n > 1 else ()
        for why, count in pools.left_out.items():
            if made or pools.n != 1:
                found["left_out"].append({"method": pools.method, "why": why, "attempts": count})
        if made:
            found["pools"].append(_pool(made, size))
    return found


def _several(spec: RunSpec, rows: Sequence[AttemptRow]) -> list[str]:
    """Methods that made several calls in an attempt, or were repeated, in the order they were asked for."""
    several = {row.method for row in rows if row.calls > 1 or row.index > 0}
    return [method for method in dict.fromkeys([*spec.methods, *sorted(several)]) if method in several]


def _attempts(run: RunSource, methods: Sequence[str]) -> Iterable[Attempt]:
    for method in methods:
        yield from run.attempts(method=method)


def _pool(made: Sequence[Curve], size: Size | None) -> dict[str, Any]:
    first = made[0]
    return {
        "method": first.method,
        "n": first.n,
        "problems": first.problems,
        "undecided": first.undecided,
        "rules": [
            {"rule": curve.rule, "points": [_point(point) for point in curve.points], "fall": _fall(curve.fall)}
            for curve in made
        ],
    }


def _fall(fall: Fall | None) -> dict[str, Any] | None:
    if fall is None:
        return None
    return {"k": fall.k, "value": fall.value, "low": fall.interval.low, "high": fall.interval.high}


def _point(point: Point) -> dict[str, Any]:
    gap = point.gap_interval
    return {
        "k": point.k,
        "value": point.value,
        "low": point.interval.low,
        "high": point.interval.high,
        "interval": point.interval.rule,
        "drawing_error": point.error,
        "gap": {
            "value": point.gap,
            "low": gap.low if gap else None,
            "high": gap.high if gap else None,
            "rule": gap.rule if gap else "",
        },
        "costs": dict(point.costs),
    }
