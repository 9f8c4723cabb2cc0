"""Exports: whole, readable by others, and read back without loss."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded import METHODS, attempt, attempts, problem, spec

from workings.core.answer import Answer, Outcome
from workings.core.errors import DataError, MissingExtra
from workings.core.problem import Problem
from workings.store.archive import Archive
from workings.store.exports import export_jsonl, export_parquet
from workings.store.imports import import_outputs, read_outputs
from workings.store.runs import Run


def refuse(problem: Problem, reply: str) -> tuple[Answer, Outcome | None]:
    raise AssertionError("our own attempts are not judged again")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with Archive.open(tmp_path / "from") as archive:
        made = archive.start(spec(), [problem(n) for n in range(5)])
        for n in range(4):
            for method in METHODS:
                made.append(attempt(n, method, chains=2))
        made.append(attempt(4, outcome=Outcome.ERROR))
        yield made


def test_jsonl_says_what_a_reader_wants(run: Run, tmp_path: Path) -> None:
    assert export_jsonl(run, tmp_path / "out.jsonl", pools=False) == 9
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["problem_id"] for row in rows] == ["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3", "p4"]
    first = rows[0]
    assert first["question"] == "What is 0 + 1?" and first["gold"] == "1" and first["outcome"] == "right"
    assert first["reply"] == "Think: Add one.\nThe answer is 2. #0" and first["steps"] == ["Think", "Add "]
    assert first["votes"] == {"2": 2.0} and first["generated"] == 3 and "attempt" not in first
    assert rows[-1]["error"] == "Unreachable: no server 4" and rows[-1]["reply"] == ""


@pytest.mark.parametrize("pools", [True, False])
def test_round_trip(run: Run, tmp_path: Path, pools: bool) -> None:
    path = tmp_path / "out.jsonl"
    export_jsonl(run, path, pools=pools)

    def judge(problem: Problem, reply: str) -> tuple[Answer, Outcome | None]:
        if pools:
            return refuse(problem, reply)
        return Answer("2", "2"), Outcome.RIGHT

    with Archive.open(tmp_path / "to") as archive:
        copy = import_outputs(archive, read_outputs(path), judge, source="out.jsonl")
        assert list(copy.problems()) == list(run.problems())
        if pools:
            assert list(copy.rows()) == list(run.rows())
            assert list(copy.attempts()) == list(run.attempts())
        else:
            keep = ("problem_id", "method", "index", "outcome", "answer", "gold", "family", "cluster", "generated")
            assert [[getattr(r, k) for k in keep] for r in copy.rows()] == [
                [getattr(r, k) for k in keep] for r in run.rows()
            ]


@given(st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_attempt_survives_the_round_trip(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("trip")
    made = [data.draw(attempts(n)) for n in range(2)]
    with Archive.open(folder / "from") as one, Archive.open(folder / "to") as two:
        run = one.start(spec(), [problem(n) for n in range(2)])
        run.append_all(made)
        export_jsonl(run, folder / "out.jsonl")
        (folder / "out.jsonl").read_text(encoding="utf-8", errors="strict")
        copy = import_outputs(two, read_outputs(folder / "out.jsonl"), refuse)
        assert list(copy.attempts()) == made


def test_no_line_holds_what_json_does_not_know(run: Run, tmp_path: Path) -> None:
    value = attempt(4, text="\ud800")
    assert value.solution is not None
    solution = dataclasses.replace(value.solution, confidence=math.nan)
    run.append(dataclasses.replace(value, solution=solution, seconds=math.inf))
    export_jsonl(run, tmp_path / "out.jsonl")

    def refuse_constant(name: str) -> None:
        raise AssertionError(name)

    rows = [
        json.loads(line, parse_constant=refuse_constant)
        for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert rows[-1]["confidence"] is None and rows[-1]["reply"].startswith("Think: \ud800")


def test_parquet_holds_the_same_rows(run: Run, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    run.append(attempt(4, text="\ud800", index=1))
    assert export_parquet(run, tmp_path / "out.parquet") == 10
    export_jsonl(run, tmp_path / "out.jsonl", pools=False)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    names = ("run", "problem_id", "method", "index", "outcome", "answer", "seconds", "truncated", "length")
    for name in names:
        assert [row[name] for row in table] == [row[name] for row in rows]
    assert [row["steps"] for row in table[:-1]] == [row["steps"] for row in rows[:-1]]
    assert json.loads(table[0]["votes"]) == rows[0]["votes"] and table[0]["seed"] == "7"
    assert table[-1]["reply"].startswith("Think: ?")


def test_an_empty_run_gives_an_empty_file(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    with Archive.open(tmp_path) as archive:
        run = archive.start(spec(), [problem(1)])
        assert export_jsonl(run, tmp_path / "out.jsonl") == 0
        assert export_parquet(run, tmp_path / "out.parquet") == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


def test_parquet_without_pyarrow_says_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match="pip install"):
        export_parquet(run, tmp_path / "out.parquet")


def test_an_export_that_fails_leaves_the_old_file(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old")
    from workings.store import exports

    monkeypatch.setattr(exports, "_line", lambda row: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        export_jsonl(run, path)
    assert path.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["from", "out.jsonl"]


def test_a_place_that_cannot_be_written_is_a_data_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        export_jsonl(run, tmp_path / "file" / "out.jsonl")
