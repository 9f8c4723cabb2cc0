"""A run as files that other programs read."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from workings.core.errors import DataError, MissingExtra
from workings.core.problem import Problem
from workings.core.record import AttemptRow
from workings.core.solution import Attempt, Solution
from workings.core.trace import Trace
from workings.core.wire import pack
from workings.store.runs import Run, attempt_row

__all__ = ["FORMAT", "export_jsonl", "export_parquet"]

FORMAT = "workings/1"
ROW_GROUP = 2000


def export_jsonl(run: Run, path: Path, *, pools: bool = True) -> int:
    """Writes one JSON object a line for each current attempt; returns how many.

    Each line has the fields of `AttemptRow`, the question, the text and steps of the chosen chain, the votes, and
    the problem; with `pools` also the whole attempt, so that `read_outputs` restores it without loss. The file
    appears whole or not at all.
    """
    count = 0
    with _whole(path) as temporary, temporary.open("wb") as file:
        for row in _rows(run):
            row["problem"] = pack(row["problem"])
            attempt = row.pop("attempt")
            if pools:
                row["attempt"] = pack(attempt)
            file.write(_line({"format": FORMAT, **row}))
            count += 1
    return count


def export_parquet(run: Run, path: Path) -> int:
    """Writes one row for each current attempt, without the pools; returns how many.

    The columns are those of `export_jsonl` with votes as JSON text. Needs pyarrow; raises MissingExtra without it.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtra("Parquet needs pyarrow.", "pip install 'workings[parquet]'") from error
    kinds = {
        "s": pa.string(), "i": pa.int64(), "f": pa.float64(), "b": pa.bool_(), "l": pa.list_(pa.string()),
    }  # fmt: skip
    columns = {
        "run": "s", "model": "s", "problem_id": "s", "method": "s", "index": "i", "outcome": "s", "answer": "s",
        "gold": "s", "confidence": "f", "prompt": "i", "cached": "i", "generated": "i", "verifier": "i", "probe": "i",
        "calls": "i", "seconds": "f", "family": "s", "cluster": "s", "length": "i", "split": "s", "truncated": "b",
        "partial": "b", "tied": "b", "error": "s", "seed": "s", "question": "s", "kind": "s", "choices": "l",
        "reply": "s", "raw_answer": "s", "steps": "l", "rule": "s", "votes": "s",
    }  # fmt: skip
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    count = 0
    rows = _rows(run)
    with _whole(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        while batch := list(islice(rows, ROW_GROUP)):
            for row in batch:
                row["votes"] = json.dumps(row["votes"], ensure_ascii=False)
                row["seed"] = str(row["seed"])
            table = {name: [_cell(row[name], kind) for row in batch] for name, kind in columns.items()}
            writer.write_table(pa.table(table, schema=schema))
            count += len(batch)
    return count


def _rows(run: Run) -> Iterator[dict[str, Any]]:
    """The attempts flattened, and the problem and the attempt as they are."""
    problems = run.problems()
    problem = None
    for attempt in run.attempts():
        while problem is None or problem.id != attempt.problem_id:
            problem = next(problems)
        row = attempt_row(problem, attempt)
        yield {"run": run.id, "model": run.spec.model, **_flat(row), **_told(problem, attempt)}


def _flat(row: AttemptRow) -> dict[str, Any]:
    return {name: _number(value) for name, value in asdict(row).items()}


def _told(problem: Problem, attempt: Attempt) -> dict[str, Any]:
    solution = attempt.solution or Solution()
    trace = _chosen(solution)
    choice = solution.choice
    return {
        "seed": attempt.seed,
        "question": problem.question.text,
        "kind": problem.question.kind.value,
        "choices": list(problem.question.choices),
        "reply": trace.text if trace else "",
        "raw_answer": solution.answer.raw,
        "steps": [step.text for step in trace.steps] if trace else [],
        "rule": choice.rule if choice else "",
        "votes": {answer: _number(weight) for answer, weight in choice.weights.items()} if choice else {},
        "problem": problem,
        "attempt": attempt,
    }


def _chosen(solution: Solution) -> Trace | None:
    chosen = solution.choice.chosen if solution.choice else None
    if chosen is not None and 0 <= chosen < len(solution.pool):
        return solution.pool[chosen]
    return solution.pool[0] if solution.pool else None


def _number(value: Any) -> Any:
    """JSON has no NaN and no infinity; the flat fields say nothing instead."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _line(row: dict[str, Any]) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(row, allow_nan=False).encode() + b"\n"


def _cell(value: Any, kind: str) -> Any:
    if kind == "s" and value is not None:
        return str(value).encode("utf-8", "replace").decode()
    if kind == "l":
        return [str(item).encode("utf-8", "replace").decode() for item in value]
    return value


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends without an exception."""
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error}.", "Name a folder that can be written.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
