"""How sure the answers of a run are, and what each estimator is worth: from the record alone, as table and JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from workings.audit.doubt.verdict import Terms, Verdict
from workings.catalog.spec import build
from workings.core.display import printable
from workings.core.finding import Finding
from workings.core.wire import pack
from workings.report.figures import number
from workings.report.source import RunSource
from workings.report.terminal import aligned, safe
from workings.run.audits import label_parts, measured_of
from workings.run.doubts import Doubts, doubts_of

__all__ = ["as_json", "doubts", "packed", "render_doubts"]


def doubts(record: RunSource, terms: Terms = Terms()) -> tuple[Doubts, ...]:
    """What a recorded run of estimators says, method by method."""
    rows = {(row.problem_id, row.method, row.index): row for row in record.rows()}
    measured = measured_of(record.attempts(), rows)
    methods: dict[str, dict[str, Any]] = {}
    for label in record.spec.methods:
        name, method = label_parts(label)
        if label in measured:
            methods.setdefault(method, {})[name] = measured[label]
    estimators = {name: build("estimators", name) for told in methods.values() for name in told}
    return tuple(doubts_of(method, estimators, told, terms) for method, told in methods.items())


def as_json(source: RunSource, record: RunSource, terms: Terms = Terms()) -> dict[str, Any]:
    """The same for a program, with a confidence for each answer."""
    return {"run": source.spec.id, "record": record.spec.id, "methods": [packed(one) for one in doubts(record, terms)]}


def packed(found: Doubts) -> dict[str, Any]:
    joint = () if found.combined is None else (found.combined,)
    return {
        "method": found.method,
        "estimators": [_verdict(one) for one in (*found.verdicts, *joint)],
        "joined": list(found.joined),
        "left_out": list(found.left_out),
        "compared": [
            {
                "estimator": one.estimator,
                "scope": one.scope.value,
                "baseline": one.baseline,
                "n": one.n,
                "difference": one.gap.value,
                "interval": pack(one.gap.interval),
                "p": one.gap.p,
                "adjusted": one.adjusted,
            }
            for one in found.compared
        ],
    }


def _verdict(one: Verdict) -> dict[str, Any]:
    return {
        "estimator": one.estimator,
        "scope": one.scope.value,
        "scale": {
            "direction": one.scale.direction.value,
            "range": [pack(one.scale.low), pack(one.scale.high)],
            "unit": one.scale.unit,
        },
        "calibrated_by": one.calibrator,
        "n": len(one.items.ids),
        "missing": dict(one.items.missing),
        "chains": one.items.chains,
        "tokens": one.items.tokens,
        "asked": pack(one.items.cost),
        "findings": [pack(found) for found in one.findings.values()],
        "reliability": [pack(part) for part in one.bins],
        "values": dict(one.values),
        "confidence": dict(one.confidence or {}),
    }


def render_doubts(found: Sequence[Doubts], terms: Terms = Terms()) -> str:
    """A table a method, then what was missing, the combination, and the comparisons with the first estimator.

    Costs are an item's: chains read and tokens it took to make them, tokens written and read on top, and calls.
    """
    return "\n\n".join(_rendered(one, terms) for one in found)


def _rendered(found: Doubts, terms: Terms) -> str:
    heads = ["estimator", "over", "says", "n", "AUROC", "", "PRR", "AUARC", "ECE", "Brier", f"risk ≤ {terms.risk:g}"]
    lines = [[*heads, "chains", "tokens", "+written", "+read", "calls"]]
    joint = () if found.combined is None else (found.combined,)
    for one in (*found.verdicts, *joint):
        lines.append(_row(one))
    text = f"{safe(found.method)}\n{aligned(lines)}"
    reasons = [
        f"  {safe(one.estimator)} over the {one.scope.value}: {count:,} {printable(why)}"
        for one in found.verdicts
        for why, count in one.items.missing.items()
    ]
    if reasons:
        text += "\n\nmissing, which is neither sure nor unsure:\n" + "\n".join(reasons)
    if found.joined:
        told = f"combination of {', '.join(found.joined)}"
        told += f"; too few attempts for {', '.join(found.left_out)}" if found.left_out else ""
        text += "\n\n" + textwrap.fill(printable(told), 120, subsequent_indent="  ")
    elif found.left_out:
        text += "\n\nno combination: it takes ten right and ten wrong attempts for each estimator"
    sure = next((one for one in found.verdicts if "ECE" in one.findings), None)
    if sure is not None:
        text += f"\nECE and Brier: {sure.calibrator}; {sure.findings['ECE'].detail['rule']}"
    if found.compared:
        text += "\n\n"
        text += aligned(
            [
                ["AUROC on the same items", "minus", safe(found.compared[0].baseline), "n", "with Holm's correction"],
                *(
                    [
                        f"{safe(one.estimator)} ({one.scope.value})",
                        f"{one.gap.value:+.3f}",
                        f"[{one.gap.interval.low:+.3f}, {one.gap.interval.high:+.3f}]",
                        f"{one.n:,}",
                        "told apart" if one.adjusted < 0.05 else "not told apart",
                    ]
                    for one in found.compared
                ),
            ],
        )
    return text


def _row(one: Verdict) -> list[str]:
    found, items = one.findings, one.items
    count = max(len(items.ids) + sum(items.missing.values()), 1)
    band = found["AUROC"].interval if "AUROC" in found else None
    return [
        safe(one.estimator),
        one.scope.value,
        one.scale.direction.value,
        f"{len(items.ids):,}",
        _value(found.get("AUROC")),
        f"[{number(band.low)}, {number(band.high)}]" if band else "",
        *(_value(found.get(name)) for name in ("PRR", "AUARC", "ECE", "Brier", "coverage")),
        number(items.chains, 1),
        number(items.tokens, 0),
        number((items.cost.generated + items.cost.probe + items.cost.verifier) / count, 1),
        number((items.cost.prompt + items.cost.cached) / count, 0),
        number(items.cost.calls / count, 1),
    ]


def _value(found: Finding | None) -> str:
    return "–" if found is None else number(found.value)
