"""The table of replies: what is read in each, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workings.core.answer import Source
from workings.core.problem import AnswerKind
from workings.verify.extract import extract

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "replies.jsonl").read_text(encoding="utf-8").splitlines()
]


def test_the_table_is_large_and_its_ids_differ() -> None:
    assert len(ROWS) >= 220
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert {row["kind"] for row in ROWS} == {k.value for k in AnswerKind}
    assert sum(not row["reply"].isascii() for row in ROWS) >= 50


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_reply_is_read_as_the_table_says(row: dict[str, Any]) -> None:
    answer = extract(
        row["reply"], AnswerKind(row["kind"]), tuple(row.get("choices", ())), thinking=row.get("thinking", "")
    )
    assert (answer.canonical, answer.source) == (row["expected"], Source(row["source"]))
    assert answer.given == (row["expected"] is not None)
    if answer.span:
        assert row["reply"][slice(*answer.span)] == answer.raw
    assert bool(answer.raw) == (answer.source is not Source.NONE)
