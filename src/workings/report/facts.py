"""The numbers of a run as plain JSON. The page, the terminal and other programs all read these."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workings.audit.doubt.verdict import Terms
from workings.core.answer import Outcome
from workings.core.finding import Interval
from workings.core.problem import Problem
from workings.core.record import AttemptRow, RunSpec
from workings.report.beside import as_json as packed
from workings.report.beside import beside_of
from workings.report.coverage import curves_of
from workings.report.source import RunSource
from workings.run import compare
from workings.run.compare import Bucket, Comparison, MethodSummary
from workings.run.coverage import Mark
from workings.run.judging import decide_by_text
from workings.stats.calibration import brier, calibration

__all__ = ["as_json", "facts_of", "measured", "methods_of"]

FORMAT = 1


def as_json(
    run: RunSource, mark: Mark = decide_by_text, *, beside: Iterable[RunSource] = (), terms: Terms = Terms()
) -> dict[str, Any]:
    """Every number of a run's report as plain JSON values; None stands where a number does not exist.

    Nothing is computed here: `workings.run` and `workings.stats` make the numbers. `mark` judges the chains of pools;
    `beside` are the runs that ask about this one, whose findings and verdicts stand under "beside".
    """
    rows = list(run.rows())
    problems = {problem.id: problem for problem in run.problems()}
    facts = facts_of(run.spec, rows, problems, curves_of(run, rows, problems, mark))
    return {**facts, "beside": _finite(packed(beside_of(run, beside, terms)))}


def methods_of(spec: RunSpec, rows: Iterable[AttemptRow]) -> tuple[str, ...]:
    """Methods in the order they were asked for, then any others that are on record."""
    found = dict.fromkeys(row.method for row in rows)
    return tuple(dict.fromkeys((*(method for method in spec.methods if method in found), *found)))


def measured(spec: RunSpec, rows: Sequence[AttemptRow]) -> tuple[tuple[MethodSummary, ...], tuple[Comparison, ...]]:
    """The summaries of a run's methods and the comparisons between them, as terminal, page and JSON show them.

    The note `baseline` of the run names what every method is compared with.
    """
    if not rows:
        return (), ()
    methods = methods_of(spec, rows)
    summaries = compare.summarise(rows, methods)
    if len(methods) < 2:
        return summaries, ()
    baseline = compare.baseline_of(methods, spec.notes.get("baseline"))
    return summaries, compare.paired(rows, baseline, methods=methods)


def facts_of(
    spec: RunSpec, rows: Sequence[AttemptRow], problems: Mapping[str, Problem], curves: Mapping[str, Any]
) -> dict[str, Any]:
    """The same, from rows and problems that are already read, and the curves of the pools."""
    order = {method: at for at, method in enumerate(methods_of(spec, rows))}
    rows = sorted(rows, key=lambda row: order[row.method])
    summaries, comparisons = measured(spec, rows)
    confident = _confident(rows)
    facts = {
        "format": FORMAT,
        "run": _spec(spec),
        "recorded": _recorded(spec, rows),
        "methods": [_method(summary, confident.get(summary.method, [])) for summary in summaries],
        "comparisons": [_comparison(comparison) for comparison in comparisons],
        "frontier": {axis: _frontier(summaries, axis) for axis in ("cost", "total", "seconds_mean")},
        "curves": curves,
        "by_length": _by_length(rows, problems),
        "by_family": _by_family(rows),
        "advice": _advice(summaries, comparisons, rows),
        "excluded": _excluded(summaries, comparisons),
    }
    found: dict[str, Any] = _finite(facts)
    return found


def _spec(spec: RunSpec) -> dict[str, Any]:
    identity = spec.identity
    return {
        "id": spec.id,
        "model": spec.model,
        "identity": {
            "name": identity.name,
            "revision": identity.revision,
            "digest": identity.digest,
            "template": identity.template,
        },
        "methods": list(spec.methods),
        "problems": spec.problems,
        "count": spec.count,
        "seed": spec.seed,
        "repeats": spec.repeats,
        "budget": {"tokens": spec.budget.tokens, "calls": spec.budget.calls, "seconds": spec.budget.seconds},
        "created": spec.created,
        "version": spec.version,
    }


def _recorded(spec: RunSpec, rows: Sequence[AttemptRow]) -> dict[str, int]:
    return {
        "attempts": len(rows),
        "planned": spec.count * spec.repeats * len(spec.methods),
        "problems": len({row.problem_id for row in rows}),
        "tokens": sum(row.prompt + row.cached + row.generated + row.verifier + row.probe for row in rows),
    }


def _estimate(value: float | None, interval: Interval | None) -> dict[str, Any] | None:
    if value is None:
        return None
    bounds: dict[str, Any] = {"low": None, "high": None, "rule": "", "level": None}
    if interval is not None:
        bounds = {"low": interval.low, "high": interval.high, "rule": interval.rule, "level": interval.level}
    return {"value": value, **bounds}


def _method(summary: MethodSummary, pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    return {
        "method": summary.method,
        "problems": summary.problems,
        "attempts": summary.attempts,
        "judged": summary.judged,
        "right": summary.right,
        "wrong": summary.wrong,
        "unparsed": summary.unparsed,
        "error": summary.errors,
        "unjudged": summary.unjudged,
        "accuracy": _estimate(summary.accuracy, summary.interval),
        "accuracy_parsed": _estimate(summary.parsed_accuracy, summary.parsed_interval),
        "cost": summary.cost,
        "generated": summary.generated,
        "prompt": summary.prompt,
        "verifier": summary.verifier,
        "probe": summary.probe,
        "total": summary.total,
        "tokens_spent": summary.tokens_spent,
        "seconds_mean": summary.seconds_mean,
        "seconds_median": summary.seconds_median,
        "calls": summary.calls,
        "truncated": summary.truncated,
        "partial": summary.partial,
        "tied": summary.tied,
        "auroc": _estimate(summary.auroc, summary.auroc_interval),
        "calibration": _calibration(summary, pairs),
        "errors": dict(summary.error_kinds),
    }


def _confident(rows: Iterable[AttemptRow]) -> dict[str, list[tuple[float, float]]]:
    """(confidence, 1 right or 0 wrong) of each method's attempts that have both."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        judged = row.outcome is Outcome.RIGHT or row.outcome is Outcome.WRONG
        if judged and row.confidence is not None and math.isfinite(row.confidence):
            found[row.method].append((row.confidence, float(row.outcome is Outcome.RIGHT)))
    return found


def _calibration(summary: MethodSummary, pairs: Sequence[tuple[float, float]]) -> dict[str, Any] | None:
    if summary.ece is None:
        return None
    sure = [confidence for confidence, _ in pairs]
    right = [mark for _, mark in pairs]
    found = calibration(sure, right, rule="mass" if "mass" in summary.ece_rule else "width")
    bins = [
        {
            "n": part.n,
            "confidence": part.confidence,
            "accuracy": part.accuracy,
            "low": part.interval.low,
            "high": part.interval.high,
        }
        for part in found.bins
    ]
    return {
        "n": summary.confident,
        "mean": summary.confidence,
        "ece": summary.ece,
        "rule": summary.ece_rule,
        "brier": brier(sure, right).value,
        "bins": bins,
    }


def _comparison(found: Comparison) -> dict[str, Any]:
    estimate = _estimate(found.difference, found.interval) or {"value": None, "low": None, "high": None, "rule": ""}
    return {
        "method": found.method,
        "baseline": found.baseline,
        "problems": found.problems,
        "left_out": found.left_out,
        **estimate,
        "better": found.better,
        "worse": found.worse,
        "p": found.p,
        "p_adjusted": found.p_adjusted,
        "adjustment": found.adjustment,
        "test": found.test,
        "distinct": found.distinct,
    }


def _frontier(summaries: Sequence[MethodSummary], axis: str) -> list[dict[str, Any]]:
    """Points of one cost axis; which of them are on the frontier is decided with that axis as the cost."""
    priced = [dataclasses.replace(summary, cost=getattr(summary, axis)) for summary in summaries]
    on = {summary.method for summary in compare.frontier(priced)}
    points = []
    for summary in priced:
        estimate = _estimate(summary.accuracy, summary.interval)
        if estimate is not None:
            points.append({"method": summary.method, "cost": summary.cost, **estimate, "on": summary.method in on})
    return points


def _bucket(bucket: Bucket) -> dict[str, Any]:
    estimate = _estimate(bucket.accuracy, bucket.interval) or {"value": None, "low": None, "high": None, "rule": ""}
    return {
        "method": bucket.method,
        "label": bucket.label,
        "problems": bucket.problems,
        "attempts": bucket.attempts,
        **estimate,
        "generated": bucket.generated,
        "truncated": bucket.truncated,
    }


def _by_family(rows: Sequence[AttemptRow]) -> list[dict[str, Any]]:
    return [_bucket(bucket) for bucket in compare.by_family(rows)] if rows else []


def _by_length(rows: Sequence[AttemptRow], problems: Mapping[str, Problem]) -> list[dict[str, Any]]:
    """One entry a family, since lengths of different families are different dials."""
    families: dict[str, list[AttemptRow]] = defaultdict(list)
    for row in rows:
        if row.length is not None:
            families[row.family].append(row)
    found = []
    for family, members in families.items():
        inside = {
            row.problem_id: problems[row.problem_id].meta.get("in_length")
            for row in members
            if row.problem_id in problems
        }
        length = {row.problem_id: row.length for row in members}
        buckets = compare.by_length(members)
        if len({bucket.label for bucket in buckets}) < 2:
            continue
        places: dict[str, bool | None] = {}
        for bucket in buckets:
            if bucket.label not in places and bucket.low is not None and bucket.high is not None:
                marks = {inside.get(key) for key, at in length.items() if at and bucket.low <= at <= bucket.high}
                places[bucket.label] = marks.pop() if len(marks) == 1 else None
        points = [
            {**_bucket(b), "low_length": b.low, "high_length": b.high, "in_length": places.get(b.label)}
            for b in buckets
        ]
        found.append({"family": family, "points": points})
    return found


def _advice(
    summaries: Sequence[MethodSummary], comparisons: Sequence[Comparison], rows: Sequence[AttemptRow]
) -> list[str]:
    if not summaries:
        return []
    lines = [compare.advice(summaries, comparisons)]
    if comparisons:
        problems = {row.problem_id: (row.family, row.cluster) if row.cluster else row.problem_id for row in rows}
        clusters = len(set(problems.values()))
        fewer = clusters if clusters < len(problems) else None
        lines.append(compare.mde(len(problems), comparisons=len(comparisons), clusters=fewer))
    return lines


def _excluded(summaries: Sequence[MethodSummary], comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for summary in summaries:
        kinds: Counter[str] = Counter()
        for kind, count in summary.error_kinds:
            kinds[kind.partition(":")[0]] += count
        for kind, count in kinds.most_common(8):
            found.append({"what": summary.method, "why": f"that ended in an error ({kind})", "attempts": count})
        if summary.unjudged:
            found.append(
                {"what": summary.method, "why": "not judged, or without a gold answer", "attempts": summary.unjudged}
            )
    for pair in comparisons:
        if pair.left_out:
            why = "judged for only one of the two"
            found.append({"what": f"{pair.method} − {pair.baseline}", "why": why, "problems": pair.left_out})
    return found


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
