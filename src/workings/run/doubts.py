"""Estimators over recorded attempts: which of them this world can serve, and repeats as samples of one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workings.audit.case import Measured
from workings.audit.doubt.scale import Direction, Estimator, Scale, Scope
from workings.audit.doubt.verdict import Items, Terms, Verdict, items_of, judged, verdict
from workings.core.answer import Outcome
from workings.core.completion import Usage
from workings.core.errors import MissingCapability
from workings.core.solution import Attempt
from workings.run.audits import Auditing
from workings.run.drive import World, check_needs
from workings.run.ports import Remote
from workings.stats.paired import holm
from workings.stats.uncertainty import Gap, auroc_gap

__all__ = ["Compared", "Doubts", "combined", "doubts_of", "pooled", "served"]

_PER_SCORE = 10
_TO_COMPARE = 5
"""Fewest right and fewest wrong attempts by which two areas are compared; their errors are no guide below."""
COMBINATION = "combination"


@dataclass(frozen=True, slots=True)
class Compared:
    """AUROC of one estimator minus that of the baseline on the items both speak about; `adjusted` p is Holm's."""

    estimator: str
    scope: Scope
    baseline: str
    n: int
    gap: Gap
    adjusted: float


@dataclass(frozen=True, slots=True)
class Doubts:
    """All that is known about how sure the answers of one method are.

    `combined` joins the estimators named in `joined`; `left_out` are those that there were too few right or wrong
    attempts for. `compared` sets each against the first, where they share five right and five wrong attempts.
    """

    method: str
    verdicts: tuple[Verdict, ...]
    combined: Verdict | None
    joined: tuple[str, ...]
    left_out: tuple[str, ...]
    compared: tuple[Compared, ...]


def pooled(attempts: Iterable[Attempt]) -> list[Attempt]:
    """One attempt a problem: the first that did not fail, with the chains of its repeats behind its own.

    Repeats of a method, and replies of an imported file to one question, are samples of one another.
    """
    firsts: dict[str, Attempt] = {}
    for attempt in attempts:
        first = firsts.get(attempt.problem_id)
        if first is None or first.solution is None or first.outcome is Outcome.ERROR:
            firsts[attempt.problem_id] = attempt
        elif attempt.solution is not None and attempt.outcome is not Outcome.ERROR:
            more = tuple(t for t in attempt.solution.pool if t.role == "chain")
            solution = replace(first.solution, pool=(*first.solution.pool, *more))
            firsts[attempt.problem_id] = replace(first, solution=solution)
    return list(firsts.values())


async def served(world: World, found: Mapping[str, Auditing], *, silent: bool = False) -> dict[str, Auditing]:
    """The same, where what this model cannot serve has no cases but the reason; nothing is spent but probes.

    `silent` says that there is no model, so that what asks has none to ask.
    """
    model = world.model
    if isinstance(model, Remote):
        await model.open()
        await model.probe(frozenset().union(*(one.needs for one in found.values())))
    kept = {}
    for label, one in found.items():
        reason = "there is no model to ask" if silent and getattr(one.audit, "asks", True) else ""
        try:
            check_needs(one, model, label)
        except MissingCapability:
            lacking = ", ".join(sorted(need.value for need in one.needs - model.capabilities))
            reason = reason or f"the model cannot: {lacking}"
        kept[label] = replace(one, cases=dict.fromkeys(one.cases, reason)) if reason else one
    return kept


def doubts_of(
    method: str,
    estimators: Mapping[str, Estimator],
    measured: Mapping[str, Sequence[Measured]],
    terms: Terms = Terms(),
) -> Doubts:
    """Verdicts on every estimator of one method's attempts, their combination, and comparisons with the first."""
    verdicts = tuple(one for name, rows in measured.items() for one in judged(estimators[name], name, rows, terms))
    joint, joined, left = combined(estimators, measured, terms)
    return Doubts(method, verdicts, joint, joined, left, _compared(verdicts))


def combined(
    estimators: Mapping[str, Estimator], measured: Mapping[str, Sequence[Measured]], terms: Terms = Terms()
) -> tuple[Verdict | None, tuple[str, ...], tuple[str, ...]]:
    """A logistic combination of the estimators in their order, cross-fitted; which it joins and which it leaves out.

    There is one score for every ten of the rarer outcome, no more: the first ones are taken, whatever they are worth.
    Scores that are the same for all attempts are passed over: each fold's accuracy elsewhere is all they would give,
    which is below chance, since it is high where the fold's own is low.
    """
    rows: dict[str, Measured] = {}
    scores: dict[str, dict[str, float]] = {}
    spent: dict[str, Usage] = {}
    reads: dict[str, tuple[float, float]] = {}
    for name, told in measured.items():
        for scope in estimators[name].scopes:
            items = items_of(told, estimators[name].scale, scope)
            if not items.ids or np.ptp(items.surer) == 0:
                continue
            label = f"{name} ({scope.value})"
            scores[label] = dict(zip(items.ids, items.surer.tolist(), strict=True))
            spent[label], reads[label] = items.cost, (items.chains, items.tokens)
        rows |= {one.problem_id: one for one in told}
    known = [ident for ident in rows if any(ident in column for column in scores.values())]
    right = np.array([float(rows[ident].right) for ident in known])
    room = int(min(right.sum(), (1 - right).sum())) // _PER_SCORE if known else 0
    joined, left = tuple(scores)[:room], tuple(scores)[room:]
    if len(joined) < 2:
        return None, (), tuple(scores)
    table = np.array([[scores[label].get(ident, np.nan) for label in joined] for ident in known])
    items = Items(
        tuple(known),
        np.zeros(len(known)),
        right,
        tuple(rows[ident].cluster for ident in known),
        {"nothing was said": len(rows) - len(known)} if len(known) < len(rows) else {},
        max(reads[label][0] for label in joined),
        max(reads[label][1] for label in joined),
        sum((spent[label] for label in {one.partition(" (")[0]: one for one in joined}.values()), Usage()),
    )
    scale = Scale(Direction.CONFIDENCE, 0.0, 1.0, "probability of being right")
    return verdict(COMBINATION, Scope.ANSWER, scale, items, terms, table), joined, left


def _compared(verdicts: Sequence[Verdict]) -> tuple[Compared, ...]:
    useful = [one for one in verdicts if "AUROC" in one.findings and one.findings["AUROC"].value is not None]
    if len(useful) < 2:
        return ()
    first = useful[0]
    place = {ident: at for at, ident in enumerate(first.items.ids)}
    found: list[tuple[Verdict, int, Gap]] = []
    for one in useful[1:]:
        both = [(at, place[ident]) for at, ident in enumerate(one.items.ids) if ident in place]
        mine, theirs = [a for a, _ in both], [b for _, b in both]
        wrong = sum(1 - one.items.right[at] for at in mine)
        if min(wrong, len(mine) - wrong) < _TO_COMPARE:
            continue
        clusters = [one.items.clusters[at] for at in mine]
        gap = auroc_gap(one.items.surer[mine], first.items.surer[theirs], one.items.right[mine], clusters)
        if gap is not None:
            found.append((one, len(both), gap))
    adjusted = holm([gap.p for _, _, gap in found])
    return tuple(
        Compared(one.estimator, one.scope, first.estimator, n, gap, p)
        for (one, n, gap), p in zip(found, adjusted, strict=True)
    )
