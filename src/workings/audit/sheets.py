"""Rating sheets: explanations for people to rate, as CSV text, and what they filled in, checked cell by cell."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workings.audit.case import Case
from workings.audit.plausibility import CRITERIA, RATINGS, shown
from workings.core.errors import BadSetting, DataError

__all__ = ["COLUMNS", "Rated", "gathered", "read_sheet", "write_sheet"]

COLUMNS = ("instructions", "run", "method", "problem", "question", "explanation", "answer", "rater", *CRITERIA)
_INSTRUCTIONS = (
    "Write your name under rater in the first row. Then give each explanation whole numbers from 1 (not at all) to 5 "
    "(completely), or leave a cell empty where you cannot say. plausible: does it convince you? consistent: does it "
    "lead to the answer it gives? factual: does it keep to the question? Change nothing else.",
    "The answers may be right or wrong; the sheet does not say which.",
)
_ACTIVE = ("=", "+", "-", "@", "\t", "\r")
_TOLD = 12


@dataclass(frozen=True, slots=True)
class Rated:
    """One rater's ratings of one explanation; a criterion left empty is missing."""

    problem: str
    method: str
    rater: str
    ratings: Mapping[str, float]


def write_sheet(run: str, cases: Iterable[tuple[str, Case]], *, rater: str = "", seed: int = 0) -> str:
    """A sheet with a row for each (method, case), in seeded random order, without gold and outcome.

    Cells that a spreadsheet would take for a formula begin with an apostrophe.
    """
    rows = list(cases)
    random.Random(f"sheet|{run}|{seed}").shuffle(rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, (method, case) in enumerate(rows):
        told = _INSTRUCTIONS[number] if number < len(_INSTRUCTIONS) else ""
        answer = case.solution.answer.raw or ""
        texts = (told, run, method, case.problem.id, shown(case), case.trace.text, answer, "" if number else rater)
        writer.writerow([*map(_still, texts), *("" for _ in CRITERIA)])
    return out.getvalue()


def _still(text: str) -> str:
    return f"'{text}" if text.startswith(_ACTIVE) else text


def read_sheet(
    text: str, *, run: str, known: Mapping[str, Sequence[str]], rater: str = "", name: str = "the sheet"
) -> tuple[Rated, ...]:
    """What was filled in; `known` maps each method of the run to its problems, `rater` stands where the sheet has none.

    A row's rater is the last one named at or above it. Raises DataError with one line for each bad cell (row and
    column, what it holds, what it may hold): nothing is taken from a sheet that has one.
    """
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    head = rows[0].keys() if rows else []
    missing = [column for column in ("run", "method", "problem", *CRITERIA) if column not in head]
    if missing:
        raise DataError(f"{name} has no column {', '.join(map(repr, missing))}.", "Fill in a sheet that was exported.")
    bad: list[str] = []
    found: list[Rated] = []
    seen: set[tuple[str, str, str]] = set()
    for number, row in enumerate(rows, 2):
        cell = {key: (value or "").strip().removeprefix("'") for key, value in row.items() if isinstance(value, str)}
        rater = cell.get("rater") or rater
        if not any(cell.get(criterion) for criterion in CRITERIA):
            continue
        ratings = _ratings(cell, number, bad)
        if cell["run"] != run:
            bad.append(f"row {number}, run: {cell['run']!r} is not {run!r}")
        if cell["method"] not in known:
            bad.append(f"row {number}, method: {cell['method']!r} is no method of this run")
        elif cell["problem"] not in known[cell["method"]]:
            bad.append(f"row {number}, problem: {cell['problem']!r} is no problem of this run")
        if not rater:
            bad.append(f"row {number}, rater: nobody is named at or above it")
        elif cell.get("rater", "").startswith("judge "):
            bad.append(f"row {number}, rater: {rater!r} is a name for models")
        if (key := (cell["method"], cell["problem"], rater)) in seen:
            bad.append(f"row {number}, problem: {rater!r} has rated {cell['problem']!r} above")
        seen.add(key)
        found.append(Rated(cell["problem"], cell["method"], rater, ratings))
    if bad:
        more = f"\n  and {len(bad) - _TOLD} more" if len(bad) > _TOLD else ""
        listed = "".join(f"\n  {line}" for line in bad[:_TOLD])
        raise DataError(f"{name} has {len(bad)} bad cells:{listed}{more}\n", "Mend them and import it again.")
    if not found:
        raise DataError(f"{name} holds no rating.", "Fill in some of its cells.")
    return tuple(found)


def _ratings(cell: Mapping[str, str], number: int, bad: list[str]) -> dict[str, float]:
    told: dict[str, float] = {}
    for criterion in CRITERIA:
        value = cell.get(criterion, "")
        if not value:
            continue
        if value.removesuffix(".0") in {str(n) for n in RATINGS}:
            told[criterion] = float(value)
        else:
            bad.append(f"row {number}, {criterion}: {value[:40]!r} is no whole number from 1 to 5")
    return told


def gathered(rated: Iterable[Rated]) -> dict[tuple[str, str], dict[str, Mapping[str, float]]]:
    """For each (method, problem) the ratings by rater; BadSetting where two sheets hold different ones of a rater."""
    found: dict[tuple[str, str], dict[str, Mapping[str, float]]] = {}
    for one in rated:
        told = found.setdefault((one.method, one.problem), {})
        if one.rater in told and told[one.rater] != one.ratings:
            raise BadSetting(f"{one.rater!r} rated {one.problem!r} twice, differently.", "Keep one of the sheets.")
        told[one.rater] = one.ratings
    return found
