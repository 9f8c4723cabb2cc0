"""What a server can do is seen in what it does, or declared; never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from server import Behaviour, Call, Server, chat, usage

from workings.core.ask import Sample, Sampling, Score, Scores
from workings.core.capability import Capability
from workings.core.completion import Usage
from workings.core.errors import BadReply, MissingCapability, Refused
from workings.core.prompt import Prompt
from workings.models.http import Endpoint, HttpModel

LED = Sample(Prompt.user("2+2?", lead="It is"))


def with_model(behave: Behaviour, use: Callable[[HttpModel], Awaitable[Any]], **settings: Any) -> tuple[Any, Server]:
    chosen: dict[str, Any] = {"form": "chat", "backoff_s": 0.001, "max_wait_s": 0.01, "retries": 1, **settings}

    async def go() -> tuple[Any, Server]:
        async with Server(behave) as server:
            model = HttpModel(Endpoint(server.url, "m", **chosen))
            try:
                return await use(model), server
            finally:
                await model.aclose()

    return asyncio.run(go())


def tokens(body: dict[str, Any], continues: bool) -> int:
    """Prompt tokens as a chat template with five marks a turn would give them."""
    count = sum(len(m["content"].split()) + 5 for m in body["messages"])
    last = body["messages"][-1]
    if last["role"] == "assistant":
        return count - 5 + (4 if continues else 5 + 4)
    return count + 4


def server_that(
    continues: str, *, counts: bool = True, logprobs: bool = True, stops: bool = True, seeds: bool = True
) -> Behaviour:
    """`continues`: "flags" (and refuses nothing), "always", "never", or "refuses" the flags and never continues."""

    async def behave(call: Call) -> Any:
        body = call.body
        flags = body.get("continue_final_message", False)
        if flags and continues in ("refuses", "always"):
            return await call.fail(400, "Unrecognized request argument: continue_final_message")
        on = continues == "always" or (continues == "flags" and flags)
        text = " ".join(f"w{i}" for i in range(1, 9))
        if body["temperature"] > 0 and seeds:
            text += f" s{body.get('seed')}"
        if body["messages"][-1]["role"] == "assistant":
            text = " N O P" if on else "A B C"
        if stops and body.get("stop"):
            text = text.split(body["stop"][0])[0]
        parts: dict[str, Any] = {"usage": usage(tokens(body, on), 2)} if counts else {}
        if logprobs and body.get("logprobs"):
            parts["logprobs"] = {"content": [{"token": text, "logprob": -1.0}]}
        return await call.answer(text, **parts)

    return behave


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize(
    ("continues", "able"), [("flags", True), ("always", True), ("never", False), ("refuses", False)]
)
def test_a_lead_is_continued_or_refused_before_anything_is_spent(continues: str, able: bool, counts: bool) -> None:
    async def use(model: HttpModel) -> Any:
        try:
            got = await model.sample(LED, (1,))
        except MissingCapability as error:
            return str(error)
        before = len(model.dialect.known)
        await model.sample(LED, (2,))
        assert len(model.dialect.known) == before
        return got[0].text

    got, server = with_model(server_that(continues, counts=counts), use)
    leads = [b["messages"][-1]["content"] for b in server.bodies if b["messages"][-1]["role"] == "assistant"]
    if able:
        assert got == " N O P" and leads.count("It is") == 2
        assert server.bodies[-1].get("continue_final_message", False) is (continues == "flags")
    else:
        assert "cannot continue" in got and "It is" not in leads


def test_what_is_declared_is_not_probed() -> None:
    async def use(model: HttpModel) -> Any:
        await model.probe()
        assert model.capabilities == {Capability.LEAD}
        return await model.sample(LED, (1,))

    _, server = with_model(server_that("flags"), use, capabilities=frozenset({Capability.LEAD}))
    assert len(server.calls) == 1

    async def refused(model: HttpModel) -> Any:
        with pytest.raises(MissingCapability):
            await model.sample(LED, (1,))

    _, server = with_model(server_that("flags"), refused, capabilities=frozenset())
    assert not server.calls


def test_a_declared_lead_whose_flags_are_refused_is_an_error_and_not_a_new_turn() -> None:
    async def use(model: HttpModel) -> Any:
        with pytest.raises(Refused, match="continue_final_message"):
            await model.sample(LED, (1,))

    _, server = with_model(server_that("refuses"), use, capabilities=frozenset({Capability.LEAD}))
    assert len(server.calls) == 1


@pytest.mark.parametrize("able", [True, False])
def test_each_capability_is_found_once(able: bool) -> None:
    async def use(model: HttpModel) -> Any:
        first = await model.probe()
        sent = model.client.requests
        assert await model.probe() == first and model.client.requests == sent
        return first

    got, server = with_model(server_that("flags" if able else "never", logprobs=able, stops=able, seeds=able), use)
    found = {Capability.LEAD, Capability.LOGPROBS, Capability.STOP, Capability.SEEDS}
    assert got == (found if able else frozenset())
    assert len(server.calls) <= 16 and all(b["max_tokens"] <= 16 for b in server.bodies)


def test_seeds_that_change_nothing_or_everything_are_no_seeds() -> None:
    async def random(call: Call) -> Any:
        return await call.answer(f"text {call.number}")

    async def use(model: HttpModel) -> Any:
        return await model.probe((Capability.SEEDS,))

    assert with_model(random, use)[0] == frozenset()
    assert with_model(server_that("never", seeds=False), use)[0] == frozenset()


def test_a_probe_that_is_refused_for_another_reason_is_an_error() -> None:
    async def use(model: HttpModel) -> Any:
        for capability in (Capability.LEAD, Capability.LOGPROBS, Capability.STOP, Capability.SEEDS, Capability.SCORE):
            with pytest.raises(Refused, match="bad key"):
                await model.probe((capability,))
        assert not model.dialect.known

    with_model(lambda c: c.fail(401, "bad key"), use, form="auto")


def test_the_completions_form_continues_by_nature() -> None:
    async def use(model: HttpModel) -> Any:
        return await model.probe((Capability.LEAD,))

    got, server = with_model(lambda c: c.answer(), use, form="completions")
    assert got == {Capability.LEAD} and not server.calls


WORDS = {" five": -1.5, " yes": -0.25, " no": -2.0}


def echoing(style: str) -> Behaviour:
    """A server that echoes its prompt with log-probabilities: every word -0.5 but for those listed."""

    async def behave(call: Call) -> Any:
        body = call.body
        if style == "none" or not (body.get("echo") or "prompt_logprobs" in body):
            return await call.json({"choices": [{"text": "x", "finish_reason": "length"}]} | chat("x"))
        if "echo" in body:
            if style == "one" and body["max_tokens"] == 0:
                return await call.fail(400, "max_tokens must be at least 1")
            text = body["prompt"]
        else:
            text = "\n".join(m["content"] for m in body["messages"])
        words = [f" {w}" if i else w for i, w in enumerate(text.split(" "))]
        values = [WORDS.get(w, -0.5) for w in words]
        counted = usage(len(words) + 1, body["max_tokens"])
        if "echo" in body:
            more = [" Z"] * body["max_tokens"]
            logprobs = {"tokens": ["<s>", *words, *more], "token_logprobs": [None, *values, *[-9.0 for _ in more]]}
            return await call.json({"choices": [{"text": text, "logprobs": logprobs}], "usage": counted})
        places = [
            None,
            *({"7": {"logprob": v, "decoded_token": w}, "8": {}} for w, v in zip(words, values, strict=True)),
        ]
        return await call.json({**chat("x", usage=counted), "prompt_logprobs": places})

    return behave


ASK = Score(
    Prompt.user("Q"),
    (" yes", " no, never"),
    cuts=(0, 4),
    cue=" So",
    chain="One two",
)


@pytest.mark.parametrize("style", ["zero", "one"])
def test_given_text_is_scored_from_an_echo(style: str) -> None:
    async def use(model: HttpModel) -> Any:
        return await model.score(ASK)

    got, server = with_model(echoing(style), use, form="completions")
    assert isinstance(got, Scores) and got.logprobs == ((-0.25, -1.0), (-0.25, -1.0))
    assert got.usage.calls == 4 and got.usage.probe == (4 if style == "one" else 0)
    assert [b["prompt"] for b in server.bodies[-4:]] == [
        "Q\n\n So yes",
        "Q\n\n So no, never",
        "Q\n\nOne  So yes",
        "Q\n\nOne  So no, never",
    ]


def test_given_text_is_scored_from_prompt_logprobs_in_the_chat_form() -> None:
    async def use(model: HttpModel) -> Any:
        return await model.score(ASK)

    declared = frozenset({Capability.LEAD, Capability.SCORE})
    got, server = with_model(echoing("zero"), use, capabilities=declared)
    assert got.logprobs == ((-0.25, -1.0), (-0.25, -1.0)) and len(server.calls) == 4
    assert server.bodies[0]["messages"][-1] == {"role": "assistant", "content": " So yes"}
    assert server.bodies[0]["continue_final_message"] is True


@pytest.mark.parametrize("form", ["chat", "completions"])
def test_a_server_that_scores_nothing_is_found_out(form: str) -> None:
    async def use(model: HttpModel) -> Any:
        with pytest.raises(MissingCapability, match="does not score"):
            await model.score(ASK)

    with_model(echoing("none"), use, form=form)


def test_tokens_that_do_not_spell_the_candidate_are_refused() -> None:
    async def behave(call: Call) -> Any:
        logprobs = {"tokens": ["<s>", "so", "mething"], "token_logprobs": [None, -1.0, -1.0]}
        return await call.json({"choices": [{"text": "", "logprobs": logprobs}], "usage": usage(3, 0)})

    async def use(model: HttpModel) -> Any:
        with pytest.raises(BadReply, match="not ' yes'"):
            await model.score(ASK)

    with_model(behave, use, form="completions", capabilities=frozenset({Capability.SCORE}))


def test_cuts_in_tokens_and_cuts_outside_are_refused() -> None:
    async def use(model: HttpModel) -> Any:
        with pytest.raises(MissingCapability, match="tokens are cut"):
            await model.score(Score(Prompt.user("Q"), ("a",), chain_ids=(1, 2)))
        with pytest.raises(Exception, match="cut 9 lies outside"):
            await model.score(Score(Prompt.user("Q"), ("a",), cuts=(9,), chain="abc"))
        return await model.score(Score(Prompt.user("Q"), ("",), chain="abc"))

    got, server = with_model(echoing("zero"), use, form="completions", capabilities=frozenset({Capability.SCORE}))
    assert got == Scores(((0.0,),), Usage()) and not server.calls


def test_a_lead_that_the_server_repeats_is_cut() -> None:
    async def behave(call: Call) -> Any:
        last = call.body["messages"][-1]
        lead = last["content"] if last["role"] == "assistant" else ""
        return await call.answer(f"{lead} more", usage=usage(tokens(call.body, True), 1))

    async def use(model: HttpModel) -> Any:
        return await model.sample(LED, (1,))

    (got,), _ = with_model(behave, use)
    assert got.text == " more"


def test_log_probabilities_are_learnt_from_what_comes() -> None:
    async def use(model: HttpModel) -> Any:
        await model.sample(Sample(Prompt.user("x"), sampling=Sampling(logprobs=False)), (1,))
        assert Capability.LOGPROBS not in model.dialect.known
        await model.sample(Sample(Prompt.user("x")), (1,))
        return model.capabilities

    assert with_model(server_that("never"), use)[0] == {Capability.LOGPROBS}
    assert with_model(server_that("never", logprobs=False), use)[0] == frozenset()
