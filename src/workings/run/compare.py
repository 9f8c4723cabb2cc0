"""Methods side by side, from the rows of a record alone.

Accuracy is over attempts that ended without error and could be judged: unparsed ones count as wrong there, and
are also set aside; errors are counted apart. Every figure is computed on attempts, never on their averages.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workings.core.answer import Outcome
from workings.core.errors import UnknownName
from workings.core.finding import Interval
from workings.core.record import AttemptRow
from workings.run.advice import advice, mde
from workings.stats.calibration import auroc, auroc_interval, ece
from workings.stats.intervals import accuracy_interval, cluster_codes
from workings.stats.paired import holm, paired_difference
from workings.stats.policy import unbeaten

__all__ = [
    "Bucket",
    "Comparison",
    "MethodSummary",
    "advice",
    "baseline_of",
    "by_family",
    "by_length",
    "frontier",
    "mde",
    "paired",
    "summarise",
]

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

ECE_RULE = "10 bins of equal mass"
_CODES = {Outcome.RIGHT: 0, Outcome.WRONG: 1, Outcome.UNPARSED: 2, Outcome.ERROR: 3, None: 4}
_EXACT_LENGTHS = 12
_ALL_PAIRS = 5


@dataclass(frozen=True, slots=True)
class MethodSummary:
    """One method over all its attempts.

    `judged` = right + wrong + unparsed is the denominator of `accuracy` and of the shares; `errors` and `unjudged`
    (no gold, or not decided) are outside. `parsed_accuracy` is right / (right + wrong): it flatters a method that
    answers only what it finds easy. Means are per judged attempt; `cost` is the tokens that were
    generated for chains and probes, which a budget limits, and all that verifiers read or wrote, which it does
    not; `tokens_spent` sums all tokens of all attempts, errors included.
    Confidence figures are over right and wrong attempts that have one (`confident` of them).
    """

    method: str
    problems: int
    attempts: int
    right: int
    wrong: int
    unparsed: int
    errors: int
    unjudged: int
    judged: int
    accuracy: float | None
    interval: Interval | None
    parsed_accuracy: float | None
    parsed_interval: Interval | None
    generated: float
    prompt: float
    verifier: float
    probe: float
    total: float
    cost: float
    tokens_spent: int
    seconds_mean: float
    seconds_median: float
    calls: float
    truncated: float
    partial: float
    tied: float
    confident: int
    confidence: float | None
    ece: float | None
    ece_rule: str
    auroc: float | None
    auroc_interval: Interval | None
    error_kinds: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """`method` minus `baseline` on the problems that both attempted without error.

    `difference` is the mean over problems (repeats averaged first) and `better` / `worse` count the problems on
    which the method's share of right attempts is higher / lower. `p_adjusted` is Holm's over all comparisons
    returned together. `left_out` counts problems that only one side has judged attempts of.
    """

    method: str
    baseline: str
    problems: int
    left_out: int
    accuracy: float | None
    baseline_accuracy: float | None
    difference: float | None
    interval: Interval | None
    better: int
    worse: int
    p: float | None
    p_adjusted: float | None
    test: str
    adjustment: str = "Holm"

    @property
    def distinct(self) -> bool:
        """Whether the two are told apart at 5 % after adjustment."""
        return self.p_adjusted is not None and self.p_adjusted < 0.05


@dataclass(frozen=True, slots=True)
class Bucket:
    """One method on the problems of one family, or of lengths `low` to `high`."""

    method: str
    label: str
    problems: int
    attempts: int
    right: int
    wrong: int
    unparsed: int
    errors: int
    accuracy: float | None
    interval: Interval | None
    generated: float
    truncated: float
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows as columns. Outcomes are coded 0 right, 1 wrong, 2 unparsed, 3 error, 4 unjudged."""

    rows: Sequence[AttemptRow]
    methods: tuple[str, ...]
    method: Ints
    problem: Ints
    cluster: Ints
    outcome: Ints

    @property
    def judged(self) -> Mask:
        return self.outcome <= 2

    def column(self, read: Callable[[AttemptRow], float]) -> Floats:
        return np.fromiter((read(row) for row in self.rows), dtype=np.float64, count=len(self.rows))


def _table(rows: Sequence[AttemptRow], order: Sequence[str] = ()) -> _Table:
    """Columns in an order of their own, so that no sum depends on which attempt ended first."""
    present = dict.fromkeys(row.method for row in rows)
    methods = tuple(dict.fromkeys([*(name for name in order if name in present), *present]))
    rows = sorted(rows, key=lambda row: (row.problem_id, row.method, row.index))
    numbers = {name: number for number, name in enumerate(methods)}
    method = np.fromiter((numbers[row.method] for row in rows), dtype=np.int64, count=len(rows))
    problem, _ = cluster_codes([row.problem_id for row in rows])
    cluster, _ = cluster_codes([row.cluster_key for row in rows])
    outcome = np.fromiter((_CODES[row.outcome] for row in rows), dtype=np.int64, count=len(rows))
    return _Table(rows, methods, method, problem, cluster, outcome)


def summarise(rows: Sequence[AttemptRow], methods: Sequence[str] = ()) -> tuple[MethodSummary, ...]:
    """One summary a method: those of `methods` first, the rest in order of first appearance.

    Intervals take the attempts of a problem, and the problems of a cluster, as dependent. Apart from that order
    the result does not depend on the order of the rows.
    """
    table = _table(rows, methods)
    columns = {
        name: table.column(lambda row, name=name: getattr(row, name))  # type: ignore[misc]
        for name in ("generated", "verifier", "probe", "calls", "seconds")
    }
    # Whole tokens are added before means are taken: how a prompt is split into new and cached depends on what was asked
    # before, and two methods that cost the same must not be ordered by how that split rounds.
    columns["prompt"] = table.column(lambda row: row.prompt + row.cached)
    columns["cost"] = table.column(lambda row: row.generated + row.probe + row.verifier)
    columns["total"] = columns["cost"] + columns["prompt"]
    columns |= {
        name: table.column(lambda row, name=name: float(getattr(row, name)))  # type: ignore[misc]
        for name in ("truncated", "partial", "tied")
    }
    columns["confidence"] = table.column(lambda row: math.nan if row.confidence is None else row.confidence)
    return tuple(_summary(table, columns, number) for number in range(len(table.methods)))


def _summary(table: _Table, columns: dict[str, Floats], number: int) -> MethodSummary:
    mine = np.flatnonzero(table.method == number)
    outcome = table.outcome[mine]
    counts = np.bincount(outcome, minlength=5).tolist()
    judged = mine[outcome <= 2]
    spent = columns["total"][mine].sum()
    mean = {name: _mean(values[judged]) for name, values in columns.items() if name != "confidence"}
    accuracy, interval = _accuracy(table, judged)
    parsed, parsed_interval = _accuracy(table, mine[outcome <= 1])
    confident = mine[(outcome <= 1) & np.isfinite(columns["confidence"][mine])]
    sure, marks = columns["confidence"][confident], (table.outcome[confident] == 0).astype(np.float64)
    shares = bool(confident.size and sure.min() >= 0 and sure.max() <= 1)
    kinds = Counter(table.rows[at].error or "unnamed" for at in mine[outcome == 3].tolist())
    return MethodSummary(
        method=table.methods[number],
        problems=int(np.unique(table.problem[mine]).size),
        attempts=int(mine.size),
        right=counts[0],
        wrong=counts[1],
        unparsed=counts[2],
        errors=counts[3],
        unjudged=counts[4],
        judged=int(judged.size),
        accuracy=accuracy,
        interval=interval,
        parsed_accuracy=parsed,
        parsed_interval=parsed_interval,
        generated=mean["generated"],
        prompt=mean["prompt"],
        verifier=mean["verifier"],
        probe=mean["probe"],
        total=mean["total"],
        cost=mean["cost"],
        tokens_spent=int(spent),
        seconds_mean=mean["seconds"],
        seconds_median=float(np.median(columns["seconds"][judged])) if judged.size else 0.0,
        calls=mean["calls"],
        truncated=mean["truncated"],
        partial=mean["partial"],
        tied=mean["tied"],
        confident=int(confident.size),
        confidence=_mean(sure) if confident.size else None,
        ece=ece(sure, marks, rule="mass") if shares else None,
        ece_rule=ECE_RULE if shares else "",
        auroc=auroc(sure, marks) if confident.size else None,
        auroc_interval=auroc_interval(sure, marks, table.cluster[confident].tolist()) if confident.size else None,
        error_kinds=tuple(kinds.most_common()),
    )


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else 0.0


def _accuracy(table: _Table, chosen: Ints) -> tuple[float | None, Interval | None]:
    if not chosen.size:
        return None, None
    right = (table.outcome[chosen] == 0).astype(np.float64)
    return float(right.mean()), accuracy_interval(right, table.cluster[chosen])


def baseline_of(methods: Sequence[str], wanted: str | None = None) -> str | None:
    """What every method is compared with: `wanted` where it is one of them, the first of more than five, else None.

    None stands for every pair. Terminal, page and JSON decide by this, so that they correct for the same comparisons.
    """
    if wanted is not None and wanted in methods:
        return wanted
    return methods[0] if len(methods) > _ALL_PAIRS else None


def paired(
    rows: Sequence[AttemptRow],
    baseline: str | None = None,
    *,
    methods: Sequence[str] = (),
    resamples: int = 4000,
    seed: int = 0,
) -> tuple[Comparison, ...]:
    """Every pair of methods, the later minus the earlier; or each against `baseline`. Ordered as in `summarise`.

    One attempt a problem and no clusters: exact McNemar. Otherwise each problem's attempts are averaged and the
    clustered paired t test is used. Intervals are BCa bootstrap over clusters.
    """
    table = _table(rows, methods)
    if baseline is not None and baseline not in table.methods:
        raise UnknownName.among("method in this run", baseline, table.methods)
    known = table.judged
    size = int(table.problem.max()) + 1 if len(rows) else 0
    cells = table.method * size + table.problem
    shape = (len(table.methods), size)
    tried = np.bincount(cells[known], minlength=shape[0] * size).reshape(shape).astype(np.float64)
    hits = np.bincount(cells[known & (table.outcome == 0)], minlength=shape[0] * size).reshape(shape)
    shares = np.divide(hits, tried, out=np.zeros(shape), where=tried > 0)
    cluster = np.zeros(size, dtype=np.int64)
    cluster[table.problem[::-1]] = table.cluster[::-1]
    if baseline is None:
        pairs = [(b, a) for a in range(shape[0]) for b in range(a + 1, shape[0])]
    else:
        base = table.methods.index(baseline)
        pairs = [(other, base) for other in range(shape[0]) if other != base]
    found = []
    for one, other in pairs:
        both = (tried[one] > 0) & (tried[other] > 0)
        apart = int(((tried[one] > 0) ^ (tried[other] > 0)).sum())
        repeats = bool((tried[[one, other]][:, both] > 1).any())
        names = (table.methods[one], table.methods[other])
        columns = (shares[one][both], shares[other][both], cluster[both])
        found.append(_compared(names, columns, apart, repeats, resamples, seed))
    adjusted = holm([math.nan if c[1] is None else c[1] for c in found])
    return tuple(build(_known(p)) for (build, _), p in zip(found, adjusted, strict=True))


def _compared(
    names: tuple[str, str],
    columns: tuple[Floats, Floats, Ints],
    left_out: int,
    repeats: bool,
    resamples: int,
    seed: int,
) -> tuple[Callable[[float | None], Comparison], float | None]:
    """A comparison that waits for its adjusted p-value, and the p-value to adjust."""
    one, other, cluster = columns
    if not one.size:
        empty = Comparison(*names, 0, left_out, None, None, None, None, 0, 0, None, None, "none: no problem in common")
        return lambda adjusted: empty, None
    gap = paired_difference(one, other, cluster, resamples=resamples, seed=seed)
    p = _known(gap.p)
    test = f"{gap.test} on means of repeats" if repeats else gap.test

    def build(adjusted: float | None) -> Comparison:
        return Comparison(
            method=names[0],
            baseline=names[1],
            problems=gap.problems,
            left_out=left_out,
            accuracy=float(one.mean()),
            baseline_accuracy=float(other.mean()),
            difference=gap.value,
            interval=gap.interval,
            better=int((one > other).sum()),
            worse=int((one < other).sum()),
            p=p,
            p_adjusted=adjusted,
            test=test,
        )

    return build, p


def _known(p: float) -> float | None:
    return None if math.isnan(p) else p


def by_family(rows: Sequence[AttemptRow], methods: Sequence[str] = ()) -> tuple[Bucket, ...]:
    """Each method on each family of problems; families by name, methods ordered as in `summarise`."""
    table = _table(rows, methods)
    names = sorted({row.family for row in rows})
    places = {name: place for place, name in enumerate(names)}
    codes = np.array([places[row.family] for row in table.rows], dtype=np.int64)
    return _buckets(table, codes, [(name or "(no family)", None, None) for name in names])


def by_length(rows: Sequence[AttemptRow], bins: int = 5, methods: Sequence[str] = ()) -> tuple[Bucket, ...]:
    """Each method on problems of each length (the family's dial), or of `bins` ranges when there are many lengths.

    Ranges hold about equal numbers of attempts and are the same for all methods. Rows without a length are left
    out. Lengths of different families are different dials: filter to one family first.
    """
    dialled = [row for row in rows if row.length is not None]
    if not dialled:
        return ()
    table = _table(dialled, methods)
    lengths = np.array([row.length for row in table.rows], dtype=np.int64)
    distinct = np.unique(lengths)
    if distinct.size <= _EXACT_LENGTHS:
        codes = np.searchsorted(distinct, lengths)
        edges = [(str(value), value, value) for value in distinct.tolist()]
        return _buckets(table, codes, edges)
    cuts = np.unique(np.quantile(lengths, np.arange(1, bins) / bins, method="lower"))
    codes = np.unique(np.searchsorted(cuts, lengths), return_inverse=True)[1]
    edges = []
    for code in range(int(codes.max()) + 1):
        low, high = int(lengths[codes == code].min()), int(lengths[codes == code].max())
        edges.append((f"{low}–{high}" if low < high else str(low), low, high))
    return _buckets(table, codes, edges)


def _buckets(table: _Table, codes: Ints, labels: Sequence[tuple[str, int | None, int | None]]) -> tuple[Bucket, ...]:
    generated = table.column(lambda row: row.generated)
    truncated = table.column(lambda row: float(row.truncated))
    cells = table.method * len(labels) + codes
    order = np.argsort(cells, kind="stable")
    starts = np.searchsorted(cells[order], np.arange(len(table.methods) * len(labels) + 1))
    found = []
    for code, (label, low, high) in enumerate(labels):
        for number, method in enumerate(table.methods):
            cell = number * len(labels) + code
            inside = order[starts[cell] : starts[cell + 1]]
            if not inside.size:
                continue
            counts = np.bincount(table.outcome[inside], minlength=5).tolist()
            judged = inside[table.outcome[inside] <= 2]
            accuracy, interval = _accuracy(table, judged)
            found.append(
                Bucket(
                    method=method,
                    label=label,
                    problems=int(np.unique(table.problem[inside]).size),
                    attempts=int(inside.size),
                    right=counts[0],
                    wrong=counts[1],
                    unparsed=counts[2],
                    errors=counts[3],
                    accuracy=accuracy,
                    interval=interval,
                    generated=_mean(generated[judged]),
                    truncated=_mean(truncated[judged]),
                    low=low,
                    high=high,
                )
            )
    return tuple(found)


def frontier(summaries: Sequence[MethodSummary]) -> tuple[MethodSummary, ...]:
    """The methods that no other beats in accuracy at the same or a smaller cost, cheapest first.

    Cost is the mean of generated, probe and verifier tokens. It takes accuracies at face value: a neighbour on
    the frontier need not be told apart by its test.
    """
    known = [s for s in summaries if s.accuracy is not None]
    return tuple(known[at] for at in unbeaten([s.accuracy or 0.0 for s in known], [s.cost for s in known]))
