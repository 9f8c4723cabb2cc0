"""Problems × methods: many at once, resumable, one failing attempt at a time."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from workings.core.answer import Outcome
from workings.core.errors import DataError, MissingCapability, Unreachable
from workings.reason.best_of_n import BestOfN
from workings.reason.cot import Cot
from workings.reason.vote import Vote
from workings.run.experiment import Plan, carry_out
from workings.testing import Counted, Delayed, Failing, Lacking, MemoryRecord, item_model, item_problems, item_world

METHODS = {"vote": Vote(n=3), "best": BestOfN(n=2, by="scripted"), "two": Cot(stages=2, temperature=1.0)}


def plan(count=8, **changed):
    return Plan(item_problems(count), METHODS, **changed)


def rows(record):
    return [replace(a, seconds=0.0) for a in record.attempts()]


def carried(given, world=None, record=None):
    record = record if record is not None else MemoryRecord()
    made = asyncio.run(carry_out(given, world or item_world(), record))
    return record, made


def test_every_problem_meets_every_method_as_often_as_asked():
    given = plan(repeats=2)
    record, made = carried(given)
    assert made == len(given) == len(record.kept) == 8 * 3 * 2
    assert len({a.seed for a in record.attempts()}) == 16, "one seed a problem and repeat, shared by the methods"


def test_running_again_makes_no_asks():
    given = plan()
    record, _ = carried(given)
    model = Counted(item_model())
    _, made = carried(given, item_world(model), record)
    assert made == 0 and model.asks == 0


@pytest.mark.parametrize("seed", range(6))
def test_a_run_stopped_anywhere_goes_on_to_the_same_rows(seed):
    given = plan(10, concurrency=5, repeats=2)
    whole, _ = carried(given)
    rng, record, times = random.Random(seed), MemoryRecord(), 0

    async def part():
        world = item_world(Delayed(item_model(), rng.randrange(1000)))
        task = asyncio.create_task(carry_out(given, world, record))
        for _ in range(rng.randrange(1, 120)):
            await asyncio.sleep(0)
        task.cancel()
        return (await asyncio.gather(task, return_exceptions=True))[0]

    while isinstance(asyncio.run(part()), asyncio.CancelledError):
        times += 1
    assert times >= 1 and rows(record) == rows(whole)


def test_failing_attempts_are_recorded_and_tried_again():
    def fail():
        return Unreachable("No server at 127.0.0.1.", "Start it.")

    given = plan(6, concurrency=1)
    record, made = carried(given, item_world(Failing(item_model(), fail, range(0, 40, 5))))
    failed = [a for a in record.attempts() if a.outcome is Outcome.ERROR]
    assert made == 18 and 3 <= len(failed) < 18
    for attempt in failed:
        assert attempt.solution is None and attempt.failure.kind == "Unreachable"
        assert "127.0.0.1" in attempt.failure.message and attempt.failure.where
    whole, _ = carried(given)
    _, made = carried(given, record=record)
    assert made == len(failed) and rows(record) == rows(whole)


def test_an_error_that_no_one_foresaw_ends_one_attempt_and_not_the_run():
    class Broken(Vote):
        def __call__(self, question):
            if question.id.endswith("-2"):
                raise KeyError("surprise")
            return super().__call__(question)

    record, made = carried(Plan(item_problems(4), {"broken": Broken(n=2)}))
    outcomes = {a.problem_id: a.outcome for a in record.attempts()}
    assert made == 4 and outcomes["item-2"] is Outcome.ERROR
    assert Outcome.ERROR not in {o for id, o in outcomes.items() if id != "item-2"}


def test_a_fresh_problem_added_changes_no_other_row():
    small, _ = carried(plan(4))
    large, _ = carried(plan(9))
    assert [a for a in rows(large) if a.problem_id in {p.id for p in item_problems(4)}] == rows(small)


def test_one_method_more_changes_no_other_row():
    alone, _ = carried(Plan(item_problems(5), {"vote": Vote(n=3)}))
    among, _ = carried(plan(5))
    assert [a for a in rows(among) if a.method == "vote"] == rows(alone)


def test_another_seed_gives_other_samples():
    assert rows(carried(plan(seed=1))[0]) != rows(carried(plan(seed=2))[0])


@pytest.mark.parametrize("concurrency", [1, 2, 7, 500])
def test_no_more_attempts_are_in_flight_than_allowed(concurrency):
    class Busy(Counted):
        now = most = 0

        async def sample(self, ask, seeds, watch=None):
            Busy.now += 1
            Busy.most = max(Busy.most, Busy.now)
            await asyncio.sleep(0)
            found = await super().sample(ask, seeds, watch)
            Busy.now -= 1
            return found

    Busy.most = 0
    carried(plan(concurrency=concurrency), item_world(Busy(item_model())))
    assert 1 <= Busy.most <= min(concurrency, 24)
    assert concurrency == 1 or Busy.most > 1


def test_no_problem_waits_for_another():
    """One reply that never comes holds up its own attempt and no other."""

    async def start():
        gate, record = asyncio.Event(), MemoryRecord()

        class Stuck(Counted):
            async def sample(self, ask, seeds, watch=None):
                if "Item 1:" in ask.prompt.text:
                    await gate.wait()
                return await super().sample(ask, seeds, watch)

        given = Plan(item_problems(30), {"vote": Vote(n=2)}, concurrency=2)
        task = asyncio.create_task(carry_out(given, item_world(Stuck(item_model())), record))
        for _ in range(400):
            await asyncio.sleep(0)
        before = len(record.kept)
        gate.set()
        await task
        return before, len(record.kept)

    assert asyncio.run(start()) == (29, 30)


def test_what_one_method_needs_is_checked_before_any_is_run():
    from workings.core.capability import Capability

    model = Counted(Lacking(item_model(), Capability.LEAD))
    record = MemoryRecord()
    with pytest.raises(MissingCapability, match="two needs"):
        carried(plan(), item_world(model), record)
    assert model.asks == 0 and not record.kept


def test_a_record_that_cannot_be_written_stops_the_run_with_its_own_error():
    class Full(MemoryRecord):
        def append(self, attempt):
            raise DataError("The disk is full.", "Make room.")

    with pytest.raises(DataError, match="disk is full"):
        carried(plan(), record=Full())


def test_progress_hears_of_every_attempt():
    heard = []
    asyncio.run(carry_out(plan(), item_world(), MemoryRecord(), heard.append))
    assert len(heard) == 24


def test_a_plan_without_problems_is_done_at_once():
    assert carried(Plan([], METHODS))[1] == 0


def test_the_judge_is_asked_within_the_attempt():
    class Bad:
        async def judge(self, answer, problem):
            raise RuntimeError("judge broke")

    from workings.run.drive import World

    problems = [replace(p, gold="2**0.5") for p in item_problems(2)]
    record, _ = carried(Plan(problems, {"cot": Cot()}), World(item_model(), {}, Bad()))
    assert {a.outcome for a in record.attempts()} == {Outcome.ERROR}
    assert all("judge broke" in a.failure.message for a in record.attempts())
