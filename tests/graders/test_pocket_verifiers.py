"""The shipped verifiers: small, in the contract, and able to tell a planted error from a sound chain."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from workings.catalog.models import open_model, pocket_folder
from workings.catalog.world import open_world
from workings.core.ask import Grade
from workings.graders.reward import pocket
from workings.problems.procedural import families, generate
from workings.reason.best_of_n import BestOfN
from workings.run.drive import solve
from workings.stats.process import first_error, process_score
from workings.testing import check_grader

FOLDERS = {which: pocket_folder().parents[1] / "graders" / f"pocket_{which}" for which in ("prm", "orm")}


def test_both_take_at_most_eight_megabytes_and_have_their_cards():
    size = sum(file.stat().st_size for folder in FOLDERS.values() for file in folder.iterdir())
    assert size <= 8_000_000
    for which, folder in FOLDERS.items():
        told = json.loads((folder / "verifier.json").read_text())
        card = (folder / "README.md").read_text(encoding="utf-8")
        assert told["per"] == {"prm": "step", "orm": "chain"}[which]
        assert f"{told['parameters']:,} parameters" in card and "do not show" in card


@pytest.mark.parametrize("which", ["prm", "orm"])
def test_they_keep_the_contract(which):
    problem = next(generate(families()["shell-game"], "test", 1, 9))
    chains = [problem.steps, problem.steps[:2], problem.steps[::-1]]
    check_grader(pocket(which=which), question=problem.question, chains=chains, a_score_a_step=which == "prm")


def planted(name, count):
    """Gold chains of test problems, half of them with one digit of one line's result changed."""
    rng = random.Random(4)
    for number, problem in enumerate(generate(families()[name], "test", count, 11)):
        lines = [*problem.steps]
        at = -1
        if number % 2:
            at = rng.randrange(len(lines))
            wrong = rng.choice([d for d in "01234" if d != lines[at][-1]])
            lines[at] = lines[at][:-1] + wrong
            lines = lines[: at + 1]
        yield problem, tuple(lines), at


@pytest.mark.parametrize("name", ["shell-game", "chain-arithmetic"])
def test_a_planted_error_is_found(name):
    prm = pocket(which="prm")
    said, gold = [], []
    for problem, lines, at in planted(name, 60):
        scores = asyncio.run(prm.grade(Grade(problem.question, (lines,), "prm"))).scores[0]
        said.append(first_error(scores))
        gold.append(at)
    assert process_score(said, gold).f1 > 0.8


def test_methods_reach_them_by_name_and_are_charged():
    async def run():
        async with open_world("pocket") as world:
            problem = next(generate(families()["shell-game"], "test", 1, 3))
            return await solve(BestOfN(n=2, by="pocket-prm", max_tokens=200), problem.question, world)

    solution = asyncio.run(run())
    assert solution.spent.verifier > 0
    for trace in solution.pool:
        assert len(trace.scores["pocket-prm"]) == len(trace.steps)


def test_prompts_are_those_of_the_model_they_grew_from():
    model = open_model("pocket")
    assert pocket(which="prm").tokenizer.get_vocab() == model.tokenizer.get_vocab()
    asyncio.run(model.aclose())
