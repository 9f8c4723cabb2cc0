"""Several asks at once: in the order asked, within the budget, journaled and replayed; errors come when all ended."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import pytest

from workings.core.ask import Sample, Sampling, Together, sample, sample_together
from workings.core.budget import Budget
from workings.core.completion import Usage
from workings.core.errors import BudgetEnded, DataError, Overloaded, Unreachable
from workings.core.problem import Question
from workings.core.prompt import Prompt
from workings.core.solution import Attempt, Solution
from workings.core.trace import Trace
from workings.models.cached import CachedModel
from workings.run.drive import Drive, ask_digest
from workings.run.replay import replay
from workings.run.seeds import derive
from workings.store.compact import compact, restore
from workings.testing import Counted, Delayed, Failing, item_model, item_world

QUESTION = Question("q", "Item 1: which number is meant?")
PROMPTS = [Prompt.user(f"Item {i}: which number is meant?") for i in range(1, 5)]
ASKS = tuple(Sample(p, 1 + i % 2, path=f"branch/{i}") for i, p in enumerate(PROMPTS))


def all_at_once(question):
    replies, ended = yield from sample_together(ASKS)
    texts = [[c.text for c in part] for part in replies]
    return Solution(notes={"texts": texts, "seeds": [[c.seed for c in part] for part in replies]}, partial=ended)


def one_by_one(question):
    texts, seeds = [], []
    for ask in ASKS:
        try:
            part = yield from sample(ask.prompt, ask.n, path=ask.path)
        except BudgetEnded as end:
            part = end.completions
            texts.append([c.text for c in part])
            return Solution(notes={"texts": texts}, partial=end.what)
        texts.append([c.text for c in part])
        seeds.append([c.seed for c in part])
    return Solution(notes={"texts": texts, "seeds": seeds})


def run(flow, *, model=None, budget=Budget(), seed=0):
    drive = Drive(item_world(model), seed=seed, budget=budget)
    return asyncio.run(drive.run(flow(QUESTION))), drive


def test_replies_come_in_the_order_asked_and_are_those_of_single_asks():
    wanted, _ = run(one_by_one, seed=5)
    for seed in range(4):
        found, _ = run(all_at_once, model=Delayed(item_model(), seed), seed=5)
        assert found.notes == wanted.notes and found.spent == wanted.spent
    assert found.notes["seeds"][1] == [derive(5, "branch/1", i) for i in range(2)]


def test_they_are_under_way_at_once():
    class Meets(Counted):
        """Answers only when four asks wait."""

        def __init__(self, model):
            super().__init__(model)
            self.gate = asyncio.Barrier(4)

        async def sample(self, ask, seeds, watch=None):
            await self.gate.wait()
            return await super().sample(ask, seeds, watch)

    async def bounded():
        drive = Drive(item_world(Meets(item_model())))
        return await asyncio.wait_for(drive.run(all_at_once(QUESTION)), 5)

    assert len(asyncio.run(bounded()).notes["texts"]) == 4


@pytest.mark.parametrize("calls", range(1, 7))
def test_a_budget_of_samples_buys_the_first_ones(calls):
    whole, _ = run(all_at_once)
    flat = [text for part in whole.notes["texts"] for text in part]
    model = Counted(Delayed(item_model(), calls))
    found, drive = run(all_at_once, model=model, budget=Budget(calls=calls))
    assert [text for part in found.notes["texts"] for text in part] == flat[:calls]
    assert len(found.notes["texts"]) == 4 and bool(found.partial) == (calls < 6)
    assert sum(len(replies) for _, replies in model.samples) == calls
    assert replay(all_at_once(QUESTION), json.loads(json.dumps(drive.journal))) == found


def test_no_budget_of_tokens_is_exceeded_and_more_never_buys_less():
    whole, _ = run(all_at_once)
    flat = "".join(text for part in whole.notes["texts"] for text in part)
    before = ""
    for tokens in range(1, whole.spent.generated + 3):
        found, drive = run(all_at_once, model=Delayed(item_model(), tokens), budget=Budget(tokens=tokens))
        got = "".join(text for part in found.notes["texts"] for text in part)
        assert found.spent.generated <= tokens
        assert flat.startswith(got) and got.startswith(before)
        assert bool(found.partial) == (tokens < whole.spent.generated)
        assert replay(all_at_once(QUESTION), json.loads(json.dumps(drive.journal))) == found
        before = got


def test_the_budget_is_reserved_for_all_of_them_together():
    """Two samples of at most 20 tokens fit into 50; the third must wait until the first two are paid."""
    model = Counted(item_model())
    short = tuple(Sample(p, 1, Sampling(max_tokens=20), f"branch/{i}") for i, p in enumerate(PROMPTS))

    def flow(question):
        replies, ended = yield from sample_together(short)
        return Solution(notes={"n": sum(map(len, replies))}, partial=ended)

    found, _ = run(flow, model=model, budget=Budget(tokens=50))
    assert found.spent.generated <= 50
    assert [len(replies) for _, replies in model.samples][:2] == [1, 1]
    assert sum(c.usage.generated for _, r in model.samples[:2] for c in r) + 20 <= 50


def test_the_first_error_in_the_order_asked_is_thrown_when_all_have_ended_and_all_is_charged():
    class Mixed(Counted):
        async def sample(self, ask, seeds, watch=None):
            number = int(ask.path[-1])
            for _ in range(3 * (4 - number)):
                await asyncio.sleep(0)
            if number == 1:
                error = Unreachable("The second.")
                error.spent = Usage(generated=100)
                raise error
            if number == 2:
                raise Overloaded("The third.")
            return await super().sample(ask, seeds, watch)

    def patient(question):
        try:
            yield from sample_together(ASKS)
        except Unreachable as error:
            return Solution(notes={"error": str(error)})

    model = Mixed(item_model())
    found, drive = run(patient, model=model)
    assert found.notes == {"error": "The second."}
    assert found.spent.generated == model.spent.generated + 100 > 100
    assert replay(patient(QUESTION), json.loads(json.dumps(drive.journal))) == found
    with pytest.raises(Unreachable) as caught:
        run(all_at_once, model=Mixed(item_model()))
    assert "while answering Together" in caught.value.__notes__


def test_any_failed_ask_is_an_error_of_the_whole():
    for number in range(4):
        with pytest.raises(Unreachable):
            run(all_at_once, model=Failing(item_model(), lambda: Unreachable("Gone."), [number]))


def test_cancelling_ends_all_of_them():
    ended = []

    class Never(Counted):
        async def sample(self, ask, seeds, watch=None):
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(ask.path)

    async def start():
        task = asyncio.create_task(Drive(item_world(Never(item_model()))).run(all_at_once(QUESTION)))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(start())
    assert sorted(ended) == [f"branch/{i}" for i in range(4)]


def test_digests_tell_them_apart():
    pairs = [(ASKS[0],), (ASKS[0], ASKS[1]), (ASKS[1], ASKS[0]), ASKS]
    odd = [(Sample(PROMPTS[0], sampling=Sampling(stop=("\n",), keep_stop=keep)),) for keep in (True, False)]
    leads = [(Sample(Prompt(PROMPTS[0].messages, "ab", (1,), at)),) for at in (0, 1)]
    assert len({ask_digest(Together(asks)) for asks in (*pairs, *odd, *leads)}) == 8
    assert ask_digest(Together((ASKS[0],))) != ask_digest(ASKS[0])


def test_another_number_of_asks_does_not_replay():
    _, drive = run(all_at_once)

    def fewer(question):
        replies, _ = yield from sample_together(ASKS[:3])
        return Solution(notes={"n": len(replies)})

    with pytest.raises(DataError, match="Ask 1 is not the one"):
        replay(fewer(QUESTION), drive.journal)


def test_nothing_asked_costs_no_ask():
    def idle(question):
        replies, ended = yield from sample_together(())
        return Solution(notes={"replies": list(replies)}, partial=ended)

    found, drive = run(idle)
    assert not found.notes["replies"] and not drive.journal


@dataclass
class Memory:
    kept: dict

    def get_many(self, keys):
        return {k: self.kept[k] for k in keys if k in self.kept}

    def put_many(self, items):
        self.kept.update(json.loads(json.dumps(items)))


def test_the_cache_answers_them_and_equal_ones_are_asked_once():
    shelf = Memory({})
    first = Counted(item_model())
    found, _ = run(all_at_once, model=CachedModel(first, shelf))
    second = Counted(item_model())
    again, _ = run(all_at_once, model=CachedModel(second, shelf))
    assert again.notes == found.notes and second.asks == 0 and first.asks == 4
    same = tuple(Sample(PROMPTS[0], 1, Sampling(0.0), f"branch/{i}") for i in range(3))

    def greedy(question):
        replies, _ = yield from sample_together(same)
        return Solution(notes={"texts": [part[0].text for part in replies]})

    model = Counted(item_model())
    found, _ = run(greedy, model=CachedModel(Delayed(model, 1), Memory({})))
    assert model.asks == 1 and len(set(found.notes["texts"])) == 1


def test_the_record_holds_them_without_saying_anything_twice():
    def flow(question):
        replies, _ = yield from sample_together(ASKS)
        pairs = [(ask.prompt, c) for ask, part in zip(ASKS, replies, strict=True) for c in part]
        made = (Trace(c.text, prompt=p, stop=c.stop, logprobs=c.logprobs, seed=c.seed, usage=c.usage) for p, c in pairs)
        return Solution(pool=tuple(made))

    solution, drive = run(flow)
    attempt = Attempt("q", "m", 0, 0, None, solution, spent=solution.spent, replies=tuple(drive.journal))
    kept = json.loads(json.dumps(compact(attempt)))
    told = kept["replies"][0]["reply"][1][0]
    assert len(kept["floats"]) == 6 == len(kept["lengths"])
    assert "text" in told and "logprobs" not in told
    found = restore(kept)
    assert found == attempt and replay(flow(QUESTION), found.replies) == solution
