"""Adaptive concurrency: the law of the gate, and a server that can take only so much."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from server import Call, Server

from workings.core.ask import Sample
from workings.core.capability import Capability
from workings.core.prompt import Prompt
from workings.models.http import Endpoint, HttpModel
from workings.models.http.gate import Gate

ALL = frozenset(Capability) - {Capability.WHITE_BOX}


@pytest.mark.parametrize("able", [1, 3, 10, 40])
def test_all_requests_finish_and_the_flight_settles_under_what_the_server_can_take(able: int) -> None:
    total = 400

    async def go() -> tuple[int, int, list[int]]:
        seen: list[int] = []

        async def behave(call: Call) -> Any:
            seen.append(server.in_flight)
            if server.in_flight > able:
                return await call.fail(429, "too many", Retry_After="0.002")
            await asyncio.sleep(0.002)
            return await call.answer(str(call.body["seed"]))

        async with Server(behave) as server:
            end = Endpoint(
                server.url, "m", "chat", capabilities=ALL, backoff_s=0.002, max_wait_s=0.05, max_connections=64
            )
            model = HttpModel(end)
            got = await model.sample(Sample(Prompt.user("x"), n=total), tuple(range(total)))
            await model.aclose()
        assert [c.text for c in got] == [str(i) for i in range(total)]
        return len(server.calls), server.peak, seen

    calls, peak, seen = asyncio.run(go())
    assert peak <= 64 and calls >= total
    refused = [n for n in seen if n > able]
    assert calls == total + len(refused)
    assert len(refused) <= max(0.25 * total, 64)
    late = seen[len(seen) // 2 :]
    assert sorted(late)[int(0.9 * len(late)) - 1] <= 2 * able


def test_a_server_that_takes_everything_is_given_everything() -> None:
    async def go() -> tuple[int, float, int]:
        async def behave(call: Call) -> Any:
            await asyncio.sleep(0.02)
            return await call.answer()

        async with Server(behave) as server:
            model = HttpModel(Endpoint(server.url, "m", "chat", capabilities=ALL, max_connections=48))
            await model.sample(Sample(Prompt.user("x"), n=300), tuple(range(300)))
            limit = model.client.gate.limit
            await model.aclose()
            return server.peak, limit, len(server.calls)

    peak, limit, calls = asyncio.run(go())
    assert 16 < peak <= 48 and limit == 48 and calls == 300


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def test_the_limit_is_cut_once_an_episode() -> None:
    async def go() -> None:
        gate = Gate(16, 64)
        tickets = [await gate.enter() for _ in range(16)]
        for ticket in tickets:
            gate.complain(ticket)
        assert gate.limit == 8 and gate.episodes == 1
        for _ in tickets:
            gate.leave()
        fresh = await gate.enter()
        gate.complain(fresh)
        assert gate.limit == 4 and gate.episodes == 2

    run(go())


def test_answers_to_requests_from_before_a_cut_do_not_raise_the_limit() -> None:
    async def go() -> None:
        gate = Gate(4, 64)
        old = [await gate.enter() for _ in range(4)]
        gate.complain(old[0])
        for ticket in old[1:]:
            gate.praise(ticket)
        assert gate.limit == 2

    run(go())


def test_growth_doubles_a_round_and_after_a_complaint_adds_one_a_round() -> None:
    async def round_of(gate: Gate) -> None:
        tickets = [await gate.enter() for _ in range(int(gate.limit))]
        for ticket in tickets:
            gate.praise(ticket)
        for _ in tickets:
            gate.leave()

    async def go() -> None:
        gate = Gate(4, 64)
        await round_of(gate)
        assert gate.limit == 8
        gate.complain(await gate.enter())
        gate.leave()
        assert gate.limit == 4
        await round_of(gate)
        assert 4.8 < gate.limit <= 5

    run(go())


def test_an_idle_gate_does_not_grow_and_never_shuts() -> None:
    async def go() -> None:
        gate = Gate(16, 64)
        for _ in range(100):
            gate.praise(await gate.enter())
            gate.leave()
        assert gate.limit == 16
        for _ in range(20):
            gate.complain(await gate.enter())
            gate.leave()
        assert gate.limit == 1

    run(go())


def test_the_one_who_tries_again_goes_first_and_the_cancelled_do_not_count() -> None:
    async def go() -> None:
        gate, order = Gate(1, 1), []

        async def one(name: str, again: bool = False) -> None:
            await gate.enter(again=again)
            order.append(name)
            gate.leave()

        await gate.enter()
        first, gone = asyncio.ensure_future(one("first")), asyncio.ensure_future(one("gone"))
        await asyncio.sleep(0)
        again = asyncio.ensure_future(one("again", again=True))
        await asyncio.sleep(0)
        gone.cancel()
        gate.leave()
        await asyncio.gather(first, again)
        assert order == ["again", "first"] and gate.in_flight == 0 and gone.cancelled()

    run(go())


def test_one_cancelled_as_it_is_let_in_gives_its_place_back() -> None:
    async def go() -> None:
        gate = Gate(1, 1)
        await gate.enter()
        waiting = asyncio.ensure_future(gate.enter())
        await asyncio.sleep(0)
        gate.leave()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert gate.in_flight == 0

    run(go())


def test_nobody_enters_during_a_pause() -> None:
    async def go() -> None:
        gate = Gate(4, 4)
        gate.complain(await gate.enter(), pause=0.02)
        gate.leave()
        begun = asyncio.get_running_loop().time()
        await asyncio.gather(gate.enter(), gate.enter())
        assert asyncio.get_running_loop().time() - begun >= 0.019

    run(go())
