"""Findings of recorded audits: computed from the record alone, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workings.catalog.spec import build
from workings.core.finding import Finding
from workings.core.wire import pack
from workings.report.source import RunSource
from workings.run.audits import findings_of, label_parts, measured_of

__all__ = ["as_json", "findings", "render_findings", "told_finding"]


def findings(record: RunSource) -> dict[str, tuple[Finding, ...]]:
    """The findings of a recorded run of audits, by label ("early-answering on cot")."""
    rows = {(row.problem_id, row.method, row.index): row for row in record.rows()}
    measured = measured_of(record.attempts(), rows)
    return findings_of({label: build("audits", label_parts(label)[0]) for label in measured}, measured)


def as_json(source: RunSource, records: Sequence[RunSource]) -> dict[str, Any]:
    """The findings of a run's audits for a program."""
    return {
        "run": source.spec.id,
        "audits": [
            {"label": label, "record": record.spec.id, "findings": [pack(one) for one in found]}
            for record in records
            for label, found in findings(record).items()
        ],
    }


def render_findings(records: Sequence[RunSource]) -> str:
    """A table of findings for the terminal: value, interval, null, ceiling, n, what was left out."""
    lines = []
    for record in records:
        for label, found in findings(record).items():
            lines.append(label)
            width = max((len(one.name) for one in found), default=0)
            for one in found:
                lines.append(f"  {one.name.ljust(width)}  {told_finding(one)}")
            lines.append("")
    return "\n".join(lines).rstrip()


def told_finding(one: Finding) -> str:
    """A finding in one line of text, without its name."""
    if one.value is None:
        value = "not measured"
    else:
        value = f"{one.value:6.3f}"
    if one.interval is not None:
        value += f" [{one.interval.low:.3f}, {one.interval.high:.3f}]"
    notes = [f"null {one.null:.3f}"] if one.null is not None else []
    if one.ceiling is not None:
        notes.append(f"ceiling {one.ceiling:.3f}")
    notes.append(f"n {one.n}")
    notes += [f"{count} left out: {why}" for why, count in one.excluded.items()]
    return f"{value}  {', '.join(notes)}"
