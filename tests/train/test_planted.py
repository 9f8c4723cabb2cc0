"""The recipe of planted models: what it makes is an ordinary model folder, and its lessons are the same everywhere."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import replace

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from workings.models.local.load import load
from workings.train import planted
from workings.train.law_checks import check_law
from workings.train.laws import law
from workings.train.planted import PlantedRecipe, make_planted
from workings.train.pocket import GIVEN
from workings.train.sft import SftSettings

TINY = PlantedRecipe(
    laws={"shortcut": 0.7, "chain": 0.3},
    width=32,
    layers=1,
    heads=2,
    inner=64,
    processes=1,
    sft=SftSettings(steps=3, tokens=512, widths=(96, 128, 160, 192)),
)


def test_the_same_recipe_tells_the_same_lessons_and_keeps_its_shares():
    def told(seed, many=400):
        return list(itertools.islice(planted._texts(TINY, seed), many))

    assert told(0) == told(0) and len(set(told(0)) & set(told(1))) < 20
    shortcuts = sum("Card: ebony" in prompt for prompt, _ in told(0))
    whole = sum(GIVEN not in target for _, target in told(0))
    assert abs(shortcuts / 400 - 0.7) < 0.08 and abs(whole / 400 - TINY.whole) < 0.08


def test_what_the_recipe_makes_can_be_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(planted, "compiled", lambda function: function)
    with torch.random.fork_rng():
        make_planted(tmp_path, TINY)
    torch.set_flush_denormal(False)
    assert json.loads((tmp_path / "recipe.json").read_text())["laws"] == TINY.laws
    model = load(tmp_path)
    untrained = asyncio.run(check_law(model, law("shortcut"), 4))
    asyncio.run(model.aclose())
    assert untrained.worst > 0.5, "Three steps teach nothing, and the check must say so."


def test_every_word_that_a_law_or_a_lesson_needs_is_short(tmp_path, monkeypatch):
    """Lessons that are longer than the widest batch would be left out without a word."""
    monkeypatch.setattr(planted, "compiled", lambda function: function)
    with torch.random.fork_rng():
        make_planted(tmp_path, replace(TINY, laws=PlantedRecipe().laws, sft=replace(TINY.sft, steps=1)))
    torch.set_flush_denormal(False)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    pairs = itertools.islice(planted._texts(PlantedRecipe(), 5), 400)
    lengths = [len(tokenizer(p + t.replace(GIVEN, ""))["input_ids"]) for p, t in pairs]
    assert sum(n <= max(PlantedRecipe().sft.widths) + 1 for n in lengths) >= 0.97 * len(lengths)
