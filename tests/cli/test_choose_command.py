"""`workings choose` on a record with known chains: what it advises, and what it says when it cannot."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from workings.cli.main import main
from workings.core.answer import Answer, Outcome, Source
from workings.core.capability import Identity
from workings.core.completion import Stop, Usage
from workings.core.problem import Problem, Question
from workings.core.record import RunSpec
from workings.core.solution import Attempt, Choice, Solution
from workings.core.trace import Trace
from workings.store.archive import Archive

METHODS = ("direct", "vote:n=4")


def chain(answer: str, tokens: int) -> Trace:
    given = Answer(answer, answer, (14, 14 + len(answer)), Source.DECLARED)
    usage = Usage(prompt=20, generated=tokens, calls=1)
    return Trace(f"The answer is {answer}.", answer=given, stop=Stop.END, usage=usage)


def attempt(item: Problem, method: str, answers: list[str], tokens: int) -> Attempt:
    pool = tuple(chain(answer, tokens) for answer in answers)
    winner = max(dict.fromkeys(answers), key=answers.count)
    choice = Choice("vote by count", {a: float(answers.count(a)) for a in answers}, answers.index(winner))
    solution = Solution(pool[answers.index(winner)].answer, pool=pool, choice=choice if len(pool) > 1 else None)
    outcome = Outcome.RIGHT if winner == item.gold else Outcome.WRONG
    return Attempt(item.id, method, 0, 1, outcome, solution, None, sum((t.usage for t in pool), Usage()), 1.0)


def record(count: int, name: str = "aaaa11") -> None:
    """Direct answers in 5 tokens are right for one problem in four; chains of 30 tokens for nine in ten."""
    rng = random.Random(4)
    problems = [Problem(Question(f"p{n:03}", f"Item {n}?"), "7") for n in range(count)]
    spec = RunSpec(name, "scripted", Identity("scripted"), METHODS, "items", count)
    with Archive.open(Path(".workings")) as archive:
        run = archive.start(spec, problems)
        for n, item in enumerate(problems):
            run.append(attempt(item, "direct", ["7" if n % 4 == 0 else "3"], 5))
            drawn = ["7" if rng.random() < 0.9 else rng.choice("1234") for _ in range(4)]
            run.append(attempt(item, "vote:n=4", drawn, 30))
        run.finish()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> tuple[str, str]:
    assert main(["choose", *argv]) == code
    told = capsys.readouterr()
    return told.out, told.err


def finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def test_a_target_names_the_cheapest_that_reaches_it(capsys):
    record(120)
    out, err = said(capsys, "--target", "0.8")
    assert err == "" and out.startswith("Asked for accuracy 80.0%; 120 problems, ")
    assert "Use vote:n=1 (87.3% [80.2%, 92.1%], 30 tokens): the cheapest that reaches the target" in out
    [line] = [line for line in out.splitlines() if line.endswith("chosen")]
    assert line.split() == ["vote:n=1", "0.873", "[0.802,", "0.921]", "30.0", "chosen"]
    low, _ = said(capsys, "--target", "0.1")
    assert "Use direct (25.0%" in low and "5.00" in next(r for r in low.splitlines() if r.endswith("chosen"))


def test_a_budget_names_the_best_that_it_pays(capsys):
    record(120)
    out, _ = said(capsys, "--budget", "10")
    assert "Use direct (25.0%" in out and "at most 10 tokens an attempt" in out
    out, _ = said(capsys, "--budget", "45", "--target", "0.8", "--probe", "0")
    assert "accuracy 80.0% and at most 45 tokens" in out and "By difficulty" not in out
    out, _ = said(capsys, "--budget", "2")
    assert "Nothing keeps this budget: the cheapest is direct" in out


def test_other_costs_and_a_given_size(capsys):
    record(60)
    assert "tokens with prompts" in said(capsys, "--budget", "1000", "--cost", "total")[0]
    assert "seconds" in said(capsys, "--budget", "1000", "--cost", "seconds")[0]
    out, _ = said(capsys, "--budget", "1e12", "--cost", "flops", "--parameters", "1e6", "--probe", "0")
    assert "FLOPs" in out
    _, err = said(capsys, "--budget", "1e12", "--cost", "flops", code=3)
    assert err.startswith("workings: ") and err.count("\n") == 1


def test_as_json_it_is_the_same_and_every_number_is_one(capsys):
    record(120)
    out, _ = said(capsys, "--target", "0.8", "--json")
    data = json.loads(out)
    assert data["run"] == "aaaa11" and data["problems"] == 120 and data["target"] == 0.8 and data["budget"] is None
    assert data["size"] is None and finite(data)
    assert data["pick"] in data["options"]
    text, _ = said(capsys, "--target", "0.8")
    assert text.startswith("\n".join(data["said"]))
    named = json.loads(said(capsys, "aaaa", "--target", "0.8", "--json")[0])
    assert named == data


def test_too_few_problems_are_said_with_what_would_do(capsys):
    record(12)
    _, err = said(capsys, "--target", "0.5", code=3)
    assert err == (
        "workings: 12 problems that all options were judged on are too few to choose by."
        " Run 20 or more; 200 is better.\n"
    )


@pytest.mark.parametrize(
    ("argv", "code", "value", "hint"),
    [
        ([], 2, "neither a target nor a budget", "target=0.9"),
        (["--target", "1.2"], 2, "1.2", "0.9"),
        (["--target", "0"], 2, "target=0", "0.9"),
        (["--target", "nan"], 2, "nan", "0.9"),
        (["--target", "most"], 2, "'most'", "--help"),
        (["--budget", "-3"], 2, "-3", "positive"),
        (["--budget", "nan"], 2, "nan", "positive"),
        (["--target", "0.5", "--cost", "money"], 2, "'money'", "--help"),
        (["--target", "0.5", "--bands", "9"], 2, "bands=9", "2 to 5"),
        (["--target", "0.5", "--probe", "-1"], 2, "-1", "1 or more"),
        (["--target", "0.5", "--cost", "flops", "--parameters", "-5"], 2, "-5", "above 0"),
        (["zzz", "--target", "0.5"], 2, "'zzz'", "aaaa11"),
        (["--target", "0.5", "--folder", "elsewhere"], 3, "elsewhere", "Start a run first"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_one_line_with_a_next_step(capsys, argv, code, value, hint):
    record(24)
    out, err = said(capsys, *argv, code=code)
    assert out == "" and err.startswith("workings: ") and err.count("\n") == 1 and "Traceback" not in err
    assert value in err and hint in err


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["--by", "nobody"], "not every chain of vote:n=4 has the score 'nobody'"),
        (["--source", "beam"], "no pools of 'beam' to look at"),
        (["--probe", "9"], "the pools of vote:n=4 have 4 chains, and the probe looks at 9"),
    ],
)
def test_a_probe_that_sees_nothing_is_said_and_hides_no_choice(capsys, argv, why):
    record(60)
    out, err = said(capsys, "--target", "0.5", *argv)
    assert f"By difficulty nothing can be said: {why}." in out and err == ""
    assert "Use vote:n=1" in out
