"""`workings rate`: explanations out to people on sheets, their ratings back in, and where each explanation stands."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import workings
from workings.audit.case import Measured
from workings.audit.quadrant import decide, kept_right, quadrant, standings
from workings.audit.sheets import Rated, read_sheet, write_sheet
from workings.catalog.spec import build, canonical_spec
from workings.core.capability import Identity
from workings.core.errors import DataError, UsageError
from workings.core.finding import Finding
from workings.core.record import RunSpec
from workings.core.solution import Attempt
from workings.core.wire import pack
from workings.report.evidence import told_finding
from workings.run.audits import audit_label, cases_of, label_parts, measured_of
from workings.run.ratings import RATED, merged, rated_attempts, verdicts
from workings.store.archive import Archive

if TYPE_CHECKING:
    from workings.store.runs import Run

__all__ = ["rate"]


def rate(given: argparse.Namespace) -> int:
    """Writes a sheet, takes sheets in, or shows what has been rated; each is one call."""
    if given.out is not None and given.sheets:
        raise UsageError("--out and --sheets exclude each other.", "Export first, import what comes back.")
    with Archive.open(given.folder) as archive:
        source = _source(archive, given.run)
        if given.out is not None:
            return _export(given, source)
        if given.sheets:
            _import(given, archive, source)
        return _show(given, archive, source)


def _source(archive: Archive, name: str) -> Run:
    """The run that is rated; "last" is the last that is not itself made of audits."""
    if name == "last":
        own = [one.id for one in archive.runs() if "audits" not in one.spec.notes]
        name = own[-1] if own else name
    source = archive.run(name)
    if "audits" in source.spec.notes:
        raise UsageError(f"Run {source.id} is an audit of run {source.spec.notes['audits']}.", "Name that one.")
    return source


def _export(given: argparse.Namespace, source: Run) -> int:
    problems = {problem.id: problem for problem in list(source.problems())[: given.count]}
    rows = []
    for name in _methods(given, source):
        attempts = (one for one in source.attempts(method=name) if one.problem_id in problems)
        cases = cases_of(problems, attempts, build("methods", name))
        rows += [(name, case) for case in cases.values() if not isinstance(case, str)]
    if not rows:
        raise UsageError(f"Run {source.id} has no explanation to rate.", "Run a method that shows its reasoning.")
    given.out.write_text(write_sheet(source.id, rows, rater=given.rater), encoding="utf-8-sig")
    told = {"file": str(given.out), "explanations": len(rows)}
    print(json.dumps(told) if given.json else f"{len(rows)} explanations of run {source.id} written to {given.out}")
    return 0


def _methods(given: argparse.Namespace, source: Run) -> list[str]:
    known = source.spec.methods
    wanted = [canonical_spec("methods", name) for name in given.methods] if given.methods else list(known)
    for name in wanted:
        if name not in known:
            raise UsageError(f"Run {source.id} has no method {name!r}.", f"It has: {', '.join(known)}.")
    return wanted


def _import(given: argparse.Namespace, archive: Archive, source: Run) -> None:
    """Records the ratings of all sheets as one audit of the run; nothing of them when one has a bad cell."""
    attempts: dict[tuple[str, str], Attempt] = {}
    for attempt in source.attempts():
        attempts.setdefault((attempt.method, attempt.problem_id), attempt)
    known: dict[str, list[str]] = {}
    for method, problem in attempts:
        known.setdefault(method, []).append(problem)
    rated: list[Rated] = []
    for path in given.sheets:
        rated += read_sheet(_text(path), run=source.id, known=known, rater=given.rater, name=str(path))
    found = rated_attempts(rated, attempts)
    labels = tuple(dict.fromkeys(one.method for one in found))
    spec = RunSpec(
        id="",
        model="people",
        identity=Identity("people"),
        methods=labels,
        problems=source.spec.problems,
        count=source.spec.count,
        notes={"audits": source.id, "rated": hashlib.sha256(repr(rated).encode()).hexdigest()[:10]},
    )
    digest = hashlib.sha256(json.dumps(pack(spec), sort_keys=True).encode()).hexdigest()[:10]
    created = datetime.now(UTC).isoformat(timespec="seconds")
    record = archive.start(
        replace(spec, id=digest, created=created, version=workings.__version__), list(source.problems())
    )
    done = record.done()
    record.append_all([one for one in found if (one.problem_id, one.method, one.index) not in done])
    record.finish()
    if not given.json:
        raters = sorted({one.rater for one in rated})
        print(f"run {source.id}: {len(rated)} ratings by {', '.join(raters)}, recorded as {record.id}\n")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{str(path)!r} is not UTF-8: {error.reason}.", "Save the sheet as CSV, UTF-8.") from None


def _records(archive: Archive, source: Run) -> list[dict[str, list[Measured]]]:
    """The readings of every audit of the run, oldest first."""
    found = []
    for one in archive.runs():
        if one.spec.notes.get("audits") == source.id:
            record = archive.run(one.id)
            rows = {(row.problem_id, row.method, row.index): row for row in record.rows()}
            found.append(measured_of(record.attempts(), rows))
    return found


def _show(given: argparse.Namespace, archive: Archive, source: Run) -> int:
    records = _records(archive, source)
    told: dict[str, Any] = {}
    for method in _methods(given, source):
        parts = [rows for by in records for label, rows in by.items() if _is_rating(label, method)]
        if not parts:
            continue
        ratings = merged(parts)
        findings = list(build("audits", RATED).find(ratings))
        told[method] = {"findings": findings}
        if given.policy is not None:
            told[method] |= _standing(given, records, method, ratings)
    if not told:
        raise UsageError(
            f"Nobody has rated run {source.id} yet.", "Use --out FILE, or workings audit --audits plausibility."
        )
    if given.json:
        print(json.dumps({"run": source.id, "methods": _plain(told)}, ensure_ascii=False, indent=1))
    else:
        print("\n\n".join(_rendered(method, one) for method, one in told.items()))
    return 0


def _is_rating(label: str, method: str) -> bool:
    """Whether a label holds ratings of `method`, whatever the judge's settings."""
    audit, audited = label_parts(label)
    return audited == method and audit.partition(":")[0] == RATED


def _standing(
    given: argparse.Namespace,
    records: Sequence[dict[str, list[Measured]]],
    method: str,
    ratings: Sequence[Measured],
) -> dict[str, Any]:
    label = audit_label(canonical_spec("audits", given.faithful), method)
    found = [by[label] for by in records if label in by]
    if not found:
        raise UsageError(f"No {label!r} is recorded for this run.", f"Try workings audit --audits {given.faithful}.")
    judged = verdicts(build("audits", given.faithful), found[-1])
    places = standings(ratings, judged, threshold=given.threshold)
    decisions = decide(places, given.policy)
    return {
        "quadrant": quadrant(places),
        "decisions": decisions,
        "accepted": kept_right(places, given.policy, ratings),
    }


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for method, one in told.items():
        found[method] = {"findings": [pack(f) for f in one["findings"]]}
        if "quadrant" in one:
            found[method]["quadrant"] = {" / ".join(cell): count for cell, count in one["quadrant"].items()}
            found[method]["decisions"] = [pack(d) for d in one["decisions"]]
            found[method]["accepted"] = pack(one["accepted"])
    return found


def _rendered(method: str, one: dict[str, Any]) -> str:
    findings: list[Finding] = list(one["findings"])
    if "accepted" in one:
        findings.append(one["accepted"])
    width = max(len(f.name) for f in findings)
    lines = [method, *(f"  {f.name.ljust(width)}  {told_finding(f)}" for f in findings)]
    if "quadrant" in one:
        lines += ["", *(f"  {n:6d}  {', '.join(cell)}" for cell, n in one["quadrant"].items())]
        reasons = Counter(f"{'accepted' if d.accepted else 'refused'}: {d.because}" for d in one["decisions"])
        lines += ["", *(f"  {n:6d}  {reason}" for reason, n in reasons.most_common())]
    return "\n".join(lines)
