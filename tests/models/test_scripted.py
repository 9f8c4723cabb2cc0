"""The scripted model has the probabilities that it was given."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workings.core.ask import Sample, Sampling, Score
from workings.core.completion import Stop
from workings.core.errors import BadSetting
from workings.core.prompt import Prompt
from workings.models.scripted import Scripted, count_tokens
from workings.testing import check_model

ROW = {"one two": 0.5, "three": 0.3, "four five six": 0.2}
ASKED = Prompt.user("question")


def draw(model, count, **changed):
    ask = Sample(ASKED, count, Sampling(**{"temperature": 1.0, **changed}))
    return asyncio.run(model.sample(ask, tuple(range(count))))


def test_it_keeps_the_contract():
    check_model(Scripted({"question": ROW}), prompt=ASKED)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_temperature_draws_with_a_power_of_the_probability(temperature):
    found = [c.text for c in draw(Scripted({"question": ROW}), 4000, temperature=temperature)]
    total = sum(p ** (1 / temperature) for p in ROW.values())
    for text, chance in ROW.items():
        share = chance ** (1 / temperature) / total
        assert abs(found.count(text) / 4000 - share) < 4 * math.sqrt(share * (1 - share) / 4000)


def test_zero_takes_the_likeliest_and_the_first_on_ties():
    assert {c.text for c in draw(Scripted({"question": ROW}), 20, temperature=0.0)} == {"one two"}
    assert draw(Scripted({"question": {"b": 0.5, "a": 0.5}}), 1, temperature=0.0)[0].text == "b"


def test_log_probabilities_sum_to_that_of_the_text():
    for completion in draw(Scripted({"question": ROW}), 50):
        assert sum(completion.logprobs) == pytest.approx(math.log(ROW[completion.text]))
        assert len(completion.logprobs) == len(completion.tokens) == completion.usage.generated
        assert "".join(completion.tokens) == completion.text


def test_what_cannot_happen_never_does():
    model = Scripted({"question": {"never": 0.0, "always": 1.0, "nor this": 0.0}})
    for temperature in (0.0, 0.3, 1.0, 5.0):
        assert {c.text for c in draw(model, 200, temperature=temperature)} == {"always"}


def test_the_prompt_is_new_once_and_then_cached():
    found = draw(Scripted({"question": ROW}), 3)
    size = count_tokens(ASKED.text)
    assert [(c.usage.prompt, c.usage.cached, c.usage.calls) for c in found] == [
        (size, 0, 1),
        (0, size, 1),
        (0, size, 1),
    ]


@settings(deadline=None)
@given(st.text(max_size=60))
def test_tokens_lose_no_text_that_is_not_leading_to_blanks(text):
    whole = Scripted({"question": {text: 1.0}})
    [completion] = draw(whole, 1)
    assert completion.text == text and completion.stop is Stop.END
    assert completion.usage.generated == len(completion.logprobs) >= 1


@settings(deadline=None)
@given(st.integers(1, 12))
def test_length_cuts_at_a_token(limit):
    text = "a bb  ccc\ndddd e ff"
    [completion] = draw(Scripted({"question": {text: 1.0}}), 1, max_tokens=limit)
    assert text.startswith(completion.text)
    assert completion.usage.generated == min(limit, 6)
    assert completion.stop is (Stop.LENGTH if limit < 6 else Stop.END)


def test_the_first_stop_string_ends_a_text():
    model = Scripted({"question": {"a b c d": 1.0}})
    [completion] = draw(model, 1, stop=(" d", " b"))
    assert (completion.text, completion.stop, completion.usage.generated) == ("a", Stop.STRING, 1)
    [untouched] = draw(model, 1, stop=("z",))
    assert (untouched.text, untouched.stop) == ("a b c d", Stop.END)


def test_a_map_is_looked_up_by_the_last_user_turn_and_its_first_lines():
    model = Scripted({"What is 1 + 1?": {"2": 1.0}})
    ask = Sample(Prompt.user("What is 1 + 1?\nThink."), 1)
    assert asyncio.run(model.sample(ask, (1,)))[0].text == "2"
    with pytest.raises(BadSetting, match="no line for 'What is 3"):
        asyncio.run(model.sample(Sample(Prompt.user("What is 3?")), (1,)))


def test_scores_are_looked_up_at_each_cut():
    def table(prompt):
        return {"yes": 0.9, "no": 0.1} if prompt.lead.endswith("so ") else {"yes": 0.5, "no": 0.5}

    ask = Score(ASKED, ("yes", "no", "maybe"), cuts=(0, 2), cue="", chain="so it")
    scores = asyncio.run(Scripted(table).score(ask)).logprobs
    assert scores[0][0] == pytest.approx(math.log(0.5)) and scores[1][2] == -math.inf
    cued = asyncio.run(Scripted(table).score(Score(ASKED, ("yes",), cue="so "))).logprobs
    assert cued == ((pytest.approx(math.log(0.9)),),)


def test_scores_may_be_a_function():
    model = Scripted({}, scores=lambda lead, candidate: -float(len(lead + candidate)))
    assert asyncio.run(model.score(Score(ASKED, ("ab",), chain="xyz"))).logprobs == ((-5.0,),)


def test_samples_are_watched_by_number():
    heard = {}
    ask = Sample(ASKED, 2, Sampling(1.0), start=5)
    found = asyncio.run(Scripted({"question": ROW}).sample(ask, (1, 2), heard.__setitem__))
    assert heard == {5: found[0].text, 6: found[1].text}
