"""What could have been used, as a table of problems by options: each method as it ran, and every rule at every k."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workings.core.answer import Outcome
from workings.core.completion import Usage
from workings.core.record import AttemptRow
from workings.run.compute import Size, flops
from workings.run.coverage import LOGPROB, Pool, Pools, ks_of, spend
from workings.run.curves import COVERAGE, MAJORITY, PROBABILITY, chance, reads_verifier, rules_of

__all__ = ["Option", "Table", "options_table"]

Floats = NDArray[np.float64]

FEWEST = 0.5
"""An option measured on less than this share of the problems is left out."""

_OWN = ("n", "weight", "by", "weighted")


@dataclass(frozen=True, slots=True)
class Option:
    """A method with its settings: `source` as it ran (`rule` empty), or `rule` with `k` chains of its pool.

    `label` is what to write after --methods, where that is known, and a description otherwise.
    """

    label: str
    source: str
    rule: str = ""
    k: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Accuracy and mean cost of each option on each problem, shape (problem, option), all on the same problems.

    `left_out` counts problems that not every option has, and says which options were dropped, and why.
    """

    options: tuple[Option, ...]
    problems: tuple[str, ...]
    clusters: tuple[Hashable, ...]
    values: Floats
    costs: Floats
    left_out: Mapping[str, int] = field(default_factory=dict)


Cells = dict[str, tuple[float, float | None]]


def options_table(
    rows: Sequence[AttemptRow], found: Sequence[Pools], axis: str = "tokens", size: Size | None = None
) -> Table:
    """Every option of a run on the problems that all of them have.

    Values are shares of right attempts, or the exact chance that a rule is right with k of a pool's chains. Options
    whose cost on this axis is not known, or that are measured on less than half of the problems, are dropped.
    """
    clusters = {row.problem_id: row.cluster_key for row in rows}
    cells: dict[Option, Cells] = {}
    labels: set[str] = set()
    for pools in sorted(found, key=lambda p: -p.n):
        for option in _of_pools(pools):
            if option.label not in labels:
                labels.add(option.label)
                cells[option] = _measured(pools.pools, option, axis, size)
    methods = dict.fromkeys(row.method for row in rows)
    for method in methods:
        if method not in labels:
            cells[Option(method, method)] = _as_run([row for row in rows if row.method == method], axis, size)
    order = {method: at for at, method in enumerate(methods)}
    return _table({o: cells[o] for o in sorted(cells, key=lambda o: (order.get(o.source, 0), o.k))}, clusters)


def _of_pools(found: Pools) -> list[Option]:
    if not found.pools or found.n < 2:
        return []
    own = {pool.chosen_by for pool in found.pools}
    rule_run = own.pop() if len(own) == 1 else ""
    made = []
    for rule in rules_of(found.pools):
        for k in ks_of(found.n) if rule != COVERAGE else ():
            if k == 1 and rule != MAJORITY:
                continue  # one chain is one chain, whatever would have chosen
            label = found.method if k == found.n and rule == rule_run else _spelled(found.method, rule, k)
            made.append(Option(label, found.method, rule, k))
    return made


def _spelled(source: str, rule: str, k: int) -> str:
    """The method that takes `k` chains of the source's pool and this rule, as the command line spells it."""
    name, _, given = source.partition(":")
    settings = [part for part in given.split(",") if part]
    if name not in ("vote", "best-of-n") or any(c in given for c in "{["):
        return f"{rule} of {k} × {source}"
    kept = [part for part in settings if part.partition("=")[0] not in _OWN]
    verifier = rule.partition(" by ")[2]
    if rule in (MAJORITY, PROBABILITY):
        kept = [part for part in kept if not part.startswith("steps=")]
        chosen = ["weight=probability"] if rule == PROBABILITY else []
        return _label("vote", k, chosen, kept)
    chosen = [] if verifier == LOGPROB else [f"by={verifier}"]
    steps = [part for part in kept if part.startswith("steps=")]
    kept = [part for part in kept if not part.startswith("steps=")]
    return _label("best-of-n", k, [*chosen, *steps, *(["weighted=true"] if rule.startswith("weighted") else [])], kept)


def _label(name: str, k: int, chosen: list[str], kept: list[str]) -> str:
    """The shortest spelling, as the catalog has it: 16 chains are the default of both methods."""
    settings = [*([] if k == 16 else [f"n={k}"]), *chosen, *kept]
    return f"{name}:{','.join(settings)}" if settings else name


def _measured(pools: Sequence[Pool], option: Option, axis: str, size: Size | None) -> Cells:
    verified = reads_verifier(option.rule)
    by_problem: dict[str, list[Pool]] = defaultdict(list)
    for pool in pools:
        by_problem[pool.problem_id].append(pool)
    cells: Cells = {}
    for problem, members in by_problem.items():
        spent = [spend(pool, option.k, axis, verified=verified, size=size) for pool in members]
        value = math.fsum(chance(pool, option.rule, option.k).value for pool in members) / len(members)
        cells[problem] = (value, _mean(spent))
    return cells


def _as_run(rows: Sequence[AttemptRow], axis: str, size: Size | None) -> Cells:
    by_problem: dict[str, list[AttemptRow]] = defaultdict(list)
    for row in rows:
        if row.outcome is not None and row.outcome is not Outcome.ERROR:
            by_problem[row.problem_id].append(row)
    return {
        problem: (
            sum(row.outcome is Outcome.RIGHT for row in members) / len(members),
            _mean([_cost(row, axis, size) for row in members]),
        )
        for problem, members in by_problem.items()
    }


def _cost(row: AttemptRow, axis: str, size: Size | None) -> float | None:
    tokens = row.generated + row.probe + row.verifier
    if axis == "flops":
        known = size is not None and row.calls <= 1 and not row.verifier
        usage = Usage(row.prompt + row.cached, generated=row.generated, probe=row.probe)
        return flops(size, usage) if known and size is not None else None
    return {"tokens": tokens, "total": tokens + row.prompt + row.cached, "seconds": row.seconds}[axis]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if len(known) == len(values) else None


def _table(cells: Mapping[Option, Cells], clusters: Mapping[str, Hashable]) -> Table:
    every = {problem for column in cells.values() for problem in column}
    left: dict[str, int] = {}
    kept: list[Option] = []
    for option, column in cells.items():
        if any(cost is None for _, cost in column.values()):
            left[f"{option.label}: its cost is not known"] = len(column)
        elif len(column) < FEWEST * len(every):
            left[f"{option.label}: measured on few problems"] = len(column)
        else:
            kept.append(option)
    problems = sorted(every.intersection(*(cells[option] for option in kept))) if kept else []
    if kept and len(problems) < len(every):
        left["problems that not every option has"] = len(every) - len(problems)
    pairs = np.array([[cells[option][problem] for option in kept] for problem in problems], dtype=np.float64)
    pairs = pairs.reshape(len(problems), len(kept), 2)
    keys = tuple(clusters.get(problem, ("", "", problem)) for problem in problems)
    return Table(tuple(kept), tuple(problems), keys, pairs[:, :, 0], pairs[:, :, 1], left)
