"""HttpModel against a well-behaved server: what is sent, and what is made of what comes back."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from server import Behaviour, Call, Server, chat, choice, usage

from workings.core.ask import Sample, Sampling
from workings.core.capability import Capability
from workings.core.completion import Completion, Stop, Usage
from workings.core.errors import BadReply, BadSetting, UsageError
from workings.core.prompt import Message, Prompt
from workings.models.http import Endpoint, HttpModel, plain
from workings.run.ports import Model

ALL = frozenset(Capability) - {Capability.WHITE_BOX}
HI = Prompt.user("2+2?")


def endpoint(server: Server, **settings: Any) -> Endpoint:
    chosen: dict[str, Any] = {"model": "m", "form": "chat", "capabilities": ALL, "backoff_s": 0.001, "max_wait_s": 0.05}
    return Endpoint(server.url, **{**chosen, **settings})


def ask(
    behave: Behaviour, sample: Sample = Sample(HI), seeds: tuple[int, ...] = (7,), **settings: Any
) -> tuple[tuple[Completion, ...], Server]:
    async def go() -> tuple[tuple[Completion, ...], Server]:
        async with Server(behave) as server:
            model = HttpModel(endpoint(server, **settings))
            try:
                return await model.sample(sample, seeds), server
            finally:
                await model.aclose()

    return asyncio.run(go())


def answering(reply: Any) -> Behaviour:
    async def behave(call: Call) -> Any:
        return await call.json(reply)

    return behave


def test_a_chat_request_carries_the_settings_and_nothing_else() -> None:
    settings = Sampling(0.5, 33, top_k=4, top_p=0.9, min_p=0.05, stop=("\n",))
    prompt = Prompt.user("hi", system="be brief", lead="So")
    _, server = ask(
        answering(chat()), Sample(prompt, sampling=settings), (2**40 + 5,), extra={"return_token_ids": True}
    )
    assert server.bodies == [
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "So"},
            ],
            "add_generation_prompt": False,
            "continue_final_message": True,
            "temperature": 0.5,
            "max_tokens": 33,
            "top_p": 0.9,
            "top_k": 4,
            "min_p": 0.05,
            "stop": ["\n"],
            "logprobs": True,
            "return_token_ids": True,
            "seed": 5,
        }
    ]


def test_greedy_sampling_sends_no_filters() -> None:
    _, server = ask(answering(chat()), Sample(HI, sampling=Sampling(0, 5, top_k=4, top_p=0.9, logprobs=False)))
    assert server.bodies[0].keys() == {"model", "messages", "temperature", "max_tokens", "seed"}


def test_the_completions_form_writes_the_prompt_as_text() -> None:
    reply = {"choices": [{"index": 0, "text": " 4", "finish_reason": "stop"}], "usage": usage(9, 1)}
    prompt = Prompt((Message("system", "S"), Message("user", "U"), Message("assistant", "A")), lead="L")
    (got,), server = ask(answering(reply), Sample(prompt), form="completions")
    assert got.text == " 4" and got.usage == Usage(prompt=9, generated=1, calls=1)
    assert server.calls[0].path == "/v1/completions"
    assert server.bodies[0]["prompt"] == "S\n\nU\n\nA\n\nL" == plain(prompt)
    assert server.bodies[0]["logprobs"] == 1 and "messages" not in server.bodies[0]


def test_samples_come_in_the_order_of_their_seeds_whatever_comes_first() -> None:
    async def behave(call: Call) -> Any:
        await asyncio.sleep(0.02 if call.body["seed"] == 1 else 0)
        return await call.answer(f"s{call.body['seed']}")

    got, server = ask(behave, Sample(HI, n=4), (1, 2, 3, 4))
    assert [c.text for c in got] == ["s1", "s2", "s3", "s4"] and [c.seed for c in got] == [1, 2, 3, 4]
    assert all("n" not in body for body in server.bodies)


@pytest.mark.parametrize(("given", "requests"), [(5, 1), (8, 1), (3, 3), (1, 5)])
def test_a_server_without_seeds_is_asked_for_n_and_topped_up(given: int, requests: int) -> None:
    async def behave(call: Call) -> Any:
        n = given if call.body.get("n", 1) > 1 else 1
        return await call.json(chat("x", n=n, usage=usage(10, 2 * n)))

    got, server = ask(behave, Sample(HI, n=5), (1, 2, 3, 4, 5), capabilities=ALL - {Capability.SEEDS})
    assert [c.text for c in got] == ["x"] * 5 and len(server.calls) == requests
    assert server.bodies[0]["n"] == 5 and all(c.seed is None or requests > 1 for c in got)
    spent = sum((c.usage for c in got), Usage())
    assert spent.generated == sum(2 * (given if b.get("n") else 1) for b in server.bodies)
    assert spent.prompt == 10 * requests


def test_a_server_that_refuses_n_gets_single_requests() -> None:
    async def behave(call: Call) -> Any:
        return await (call.fail(400, "n must be 1, got 3") if "n" in call.body else call.answer())

    got, server = ask(behave, Sample(HI, n=3), (1, 2, 3), capabilities=ALL - {Capability.SEEDS})
    assert len(got) == 3 and len(server.calls) == 4


def test_fields_that_do_not_change_what_is_sampled_are_dropped_when_refused() -> None:
    async def behave(call: Call) -> Any:
        for name in ("logprobs", "seed"):
            if name in call.body:
                return await call.fail(422, f"Unexpected fields in the request: {{'{name}'}}")
        return await call.answer()

    async def go() -> tuple[Completion, HttpModel, Server]:
        async with Server(behave) as server, HttpModel(endpoint(server, capabilities=None)) as model:
            before = len(server.calls)
            await model.sample(Sample(HI), (1,))
            assert len(server.calls) == before + 3
            (got,) = await model.sample(Sample(HI), (1,))
            assert len(server.calls) == before + 4
            return got, model, server

    got, model, _ = asyncio.run(go())
    assert got.seed is None and got.logprobs is None
    assert model.dialect.known == {Capability.LOGPROBS: False, Capability.SEEDS: False}


def test_the_newer_name_of_max_tokens_is_used_when_the_server_says_so() -> None:
    async def behave(call: Call) -> Any:
        if "max_tokens" in call.body:
            return await call.fail(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return await call.answer()

    _, server = ask(behave, Sample(HI, sampling=Sampling(max_tokens=9)))
    assert len(server.calls) == 2 and server.bodies[1]["max_completion_tokens"] == 9


def test_a_form_that_is_not_there_is_found_out() -> None:
    async def behave(call: Call) -> Any:
        if call.path.endswith("/chat/completions"):
            return await call.fail(404, "no such route")
        return await call.json({"choices": [{"text": "4", "finish_reason": "stop"}]})

    (got,), server = ask(behave, Sample(HI), form="auto")
    assert got.text == "4" and [c.path for c in server.calls] == ["/v1/chat/completions", "/v1/completions"]


@pytest.mark.parametrize(
    ("parts", "stops", "expected"),
    [
        ({"finish": "stop"}, (), Stop.END),
        ({"finish": "stop", "stop_reason": None}, ("X",), Stop.END),
        ({"finish": "stop", "stop_reason": "X"}, ("X",), Stop.STRING),
        ({"finish": "stop", "matched_stop": "X"}, ("X",), Stop.STRING),
        ({"finish": "stop", "matched_stop": 128009}, ("X",), Stop.END),
        ({"finish": "stop"}, ("X",), Stop.END),
        ({"finish": "eos_token"}, (), Stop.END),
        ({"finish": "stop_sequence"}, ("X",), Stop.STRING),
        ({"finish": "length"}, (), Stop.LENGTH),
        ({"finish": "content_filter"}, (), Stop.REFUSED),
        ({"finish": "something new"}, (), Stop.UNKNOWN),
        ({"finish": None}, (), Stop.UNKNOWN),
    ],
)
def test_why_a_sample_ended(parts: dict[str, Any], stops: tuple[str, ...], expected: Stop) -> None:
    (got,), _ = ask(answering(chat("four", **parts)), Sample(HI, sampling=Sampling(stop=stops)))
    assert got.stop is expected and got.text == "four"


def test_tokens_beyond_the_text_show_that_a_stop_string_ended_it() -> None:
    tokens = [{"token": t, "logprob": -0.5} for t in ("four", ".", "\n")]
    (got,), _ = ask(answering(chat("four.", logprobs={"content": tokens})), Sample(HI, sampling=Sampling(stop=("\n",))))
    assert got.stop is Stop.STRING and got.text == "four." and got.tokens == ("four", ".", "\n")


def test_a_stop_string_that_the_server_left_in_is_cut_with_its_tokens() -> None:
    tokens = [{"token": t, "logprob": -0.5, "id": i} for i, t in enumerate(("four", ".\n", "Next", " one"))]
    reply = chat("four.\nNext one", finish="length", logprobs={"content": tokens}, usage=usage(3, 4))
    (got,), _ = ask(answering(reply), Sample(HI, sampling=Sampling(max_tokens=4, stop=("\n",))))
    assert (got.text, got.stop) == ("four.", Stop.STRING)
    assert got.tokens == ("four", ".\n") and got.token_ids == (0, 1) and got.logprobs == (-0.5, -0.5)
    assert got.usage.generated == 4


def test_a_short_sample_cut_by_length_means_that_the_context_is_full() -> None:
    (got,), _ = ask(answering(chat(finish="length", usage=usage(90, 10))), Sample(HI, sampling=Sampling(max_tokens=64)))
    assert got.stop is Stop.CONTEXT
    (got,), _ = ask(answering(chat(finish="length", usage=usage(90, 64))), Sample(HI, sampling=Sampling(max_tokens=64)))
    assert got.stop is Stop.LENGTH


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_apart(field: str) -> None:
    message = {"role": "assistant", "content": None, field: "two and two"}
    (got,), _ = ask(answering({"choices": [{"message": message, "finish_reason": "length"}]}))
    assert (got.text, got.thinking, got.stop) == ("", "two and two", Stop.LENGTH)


def test_content_in_parts_is_joined() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "4"}]
    (got,), _ = ask(answering({"choices": [choice(None) | {"message": {"content": parts}}]}))
    assert (got.text, got.thinking) == ("4", "hm")


def test_a_refusal_is_no_answer() -> None:
    message = {"role": "assistant", "content": None, "refusal": "I cannot."}
    (got,), _ = ask(answering({"choices": [{"message": message, "finish_reason": "stop"}]}))
    assert (got.text, got.stop) == ("", Stop.REFUSED)


def test_null_content_is_an_empty_text() -> None:
    (got,), _ = ask(answering(chat(None)))
    assert (got.text, got.stop) == ("", Stop.END)


def test_counts_are_taken_from_the_server() -> None:
    (got,), _ = ask(answering(chat(usage=usage(100, 7, cached=96))))
    assert got.usage == Usage(prompt=4, cached=96, generated=7, calls=1)


def test_counts_that_are_not_given_are_estimated_and_flagged() -> None:
    async def go() -> tuple[Completion, Completion, int]:
        tokens = {"content": [{"token": "four", "logprob": -1.0}] * 3}
        replies = [chat("fourfourfour", logprobs=tokens), chat("x" * 40)]

        async def behave(call: Call) -> Any:
            return await call.json(replies[call.number - 1])

        async with Server(behave) as server:
            model = HttpModel(endpoint(server))
            (first,) = await model.sample(Sample(HI), (1,))
            (second,) = await model.sample(Sample(HI), (1,))
            await model.aclose()
            return first, second, model.estimated

    first, second, estimated = asyncio.run(go())
    assert (first.usage.generated, second.usage.generated, estimated) == (3, 10, 2)
    assert first.usage.prompt == 1


def test_tokens_of_several_choices_add_up_to_the_servers_count() -> None:
    got, _ = ask(
        answering(chat("x", n=3, usage=usage(10, 8, cached=4))),
        Sample(HI, n=3),
        (1, 2, 3),
        capabilities=ALL - {Capability.SEEDS},
    )
    assert [c.usage.generated for c in got] == [3, 3, 2]
    assert sum((c.usage for c in got), Usage()) == Usage(prompt=6, cached=4, generated=8, calls=3)


def test_text_that_no_file_can_hold_is_mended() -> None:
    (got,), _ = ask(answering(chat("4\ud83d\ude00 \ud800!")))
    assert got.text == "4\U0001f600 \ufffd!" and got.text.encode()


def test_log_probabilities_of_the_completions_form_and_ids_in_tokens() -> None:
    logprobs = {"tokens": ["token_id:5", "token_id:9"], "token_logprobs": [-0.25, 1e-9], "text_offset": [0, 2]}
    reply = {"choices": [{"text": "ab", "logprobs": logprobs, "finish_reason": "stop"}]}
    (got,), _ = ask(answering(reply), form="completions")
    assert got.logprobs == (-0.25, 0.0) and got.token_ids == (5, 9)


@pytest.mark.parametrize("value", ["x", True, float("nan"), [1]])
def test_log_probabilities_that_are_none_are_refused(value: Any) -> None:
    reply = chat(logprobs={"content": [{"token": "four", "logprob": value}]})
    with pytest.raises(BadReply, match="log-probability"):
        ask(answering(reply), retries=0)


def test_a_log_probability_that_is_null_drops_those_of_its_sample() -> None:
    entries = [{"token": "fo", "logprob": -0.5}, {"token": "ur", "logprob": None}]
    (got,), _ = ask(answering(chat(logprobs={"content": entries})), retries=0)
    assert (got.text, got.logprobs, got.tokens) == ("four", None, ("fo", "ur"))


def test_two_servers_without_digests_are_never_taken_for_one() -> None:
    async def go() -> list[Any]:
        found = []
        for meta in ({}, {}, {"n_params": 5}):
            listed = [{"id": "default", "root": "org/m", "meta": meta}]

            async def behave(call: Call, listed: Any = listed) -> Any:
                return await call.json({"object": "list", "data": listed})

            async with Server(behave) as server, HttpModel(endpoint(server, model="default")) as model:
                found.append((model.identity, model.endpoint.root))
        return found

    (one, where), (other, _), (known, _) = asyncio.run(go())
    assert one.revision == f"org/m at {where}" and one.digest == "" and one.key != other.key
    assert known.revision == "org/m" and known.digest


@pytest.mark.parametrize(
    ("url", "key_env", "wanted"),
    [
        ("https://api.openai.com/v1", None, "openai"),
        ("https://eu.api.openai.com/v1", None, "openai"),
        ("http://api.openai.com/v1", None, ""),
        ("https://api.openai.com.evil.example/v1", None, "own"),
        ("https://notopenai.com/v1", None, "own"),
        ("https://models.example/v1", None, "own"),
        ("http://models.example/v1", None, ""),
        ("http://8.8.8.8/v1", None, ""),
        ("http://localhost:8000/v1", None, "own"),
        ("http://10.0.0.5:8000/v1", None, "own"),
        ("http://gpu-node:8000/v1", None, "own"),
        ("http://models.example/v1", "OPENAI_API_KEY", "openai"),
        ("https://api.openai.com/v1", "", ""),
    ],
)
def test_a_key_goes_only_where_it_belongs(
    url: str, key_env: str | None, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "openai")
    monkeypatch.setenv("WORKINGS_API_KEY", "own")
    assert Endpoint(url, key_env=key_env).key() == wanted


def test_identity_names_the_version_and_never_the_clock() -> None:
    async def go(listed: Any, **settings: Any) -> Any:
        async def behave(call: Call) -> Any:
            return await call.json({"object": "list", "data": listed})

        async with Server(behave) as server, HttpModel(endpoint(server, **settings)) as model:
            assert len(server.calls) == 1
            await model.open()
            assert len(server.calls) == 1
            return model.identity

    one = asyncio.run(go([{"id": "m", "created": 1, "root": "org/m", "meta": {"n_params": 5}}]))
    two = asyncio.run(go([{"id": "m", "created": 2, "root": "org/m", "meta": {"n_params": 5}}]))
    other = asyncio.run(go([{"id": "m", "created": 2, "root": "org/m", "meta": {"n_params": 6}}]))
    assert one == two != other and one.name == "m" and one.revision == "org/m" and one.template == "server"
    only = asyncio.run(go([{"id": "alone"}], model=""))
    assert only.name == "alone"
    with pytest.raises(BadSetting, match="serves 2 models"):
        asyncio.run(go([{"id": "a"}, {"id": "b"}], model=""))
    assert asyncio.run(go([], extra={"a": 1})) != asyncio.run(go([], extra={"a": 2}))


def test_a_server_that_cannot_list_its_models_still_answers() -> None:
    async def behave(call: Call) -> Any:
        return await (call.fail(500) if call.request.method == "GET" else call.answer())

    async def go() -> str:
        async with Server(behave) as server, HttpModel(endpoint(server)) as model:
            return (await model.sample(Sample(HI), (1,)))[0].text

    assert asyncio.run(go()) == "four"


def test_the_key_is_sent_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    key = "sk-very-secret-0123456789"
    monkeypatch.setenv("MY_KEY", f"{key}\n")
    caplog.set_level(logging.DEBUG)

    async def behave(call: Call) -> Any:
        assert call.request.headers["Authorization"] == f"Bearer {key}"
        if call.number == 1:
            return await call.answer()
        return await call.fail(401, f"Incorrect key: {key} in Bearer {key}")

    async def go() -> str:
        async with Server(behave) as server:
            model = HttpModel(endpoint(server, key_env="MY_KEY"))
            await model.sample(Sample(HI), (1,))
            with pytest.raises(Exception, match="Incorrect key") as caught:
                await model.sample(Sample(HI), (1,))
            shown = [repr(model), repr(model.endpoint), repr(model.client), repr(model.identity)]
            error: BaseException | None = caught.value
            while error is not None:
                shown += [str(error), repr(error), repr(vars(error)), repr(error.args)]
                error = error.__cause__ or error.__context__
            await model.aclose()
            return "".join(shown)

    shown = asyncio.run(go())
    assert key not in shown and "[key]" in shown and "MY_KEY" in shown and key not in caplog.text


def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKINGS_API_KEY", "ab\ncd")
    with pytest.raises(BadSetting, match="WORKINGS_API_KEY") as caught:
        Endpoint("http://localhost:1").key()
    assert "cd" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "root", "loopback"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1", True),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1", True),
        ("http://[::1]:8000/", "http://[::1]:8000/v1", True),
        ("https://api.example.org/openai/v2", "https://api.example.org/openai/v2", False),
    ],
)
def test_addresses(url: str, root: str, loopback: bool) -> None:
    assert Endpoint(url).root == root and Endpoint(url).loopback is loopback


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "http://user:pass@host/v1", "http://h/v1?key=secret", ""])
def test_bad_addresses_are_refused_without_showing_logins(url: str) -> None:
    with pytest.raises(BadSetting) as caught:
        Endpoint(url)
    assert "pass" not in str(caught.value) and "secret" not in str(caught.value)


def test_the_model_fits_the_port_and_one_event_loop() -> None:
    async def first() -> HttpModel:
        async with Server(answering(chat())) as server:
            model = HttpModel(endpoint(server))
            assert isinstance(model, Model)
            await model.sample(Sample(HI), (1,))
            return model

    async def second(model: HttpModel) -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await model.sample(Sample(HI), (1,))

    with asyncio.Runner() as one, asyncio.Runner() as two:
        model = one.run(first())
        two.run(second(model))
        one.run(model.aclose())


def test_connections_are_used_again() -> None:
    ports = set()

    async def behave(call: Call) -> Any:
        assert call.request.transport is not None
        ports.add(call.request.transport.get_extra_info("peername"))
        return await call.answer()

    async def go() -> int:
        async with Server(behave) as server:
            model = HttpModel(endpoint(server))
            for _ in range(6):
                await model.sample(Sample(HI), (1,))
            await model.aclose()
            return len(server.calls)

    assert asyncio.run(go()) == 6 and len(ports) == 1


def test_a_prompt_is_sent_byte_for_byte() -> None:
    text = '数 \u2028 \x00 😀 \ud800 "quoted" \\ end'
    _, server = ask(answering(chat()), Sample(Prompt.user(text)))
    assert server.bodies[0]["messages"][0]["content"] == text
    assert json.dumps(server.bodies[0])
