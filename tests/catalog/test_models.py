"""Models by name."""

from __future__ import annotations

import asyncio

import pytest

from workings.catalog import open_model
from workings.catalog.world import open_world
from workings.core.capability import Capability
from workings.core.errors import BadSetting, DataError, GraderError, UsageError, WorkingsError


def test_a_server_is_not_contacted_when_it_is_named():
    model = open_model("http://127.0.0.1:9/v1,model=qwen")
    assert Capability.SCORE not in model.capabilities or model.identity
    asyncio.run(model.aclose())


@pytest.mark.parametrize(
    "spec", ["http://127.0.0.1:9/v1,modle=x", "http://127.0.0.1:9/v1,model", "http://h/v1,model=a,model=b"]
)
def test_settings_of_a_server_are_checked(spec):
    with pytest.raises(BadSetting) as mistake:
        open_model(spec)
    assert mistake.value.next_step


@pytest.mark.parametrize("spec", ["./no-such-folder", "/no/such/folder", "no-such-file.gguf"])
def test_a_model_that_is_not_there_says_how_to_name_one(spec, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WorkingsError) as missing:
        open_model(spec)
    assert spec.rsplit("/", 1)[-1] in str(missing.value) and missing.value.next_step
    assert missing.value.exit_code in (2, 3)


def test_settings_of_a_local_model_are_checked():
    pytest.importorskip("torch")
    with pytest.raises(UsageError, match="'presicion'"):
        open_model("./folder,presicion=4")


def test_a_world_has_the_graders_of_the_catalog():
    world = open_world("http://127.0.0.1:9/v1,model=x")
    assert "arithmetic" in world.graders and "arithmetik" not in world.graders
    assert list(world.graders) and world.graders["arithmetic"] is world.graders["arithmetic"]
    assert len(world.graders) == len(list(world.graders))
    asyncio.run(world.model.aclose())


def test_closing_a_world_closes_its_shelf_and_its_judge(tmp_path):
    world = open_world("http://127.0.0.1:9/v1,model=x", cache=tmp_path)
    shelf = world.model.shelf
    assert shelf.get_many(["a"]) == {}
    asyncio.run(world.aclose())
    with pytest.raises(DataError):
        shelf.get_many(["a"])
    if world.judge is not None:
        with pytest.raises(GraderError, match="closed"):
            world.judge.equal("x^2", "y")
