"""The cache: what is asked again, what is not, and what a hit costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workings.core.ask import Sample, Sampling, Score, Scores
from workings.core.capability import Capability, Identity
from workings.core.completion import Completion, Stop, Usage
from workings.core.errors import BadReply, Unreachable
from workings.core.prompt import Message, Prompt
from workings.models.cached import CachedModel
from workings.run.ports import Model, Watch


class Dict:
    """A shelf that holds only what survives JSON."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        return {k: json.loads(self.held[k]) for k in keys if k in self.held}

    def put_many(self, items: dict[str, Any]) -> None:
        self.held.update({k: json.dumps(v, allow_nan=False) for k, v in items.items()})


class Counting:
    """A model whose samples are numbered by how often it was asked; it can fail, or wait to be let go."""

    capabilities = frozenset({Capability.SCORE})

    def __init__(self, name: str = "m") -> None:
        self.identity = Identity(name)
        self.asked: list[int] = []
        self.scored = 0
        self.fail: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.stop = Stop.END

    async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> tuple[Completion, ...]:
        assert ask.n == len(seeds)
        first = len(self.asked)
        self.asked.extend(seeds)
        if self.hold is not None:
            await self.hold.wait()
        if self.fail is not None:
            raise self.fail
        made = []
        for i, seed in enumerate(seeds):
            if watch is not None:
                watch(ask.start + i, f"{seed}")
            made.append(
                Completion(
                    f"{seed}#{first + i}",
                    self.stop,
                    token_ids=(1, 2),
                    logprobs=(-0.25, float("-inf")),
                    seed=seed,
                    usage=Usage(prompt=3, generated=2, calls=1),
                )
            )
        return tuple(made)

    async def score(self, ask: Score) -> Scores:
        self.scored += 1
        if self.fail is not None:
            raise self.fail
        return Scores(((-1.0, -2.0),), Usage(prompt=5, calls=2))

    async def aclose(self) -> None:
        self.asked.clear()


ASK = Sample(Prompt.user("2+2?"))


def wide(n: int, **changes: Any) -> Sample:
    return replace(ASK, n=n, **changes)


def test_eight_reuse_the_first_five() -> None:
    async def go() -> None:
        model, shelf = Counting(), Dict()
        five = await CachedModel(model, shelf).sample(wide(5), (1, 2, 3, 4, 5))
        eight = await CachedModel(model, shelf).sample(wide(8), (1, 2, 3, 4, 5, 6, 7, 8))
        assert model.asked == [1, 2, 3, 4, 5, 6, 7, 8]
        assert [c.text for c in eight[:5]] == [c.text for c in five]
        assert [c.seed for c in eight] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert [c.usage.calls for c in eight] == [0] * 5 + [1] * 3

    asyncio.run(go())


def test_a_hit_is_the_sample_itself_with_its_tokens_and_no_call() -> None:
    async def go() -> None:
        cached = CachedModel(Counting(), Dict())
        (first,) = await cached.sample(ASK, (1,))
        (again,) = await cached.sample(ASK, (1,))
        assert again == replace(first, usage=replace(first.usage, calls=0))
        assert again.usage == Usage(prompt=3, generated=2, calls=0) and first.usage.calls == 1

    asyncio.run(go())


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True),
    st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True),
)
def test_only_what_is_missing_is_asked_for_and_order_is_kept(before: list[int], after: list[int]) -> None:
    async def go() -> None:
        model = Counting()
        cached = CachedModel(model, Dict())
        await cached.sample(wide(len(before)), tuple(before))
        got = await cached.sample(wide(len(after)), tuple(after))
        assert model.asked == before + [s for s in after if s not in before]
        assert [c.seed for c in got] == after

    asyncio.run(go())


def test_greedy_samples_are_one_whatever_the_seed() -> None:
    async def go() -> None:
        model = Counting()
        cached = CachedModel(model, Dict())
        ask = wide(4, sampling=Sampling(temperature=0))
        got = await cached.sample(ask, (1, 2, 3, 4))
        more = await cached.sample(replace(ask, n=1), (9,))
        assert model.asked == [1] and {c.text for c in (*got, *more)} == {"1#0"}
        assert [c.usage.calls for c in got] == [1, 0, 0, 0]

    asyncio.run(go())


@pytest.mark.parametrize(
    "other",
    [
        replace(ASK, prompt=Prompt.user("2+3?")),
        replace(ASK, prompt=Prompt.user("2+2?", lead=" ")),
        replace(ASK, prompt=Prompt((Message("assistant", "2+2?"),))),
        replace(ASK, prompt=replace(ASK.prompt, lead_ids=(1,))),
        replace(ASK, sampling=Sampling(temperature=0.71)),
        replace(ASK, sampling=Sampling(max_tokens=511)),
        replace(ASK, sampling=Sampling(stop=("\n",))),
        replace(ASK, sampling=Sampling(logprobs=False)),
    ],
)
def test_a_different_ask_is_a_different_sample(other: Sample) -> None:
    async def go() -> None:
        model = Counting()
        cached = CachedModel(model, Dict())
        await cached.sample(ASK, (1,))
        await cached.sample(other, (1,))
        assert model.asked == [1, 1]

    asyncio.run(go())


def test_what_the_tokens_are_charged_as_and_where_they_stand_do_not_matter() -> None:
    async def go() -> None:
        model = Counting()
        cached = CachedModel(model, Dict())
        await cached.sample(ASK, (1,))
        await cached.sample(replace(ASK, role="probe", path="answer", start=4), (1,))
        assert model.asked == [1]

    asyncio.run(go())


def test_models_do_not_share() -> None:
    async def go() -> None:
        shelf, one, two = Dict(), Counting("one"), Counting("two")
        await CachedModel(one, shelf).sample(ASK, (1,))
        await CachedModel(two, shelf).sample(ASK, (1,))
        assert one.asked == two.asked == [1]

    asyncio.run(go())


def test_equal_asks_under_way_are_sent_once() -> None:
    async def go() -> None:
        model = Counting()
        model.hold = asyncio.Event()
        cached = CachedModel(model, Dict())
        asks = [asyncio.ensure_future(cached.sample(wide(2), (1, 2))) for _ in range(5)]
        asks.append(asyncio.ensure_future(cached.sample(wide(2), (2, 3))))
        await asyncio.sleep(0.001)
        model.hold.set()
        got = await asyncio.gather(*asks)
        assert sorted(model.asked) == [1, 2, 3]
        assert len({reply[0].text for reply in got[:5]}) == 1 and got[5][0].text == got[0][1].text
        assert sum(c.usage.calls for reply in got for c in reply) == 3
        assert not cached._flying

    asyncio.run(go())


def test_asks_that_cross_do_not_wait_for_ever() -> None:
    async def go() -> None:
        cached = CachedModel(Counting(), Dict())
        one, two = cached.sample(wide(2), (1, 2)), cached.sample(wide(2), (2, 1))
        first, second = await asyncio.wait_for(asyncio.gather(one, two), 5)
        assert [c.seed for c in first] == [1, 2] and [c.seed for c in second] == [2, 1]

    asyncio.run(go())


def test_errors_are_shared_by_those_who_wait_and_not_kept() -> None:
    async def go() -> None:
        model, shelf = Counting(), Dict()
        model.fail, model.hold = Unreachable("gone", "wait"), asyncio.Event()
        cached = CachedModel(model, shelf)
        asks = [asyncio.ensure_future(cached.sample(ASK, (1,))) for _ in range(3)]
        await asyncio.sleep(0.001)
        model.hold.set()
        errors = await asyncio.gather(*asks, return_exceptions=True)
        assert [type(e) for e in errors] == [Unreachable] * 3 and len({id(e) for e in errors}) == 3
        assert str(errors[1]) == "gone wait" and model.asked == [1] and not shelf.held
        model.fail = None
        (got,) = await cached.sample(ASK, (1,))
        assert got.text == "1#1"

    asyncio.run(go())


def test_who_waits_for_a_cancelled_ask_asks_again() -> None:
    async def go() -> None:
        model = Counting()
        model.hold = asyncio.Event()
        cached = CachedModel(model, Dict())
        asker = asyncio.ensure_future(cached.sample(ASK, (1,)))
        await asyncio.sleep(0.001)
        waiter = asyncio.ensure_future(cached.sample(ASK, (1,)))
        gone = asyncio.ensure_future(cached.sample(ASK, (1,)))
        await asyncio.sleep(0.001)
        gone.cancel()
        asker.cancel()
        await asyncio.sleep(0.001)
        model.hold.set()
        (got,) = await waiter
        assert asker.cancelled() and gone.cancelled() and got.seed == 1 and model.asked == [1, 1]

    asyncio.run(go())


def test_cancelled_samples_are_not_kept() -> None:
    async def go() -> None:
        model, shelf = Counting(), Dict()
        model.stop = Stop.CANCELLED
        await CachedModel(model, shelf).sample(ASK, (1,))
        assert not shelf.held

    asyncio.run(go())


def test_a_value_that_cannot_be_read_is_asked_for_again() -> None:
    async def go() -> None:
        model, shelf = Counting(), Dict()
        cached = CachedModel(model, shelf)
        await cached.sample(ASK, (1,))
        shelf.held = dict.fromkeys(shelf.held, '{"text": "4", "from a later version": 1}')
        (got,) = await cached.sample(ASK, (1,))
        assert got.text == "1#1" and model.asked == [1, 1]

    asyncio.run(go())


def test_a_model_that_returns_too_few_is_not_believed() -> None:
    class Short(Counting):
        async def sample(self, ask: Sample, seeds: tuple[int, ...], watch: Watch | None = None) -> Any:
            return (await super().sample(ask, seeds))[1:]

    async def go() -> None:
        shelf = Dict()
        with pytest.raises(BadReply, match="1 completions for 2 seeds"):
            await CachedModel(Short(), shelf).sample(wide(2), (1, 2))
        assert not shelf.held

    asyncio.run(go())


def test_scores_are_kept_too() -> None:
    async def go() -> None:
        model, shelf = Counting(), Dict()
        cached = CachedModel(model, shelf)
        ask = Score(Prompt.user("2+2?"), ("3", "4"))
        both = await asyncio.gather(cached.score(ask), cached.score(ask))
        again = await cached.score(ask)
        assert model.scored == 1 and {s.logprobs for s in (*both, again)} == {((-1.0, -2.0),)}
        assert [s.usage.calls for s in (*both, again)] == [2, 0, 0] and again.usage.prompt == 5
        await cached.score(replace(ask, cue="So"))
        assert model.scored == 2
        model.fail = Unreachable("gone")
        with pytest.raises(Unreachable):
            await cached.score(replace(ask, cue="Thus"))
        assert len(shelf.held) == 2 and not cached._flying

    asyncio.run(go())


def test_what_is_shown_carries_the_samples_own_number() -> None:
    async def go() -> None:
        cached = CachedModel(Counting(), Dict())
        await cached.sample(wide(1), (2,))
        shown: list[tuple[int, str]] = []
        await cached.sample(wide(3, start=10), (1, 2, 3), lambda i, text: shown.append((i, text)))
        assert sorted(shown) == [(10, "1"), (11, "2#0"), (12, "3")]

    asyncio.run(go())


def test_it_is_a_model_and_passes_on_what_the_model_is() -> None:
    async def go() -> None:
        model = Counting()
        cached = CachedModel(model, Dict())
        assert isinstance(cached, Model) and cached.identity == model.identity
        assert await cached.probe() == cached.capabilities == model.capabilities
        await cached.sample(ASK, (1,))
        await cached.aclose()
        assert model.asked == []

    asyncio.run(go())
