"""Replies that come in pieces, whole, twice, broken or never."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server import Behaviour, Call, Server, chat, delta, usage

from workings.core.ask import Sample, Sampling
from workings.core.capability import Capability
from workings.core.completion import Completion, Stop, Usage
from workings.core.errors import BadReply, ModelError, Overloaded, Unreachable
from workings.core.prompt import Prompt
from workings.models.http import Endpoint, HttpModel
from workings.models.http.stream import Pieces

ALL = frozenset(Capability) - {Capability.WHITE_BOX}
COUNT = json.dumps({"choices": [], "usage": usage(5, 2)}).encode()


def watch(
    behave: Behaviour, seeds: tuple[int, ...] = (7,), sampling: Sampling = Sampling(), **settings: Any
) -> tuple[tuple[Completion, ...] | ModelError, list[tuple[int, str]], Server]:
    shown: list[tuple[int, str]] = []
    chosen: dict[str, Any] = {"capabilities": ALL, "backoff_s": 0.001, "max_wait_s": 0.01, "retries": 2, **settings}

    async def go() -> tuple[tuple[Completion, ...] | ModelError, list[tuple[int, str]], Server]:
        async with Server(behave) as server:
            model = HttpModel(Endpoint(server.url, "m", "chat", **chosen))
            ask = Sample(Prompt.user("2+2?"), n=len(seeds), sampling=sampling, start=3)
            try:
                return await model.sample(ask, seeds, lambda i, text: shown.append((i, text))), shown, server
            except ModelError as error:
                return error, shown, server
            finally:
                await model.aclose()

    return asyncio.run(go())


def one(got: tuple[Completion, ...] | ModelError) -> Completion:
    assert isinstance(got, tuple), got
    return got[0]


def test_thinking_that_is_cut_is_closed_when_shown() -> None:
    async def behave(call: Call) -> Any:
        piece = json.dumps({"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]}).encode()
        return await call.stream(piece, piece, delta(finish="length"), COUNT)

    got, shown, _ = watch(behave)
    assert "".join(text for _, text in shown) == "[thinking]\nhmhm\n[/thinking]\n"
    assert one(got).thinking == "hmhm" and one(got).text == ""


def test_text_is_shown_as_it_comes_under_the_samples_number() -> None:
    async def behave(call: Call) -> Any:
        start = json.dumps({"choices": [{"index": 0, "delta": {"content": "", "reasoning_content": "hm"}}]}).encode()
        return await call.stream(start, delta("fo"), delta("ur"), delta(finish="stop"), COUNT)

    got, shown, server = watch(behave)
    assert shown == [(3, "[thinking]\nhm"), (3, "\n[/thinking]\nfo"), (3, "ur")]
    answer = one(got)
    assert (answer.text, answer.thinking, answer.stop) == ("four", "hm", Stop.END)
    assert answer.usage == Usage(prompt=5, generated=2, calls=1)
    assert server.bodies[0]["stream"] is True and server.bodies[0]["stream_options"] == {"include_usage": True}


def test_many_samples_are_shown_each_under_its_number() -> None:
    async def behave(call: Call) -> Any:
        return await call.stream(delta(str(call.body["seed"])), delta(finish="stop"))

    got, shown, _ = watch(behave, (1, 2, 3))
    assert sorted(shown) == [(3, "1"), (4, "2"), (5, "3")] and isinstance(got, tuple)


def test_several_choices_of_one_stream_are_kept_apart() -> None:
    async def behave(call: Call) -> Any:
        assert call.body["n"] == 2
        return await call.stream(
            delta("a", index=1),
            delta("b", index=0),
            delta("c", index=1),
            delta(finish="stop"),
            delta(finish="stop", index=1),
        )

    got, shown, server = watch(behave, (1, 2), capabilities=ALL - {Capability.SEEDS})
    assert isinstance(got, tuple) and [c.text for c in got] == ["b", "ac"]
    assert shown == [(4, "a"), (3, "b"), (4, "c")] and len(server.calls) == 1


def test_a_stream_without_done_is_whole_when_it_says_why_it_ended() -> None:
    async def behave(call: Call) -> Any:
        return await call.stream(delta("four"), delta(finish="length"), done=False)

    got, _, server = watch(behave)
    assert one(got).text == "four" and one(got).stop is Stop.LENGTH and len(server.calls) == 1


def test_a_stream_cut_short_is_tried_again_and_shows_nothing_twice() -> None:
    async def behave(call: Call) -> Any:
        if call.number == 1:
            return await call.stream(delta("fo"), done=False)
        return await call.stream(delta("f"), delta("our"), delta(finish="stop"))

    got, shown, server = watch(behave)
    assert one(got).text == "four" and len(server.calls) == 2
    assert "".join(text for _, text in shown) == "four"


def test_the_last_events_sent_twice_count_once() -> None:
    async def behave(call: Call) -> Any:
        end = delta(finish="stop")
        return await call.stream(delta("four"), end, end, COUNT, COUNT)

    got, _, _ = watch(behave)
    assert one(got).text == "four" and one(got).usage == Usage(prompt=5, generated=2, calls=1)


def test_events_with_an_id_seen_before_are_dropped() -> None:
    async def behave(call: Call) -> Any:
        first = b"id: 1\ndata: " + delta("ha") + b"\n\n"
        second = b"id: 2\ndata: " + delta("ha") + b"\n\n"
        return await call.stream(first, first, second, delta(finish="stop"))

    got, _, _ = watch(behave)
    assert one(got).text == "haha"


def test_pieces_sent_twice_are_caught_by_the_servers_count() -> None:
    async def behave(call: Call) -> Any:
        piece = delta("ha", logprobs={"content": [{"token": "ha", "logprob": -1.0}]})
        again = (piece,) if call.number == 1 else ()
        return await call.stream(piece, *again, piece, delta(finish="stop"), COUNT)

    got, _, server = watch(behave)
    assert one(got).text == "haha" and one(got).logprobs == (-1.0, -1.0) and len(server.calls) == 2


def test_comments_carriage_returns_and_data_without_a_space() -> None:
    async def behave(call: Call) -> Any:
        lines = b": PROCESSING\r\n\r\nevent: message\r\ndata:" + delta("four") + b"\r\n\r\n"
        return await call.stream(b":" + lines, delta(finish="stop"))

    got, _, _ = watch(behave)
    assert one(got).text == "four"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((b"{oops",), BadReply),
        ((b"[1]",), BadReply),
        ((b'{"choices": ["x"]}',), BadReply),
        ((), BadReply),
        ((delta(),), BadReply),
        ((delta("The answer is"), b'{"error": {"message": "worker died"}}'), BadReply),
        ((delta("The answer is"), b'{"error": {"code": 503, "message": "busy"}}'), Overloaded),
        ((delta("The answer is"), delta(finish="error")), BadReply),
    ],
)
def test_a_broken_stream_is_an_error_after_a_bounded_number_of_tries(
    events: tuple[bytes, ...], expected: type[ModelError]
) -> None:
    got, _, server = watch(lambda c: c.stream(*events))
    assert type(got) is expected and len(server.calls) == 3


def test_a_stream_that_stalls_is_given_up() -> None:
    begun = b"data: " + delta("fo") + b"\n\n"
    got, shown, server = watch(lambda c: c.stall(begun, "text/event-stream"), stall_s=0.03)
    assert type(got) is Unreachable and len(server.calls) == 3 and shown == [(3, "fo")]


def test_a_stream_without_end_is_given_up() -> None:
    got, _, server = watch(lambda c: c.stream(b"x" * 5000), max_reply_bytes=2000)
    assert type(got) is BadReply and "2000 bytes" in got.what and len(server.calls) == 3


def test_a_server_that_does_not_stream_is_read_whole() -> None:
    got, shown, _ = watch(lambda c: c.json(chat("four", usage=usage(5, 2))))
    assert one(got).text == "four" and shown == [(3, "four")] and one(got).usage.generated == 2


def test_stream_options_are_dropped_when_refused() -> None:
    async def behave(call: Call) -> Any:
        if "stream_options" in call.body:
            return await call.fail(400, "Unknown parameter: stream_options")
        return await call.stream(delta("four"), delta(finish="stop"))

    got, _, server = watch(behave)
    assert one(got).text == "four" and len(server.calls) == 2


@given(st.data())
def test_how_the_bytes_are_cut_does_not_matter(data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.text(max_size=5), max_size=6))
    raw = (
        b"".join(b"data: " + delta(t) + b"\n\n" for t in texts)
        + b"data: "
        + delta(finish="stop")
        + b"\n\ndata: [DONE]\n\n"
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    shown: list[str] = []
    pieces = Pieces(lambda _, text: shown.append(text), lambda error: BadReply(str(error)))
    done = [pieces.feed(raw[a:b]) for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    [draft], _ = pieces.result()
    assert done[-1] and "".join(draft.pieces) == "".join(shown) == "".join(texts)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    pieces = Pieces(lambda _, text: None, lambda error: BadReply(str(error)))
    with pytest.raises(BadReply):
        pieces.feed(raw)
        pieces.result()
