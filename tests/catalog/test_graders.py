"""Graders by name: a judge is handed the model of its world, a reward model its folder; bad settings are refused."""

from __future__ import annotations

import pytest

from workings.catalog.entries import GRADERS
from workings.catalog.spec import build
from workings.core.errors import BadSetting, DataError
from workings.graders.judge import JudgeGrader
from workings.models.scripted import Scripted

MODEL = Scripted({"?": {" right": 1.0}})


@pytest.mark.parametrize(("name", "per"), [("judge", "chain"), ("judge-steps", "step")])
def test_a_judge_is_handed_the_model(name, per):
    judge = build("graders", f"{name}:by=text,max_tokens=64", {"model": MODEL})
    assert isinstance(judge, JudgeGrader)
    assert (judge.model, judge.per, judge.by, judge.max_tokens) == (MODEL, per, "text", 64)


def test_a_model_is_not_given_as_text():
    with pytest.raises(BadSetting, match="cannot be given as text"):
        build("graders", "judge:model=pocket", {"model": MODEL})


@pytest.mark.parametrize(("name", "needs"), [("reward", "folder="), ("judge", "model=")])
def test_what_a_grader_cannot_do_without_is_named(name, needs):
    with pytest.raises(BadSetting, match=f"{name} needs {needs}"):
        build("graders", name)


def test_graders_without_a_model_are_not_handed_one():
    build("graders", "arithmetic", {"model": MODEL})


def test_a_reward_model_needs_a_folder_that_is_one(tmp_path):
    pytest.importorskip("torch")
    with pytest.raises(DataError, match="no model in"):
        build("graders", f"reward:folder={tmp_path},format=qwen-prm")


def test_every_grader_says_what_it_is():
    assert {entry.name for entry in GRADERS} >= {
        "arithmetic",
        "judge",
        "judge-steps",
        "reward",
        "pocket-orm",
        "pocket-prm",
    }
    assert all(entry.summary for entry in GRADERS)
