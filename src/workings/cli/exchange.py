"""`workings export` and `workings import`: records out, other people's outputs in."""

from __future__ import annotations

import argparse
import json

from workings.catalog.spec import parse_settings
from workings.core.answer import Answer, Outcome
from workings.core.errors import UsageError
from workings.core.problem import AnswerKind, Problem
from workings.report.terminal import render_table
from workings.run.compare import paired, summarise
from workings.store.archive import Archive
from workings.store.exports import export_jsonl, export_parquet
from workings.store.imports import import_outputs
from workings.store.outputs import read_outputs
from workings.verify.extract import extract
from workings.verify.outcome import outcome
from workings.verify.steps import split_steps

__all__ = ["fetch", "send"]


def send(given: argparse.Namespace) -> int:
    """Writes a run's attempts to a file."""
    writers = {".jsonl": export_jsonl, ".parquet": export_parquet}
    if given.out.suffix not in writers:
        raise UsageError(f"{str(given.out)!r} is neither .jsonl nor .parquet.", "Give one of those endings.")
    with Archive.open(given.folder, read_only=True) as archive:
        count = writers[given.out.suffix](archive.run(given.run), given.out)
    told = {"file": str(given.out), "attempts": count}
    print(json.dumps(told) if given.json else f"{count:,} attempts written to {given.out}")
    return 0


def fetch(given: argparse.Namespace) -> int:
    """Scores and records outputs from a file, and prints their table."""
    kind = AnswerKind(given.kind) if given.kind else None
    fields = parse_settings(given.map, given.map)

    def judge(problem: Problem, reply: str) -> tuple[Answer, Outcome | None]:
        question = problem.question
        answer = extract(reply, kind or question.kind, question.choices)
        if problem.gold is None:
            return answer, None
        decided = outcome(answer, problem.gold, kind or question.kind, question.choices)
        return answer, decided or Outcome.UNPARSED

    with Archive.open(given.folder) as archive:
        run = import_outputs(
            archive, read_outputs(given.file, fields=fields), judge, split=split_steps, source=given.file.name
        )
        rows = list(run.rows())
    if given.json:
        print(json.dumps({"run": run.id, "attempts": len(rows)}))
    else:
        print(f"run {run.id}: {len(rows):,} outputs from {given.file.name}\n")
        print(render_table(summarise(rows), paired(rows)))
    return 0
