"""Co-occurrence: does the model answer with what is true, or with what often stood beside it?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from workings.audit.case import Case, Measured, Reading
from workings.audit.evidence import counted, excluded, left_out, mean_finding, spent
from workings.audit.readout import Curve, Options, read_out
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.finding import Finding
from workings.stats.association import Association, slopes

__all__ = ["CoOccurrence", "likeliest"]


@dataclass(frozen=True, slots=True)
class CoOccurrence:
    """The likeliest of all candidate objects, beside what counts of the training corpus would have picked.

    For problems whose `meta` has, for each candidate, the sentences that hold it with the subject (`together`) and at
    all (`things`), as those of `counted` do. Findings: hits (the right object is the likeliest); their slope for a
    tenfold count of the right pair, alone and with the object's own count held (log10 of 1 + count); how often the pick
    is that of the conditional probability given the subject, and that of pointwise mutual information; and how often a
    wrong pick stands more often with the subject than the right one does, with the share of wrong candidates that do as
    null.

    Source: Kang and Choi 2023, sections 3 and 4. Slopes are of a linear probability model. Counts that are natural,
    not planted, go with other things (fame, length), and a slope over them is no effect.
    """

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.SCORE, Capability.LEAD})

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        meta, gold = case.problem.meta, case.problem.gold
        if "together" not in meta or "things" not in meta or gold not in meta["together"]:
            return Reading(excluded="the problem has no counts")
        names = tuple(meta["together"])
        curve = yield from read_out(case, Options(names, tuple(f" {name}." for name in names)), "")
        values = {
            "names": list(names),
            "gold": gold,
            "scores": curve.plain,
            "together": [int(meta["together"][name]) for name in names],
            "things": [int(meta["things"].get(name, 0)) for name in names],
        }
        return Reading(values)

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        kept = counted(measured)
        chance = fmean(1 / len(one.values["names"]) for one in kept) if kept else None
        unit = (0.0, 1.0)
        found = [
            mean_finding(
                "co-occurrence: hits",
                measured,
                _hit,
                null=chance,
                ceiling=1.0,
                span=unit,
                does_not_show="that it is known: candidates are given",
            )
        ]
        found += _slopes(kept, measured)
        for name, pick in (("conditional probability", _conditional), ("mutual information", _mutual)):
            found.append(
                mean_finding(
                    f"co-occurrence: picks what {name} would",
                    measured,
                    lambda one, pick=pick: _same(one, pick),  # type: ignore[misc]
                    null=chance,
                    ceiling=1.0,
                    span=unit,
                    does_not_show="that it counts: where the right object is also the most frequent both agree",
                )
            )
        found.append(
            mean_finding(
                "co-occurrence: wrong picks that stood more often with the subject",
                measured,
                _drawn,
                null=_mean([v for one in kept if (v := _drawn_by_chance(one)) is not None]),
                ceiling=1.0,
                span=unit,
                does_not_show="anything about right answers; where nothing stands more often it is not defined",
            )
        )
        return tuple(found)


def likeliest(row: Sequence[float]) -> int | None:
    """The place of the largest value; None where several share it or there is no number."""
    top = max(row)
    if math.isnan(top) or top == -math.inf or row.count(top) > 1:
        return None
    return row.index(top)


def _pick(one: Measured) -> int | None:
    return likeliest(list(Curve.of(one.values["scores"]).logprobs[-1]))


def _right(values: Mapping[str, Sequence[str]]) -> int:
    return list(values["names"]).index(str(values["gold"]))


def _hit(one: Measured) -> float:
    return float(_pick(one) == _right(one.values))


def _conditional(one: Measured) -> int | None:
    return likeliest([float(v) for v in one.values["together"]])


def _mutual(one: Measured) -> int | None:
    pairs = zip(one.values["together"], one.values["things"], strict=True)
    return likeliest([pair / thing if thing else 0.0 for pair, thing in pairs])


def _same(one: Measured, pick: Callable[[Measured], int | None]) -> float | None:
    wanted = pick(one)
    return None if wanted is None else float(_pick(one) == wanted)


def _oftener(one: Measured) -> list[bool]:
    right = one.values["together"][_right(one.values)]
    return [count > right for count in one.values["together"]]


def _drawn(one: Measured) -> float | None:
    pick, oftener = _pick(one), _oftener(one)
    return None if pick is None or pick == _right(one.values) or not any(oftener) else float(oftener[pick])


def _drawn_by_chance(one: Measured) -> float | None:
    oftener = _oftener(one)
    return None if _drawn(one) is None else sum(oftener) / (len(oftener) - 1)


def _slopes(kept: Sequence[Measured], measured: Sequence[Measured]) -> list[Finding]:
    hits = [_hit(one) for one in kept]
    pair = [math.log10(1 + one.values["together"][_right(one.values)]) for one in kept]
    thing = [math.log10(1 + one.values["things"][_right(one.values)]) for one in kept]
    clusters = [one.cluster for one in kept]
    alone = slopes([pair], hits, clusters)[0] if kept else (None, None)
    both = slopes([pair, thing], hits, clusters) if kept else ((None, None),) * 2
    told: tuple[tuple[str, Association], ...] = (
        ("for a tenfold count of subject and object", alone),
        ("for a tenfold count of subject and object, the object's held", both[0]),
        ("for a tenfold count of the object, the pair's held", both[1]),
    )
    base = Finding(
        "",
        None,
        null=0.0,
        n=len(kept),
        excluded=excluded(measured),
        cost=spent(measured),
        does_not_show="an effect, unless the counts were planted; a model that is always right has no slope",
    )
    return [
        replace(
            base,
            name=f"co-occurrence: slope of hits {name}",
            value=value,
            interval=interval,
            excluded=left_out(measured, "counts do not vary", len(kept) if value is None else 0),
        )
        for name, (value, interval) in told
    ]


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
