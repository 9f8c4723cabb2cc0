"""PRM800K, ProcessBench and stepwise rows, as they are published."""

from __future__ import annotations

import json

import pytest

from workings.core.errors import DataError
from workings.problems.labelled import read_prm800k, read_processbench, read_stepwise, stepwise_row


def written(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


BENCH = {
    "id": "gsm8k-0",
    "generator": "Qwen2-7B-Instruct",
    "problem": "Sue has 3 boxes of 4.",
    "steps": ["3 + 4 = 7.", "So 7.", "\\boxed{7}"],
    "final_answer_correct": False,
    "label": 0,
}


def test_processbench(tmp_path):
    wrong, sound = read_processbench(written(tmp_path / "b.jsonl", BENCH, {**BENCH, "label": -1}))
    assert wrong.first_error == 0 and wrong.labels == (False, None, None)
    assert sound.first_error == -1 and sound.labels == (True, True, True)
    assert (wrong.id, wrong.source, wrong.answer_right) == ("gsm8k-0", "Qwen2-7B-Instruct", False)


@pytest.mark.parametrize("label", [3, -2, True, "0", None])
def test_a_label_that_is_no_step_is_refused(tmp_path, label):
    with pytest.raises(DataError, match="line 1"):
        list(read_processbench(written(tmp_path / "b.jsonl", {**BENCH, "label": label})))


def prm_row(steps, finish="found_error"):
    question = {"problem": "What is 2+2?", "ground_truth_answer": "4"}
    return {"labeler": "a", "question": question, "label": {"steps": steps, "finish_reason": finish}, "generation": 3}


def done(text, rating):
    return {"text": text, "rating": rating, "flagged": False}


FIRST = {"completions": [done("Add.", 0), done("Guess.", -1)], "human_completion": None, "chosen_completion": 0}
LAST = {"completions": [done("It is 5.", -1)], "human_completion": None, "chosen_completion": None}


def test_prm800k_follows_what_was_chosen_and_ends_at_the_error(tmp_path):
    [chain] = read_prm800k(written(tmp_path / "p.jsonl", prm_row([FIRST, LAST])))
    assert chain.steps == ("Add.", "It is 5.") and chain.labels == (True, False) and chain.first_error == 1
    assert chain.meta["finish"] == "found_error" and chain.meta["generation"] == 3


def test_prm800k_neutral_is_right_and_nothing_follows_a_step_without_a_choice(tmp_path):
    [chain] = read_prm800k(written(tmp_path / "p.jsonl", prm_row([FIRST, LAST, FIRST])))
    assert len(chain.steps) == 2


def test_prm800k_alternatives_carry_their_own_label_only(tmp_path):
    _, other = read_prm800k(written(tmp_path / "p.jsonl", prm_row([FIRST, LAST])), alternatives=True)
    assert other.steps == ("Guess.",) and other.labels == (False,) and other.id == "0/0"


def test_prm800k_a_step_written_by_the_annotator_is_right(tmp_path):
    human = {"completions": [done("No.", -1)], "human_completion": done("It is 4.", None), "chosen_completion": None}
    file = written(tmp_path / "p.jsonl", prm_row([FIRST, human], "solution"))
    chain, _, other = read_prm800k(file, alternatives=True)
    assert chain.steps == ("Add.", "It is 4.") and chain.labels == (True, True)
    assert other.steps == ("Add.", "No.") and other.labels == (None, False) and other.first_error is None


def test_prm800k_no_completions_is_no_chain(tmp_path):
    empty = {"completions": None, "human_completion": None, "chosen_completion": None}
    assert list(read_prm800k(written(tmp_path / "p.jsonl", prm_row([empty], "give_up")))) == []


@pytest.mark.parametrize(
    "row",
    [
        {"question": {}, "label": {"steps": []}},
        {"question": {"problem": "?"}, "label": None},
        prm_row([{"completions": [done("a", 7)], "chosen_completion": 0}]),
        prm_row([{"completions": [done("a", 1)], "chosen_completion": 5}]),
        prm_row([{"completions": "a"}]),
        prm_row([3]),
    ],
)
def test_prm800k_rows_that_do_not_fit_are_named(tmp_path, row):
    with pytest.raises(DataError, match="line 1"):
        list(read_prm800k(written(tmp_path / "p.jsonl", row)))


def test_stepwise_there_and_back(tmp_path):
    row = {"prompt": "2+2?", "completions": ["Add.", "5."], "labels": [True, False]}
    [chain] = read_stepwise(written(tmp_path / "s.jsonl", row))
    assert chain.first_error == 1 and stepwise_row(chain) == row
    [bench] = read_processbench(written(tmp_path / "b.jsonl", BENCH))
    assert stepwise_row(bench)["labels"] == [False]


def test_stepwise_labels_are_never_cut_to_fit(tmp_path):
    row = {"prompt": "2+2?", "completions": ["Add.", "5."], "labels": [True]}
    with pytest.raises(DataError, match="2 times"):
        list(read_stepwise(written(tmp_path / "s.jsonl", row)))
