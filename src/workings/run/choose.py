"""Which method to use, and how many chains, to reach an accuracy or to keep a budget: globally and by difficulty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workings.core.errors import BadSetting, DataError
from workings.core.finding import Interval
from workings.core.record import AttemptRow
from workings.run.compute import Size
from workings.run.coverage import AXES, Pools
from workings.run.difficulty import Probe, charged, signal_of
from workings.run.options import Option, Table, options_table
from workings.stats.intervals import accuracy_interval, clustered_interval
from workings.stats.paired import holm, paired_difference
from workings.stats.policy import assign, edges_of, group_of, halves, unbeaten

__all__ = ["Band", "ByDifficulty", "Choosing", "Estimate", "Measured", "choose"]

FEW = 20
"""Below this many problems (or clusters of them) nothing is advised."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Measured:
    """An option with its accuracy and mean cost on all problems, at face value; `on` the frontier of the two."""

    option: Option
    accuracy: float
    interval: Interval
    cost: float
    cost_interval: Interval
    on: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """Accuracy and mean cost of a way to choose, each half of the problems by what the other half chose."""

    accuracy: float
    interval: Interval
    cost: float
    cost_interval: Interval


@dataclass(frozen=True, slots=True)
class Band:
    """Problems whose signal lies in (`low`, `high`], and the option for them, measured there on all problems."""

    low: float
    high: float
    problems: int
    option: Option
    accuracy: float
    interval: Interval
    cost: float


@dataclass(frozen=True, slots=True)
class ByDifficulty:
    """An option for each band of predicted difficulty, the cost of predicting it included.

    `gain` and `saving` are differences to choosing one option for all, on the same problems in the same halves:
    accuracy more, cost less. `aim` is what was to be gained: "cost" where a target was within reach, else "accuracy".
    `better` says that this gain is told apart from nothing, and that neither a loss of accuracy nor a breach of the
    budget is. `folds` has what each half chose.
    """

    probe: Probe
    probe_cost: float
    bands: tuple[Band, ...]
    held: Estimate
    gain: float
    gain_interval: Interval
    saving: float
    saving_interval: Interval
    better: bool
    aim: str
    folds: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Choosing:
    """What to use, and what the data cannot tell.

    `verdict` is "reached", "out of reach" or "cannot tell". `pick` is the choice on all problems, `held` the honest
    estimate for choosing this way, `folds` what each half chose. `sure` is the cheapest option whose whole interval
    lies above the target. `alike` are options not told apart from `pick` in accuracy: cheaper ones when a budget was
    given, and those of about its cost that may reach the target when a target was.
    """

    axis: str
    target: float | None
    budget: float | None
    problems: int
    clusters: int
    options: tuple[Measured, ...]
    pick: Measured
    held: Estimate
    folds: tuple[str, str]
    verdict: str
    sure: Measured | None
    alike: tuple[Measured, ...]
    by_difficulty: ByDifficulty | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    no_difficulty: str = ""


def choose(
    rows: Sequence[AttemptRow],
    found: Sequence[Pools],
    *,
    target: float | None = None,
    budget: float | None = None,
    axis: str = "tokens",
    probe: Probe | None = None,
    bands: int = 3,
    size: Size | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Choosing:
    """The cheapest option that reaches an accuracy, or the most accurate one whose mean cost keeps a budget.

    Options are the methods of a run and, from its pools (`workings.run.coverage.read_pools`), every rule at every k.
    `target` is an accuracy in (0, 1], `budget` a mean cost an attempt on `axis` (`workings.run.coverage.AXES`).
    An option that was picked because it did well looks better than it is: `held` is what the choice is worth on
    problems that took no part in it. With a `probe`, the same by predicted difficulty, as in Snell et al. 2024
    (arXiv 2408.03314, section 3.2), but with the probe's cost charged to every problem: chains that the option would
    sample anyway are used, all others are paid on top.

    Raises BadSetting for a target or budget out of range, or neither, and DataError for fewer than 20 problems.
    Left out: the spread between two ways to halve. It does not show what would hold for another model or other
    problems, nor that an option which was not run is worse.
    """
    _check(target, budget, axis, bands)
    table = options_table(rows, found, axis, size)
    clusters = len(set(table.clusters))
    if not table.options or clusters < FEW:
        count = f"{len(table.problems)} problems" + (
            f" in {clusters} clusters" if clusters < len(table.problems) else ""
        )
        raise DataError(
            f"{count} that all options were judged on are too few to choose by.", f"Run {FEW} or more; 200 is better."
        )
    rule = _Rule(table, target, budget, level, seed)
    measured = rule.measure()
    held, folds, cross = rule.cross_fit()
    pick = measured[rule.pick(np.arange(len(table.problems)))]
    verdict = rule.verdict(measured, pick)
    known, why_not = _difficulty(rule, found, probe, bands, cross, axis, size, verdict)
    return Choosing(
        axis=axis,
        target=target,
        budget=budget,
        problems=len(table.problems),
        clusters=clusters,
        options=measured,
        pick=pick,
        held=held,
        folds=folds,
        verdict=verdict,
        sure=rule.sure(measured),
        alike=rule.alike(measured, pick),
        by_difficulty=known,
        left_out=dict(table.left_out),
        no_difficulty=why_not,
    )


def _check(target: float | None, budget: float | None, axis: str, bands: int) -> None:
    if target is None and budget is None:
        raise BadSetting("There is neither a target nor a budget.", "Give one, such as target=0.9 or budget=500.")
    if target is not None and not 0 < target <= 1:
        raise BadSetting(f"target={target} is no accuracy.", "Give a share above 0 and up to 1, such as 0.9.")
    if budget is not None and not budget > 0:
        raise BadSetting(f"budget={budget} cannot buy anything.", "Give a positive number.")
    if axis not in AXES:
        raise BadSetting(f"{axis!r} is not a way to count cost.", f"Use {', '.join(AXES)}.")
    if not 2 <= bands <= 5:
        raise BadSetting(f"bands={bands} is out of range.", "Use 2 to 5.")


@dataclass(frozen=True, slots=True)
class _Cross:
    """Each problem's value and cost under the choice of the half it is not in."""

    side: Ints
    values: Floats
    costs: Floats


@dataclass(frozen=True, slots=True)
class _Rule:
    table: Table
    target: float | None
    budget: float | None
    level: float
    seed: int

    @property
    def keys(self) -> list[str]:
        return [repr(key) for key in self.table.clusters]

    def measure(self) -> tuple[Measured, ...]:
        values, costs = self.table.values, self.table.costs
        means, prices = values.mean(axis=0), costs.mean(axis=0)
        on = set(unbeaten(means, prices))
        return tuple(
            Measured(
                option,
                float(means[at]),
                accuracy_interval(np.clip(values[:, at], 0, 1), self.keys, self.level),
                float(prices[at]),
                _mean_interval(costs[:, at], self.keys, self.level),
                at in on,
            )
            for at, option in enumerate(self.table.options)
        )

    def pick(self, members: Ints) -> int:
        values, costs = self.table.values[members].mean(axis=0), self.table.costs[members].mean(axis=0)
        [chosen] = assign([values], [costs], [1.0], target=self.target, budget=self.budget)
        return chosen

    def cross_fit(self) -> tuple[Estimate, tuple[str, str], _Cross]:
        side = halves(self.keys, self.seed)
        values, costs, names = np.zeros(side.size), np.zeros(side.size), []
        for half in (0, 1):
            chosen = self.pick(np.flatnonzero(side != half))
            names.append(self.table.options[chosen].label)
            inside = side == half
            values[inside], costs[inside] = self.table.values[inside, chosen], self.table.costs[inside, chosen]
        return self.estimate(values, costs), (names[1], names[0]), _Cross(side, values, costs)

    def estimate(self, values: Floats, costs: Floats) -> Estimate:
        return Estimate(
            float(values.mean()),
            accuracy_interval(np.clip(values, 0, 1), self.keys, self.level),
            float(costs.mean()),
            _mean_interval(costs, self.keys, self.level),
        )

    def verdict(self, measured: Sequence[Measured], pick: Measured) -> str:
        """Whether the target is reached, or the budget kept, by an interval's whole width."""
        if self.target is None:
            assert self.budget is not None
            low, high = pick.cost_interval.low, pick.cost_interval.high
            return "reached" if high <= self.budget else "out of reach" if low > self.budget else "cannot tell"
        inside = [m for m in measured if self.budget is None or m.cost <= self.budget]
        if pick.interval.low >= self.target and pick in inside:
            return "reached"
        return "out of reach" if all(m.interval.high < self.target for m in inside) else "cannot tell"

    def sure(self, measured: Sequence[Measured]) -> Measured | None:
        if self.target is None:
            return None
        sure = [m for m in measured if m.interval.low >= self.target and (self.budget is None or m.cost <= self.budget)]
        return min(sure, key=lambda m: m.cost, default=None)

    def alike(self, measured: Sequence[Measured], pick: Measured) -> tuple[Measured, ...]:
        """Options on the frontier, at most as dear as the pick, that a paired test does not tell from it (Holm)."""
        own = measured.index(pick)
        others = [at for at, m in enumerate(measured) if m.on and m.cost < pick.cost and at != own]
        if self.target is not None:
            others = [at for at in others if measured[at].interval.high >= self.target]
            return tuple(measured[at] for at in others)
        values = self.table.values
        found = [
            paired_difference(values[:, own], values[:, at], self.keys, level=self.level, seed=self.seed)
            for at in others
        ]
        adjusted = holm([difference.p for difference in found]) if found else ()
        return tuple(measured[at] for at, p in zip(others, adjusted, strict=True) if not p < 1 - self.level)


def _mean_interval(
    values: Floats, keys: Sequence[str], level: float, bounds: tuple[float, float] | None = (0.0, np.inf)
) -> Interval:
    """Of a mean cost, or of a mean difference (no `bounds`)."""
    if np.ptp(values) < 1e-9 * max(1.0, float(np.abs(values).max())):
        return Interval(float(values.min()), float(values.max()), "the same for every problem", level)
    return clustered_interval(values, keys, level, bounds=bounds)


def _difficulty(
    rule: _Rule,
    found: Sequence[Pools],
    probe: Probe | None,
    bands: int,
    cross: _Cross,
    axis: str,
    size: Size | None,
    verdict: str,
) -> tuple[ByDifficulty | None, str]:
    if probe is None:
        return None, ""
    told = signal_of(probe, found, rule.table.problems)
    if isinstance(told, str):
        return None, told
    probe, pools, signal = told
    values, costs, price = charged(rule.table, probe, pools, axis, size)
    if np.isnan(costs).any():
        return None, "what the probe costs is not known on this axis"
    made = _Policy(rule, values, costs, signal, bands)
    held_values, held_costs = np.zeros(signal.size), np.zeros(signal.size)
    folds: list[tuple[str, ...]] = []
    for half in (0, 1):
        edges, chosen = made.fit(np.flatnonzero(cross.side != half))
        inside = np.flatnonzero(cross.side == half)
        taken = np.array(chosen)[group_of(signal[inside], edges)]
        held_values[inside], held_costs[inside] = values[inside, taken], costs[inside, taken]
        folds.append(tuple(rule.table.options[at].label for at in chosen))
    gain = held_values - cross.values
    saving = cross.costs - held_costs
    difference = paired_difference(held_values, cross.values, rule.keys, level=rule.level, seed=rule.seed)
    saved = _mean_interval(saving, rule.keys, rule.level, None)
    held = rule.estimate(held_values, held_costs)
    aim = "accuracy" if rule.target is None or verdict == "out of reach" else "cost"
    better = difference.interval.low > 0 if aim == "accuracy" else saved.low > 0 and difference.interval.high >= 0
    better = better and (rule.budget is None or held.cost_interval.low <= rule.budget)
    return ByDifficulty(
        probe=probe,
        probe_cost=price,
        bands=made.bands(),
        held=held,
        gain=float(gain.mean()),
        gain_interval=difference.interval,
        saving=float(saving.mean()),
        saving_interval=saved,
        better=bool(better),
        aim=aim,
        folds=(folds[1], folds[0]),
    ), ""


@dataclass(frozen=True, slots=True)
class _Policy:
    """Bands of a signal and an option for each, with the probe's cost in every price."""

    rule: _Rule
    values: Floats
    costs: Floats
    signal: Floats
    count: int

    def fit(self, members: Ints) -> tuple[tuple[float, ...], tuple[int, ...]]:
        edges = edges_of(self.signal[members], self.count)
        groups = group_of(self.signal[members], edges)
        parts = [members[groups == group] for group in range(len(edges) + 1)]
        chosen = assign(
            np.array([self.values[part].mean(axis=0) for part in parts]),
            np.array([self.costs[part].mean(axis=0) for part in parts]),
            np.array([part.size / members.size for part in parts]),
            target=self.rule.target,
            budget=self.rule.budget,
        )
        return edges, chosen

    def bands(self) -> tuple[Band, ...]:
        every = np.arange(self.signal.size)
        edges, chosen = self.fit(every)
        groups = group_of(self.signal, edges)
        ends = (-np.inf, *edges, np.inf)
        made = []
        for group, at in enumerate(chosen):
            inside = np.flatnonzero(groups == group)
            marks = np.clip(self.values[inside, at], 0, 1)
            keys = [self.rule.keys[place] for place in inside.tolist()]
            made.append(
                Band(
                    float(ends[group]),
                    float(ends[group + 1]),
                    int(inside.size),
                    self.rule.table.options[at],
                    float(marks.mean()),
                    accuracy_interval(marks, keys, self.rule.level),
                    float(self.costs[inside, at].mean()),
                )
            )
        return tuple(made)
