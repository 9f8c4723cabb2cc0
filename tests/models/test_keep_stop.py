"""A chain written step by step, each continued from its exact tokens, is the chain written at once."""

from __future__ import annotations

import asyncio

import pytest

from workings.core.ask import Sample, Sampling
from workings.core.completion import Stop, Usage
from workings.core.prompt import Prompt
from workings.models.http.replies import Draft, completion
from workings.models.scripted import Scripted


async def drawn(model, prompt, sampling, seed=3):
    [found] = await model.sample(Sample(prompt, 1, sampling), (seed,))
    return found


def draw(model, prompt, sampling):
    return asyncio.run(drawn(model, prompt, sampling))


def test_a_scripted_text_ends_behind_its_stop_string():
    model = Scripted({"q": {"one two\nthree": 1.0}})
    kept = draw(model, Prompt.user("q"), Sampling(stop=("\n",), keep_stop=True))
    cut = draw(model, Prompt.user("q"), Sampling(stop=("\n",)))
    assert (kept.text, cut.text, kept.stop) == ("one two\n", "one two", Stop.STRING)


def _draft(text, **said):
    made = Draft(0)
    made.pieces.append(text)
    for name, value in said.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("text", "said", "kept"),
    [
        ("a\nb", {"finish": "stop"}, "a\n"),
        ("a", {"finish": "stop", "reason": "\n"}, "a\n"),
        ("a", {"finish": "stop_sequence", "reason": "##"}, "a"),
        ("a", {"finish": "length"}, "a"),
    ],
)
def test_a_server_cuts_it_off_and_it_is_put_back(text, said, kept):
    found = completion(_draft(text, **said), Sampling(stop=("\n",), keep_stop=True), Usage(), seed=1)
    assert found.text == kept


def _local(chat=False):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    import tiny

    from workings.models.local.model import LocalModel

    return LocalModel(tiny.module(), tiny.tokenizer(chat=chat))


@pytest.mark.parametrize("lead", ["", "the sum of"])
@pytest.mark.parametrize("stop", ["e", " an", "\n"])
def test_greedy_steps_of_a_local_model_are_the_chain_written_at_once(stop, lead):
    start = Prompt.user("three and four", lead=lead)
    whole = draw(_local(), start, Sampling(0.0, 40))

    async def by_steps(model):
        text, ids = "", ()
        while len(ids) < 40:
            prompt = Prompt(start.messages, lead + text, ids, len(lead)) if ids else start
            part = await drawn(model, prompt, Sampling(0.0, 40 - len(ids), stop=(stop,), keep_stop=True))
            assert len(part.token_ids) == part.usage.generated == len(part.logprobs)
            text, ids = text + part.text, ids + part.token_ids
            if part.stop is not Stop.STRING:
                break
            assert stop in part.text
        return text, ids

    model = _local()
    assert asyncio.run(by_steps(model)) == (whole.text, whole.token_ids)
    assert model.count.computed <= model.count.distinct * 1.05
