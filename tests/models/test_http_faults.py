"""A hostile server: how often it is asked, which error comes out, and that no error ever becomes an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server import Behaviour, Call, Server, chat, usage

from workings.core.ask import Sample
from workings.core.capability import Capability
from workings.core.completion import Completion, Usage
from workings.core.errors import BadReply, ContextFull, ModelError, Overloaded, Refused, Unreachable
from workings.core.prompt import Prompt
from workings.models.http import Endpoint, HttpModel
from workings.models.http.faults import by_status, in_body, quote, retry_after
from workings.models.http.replies import drafts

ALL = frozenset(Capability) - {Capability.WHITE_BOX}
HI = Sample(Prompt.user("2+2?"))


def quick(server: Server, **settings: Any) -> Endpoint:
    chosen: dict[str, Any] = {
        "model": "m",
        "form": "chat",
        "capabilities": ALL,
        "backoff_s": 0.001,
        "max_wait_s": 0.02,
        "retries": 3,
    }
    return Endpoint(server.url, **{**chosen, **settings})


def ask(
    behave: Behaviour, sample: Sample = HI, seeds: tuple[int, ...] = (7,), **settings: Any
) -> tuple[tuple[Completion, ...] | ModelError, Server]:
    """What comes of one ask: completions, or the error."""

    async def go() -> tuple[tuple[Completion, ...] | ModelError, Server]:
        async with Server(behave) as server:
            model = HttpModel(quick(server, **settings))
            try:
                return await model.sample(sample, seeds), server
            except ModelError as error:
                return error, server
            finally:
                await model.aclose()

    return asyncio.run(go())


Trouble = Callable[[Call], Any]
TRANSIENT: dict[str, tuple[Trouble, type[ModelError]]] = {
    "429": (lambda c: c.fail(429, "slow down"), Overloaded),
    "429 with Retry-After": (lambda c: c.fail(429, "slow down", Retry_After="0.01"), Overloaded),
    "429 with a huge Retry-After": (lambda c: c.fail(429, "slow down", Retry_After="86400"), Overloaded),
    "429 with a broken Retry-After": (lambda c: c.fail(429, "slow down", Retry_After="soon"), Overloaded),
    "500": (lambda c: c.fail(500, "boom"), Overloaded),
    "502 page": (lambda c: c.raw(b"<html>Bad Gateway</html>", 502, "text/html"), Overloaded),
    "503": (lambda c: c.fail(503, "loading model"), Overloaded),
    "504": (lambda c: c.fail(504, "late"), Overloaded),
    "529": (lambda c: c.fail(529, "overloaded"), Overloaded),
    "408": (lambda c: c.fail(408, "slow request"), Unreachable),
    "reset": (lambda c: c.reset(), Unreachable),
    "stall before headers": (lambda c: c.stall(), Unreachable),
    "stall in the body": (lambda c: c.stall(b'{"choices": ['), Unreachable),
    "malformed JSON": (lambda c: c.raw(b"{'choices': oops}"), BadReply),
    "truncated JSON": (lambda c: c.raw(b'{"choices": [{"message": {"content": "fo'), BadReply),
    "truncated body": (lambda c: c.cut(b'{"choices": [{"message": {"content": "fo'), BadReply),
    "nothing": (lambda c: c.raw(b""), BadReply),
    "HTML with 200": (lambda c: c.raw(b"<html>The answer is 42</html>", kind="text/html"), BadReply),
    "text with 200": (lambda c: c.raw(b"upstream error", kind="text/plain"), BadReply),
    "a list": (lambda c: c.json([1]), BadReply),
    "a string": (lambda c: c.json("The answer is 42"), BadReply),
    "null": (lambda c: c.json(None), BadReply),
    "no choices": (lambda c: c.json({"id": "x"}), BadReply),
    "empty choices": (lambda c: c.json({"choices": []}), BadReply),
    "choices that are none": (lambda c: c.json({"choices": "42"}), BadReply),
    "a choice that is none": (lambda c: c.json({"choices": ["42"]}), BadReply),
    "an empty choice": (lambda c: c.json({"choices": [{}]}), BadReply),
    "a message that is none": (lambda c: c.json({"choices": [{"message": "42"}]}), BadReply),
    "content that is none": (lambda c: c.json({"choices": [{"message": {"content": 42}}]}), BadReply),
    "neither content nor end": (lambda c: c.json({"choices": [{"message": {"role": "assistant"}}]}), BadReply),
    "a sample given up": (lambda c: c.json(chat("The answer is", finish="error")), BadReply),
    "an aborted sample": (lambda c: c.json(chat("The answer is", finish="abort")), BadReply),
    "an error with 200": (lambda c: c.json({"error": {"message": "The answer is 42"}}), BadReply),
    "an error text with 200": (lambda c: c.json({"error": "The answer is 42", "choices": []}), BadReply),
    "a 429 with 200": (lambda c: c.json({"error": {"code": 429, "message": "slow down"}}), Overloaded),
    "deep JSON": (lambda c: c.raw(b"[" * 200_000), BadReply),
    "a number of many digits": (lambda c: c.raw(b'{"choices": ' + b"9" * 10_000 + b"}"), BadReply),
    "bytes that are no text": (lambda c: c.raw(b"\xff\xfe\x00"), BadReply),
    "a reply without end": (lambda c: c.raw(b" " * 300_000), BadReply),
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_transient_trouble_is_tried_again_a_bounded_number_of_times(name: str) -> None:
    trouble, expected = TRANSIENT[name]
    got, server = ask(trouble, timeout_s=0.1, stall_s=0.05, max_reply_bytes=250_000)
    assert type(got) is expected, got
    assert len(server.calls) == 4
    assert isinstance(got, ModelError) and got.transient and got.next_step and "(tried 4 times)" in got.what
    assert len(str(got)) < 1000


@pytest.mark.parametrize("name", TRANSIENT)
def test_after_transient_trouble_the_answer_is_the_answer(name: str) -> None:
    trouble, _ = TRANSIENT[name]

    async def behave(call: Call) -> Any:
        return await (trouble(call) if call.number <= 2 else call.answer("four"))

    got, server = ask(behave, timeout_s=0.3, stall_s=0.1, max_reply_bytes=250_000)
    assert isinstance(got, tuple) and [c.text for c in got] == ["four"] and len(server.calls) == 3


FINAL: dict[str, tuple[Trouble, type[ModelError], str]] = {
    "400": (lambda c: c.fail(400, "temperature must be at most 2"), Refused, "temperature must be at most 2"),
    "401": (lambda c: c.fail(401, "bad key"), Refused, "WORKINGS_API_KEY"),
    "403": (lambda c: c.fail(403, "not yours"), Refused, "not yours"),
    "404": (lambda c: c.fail(404, "model 'm' not found"), Refused, "model 'm' not found"),
    "422": (lambda c: c.json({"detail": [{"msg": "bad field top_k"}]}, status=422), Refused, "bad field top_k"),
    "422 text": (lambda c: c.json({"detail": "Unexpected fields: top_k"}, status=422), Refused, "Unexpected fields"),
    "413": (lambda c: c.fail(413, "request too large"), Refused, "request too large"),
    "redirect": (lambda c: c.fail(307, "", Location="https://elsewhere.example/v1"), Refused, "elsewhere.example"),
    "context, OpenAI": (
        lambda c: c.fail(400, "This model's maximum context length is 4096 tokens."),
        ContextFull,
        "4096",
    ),
    "context, vLLM max_tokens": (
        lambda c: c.fail(
            400,
            "'max_tokens' or 'max_completion_tokens' is too large: 512. This model's maximum context length is 256"
            " tokens and your request has 20 input tokens.",
        ),
        ContextFull,
        "256",
    ),
    "context, SGLang": (
        lambda c: c.fail(400, "The input (5000 tokens) is longer than the model's context length (4096 tokens)."),
        ContextFull,
        "5000",
    ),
    "context, llama.cpp": (
        lambda c: c.fail(400, "the request exceeds the available context size. try increasing the context size"),
        ContextFull,
        "available context",
    ),
    "context with 200": (
        lambda c: c.json({"error": {"message": "prompt is too long: 9 tokens"}}),
        ContextFull,
        "too long",
    ),
    "401 with 200": (lambda c: c.json({"error": {"code": "401", "message": "bad key"}}), Refused, "bad key"),
}


@pytest.mark.parametrize("name", FINAL)
def test_other_trouble_is_an_error_at_once_with_the_servers_words(name: str) -> None:
    trouble, expected, words = FINAL[name]
    got, server = ask(trouble)
    assert type(got) is expected and len(server.calls) == 1
    assert isinstance(got, ModelError) and words in str(got) and got.next_step and not got.transient


def test_a_page_of_error_text_is_quoted_in_part() -> None:
    got, _ = ask(lambda c: c.raw(b"x" * 500_000, 400, "text/plain"))
    assert isinstance(got, Refused) and 300 <= len(got.what) < 500


def test_no_server_at_all() -> None:
    async def go() -> ModelError:
        async with Server(lambda c: c.answer()) as server:
            end = quick(server)
        model = HttpModel(end)
        try:
            await model.sample(HI, (1,))
        except ModelError as error:
            return error
        finally:
            await model.aclose()
        raise AssertionError

    error = asyncio.run(go())
    assert type(error) is Unreachable and "No connection" in error.what


def test_a_body_of_the_wrong_type_is_read_all_the_same() -> None:
    async def behave(call: Call) -> Any:
        import json

        return await call.raw(json.dumps(chat("four")).encode(), kind="text/plain")

    got, _ = ask(behave)
    assert isinstance(got, tuple) and got[0].text == "four"


def test_one_failing_sample_of_many_fails_the_ask_and_stops_the_rest() -> None:
    async def behave(call: Call) -> Any:
        if call.body["seed"] == 2:
            return await call.fail(400, "no")
        return await call.stall()

    got, server = ask(behave, Sample(HI.prompt, n=3), (1, 2, 3))
    assert type(got) is Refused and len(server.calls) == 3 and server.in_flight == 0


def test_what_finished_siblings_of_a_failed_sample_cost_is_told() -> None:
    async def behave(call: Call) -> Any:
        if call.body["seed"] == 2:
            await asyncio.sleep(0.1)
            return await call.fail(400, "no")
        return await call.json(chat(usage=usage(10, 4)))

    got, _ = ask(behave, Sample(HI.prompt, n=3), (1, 2, 3))
    assert isinstance(got, Refused) and got.spent == Usage(prompt=20, generated=8, calls=2)


def test_a_cancelled_ask_leaves_nothing_in_flight() -> None:
    async def go() -> tuple[int, int]:
        async with Server(lambda c: c.stall()) as server:
            model = HttpModel(quick(server))
            task = asyncio.ensure_future(model.sample(Sample(HI.prompt, n=4), (1, 2, 3, 4)))
            while server.in_flight < 4:
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            left = model.client.gate.in_flight
            await model.aclose()
            return left, len(server.calls)

    assert asyncio.run(go()) == (0, 4)


def test_retry_after_in_all_its_forms() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert retry_after({"Retry-After": "3"}) == 3 and retry_after({"Retry-After": " 0.5 "}) == 0.5
    assert retry_after({"retry-after-ms": "250", "Retry-After": "9"}) == 0.25
    assert 25 < (retry_after({"Retry-After": date}) or 0) <= 30
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    for broken in ("", "-1", "nan", "inf", "1e9", "soon", "9" * 400, "Wed, 99 Oct 2015", "١٢"):
        assert retry_after({"Retry-After": broken}) is None


@given(st.text(max_size=400))
def test_quotes_are_short_single_lines_without_the_key(text: str) -> None:
    said = quote(f"{text} my-own-key-123 {text} Bearer abc.def sk-0123456789abcdef", "my-own-key-123")
    assert len(said) <= 301 and "\n" not in said
    for secret in ("my-own-key-123", "abc.def", "0123456789abcdef"):
        assert secret not in said or secret in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "message",
                    "content",
                    "text",
                    "delta",
                    "logprobs",
                    "tokens",
                    "index",
                    "finish_reason",
                    "error",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_or_refused_as_a_bad_reply(data: Any) -> None:
    reply = data if isinstance(data, dict) else {"choices": [data]}
    try:
        found = drafts(reply)
    except BadReply:
        return
    assert found and all(isinstance(piece, str) for draft in found for piece in draft.pieces)


@given(st.integers(300, 599), st.binary(max_size=200), JSON)
def test_any_error_body_makes_an_error_of_ours(status: int, body: bytes, data: Any) -> None:
    error = by_status(status, {}, body, where="http://h/v1", key="k", key_env="K")
    assert isinstance(error, ModelError) and len(error.what) < 500
    assert isinstance(in_body(data, where="http://h/v1", key="k", key_env="K"), ModelError)
