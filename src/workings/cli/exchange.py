"""`workings export` and `workings import`: records out, other people's outputs in."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from workings.catalog.spec import parse_settings
from workings.catalog.world import open_judge
from workings.core.answer import Answer, Outcome
from workings.core.errors import UsageError
from workings.core.problem import AnswerKind, Problem
from workings.report.facts import measured
from workings.report.terminal import render_table
from workings.run.judging import decide
from workings.store.archive import Archive
from workings.store.exports import export_jsonl, export_parquet
from workings.store.imports import import_outputs
from workings.store.outputs import Output, read_outputs
from workings.verify.extract import extract
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
    fields = parse_settings(given.map, given.map)
    outputs = _of_kind(read_outputs(given.file, fields=fields), AnswerKind(given.kind) if given.kind else None)
    with Archive.open(given.folder) as archive, ExitStack() as opened:
        symbolic = open_judge()
        if symbolic is not None:
            opened.enter_context(symbolic)
        loop = opened.enter_context(asyncio.Runner())

        def judge(problem: Problem, reply: str) -> tuple[Answer, Outcome | None]:
            answer = extract(reply, problem.question.kind, problem.question.choices)
            return answer, loop.run(decide(answer, problem, symbolic))

        run = import_outputs(archive, outputs, judge, split=split_steps, source=given.file.name)
        rows = list(run.rows())
    if given.json:
        print(json.dumps({"run": run.id, "attempts": len(rows)}))
    else:
        print(f"run {run.id}: {len(rows):,} outputs from {given.file.name}\n")
        print(render_table(*measured(run.spec, rows)))
    return 0


def _of_kind(outputs: Iterator[Output], kind: AnswerKind | None) -> Iterator[Output]:
    """Outputs whose questions ask for `kind`; whole attempts of our own export stay as they are."""
    for output in outputs:
        if kind is None or output.attempt is not None:
            yield output
        elif output.problem is None:
            yield replace(output, kind=kind)
        else:
            question = replace(output.problem.question, kind=kind)
            yield replace(output, kind=kind, problem=replace(output.problem, question=question))
