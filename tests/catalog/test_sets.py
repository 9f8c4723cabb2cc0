"""Problem sets by name."""

from __future__ import annotations

import csv
import json

import pytest

from workings.catalog import open_problems
from workings.catalog.sets import problem_names
from workings.core.errors import BadSetting, DataError, UnknownName, WorkingsError
from workings.problems.procedural import families


@pytest.mark.parametrize("lengths", ["in", "out"])
def test_lengths_by_name(lengths):
    for name in ("shell-game", "addition", "last-letters"):
        low, high = families()[name].in_length if lengths == "in" else families()[name].out_of_length
        found = open_problems(f"{name}:lengths={lengths}", count=12)
        assert len(found) == 12 and all(low <= p.length <= high for p in found)


def test_lengths_as_a_range_and_as_one():
    assert {p.length for p in open_problems("chain-arithmetic:lengths=4-6", count=30)} == {4, 5, 6}
    assert {p.length for p in open_problems("chain-arithmetic:lengths=5", count=10)} == {5}


def test_splits_and_seeds():
    test, dev = (open_problems(f"addition:split={split}", count=20) for split in ("test", "dev"))
    assert not {p.id for p in test} & {p.id for p in dev} and test[0].split == "test"
    assert open_problems("addition", count=5, seed=1) == open_problems("addition:seed=1", count=5)
    assert open_problems("addition", count=5, seed=1) != open_problems("addition", count=5)
    assert len(open_problems("addition:count=3")) == 3 and len(open_problems("addition")) == 100


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("addition:lengths=far", "far"),
        ("addition:lengths=1-", "1-|lengths"),
        ("addition:lengths=9-4", "9"),
        ("addition:lengths=1-999", "999"),
        ("addition:lengths=", "lengths"),
        ("addition:split=exam", "exam"),
        ("addition:seed=x", "'x'"),
        ("addition:count=0", "0"),
        ("addition:count=-3", "-3"),
        ("addition:depth=3", "'depth'"),
        ("gsm8k:shuffle=1", "'shuffle'"),
    ],
)
def test_bad_settings_are_named(spec, says):
    with pytest.raises(BadSetting, match=says) as mistake:
        open_problems(spec)
    assert mistake.value.next_step


def test_unknown_sets_have_near_names():
    with pytest.raises(UnknownName, match="shell-game"):
        open_problems("shellgame")
    assert {"shell-game", "gsm8k"} <= set(problem_names())


def test_a_benchmark_that_is_not_here_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKINGS_DATA", str(tmp_path))
    with pytest.raises(WorkingsError, match="gsm8k") as missing:
        open_problems("gsm8k")
    assert str(tmp_path) in missing.value.next_step and "datasets" in missing.value.next_step


def test_tables_with_a_field_mapping(tmp_path):
    rows = [{"q": f"What is {i} + 1?", "a": str(i + 1), "n": f"row{i}"} for i in range(5)]
    lines, table = tmp_path / "sums.jsonl", tmp_path / "sums.csv"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for path in (lines, table):
        found = open_problems(f"{path}:question=q,answer=a,id=n")
        assert [p.gold for p in found] == ["1", "2", "3", "4", "5"]
        assert found[0].question.text == "What is 0 + 1?"
        assert len(open_problems(f"{path}:question=q,answer=a", count=2)) == 2


def test_tables_that_do_not_fit_say_what_they_hold(tmp_path):
    path = tmp_path / "odd.jsonl"
    path.write_text('{"prompt_text": "x", "label": "1"}\n')
    with pytest.raises(WorkingsError) as missing:
        open_problems(f"{path}:question=q,answer=label")
    assert "q" in str(missing.value) and missing.value.next_step
    with pytest.raises(BadSetting, match="'qestion'"):
        open_problems(f"{path}:qestion=q")
    with pytest.raises(DataError, match=r"nowhere\.jsonl"):
        open_problems(str(tmp_path / "nowhere.jsonl"))
    path.write_text("not json\n")
    with pytest.raises(DataError, match="odd"):
        open_problems(f"{path}:question=q,answer=a")
