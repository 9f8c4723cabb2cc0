"""`workings doubt` on outputs that people bring: with log-probabilities and without, and never with a model."""

from __future__ import annotations

import json
import math
import random

import pytest

from workings.cli.main import main


@pytest.fixture
def outputs(tmp_path):
    """Two files of forty questions with five replies each, harder ones less consistent; one with log-probabilities."""
    drawn, with_scores, without = random.Random(0), [], []
    for number in range(40):
        hard, gold = drawn.random(), number + 3
        said = [gold if drawn.random() > hard else drawn.randint(100, 104) for _ in range(5)]
        replies = [f"{number} + 3 = {one}\nThe answer is {one}." for one in said]
        tokens = [[text[:6], text[6:]] for text in replies]
        scores = [[{"token": piece, "logprob": math.log(1 - hard / 2)} for piece in pieces] for pieces in tokens]
        row = {"question": f"What is {number} + 3?", "gold": str(gold), "output": replies}
        with_scores.append({**row, "logprobs": scores})
        without.append(row)
    for name, rows in (("scores", with_scores), ("bare", without)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


def run(capsys, *argv, code=0):
    assert main([str(one) for one in argv]) == code
    return capsys.readouterr()


NAMES = ("agreement", "token-probability", "weighted-entropy", "p-true", "verbalised")


def doubted(capsys, folder, name, *more):
    run(capsys, "import", folder / f"{name}.jsonl", "--folder", folder / name)
    asked = ("doubt", "--folder", folder / name, "--quiet", "--estimators", *NAMES, *more)
    return json.loads(run(capsys, *asked, "--json").out), run(capsys, *asked).out


def test_outputs_with_log_probabilities(capsys, outputs):
    told, text = doubted(capsys, outputs, "scores")
    (method,) = told["methods"]
    found = {(one["estimator"], one["scope"]): one for one in method["estimators"]}
    sure = found["agreement", "answer"]
    assert sure["scale"] == {"direction": "confidence", "range": [0.0, 1.0], "unit": "share of chains"}
    auroc = next(one for one in sure["findings"] if one["name"] == "AUROC")
    assert sure["n"] == 40 and auroc["value"] > 0.8 and auroc["interval"]["low"] > 0.5
    assert len(sure["confidence"]) == 40 and all(0 <= value <= 1 for value in sure["confidence"].values())
    assert found["token-probability", "whole"]["n"] == 40 and found["token-probability", "answer"]["n"] == 40
    for name in ("p-true", "verbalised"):
        assert found[name, "answer"]["missing"] == {"there is no model to ask": 40}
    assert "neither sure nor unsure" in text and "agreement" in text


def test_outputs_without_log_probabilities_leave_those_estimators_out_with_the_reason(capsys, outputs):
    told, text = doubted(capsys, outputs, "bare")
    found = {(one["estimator"], one["scope"]): one for one in told["methods"][0]["estimators"]}
    assert found["agreement", "answer"]["n"] == 40
    assert found["token-probability", "whole"]["missing"] == {"the record has no log-probabilities": 40}
    assert found["weighted-entropy", "answer"]["missing"] == {"the record has no log-probabilities": 40}
    assert "40 the record has no log-probabilities" in text


def test_what_makes_no_sense_is_refused(capsys, outputs):
    folder = ("--folder", outputs / "scores")
    run(capsys, "import", outputs / "scores.jsonl", *folder)
    record = json.loads(run(capsys, "doubt", *folder, "--quiet", "--json", "--estimators", "agreement").out)["record"]
    assert "itself asks about run" in run(capsys, "doubt", record, *folder, code=2).err
    assert "itself asks about run" in run(capsys, "audit", record, *folder, code=2).err
    for argv, what in (
        (("--risk", "2"), "say nothing"),
        (("--bins", "0"), "say nothing"),
        (("--estimators", "agrement"), "agreement"),
        (("--count", "0"), "nothing"),
        (("--concurrency", "0"), "nothing"),
    ):
        assert what in run(capsys, "doubt", *folder, *argv, code=2).err


@pytest.mark.parametrize("calibrator", ["isotonic", "platt", "temperature"])
def test_calibrators_by_name(capsys, outputs, calibrator):
    told, _ = doubted(capsys, outputs, "scores", "--calibrator", calibrator, "--bin-rule", "mass", "--bins", "5")
    assert told["methods"][0]["estimators"][0]["calibrated_by"].startswith(calibrator)
