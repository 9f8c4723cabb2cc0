"""Reversal: what was learnt one way, asked the other way, with the liking for some names taken out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from workings.audit.case import Case, Measured, Reading
from workings.audit.evidence import counted, excluded, left_out, mean_finding, spent
from workings.audit.readout import Curve, Options, read_out
from workings.audit.talk import reworded
from workings.core.ask import Flow
from workings.core.capability import Capability
from workings.core.finding import Finding
from workings.stats.intervals import clustered_interval

__all__ = ["Reversal"]

_WAYS = ("this way", "the other way", "both ways")


@dataclass(frozen=True, slots=True)
class Reversal:
    """How likely the right answer is, over other answers of its kind, asked as it was taught and the other way round.

    For problems whose `meta` names the direction asked, the direction taught, other answers, and the question without
    its subject (`one-way`). A name's own likelihood differs from that of another by more than what is known about it,
    so each log-probability is taken minus that behind the neutral question (pointwise mutual information), and then
    minus the mean of the others: 0 nats where nothing is known. The raw difference is given beside it.

    Source: Berglund et al. 2023, section 2.2, which compares the right name with a random one; in the released numbers
    of experiment 2 the raw log-probability of names differs by direction, which the correction is for.
    """

    @property
    def needs(self) -> frozenset[Capability]:
        return frozenset({Capability.SCORE, Capability.LEAD})

    @property
    def verifiers(self) -> tuple[str, ...]:
        return ()

    def __call__(self, case: Case) -> Flow[Reading]:
        meta = case.problem.meta
        if not all(key in meta for key in ("way", "taught", "neutral", "answer", "others")):
            return Reading(excluded="the problem does not say which way it was taught")
        neutral = reworded(case, str(meta["neutral"]))
        if neutral is None:
            return Reading(excluded="the prompt does not hold the question's text")
        names = tuple(dict.fromkeys((str(meta["answer"]), *map(str, meta["others"]))))
        options = Options(names, tuple(f" {name}." for name in names))
        asked = yield from read_out(case, options, "")
        prior = yield from read_out(replace(case, prompt=neutral), options, "")
        values: dict[str, Any] = {
            "way": meta["way"],
            "taught": _taught(str(meta["way"]), str(meta["taught"])),
            "asked": asked.plain,
            "prior": prior.plain,
        }
        return Reading(values)

    def find(self, measured: Sequence[Measured]) -> tuple[Finding, ...]:
        found = []
        for name, value, null, ceiling, span, told in (
            (
                "answer over others, prior taken out",
                _contrast,
                0.0,
                None,
                None,
                "whether it would be said: see accuracy",
            ),
            (
                "answer over others, raw",
                _raw,
                _mean(measured, _prior),
                None,
                None,
                "knowledge: names differ by themselves",
            ),
            ("right answer ranks first", _first, _chance(measured), 1.0, (0.0, 1.0), "knowledge beyond these others"),
        ):
            for taught in _WAYS:
                one = mean_finding(
                    f"reversal: taught {taught}, {name}",
                    measured,
                    lambda m, value=value, taught=taught: value(m) if m.values["taught"] == taught else None,  # type: ignore[misc]
                    null=null,
                    ceiling=ceiling,
                    span=span,
                    does_not_show=told,
                )
                found.append(one)
        return (*found, _gap(measured))


def _taught(way: str, taught: str) -> str:
    return "both ways" if taught == "both" else "this way" if taught == way else "the other way"


def _rows(one: Measured) -> tuple[list[float], list[float]]:
    asked, prior = Curve.of(one.values["asked"]).logprobs[-1], Curve.of(one.values["prior"]).logprobs[-1]
    return list(asked), list(prior)


def _over_others(row: Sequence[float]) -> float | None:
    told = row[0] - fmean(row[1:]) if all(map(math.isfinite, row)) else math.nan
    return None if math.isnan(told) else told


def _contrast(one: Measured) -> float | None:
    asked, prior = _rows(one)
    gains = [a - b for a, b in zip(asked, prior, strict=True)]
    return _over_others(gains) if all(map(math.isfinite, gains)) else None


def _raw(one: Measured) -> float | None:
    return _over_others(_rows(one)[0])


def _prior(one: Measured) -> float | None:
    return _over_others(_rows(one)[1])


def _first(one: Measured) -> float | None:
    asked, prior = _rows(one)
    gains = [a - b for a, b in zip(asked, prior, strict=True)]
    if any(map(math.isnan, gains)):
        return None
    return float(gains[0] > max(gains[1:])) + float(gains[0] == max(gains[1:])) / (1 + gains[1:].count(gains[0]))


def _mean(measured: Sequence[Measured], value: Callable[[Measured], float | None]) -> float | None:
    told = [v for one in counted(measured) if (v := value(one)) is not None]
    return fmean(told) if told else None


def _chance(measured: Sequence[Measured]) -> float | None:
    told = [1 / len(_rows(one)[0]) for one in counted(measured)]
    return fmean(told) if told else None


def _gap(measured: Sequence[Measured]) -> Finding:
    """Taught this way minus taught the other way, within each direction asked, then averaged over the directions."""
    name = "reversal: gap between the directions"
    kept = [(one, v) for one in counted(measured) if (v := _contrast(one)) is not None]
    means: dict[tuple[str, str], float] = {}
    counts: dict[tuple[str, str], int] = {}
    for way in ("forward", "backward"):
        for taught in ("this way", "the other way"):
            told = [v for one, v in kept if (one.values["way"], one.values["taught"]) == (way, taught)]
            if told:
                means[way, taught], counts[way, taught] = fmean(told), len(told)
    ways = [w for w in ("forward", "backward") if (w, "this way") in means and (w, "the other way") in means]
    detail = {f"{way}, taught {taught}": value for (way, taught), value in means.items()}
    if not ways:
        left = left_out(measured, "not taught both ways", len(kept))
        return Finding(
            name, None, null=0.0, excluded=left, detail=detail, cost=spent(measured), does_not_show="anything"
        )
    value = fmean(means[way, "this way"] - means[way, "the other way"] for way in ways)
    used = [(one, v) for one, v in kept if one.values["way"] in ways and one.values["taught"] != "both ways"]
    parts = []
    for one, v in used:
        key = (one.values["way"], one.values["taught"])
        sign = 1 if key[1] == "this way" else -1
        parts.append(sign * (v - means[key]) * len(used) / (counts[key] * len(ways)))
    spread = clustered_interval(parts, [one.cluster for one, _ in used], bounds=None) if len(parts) > 1 else None
    interval = None
    if spread is not None and math.isfinite(spread.high - spread.low):
        interval = replace(spread, low=value + spread.low, high=value + spread.high)
    return Finding(
        name,
        value,
        interval,
        null=0.0,
        n=len(used),
        excluded=excluded(measured),
        detail=detail,
        cost=spent(measured),
        does_not_show="why: a corpus that states more of one direction gives a gap of itself",
    )
