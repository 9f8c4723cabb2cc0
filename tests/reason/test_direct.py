"""The answer at once."""

from __future__ import annotations

import asyncio
import math

import pytest

from workings.core.errors import BadSetting
from workings.models.scripted import Scripted
from workings.reason.direct import Direct
from workings.run.drive import World, solve
from workings.testing import Counted, item_model, item_problems, item_world

QUESTION = item_problems(1)[0].question


def test_one_greedy_reply_that_asks_for_the_answer_only():
    model = Counted(item_model())
    found = asyncio.run(solve(Direct(), QUESTION, item_world(model)))
    [(ask, _)] = model.samples
    assert ask.n == 1 and ask.sampling.temperature == 0 and ask.sampling.max_tokens == 256
    assert QUESTION.text in ask.prompt.messages[-1].content and "only the answer" in ask.prompt.messages[-1].content
    assert ask.prompt.lead == "" and found.answer.canonical == "101"


def test_the_confidence_is_the_length_normalised_probability():
    world = World(Scripted({QUESTION.text: {"The answer is 4.": 0.0625, "x": 0.01}}))
    found = asyncio.run(solve(Direct(), QUESTION, world))
    assert found.confidence == pytest.approx(0.0625 ** (1 / 4)) and found.choice.rule == "the only reply"


def test_a_model_without_log_probabilities_is_not_sure_of_anything():
    from workings.core.capability import Capability
    from workings.testing import Lacking

    world = item_world(Lacking(item_model(), Capability.LOGPROBS))
    found = asyncio.run(solve(Direct(), QUESTION, world))
    assert found.confidence is None and found.answer.given


def test_no_answer_is_not_an_answer():
    found = asyncio.run(solve(Direct(), QUESTION, item_world(item_model({"none": 1.0}))))
    assert not found.answer.given and found.choice.abstained == 1 and found.choice.weights == {}
    assert math.isfinite(found.confidence)


@pytest.mark.parametrize("wrong", [{"shots": -1}, {"temperature": -0.1}, {"max_tokens": 0}])
def test_settings_out_of_range_are_refused(wrong):
    [name] = wrong
    with pytest.raises(BadSetting, match=name):
        Direct(**wrong)
