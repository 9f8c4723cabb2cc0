"""What is recorded beside a run, read once for page and JSON: findings, doubts, and where explanations stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workings.audit.case import Measured
from workings.audit.doubt.verdict import Terms
from workings.audit.quadrant import POLICIES, Decision, Standing, decide, kept_right, quadrant, standings
from workings.catalog.entries import entries
from workings.catalog.spec import build
from workings.core.errors import WorkingsError
from workings.core.finding import Finding
from workings.core.record import RunSpec
from workings.core.wire import pack
from workings.report.doubt import packed
from workings.report.source import RunSource
from workings.run.audits import label_parts, measured_of
from workings.run.doubts import Doubts, doubts_of
from workings.run.ratings import RATED, merged, verdicts

__all__ = ["Audited", "Beside", "Placed", "as_json", "beside_of"]

_THRESHOLD = 3.5
_DOUBTS = "doubts"


@dataclass(frozen=True, slots=True)
class Audited:
    """What one audit found about one method; `records` are the runs that hold it, several where ratings are joined.

    `planned` counts the cases that the audit was to read; fewer are `measured` while it is unfinished.
    """

    audit: str
    method: str
    records: tuple[str, ...]
    planned: int
    measured: tuple[Measured, ...]
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The audit's name without its settings."""
        return self.audit.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the rated explanations of a method stand, faithful by the verdicts of `audit`."""

    method: str
    audit: str
    threshold: float
    places: tuple[Standing, ...]
    decisions: Mapping[str, tuple[Decision, ...]]
    accepted: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """All of it; `unread` says of each label that this version cannot read why not."""

    audits: tuple[Audited, ...] = ()
    doubts: tuple[Doubts, ...] = ()
    placed: tuple[Placed, ...] = ()
    terms: Terms = Terms()
    unread: Mapping[str, str] = field(default_factory=dict)


def beside_of(source: RunSource, records: Iterable[RunSource], terms: Terms = Terms()) -> Beside:
    """Findings, doubts and standings from records about `source`, oldest first: of a label that several hold, the last
    counts. Ratings are joined instead, each rater's last ones.

    Needs no model. `terms` say how doubts are calibrated and judged.
    """
    audits: dict[str, list[tuple[RunSpec, list[Measured]]]] = {}
    doubted: dict[str, list[Measured]] = {}
    for record in records:
        rows = {(row.problem_id, row.method, row.index): row for row in record.rows()}
        for label, measured in measured_of(record.attempts(), rows).items():
            if _DOUBTS in record.spec.notes:
                doubted[label] = measured
                continue
            audit, method = label_parts(label)
            if audit.partition(":")[0] == RATED:
                audits.setdefault(f"{RATED} on {method}", []).append((record.spec, measured))
            else:
                audits[label] = [(record.spec, measured)]
    unread: dict[str, str] = {}
    place = {name: at for at, name in enumerate(source.spec.methods)}
    order = {name: at for at, name in enumerate(entries("audits"))}
    found = [one for label, parts in audits.items() if (one := _audited(label, parts, unread)) is not None]
    found.sort(key=lambda one: (place.get(one.method, len(place)), order.get(one.name, len(order))))
    doubts = _doubts(doubted, place, terms, unread)
    return Beside(tuple(found), doubts, tuple(_placed(found)), terms, unread)


def _audited(label: str, parts: Sequence[tuple[RunSpec, list[Measured]]], unread: dict[str, str]) -> Audited | None:
    audit, method = label_parts(label)
    measured = parts[0][1] if len(parts) == 1 else merged([rows for _, rows in parts])
    try:
        findings = build("audits", audit).find(measured)
    except WorkingsError as error:
        unread[label] = str(error)
    except KeyError as error:
        unread[label] = f"Another version recorded it, without {error}."
    else:
        planned = len(measured) if audit == RATED else parts[0][0].count
        return Audited(audit, method, tuple(spec.id for spec, _ in parts), planned, tuple(measured), findings)
    return None


def _doubts(
    doubted: Mapping[str, list[Measured]], place: Mapping[str, int], terms: Terms, unread: dict[str, str]
) -> tuple[Doubts, ...]:
    methods: dict[str, dict[str, list[Measured]]] = {}
    estimators: dict[str, Any] = {}
    for label, measured in doubted.items():
        name, method = label_parts(label)
        try:
            estimators.setdefault(name, build("estimators", name))
        except WorkingsError as error:
            unread[label] = str(error)
        else:
            methods.setdefault(method, {})[name] = measured
    ordered = sorted(methods, key=lambda method: place.get(method, len(place)))
    return tuple(
        doubts_of(method, {name: estimators[name] for name in methods[method]}, methods[method], terms)
        for method in ordered
    )


def _placed(audits: Sequence[Audited]) -> Iterable[Placed]:
    """A placing for each method that was rated and each audit of it that judges single explanations."""
    for rated in (one for one in audits if one.name == RATED):
        for judging in (one for one in audits if one.method == rated.method):
            audit = build("audits", judging.audit)
            if not hasattr(audit, "faithful"):
                continue
            places = standings(rated.measured, verdicts(audit, judging.measured), threshold=_THRESHOLD)
            yield Placed(
                rated.method,
                judging.audit,
                _THRESHOLD,
                places,
                {policy: decide(places, policy) for policy in POLICIES},
                tuple(kept_right(places, policy, rated.measured) for policy in POLICIES),
            )


def as_json(found: Beside) -> dict[str, Any]:
    """The same for a program: findings, verdicts with a confidence for each answer, and standings."""
    return {
        "audits": [
            {
                "audit": one.audit,
                "method": one.method,
                "records": list(one.records),
                "recorded": len(one.measured),
                "planned": one.planned,
                "findings": [pack(finding) for finding in one.findings],
            }
            for one in found.audits
        ],
        "doubts": [packed(one) for one in found.doubts],
        "standings": [
            {
                "method": one.method,
                "faithful_by": one.audit,
                "plausible_from": one.threshold,
                "cells": {" / ".join(cell): count for cell, count in quadrant(one.places).items()},
                "policies": {
                    policy: {"decisions": [pack(d) for d in one.decisions[policy]], "accepted": pack(accepted)}
                    for policy, accepted in zip(one.decisions, one.accepted, strict=True)
                },
            }
            for one in found.placed
        ],
        "unread": dict(found.unread),
    }
