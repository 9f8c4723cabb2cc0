"""The pocket recipe: its lessons are true, from the train split and the same for all; what it makes can be used."""

from __future__ import annotations

import asyncio
import collections
import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from workings.core.answer import Outcome
from workings.core.ask import Sample, Sampling
from workings.core.problem import Problem
from workings.models.local.load import load
from workings.problems.procedural import families, split_of
from workings.reason.prompts import write_prompt
from workings.run.judging import decide
from workings.train import pocket
from workings.train.pocket import PocketRecipe, make_pocket, pocket_lessons
from workings.train.sft import Lesson, SftSettings
from workings.train.vocabulary import END
from workings.verify.extract import extract

TINY = PocketRecipe(
    width=32,
    layers=1,
    heads=2,
    inner=64,
    processes=1,
    sft=SftSettings(steps=3, tokens=512, jumps=0.4),
)
MANY = 3000


def spelled(texts: list[str], add_special_tokens: bool) -> dict[str, list[list[int]]]:
    """A tokenizer with a token for each character, so that lessons can be read without a vocabulary."""
    assert not add_special_tokens
    return {"input_ids": [[ord(c) for c in text] for text in texts]}


def read(ids: tuple[int, ...]) -> str:
    return "".join(map(chr, ids))


def drawn(count: int, recipe: PocketRecipe = TINY, seed: int = 0, tokenizer: Any = spelled) -> list[Lesson]:
    return list(itertools.islice(pocket_lessons(tokenizer, recipe, seed), count))


@pytest.fixture(scope="module")
def told() -> Iterator[list[tuple[Problem, str, str, str]]]:
    """Problem, style, prompt and target of the lessons that are not drills."""
    seen: list[tuple[Problem, str, str, str]] = []
    tell = pocket.tell_lesson

    def heard(problem: Problem, style: str) -> tuple[str, str]:
        seen.append((problem, style, *tell(problem, style)))
        return seen[-1][2:]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pocket, "tell_lesson", heard)
        drawn(MANY)
    return seen


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that the tiny recipe made."""
    folder = tmp_path_factory.mktemp("made") / "pocket"
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        patch.setattr(pocket, "compiled", lambda function: function)
        make_pocket(folder, TINY)
    torch.set_flush_denormal(False)
    return folder


# Lessons


def test_the_same_recipe_gives_the_same_lessons_and_another_seed_others():
    first = drawn(600)
    assert first == drawn(600)
    other = drawn(600, seed=1)
    assert len(set(first) & set(other)) < 60, "Two processes would learn the same."


def test_the_lessons_do_not_depend_on_the_process():
    """Sets and hashes of strings have another order in every process."""
    code = (
        "from workings.train.pocket import *; import hashlib, itertools\n"
        "spell = lambda texts, add_special_tokens: {'input_ids': [[ord(c) for c in t] for t in texts]}\n"
        "lessons = list(itertools.islice(pocket_lessons(spell, PocketRecipe(), 3), 300))\n"
        "print(hashlib.sha256(repr(lessons).encode()).hexdigest())"
    )
    here = hashlib.sha256(repr(drawn(300, PocketRecipe(), 3)).encode()).hexdigest()
    for seed in ("1", "2"):
        there = {**os.environ, "PYTHONHASHSEED": seed}
        made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=there)
        assert made.stdout.strip() == here


def test_no_two_processes_and_no_two_recipes_draw_the_same_lessons(made, monkeypatch):
    """The weights they begin with are one and the same in all processes of a recipe."""
    seeds: list[tuple[int, int]] = []
    begun: list[bytes] = []

    def listen(tokenizer: Any, recipe: PocketRecipe, seed: int) -> Iterator[Lesson]:
        return iter([Lesson((seed,), ())])

    def stay(module: Any, lessons: Iterator[Lesson], settings: SftSettings, **rest: Any) -> None:
        seeds.append((next(lessons).prompt[0], settings.seed))
        begun.append(torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy().tobytes())

    monkeypatch.setattr(pocket, "pocket_lessons", listen)
    monkeypatch.setattr(pocket, "imitate", stay)
    with torch.random.fork_rng():
        for seed in range(2):
            for rank in range(1, 5):
                pocket._work(rank, made, replace(TINY, seed=seed), False)
    torch.set_flush_denormal(False)
    assert len({lessons for lessons, _ in seeds}) == 8
    assert all(len({jumps for _, jumps in some}) == 4 for some in (seeds[:4], seeds[4:]))
    assert begun[0] == begun[3] != begun[4] == begun[7]


def test_lessons_come_from_the_train_split_in_length_and_never_from_the_held_out_templates(told):
    for problem, *_ in told:
        assert problem.split == split_of(problem.question.text) == "train"
        low, high = families()[problem.question.family].in_length
        assert problem.length is not None and low <= problem.length <= high and problem.meta["in_length"]
    seen = {problem.question.family for problem, *_ in told}
    assert seen == set(PocketRecipe().families) and "word-problems-new" not in seen


def test_hardly_a_question_is_asked_twice(told):
    asked = collections.Counter((problem.question.id, style) for problem, style, *_ in told)
    assert sum(n - 1 for n in asked.values()) < 0.05 * len(told)


def test_families_styles_and_drills_have_the_shares_of_the_recipe(told):
    assert abs(len(told) / MANY - (1 - TINY.drills)) < 0.05
    for shares, seen in (
        (TINY.styles, collections.Counter(style for _, style, *_ in told)),
        (TINY.families, collections.Counter(problem.question.family for problem, *_ in told)),
    ):
        assert abs(sum(shares.values()) - 1) < 1e-9
        for name, share in shares.items():
            assert abs(seen[name] / len(told) - share) < 0.035, name


@pytest.mark.parametrize("style", ["direct", "draft", "cot"])
def test_a_lesson_shows_the_gold_chain_of_its_style_and_ends_in_the_right_answer(told, style):
    lessons = [(problem, target) for problem, given, _, target in told if given == style]
    assert len(lessons) > 100
    for problem, target in lessons:
        assert target.endswith(END) and target.count(END) == 1
        *steps, last = target.removesuffix(END).split("\n")
        gold = {"direct": (), "draft": problem.drafts, "cot": problem.steps}[style]
        assert steps == "\n".join(gold).split("\n")[: len(steps)] and bool(steps) == bool(gold)
        assert last == f"The answer is {problem.gold}."
        answer = extract(target.removesuffix(END), problem.question.kind, problem.question.choices)
        assert asyncio.run(decide(answer, problem)) is Outcome.RIGHT, target


def test_every_target_ends_with_the_end_token_and_only_there(made):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(made)
    for lesson in drawn(1000, tokenizer=tokenizer):
        assert lesson.target[-1] == tokenizer.eos_token_id
        assert lesson.target.count(tokenizer.eos_token_id) == 1
        assert tokenizer.pad_token_id not in lesson.prompt + lesson.target
        assert len(lesson) <= max(TINY.sft.widths) + 1, "Lessons of this length are left out."
        assert not lesson.given or len(lesson.given) == len(lesson.target)


# Drills

SUM = re.compile(r"(?:[A-Z][a-z]+: )?(-?\d+) ?([-+×÷*]) ?(\d+) ?= ?(-?\d+)(?:, mod (\d+): (\d+))?\.?")
RULES = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "÷": Fraction}


def test_the_sums_of_drills_are_true_and_what_nobody_could_foretell_is_given():
    drills = [lesson for lesson in drawn(MANY) if lesson.given]
    assert abs(len(drills) / MANY - TINY.drills) < 0.04
    signs: collections.Counter[str] = collections.Counter()
    for lesson in drills:
        text = read(lesson.target)
        assert text.endswith(END) and "\0" not in text and len(lesson.given) == len(lesson.target)
        for line in text.removesuffix(END).split("\n"):
            parts = SUM.fullmatch(line)
            assert parts, line
            a, sign, b, value, modulus, rest = parts.groups()
            assert RULES.get(sign, lambda a, b: a * b)(int(a), int(b)) == int(value), line
            assert rest is None or int(value) % int(modulus) == int(rest), line
            signs[sign] += 1
        read_only = "".join(c for c, given in zip(text, lesson.given, strict=True) if given)
        expected = "".join(line.partition("=")[0].rstrip() for line in text.removesuffix(END).split("\n"))
        assert read_only == expected
    assert set(signs) == set("+-×÷*") and min(signs.values()) > 100


def test_marking_what_is_given_changes_no_token(made):
    """A model writes its sums as one text, so its tokens must be those that were drilled."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(made)
    drills = [lesson for lesson in drawn(1000, tokenizer=tokenizer) if lesson.given]
    assert len(drills) > 100
    for lesson in drills:
        whole = tokenizer.decode(lesson.target)
        assert tuple(tokenizer(whole, add_special_tokens=False)["input_ids"]) == lesson.target


# What it makes


def test_the_folder_is_a_model_that_can_be_loaded_and_sampled_from(made):
    async def ask() -> Any:
        model = load(made)
        try:
            assert sum(p.numel() for p in model.module.parameters()) == parameters
            prompt = write_prompt(next(pocket._endless("addition", 0)).question, "cot")
            sample = Sample(prompt, 3, Sampling(temperature=1.0, max_tokens=8))
            return await model.sample(sample, (1, 2, 3)), await model.sample(sample, (1, 2, 3))
        finally:
            await model.aclose()

    parameters = json.loads((made / "recipe.json").read_text(encoding="utf-8"))["parameters"]
    first, again = asyncio.run(ask())
    assert [reply.token_ids for reply in first] == [reply.token_ids for reply in again] and len(first) == 3
    assert all(1 <= len(reply.token_ids) <= 8 for reply in first)


def test_the_loaded_model_reads_a_question_as_the_tokens_that_were_trained(made, told):
    model = load(made)
    for problem, style, prompt, _ in told[:50]:
        seen = model.prompt_ids(Sample(write_prompt(problem.question, style)))
        assert seen == tuple(model.tokenizer(prompt, add_special_tokens=False)["input_ids"])
    asyncio.run(model.aclose())


def test_the_folder_holds_half_precision_weights_and_the_recipe(made):
    from safetensors import safe_open

    with safe_open(made / "model.safetensors", "pt") as weights:
        formats = {str(weights.get_tensor(name).dtype) for name in weights.keys()}  # noqa: SIM118
    assert formats == {"torch.float16"}
    kept = json.loads((made / "recipe.json").read_text(encoding="utf-8"))
    del kept["parameters"]
    assert kept == json.loads(json.dumps(asdict(TINY)))


def test_the_model_learnt_from_its_lessons_and_the_same_recipe_makes_the_same_model(made, tmp_path, monkeypatch):
    told: dict[str, list[float]] = {}

    def made_with(steps: int) -> dict[str, Any]:
        from safetensors.torch import load_file

        folder = tmp_path / str(steps)
        folder.mkdir()
        for file in made.glob("*token*"):
            (folder / file.name).write_bytes(file.read_bytes())
        recipe = replace(TINY, sft=replace(TINY.sft, steps=steps))
        told[str(steps)] = losses = []
        monkeypatch.setattr(pocket, "compiled", lambda function: function)
        monkeypatch.setattr(pocket, "printed", lambda _: lambda step, loss: losses.append(loss))
        with torch.random.fork_rng():
            pocket._work(0, folder, recipe, True)
        torch.set_flush_denormal(False)
        return load_file(folder / "model.safetensors")

    from safetensors.torch import load_file

    first, again = load_file(made / "model.safetensors"), made_with(3)
    assert all(torch.equal(first[name], again[name]) for name in first)
    made_with(40)
    assert told["40"][-1] < 0.7 * told["40"][0]


@pytest.mark.parametrize(
    ("given", "steps"), [(["FOLDER"], PocketRecipe().sft.steps), (["FOLDER", "7"], 7)], ids=["plain", "steps"]
)
def test_the_command_takes_a_folder_and_perhaps_steps(monkeypatch, capsys, tmp_path, given, steps):
    seen = []
    monkeypatch.setattr(pocket, "make_pocket", lambda folder, recipe, *, told: seen.append((folder, recipe, told)))
    monkeypatch.setattr(sys, "argv", ["pocket", *(str(tmp_path) if word == "FOLDER" else word for word in given)])
    pocket.main()
    recipe = PocketRecipe()
    assert seen == [(tmp_path, replace(recipe, sft=replace(recipe.sft, steps=steps)), True)]
    assert str(tmp_path) in capsys.readouterr().out


def test_the_command_without_a_folder_says_how_it_is_used(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pocket"])
    with pytest.raises(SystemExit, match=r"usage: .*FOLDER"):
        pocket.main()
