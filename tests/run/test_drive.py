"""The driver: what a method asks is answered, charged and written down; what goes wrong reaches the method."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import dataclass, replace

import pytest

from workings.core.answer import Answer
from workings.core.ask import Grades, Sample, Sampling, Scores, grade, sample, sample_affordable, score
from workings.core.budget import Budget
from workings.core.capability import Capability
from workings.core.completion import Stop, Usage
from workings.core.errors import (
    BadReply,
    BadSetting,
    BudgetEnded,
    GraderError,
    MissingCapability,
    Overloaded,
    UnknownName,
    Unreachable,
)
from workings.core.prompt import Prompt
from workings.core.solution import Solution
from workings.run.drive import Drive, World, ask_digest, charged, check_needs, check_verifiers, failure_of, solve
from workings.run.replay import replay
from workings.run.seeds import derive
from workings.testing import Counted, Failing, Lacking, item_model, item_problems, item_world
from workings.testing.worlds import ScriptedGrader

QUESTION = item_problems(1)[0].question
PROMPT = Prompt.user(QUESTION.text)


@dataclass(frozen=True)
class Asks:
    """A method made of one generator function."""

    flow: object
    needs = frozenset()
    verifiers = ()

    def __call__(self, question):
        return self.flow(question)


def run(flow, *, model=None, budget=Budget(), graders=None, seed=0):
    drive = Drive(item_world(model, graders), seed=seed, budget=budget)
    return asyncio.run(drive.run(flow(QUESTION))), drive


def gives(value):
    return Solution(Answer(str(value), str(value)))


def test_samples_come_in_order_with_the_seeds_of_their_numbers():
    def flow(question):
        replies = yield from sample(PROMPT, 4, path="branch", start=2)
        return Solution(notes={"seeds": [c.seed for c in replies]})

    solution, _ = run(flow, seed=11)
    assert solution.notes["seeds"] == [derive(11, "branch", i) for i in range(2, 6)]


def test_a_method_may_ask_in_parts_and_gets_the_same():
    def at_once(question):
        replies = yield from sample(PROMPT, 5)
        return Solution(notes={"texts": [c.text for c in replies]})

    def in_parts(question):
        first = yield from sample(PROMPT, 2)
        rest = yield from sample(PROMPT, 3, start=2)
        return Solution(notes={"texts": [c.text for c in first + rest]})

    assert run(at_once)[0].notes == run(in_parts)[0].notes


def test_roles_are_charged_apart():
    def flow(question):
        for role in ("chain", "probe", "verifier"):
            yield from sample(PROMPT, 2, role=role)
        return gives(1)

    model = Counted(item_model())
    solution, _ = run(flow, model=model)
    generated = [sum(c.usage.generated for c in replies) for _, replies in model.samples]
    reads = [sum(c.usage.prompt + c.usage.cached for c in replies) for _, replies in model.samples]
    assert solution.spent.generated == generated[0]
    assert solution.spent.probe == generated[1]
    assert solution.spent.verifier == generated[2] + reads[2]
    assert solution.spent.prompt + solution.spent.cached == reads[0] + reads[1]
    assert solution.spent.calls == 6 and solution.spent == model.spent


def test_charging_loses_no_token():
    usage = Usage(prompt=5, cached=7, generated=11, verifier=2, probe=3, calls=1)
    for role in ("chain", "probe"):
        assert charged(usage, role).total == usage.total and charged(usage, role).calls == 1
    assert charged(replace(usage, probe=0), "verifier").total == replace(usage, probe=0).total


def test_an_error_shows_the_methods_line_and_is_noted():
    def asking(question):
        yield from sample(PROMPT)
        return gives(1)

    with pytest.raises(Unreachable) as caught:
        run(asking, model=Failing(item_model(), lambda: Unreachable("No server.", "Start it.")))
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "asking" in names and "while answering Sample" in caught.value.__notes__
    told = failure_of(caught.value)
    assert told.kind == "Unreachable" and told.message == "No server. Start it."
    assert told.where.startswith("test_drive.py:") and told.where.endswith(" asking")


def test_an_error_of_the_method_itself_shows_its_line():
    def dividing(question):
        yield from sample(PROMPT)
        return gives(1 // 0)

    with pytest.raises(ZeroDivisionError) as caught:
        run(dividing)
    assert failure_of(caught.value).where.endswith(" dividing")


def test_a_failure_of_ours_names_the_line_in_reason():
    from workings.reason.vote import Vote

    drive = Drive(item_world(Failing(item_model(), lambda: Overloaded("429."))))
    with pytest.raises(Overloaded) as caught:
        asyncio.run(drive.run(Vote()(QUESTION)))
    assert failure_of(caught.value).where.startswith("manner.py:")


def test_a_method_may_recover_and_its_recovery_replays():
    def patient(question):
        for attempt in range(3):
            try:
                replies = yield from sample(PROMPT, start=attempt)
            except Overloaded as error:
                last = str(error)
                continue
            return Solution(Answer(replies[0].text, "1"), notes={"after": attempt, "last": last})
        return Solution(partial="never")

    solution, drive = run(patient, model=Failing(item_model(), lambda: Overloaded("429.", "Wait."), [0, 1]))
    assert solution.notes == {"after": 2, "last": "429. Wait."} and solution.spent.calls == 1
    assert replay(patient(QUESTION), drive.journal) == solution


def test_what_a_failed_ask_had_cost_is_charged_and_replays():
    """Two parts are drawn under a budget; the second fails, and the first was paid for all the same."""

    def patient(question):
        try:
            yield from sample(PROMPT, 4, Sampling(max_tokens=20))
        except Unreachable:
            return gives("gave up")
        return gives("went well")

    model = Failing(item_model(), lambda: Unreachable("Gone."), [1])
    solution, drive = run(patient, model=model, budget=Budget(tokens=50))
    assert solution.answer.raw == "gave up" and solution.spent.generated > 0
    assert replay(patient(QUESTION), drive.journal) == solution


def test_what_finished_siblings_of_a_failed_sample_cost_is_charged_and_replays():
    def fails():
        error = Unreachable("Gone.")
        error.spent = Usage(prompt=9, generated=5, calls=2)
        return error

    def patient(question):
        try:
            yield from sample(PROMPT, 3)
        except Unreachable:
            return gives("gave up")
        return gives("went well")

    solution, drive = run(patient, model=Failing(item_model(), fails, [0]))
    assert solution.spent == Usage(prompt=9, generated=5, calls=2)
    assert replay(patient(QUESTION), drive.journal) == solution


def test_any_exception_of_an_adapter_belongs_to_the_method():
    def flow(question):
        try:
            yield from sample(PROMPT)
        except ConnectionError as error:
            return gives(error)
        return gives("none")

    solution, _ = run(flow, model=Failing(item_model(), lambda: ConnectionError("reset")))
    assert solution.answer.raw == "reset"


def test_a_wrong_number_of_replies_is_a_bad_reply_and_is_paid():
    class Short(Counted):
        async def sample(self, ask, seeds, watch=None):
            return (await super().sample(ask, seeds, watch))[:-1]

    def flow(question):
        try:
            yield from sample(PROMPT, 3)
        except BadReply as error:
            return gives(error)
        return gives("none")

    solution, drive = run(flow, model=Short(item_model()))
    assert "2 completions for 3" in solution.answer.raw and solution.spent.calls == 2
    assert replay(flow(QUESTION), drive.journal) == solution


def test_grades_of_the_wrong_shape_are_refused_and_paid():
    class Broken(ScriptedGrader):
        async def grade(self, ask):
            grades = await super().grade(ask)
            return replace(grades, scores=grades.scores[:-1])

    def flow(question):
        yield from grade(question, (("1",), ("2",)), "broken")
        return gives(1)

    drive = Drive(item_world(graders={"broken": Broken()}))
    with pytest.raises(GraderError, match="1 results for 2"):
        asyncio.run(drive.run(flow(QUESTION)))
    assert drive.meter.spent.verifier == 2


@pytest.mark.parametrize("scores", [(), ((),), ((0.5,), ())])
def test_a_chain_without_a_score_is_refused(scores):
    class Empty:
        async def grade(self, ask):
            return Grades(scores)

    def flow(question):
        yield from grade(question, (("1",), ("2",)), "empty")
        return gives(1)

    with pytest.raises(GraderError):
        run(flow, graders={"empty": Empty()})


def test_an_unknown_grader_is_named_with_the_known_ones():
    def flow(question):
        yield from grade(question, (("1",),), "arithmetik")
        return gives(1)

    with pytest.raises(UnknownName, match=r"arithmetik.*arithmetic"):
        run(flow)


def test_scores_are_checked_against_the_shape_asked():
    class Flat(Counted):
        async def score(self, ask):
            await super().score(ask)
            return Scores(((0.0,),), Usage(prompt=3, calls=1))

    def flow(question):
        scores = yield from score(PROMPT, ("a", "b"), cuts=(0, 1), chain="xy")
        return gives(scores)

    drive = Drive(item_world(Flat(item_model())))
    with pytest.raises(BadReply, match=r"\(2, 2\)"):
        asyncio.run(drive.run(flow(QUESTION)))
    assert drive.meter.spent.prompt == 3
    with pytest.raises(MissingCapability):
        run(flow, model=Lacking(item_model(), Capability.SCORE))


def test_scores_arrive_and_replay():
    text = "Working on it.\n100 + 1 = 101.\nThe answer is 101."

    def flow(question):
        scores = yield from score(PROMPT, (text, "nothing"))
        return Solution(notes={"first": scores.logprobs[0][0]}, confidence=float(scores.logprobs[0][1] < -1e9))

    solution, drive = run(flow)
    assert solution.notes["first"] == pytest.approx(-0.7985076962) and solution.confidence == 1.0
    assert replay(flow(QUESTION), drive.journal) == solution


def test_what_is_no_ask_is_refused():
    def flow(question):
        yield "a sample, please"
        return gives(1)

    with pytest.raises(BadSetting, match="is not an ask"):
        run(flow)


def test_the_budget_ends_with_what_fitted():
    def flow(question):
        replies, ended = yield from sample_affordable(PROMPT, 9)
        return Solution(notes={"n": len(replies)}, partial=ended)

    solution, drive = run(flow, budget=Budget(calls=4))
    assert solution.notes["n"] == 4 and "4 of 9" in solution.partial
    assert replay(flow(QUESTION), drive.journal) == solution


def test_the_budget_is_that_of_the_whole_attempt():
    def flow(question):
        yield from sample(PROMPT, 2)
        yield from sample(PROMPT, 2, path="more")
        return gives(1)

    with pytest.raises(BudgetEnded) as caught:
        run(flow, budget=Budget(calls=3))
    assert len(caught.value.completions) == 1


def test_a_sample_that_just_fits_is_not_cut():
    def flow(question):
        replies, ended = yield from sample_affordable(PROMPT, 1)
        return Solution(notes={"stop": replies[0].stop.name}, partial=ended)

    whole = run(flow)[0].spent.generated
    fits, cut = (run(flow, budget=Budget(tokens=t))[0] for t in (whole, whole - 1))
    assert fits.notes["stop"] == "END" and not fits.partial
    assert cut.notes["stop"] == "LENGTH" and "within sample 1 of 1" in cut.partial


def test_cancelling_closes_the_method():
    closed = []

    def flow(question):
        try:
            yield from sample(PROMPT)
        finally:
            closed.append(True)
        return gives(1)

    class Never(Counted):
        async def sample(self, ask, seeds, watch=None):
            await asyncio.Event().wait()

    async def start():
        task = asyncio.create_task(Drive(item_world(Never(item_model()))).run(flow(QUESTION)))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(start())
    assert closed == [True]


def test_the_watch_hears_every_sample():
    def flow(question):
        replies = yield from sample(PROMPT, 3)
        return Solution(notes={"texts": [c.text for c in replies]})

    heard = {}
    method = Asks(flow)
    watch = heard.__setitem__
    solution = asyncio.run(solve(method, QUESTION, item_world(), watch=watch))
    assert [heard[i] for i in range(3)] == solution.notes["texts"]


def test_needs_are_checked_by_name():
    @dataclass(frozen=True)
    class Needy(Asks):
        needs = frozenset({Capability.WHITE_BOX, Capability.SCORE})

    with pytest.raises(MissingCapability, match=r"probe:x=1.*'items'.*white box"):
        check_needs(Needy(None), item_model(), "probe:x=1")
    check_needs(Asks(None), item_model())


def test_digests_tell_asks_apart():
    asks = [
        Sample(PROMPT),
        Sample(PROMPT, 2),
        Sample(PROMPT, path="other"),
        Sample(PROMPT, start=1),
        Sample(PROMPT, sampling=Sampling(0.8)),
        Sample(Prompt(PROMPT.messages, "lead")),
        Sample(Prompt.user("\ud800")),
    ]
    assert len({ask_digest(ask) for ask in asks}) == len(asks)
    assert ask_digest(Sample(PROMPT)) == ask_digest(Sample(Prompt.user(QUESTION.text)))


def test_a_reply_of_unknown_end_is_cut_when_it_fills_the_room():
    class Vague(Counted):
        async def sample(self, ask, seeds, watch=None):
            found = await super().sample(ask, seeds, watch)
            return tuple(replace(c, stop=Stop.UNKNOWN) for c in found)

    def flow(question):
        _, ended = yield from sample_affordable(PROMPT)
        return Solution(partial=ended)

    assert run(flow, model=Vague(item_model()), budget=Budget(tokens=3))[0].partial
    assert not run(flow, model=Vague(item_model()), budget=Budget(tokens=300))[0].partial


def test_graders_are_checked_by_name_and_built():
    built = []

    class Shelf(dict):
        def __getitem__(self, name):
            built.append(name)
            return super().__getitem__(name)

    @dataclass(frozen=True)
    class Graded(Asks):
        verifiers = ("arithmetic",)

    with pytest.raises(UnknownName, match=r"best:by=arithmetic.*'arithmetic'.*arithmetik"):
        check_verifiers(Graded(None), {"arithmetik": ScriptedGrader()}, "best:by=arithmetic")
    check_verifiers(Graded(None), Shelf(arithmetic=ScriptedGrader()))
    check_verifiers(Asks(None), {})
    assert built == ["arithmetic"]


def test_a_world_closes_its_model_and_what_came_with_it():
    closed = []

    class Closing(Counted):
        async def aclose(self):
            closed.append("model")

    async def use(fail):
        def close():
            closed.append("judge")

        def broken():
            raise OSError("shelf")

        async with World(Closing(item_model()), closers=(broken if fail else lambda: closed.append("shelf"), close)):
            closed.append("used")

    asyncio.run(use(False))
    assert closed == ["used", "model", "shelf", "judge"]
    closed.clear()
    with pytest.raises(OSError, match="shelf"):
        asyncio.run(use(True))
    assert closed == ["used", "model", "judge"]
