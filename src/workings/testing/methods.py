"""The laws of methods, from the design: what a reader of the record may rely on whatever the method."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workings.core.answer import Outcome
from workings.core.budget import Budget
from workings.core.capability import Capability
from workings.core.completion import Usage
from workings.core.errors import BudgetEnded, MissingCapability, UnknownName, Unreachable
from workings.core.problem import Problem
from workings.core.solution import Attempt, Solution
from workings.core.wire import pack, unpack
from workings.run.drive import Drive, World, solve
from workings.run.experiment import Plan, attempt_once, carry_out
from workings.run.ports import Grader, Method, Model
from workings.run.replay import replay
from workings.run.seeds import derive
from workings.testing.worlds import (
    Counted,
    Delayed,
    Failing,
    Lacking,
    MemoryRecord,
    item_model,
    item_problems,
    item_world,
)
from workings.verify.select import ballot

__all__ = ["LAWS", "Bench", "check_method", "run_all"]

_LIE = "976431"
_NAME = "method"


@dataclass(frozen=True, slots=True)
class Bench:
    """What a method is tried on: a factory of it, of a model, more graders, and problems."""

    factory: Callable[[], Method]
    model: Callable[[], Model] = item_model
    graders: Mapping[str, Grader] = field(default_factory=dict)
    problems: Sequence[Problem] = ()

    def world(self, model: Model | None = None) -> World:
        return item_world(model if model is not None else self.model(), self.graders)

    def solve(
        self, problem: Problem, model: Model | None = None, *, budget: Budget = Budget(), seed: int = 0
    ) -> Solution:
        """One problem, alone."""
        question = problem.question
        return asyncio.run(solve(self.factory(), question, self.world(model), seed=seed, budget=budget))


def check_method(
    factory: Callable[[], Method],
    *,
    model: Callable[[], Model] = item_model,
    graders: Mapping[str, Grader] | None = None,
    problems: Sequence[Problem] = (),
) -> None:
    """Tries a method on a scripted model and raises AssertionError for the first law that does not hold.

    `factory` makes the method with its settings: a class whose settings all have defaults, or a lambda. It is tried on
    `problems` (six items by default) with `model()`, which must be deterministic given its seeds; `graders` are added
    to "arithmetic" and "scripted". That the laws hold does not show that the method reasons well.

    >>> from workings.reason.vote import Vote
    >>> check_method(lambda: Vote(n=3))
    """
    bench = Bench(factory, model, graders or {}, tuple(problems) or tuple(item_problems(6)))
    for law in LAWS:
        law(bench)


def run_all(
    method: Method, problems: Sequence[Problem], world: World, *, concurrency: int = 64, seed: int = 0
) -> dict[str, Attempt]:
    """Every problem once, many in flight; attempts by problem id, their seconds set to 0."""
    record = MemoryRecord()
    plan = Plan(problems, {_NAME: method}, seed=seed, concurrency=concurrency)
    asyncio.run(carry_out(plan, world, record))
    return {a.problem_id: dataclasses.replace(a, seconds=0.0) for a in record.attempts()}


def law_is_a_value(bench: Bench) -> None:
    """Two methods with the same settings are equal, hashable, and say what they need of a model."""
    one, two = bench.factory(), bench.factory()
    assert one == two and hash(one) == hash(two), f"Methods with equal settings must be equal values: {one!r}, {two!r}."
    odd = [need for need in one.needs if not isinstance(need, Capability)]
    assert not odd, f"`needs` must hold capabilities, not {odd!r}."
    graders = one.verifiers
    assert isinstance(graders, tuple) and all(isinstance(name, str) for name in graders), (
        f"`verifiers` must be a tuple of the names of graders, not {graders!r}."
    )
    flow = one(bench.problems[0].question)
    assert inspect.isgenerator(flow), "Calling a method must give a generator of asks, and do nothing yet."
    flow.close()


def law_solution_is_sound(bench: Bench) -> None:
    """The answer, the confidence and the choice agree with each other."""
    for problem in bench.problems:
        found = bench.solve(problem)
        assert isinstance(found, Solution), f"A method must return a Solution, not {found!r:.80}."
        sure = found.confidence
        assert sure is None or 0.0 <= sure <= 1.0, f"A confidence must be in [0, 1] or None, not {sure!r}."
        choice = found.choice
        if choice is None or choice.chosen is None:
            continue
        assert 0 <= choice.chosen < len(found.pool), (
            f"`chosen` {choice.chosen} is not in the pool of {len(found.pool)}."
        )
        stands = found.pool[choice.chosen].answer
        assert stands == found.answer, f"The chosen trace says {stands!r}, the solution {found.answer!r}."
        weights = list(choice.weights.values())
        assert weights == sorted(weights, reverse=True), f"Weights must stand largest first: {choice.weights!r}."
        if weights:
            first = next(iter(choice.weights))
            assert first == ballot(found.answer), f"The heaviest answer is {first!r}, the solution {found.answer!r}."


def law_every_trace_is_kept(bench: Bench) -> None:
    """Whatever the model wrote as a chain stands in the pool, chosen or not."""
    for problem in bench.problems:
        model = Counted(bench.model())
        found = bench.solve(problem, model)
        written = [c.text for ask, replies in model.samples if ask.role == "chain" for c in replies]
        missing = [text for text in written if not any(text in trace.text for trace in found.pool)]
        assert not missing, f"{len(missing)} of {len(written)} chains are not in the pool: {missing[0]!r:.80}."


def law_every_token_is_charged(bench: Bench) -> None:
    """What the ledger books is what the model and the graders charged, and nothing of it is lost."""
    for problem in bench.problems:
        model = Counted(bench.model())
        found = bench.solve(problem, model)
        graded = found.spent.verifier - model.spent.verifier
        booked = dataclasses.replace(found.spent, verifier=0, calls=0)
        charged = dataclasses.replace(model.spent, verifier=0, calls=0)
        assert booked == charged, f"Booked {booked}, the model charged {charged}."
        assert graded >= 0, f"{-graded} verifier tokens of the model are not booked."
        assert found.spent.calls >= model.spent.calls, f"{found.spent.calls} of {model.spent.calls} calls are booked."
        total = sum((c.usage for _, replies in model.samples for c in replies), Usage()).total
        assert found.spent.total - graded >= total, f"Booked {found.spent.total} tokens in all, {total} were used."


def law_arrival_does_not_matter(bench: Bench) -> None:
    """The same seeds give the same attempts, alone or together, however late each reply arrives."""
    alone = run_all(bench.factory(), bench.problems, bench.world(), concurrency=1)
    for seed in range(2):
        for concurrency in (3, 64):
            world = bench.world(Delayed(bench.model(), seed))
            together = run_all(bench.factory(), bench.problems, world, concurrency=concurrency)
            changed = [id for id in alone if alone[id] != together[id]]
            assert not changed, f"Replies in another order changed the attempt at {changed[0]}."


def law_replays(bench: Bench) -> None:
    """The journal, written to JSON and read again, gives an equal solution without a model."""
    for id, attempt in run_all(bench.factory(), bench.problems, bench.world()).items():
        assert attempt.solution is not None, f"The attempt at {id} failed: {attempt.failure}."
        again = unpack(Attempt, json.loads(json.dumps(pack(attempt))))
        question = next(p.question for p in bench.problems if p.id == id)
        replayed = replay(bench.factory()(question), again.replies)
        assert replayed == attempt.solution, f"The replay of {id} differs."
        assert unpack(Solution, json.loads(json.dumps(pack(replayed)))) == replayed, "The solution is lost in JSON."


def law_budget_holds(bench: Bench) -> None:
    """No budget is exceeded; a solution that had to stop early says so; enough budget changes nothing."""
    problem = bench.problems[0]
    free = bench.solve(problem)
    needed = free.spent.generated + free.spent.probe
    for tokens in _spread(needed):
        found = _within(bench, problem, Budget(tokens=tokens))
        spent = found.spent.generated + found.spent.probe
        assert spent <= tokens, f"A budget of {tokens} tokens was exceeded: {spent}."
        if spent < needed:
            assert found.partial, f"With {tokens} of {needed} tokens the solution must say that it is partial."
    enough = bench.solve(problem, budget=Budget(tokens=_plenty(bench, needed)))
    assert enough.answer == free.answer and not enough.partial, "A budget that is large enough changed the answer."
    asked = Counted(bench.model())
    bench.solve(problem, asked)
    for calls in _spread(sum(len(replies) for _, replies in asked.samples)):
        model = Counted(bench.model())
        _within(bench, problem, Budget(calls=calls), model)
        drawn = sum(len(replies) for _, replies in model.samples)
        assert drawn <= calls, f"A budget of {calls} samples was exceeded: {drawn}."


def _within(bench: Bench, problem: Problem, budget: Budget, model: Model | None = None) -> Solution:
    try:
        return bench.solve(problem, model, budget=budget)
    except BudgetEnded as error:
        raise AssertionError(
            f"When the budget ends a method must answer with what it has, not raise: {error}"
        ) from error


def _spread(most: int) -> list[int]:
    return sorted({*range(1, min(most, 12) + 1), *range(12, most, max(most // 6, 1)), most - 1 or 1, max(most, 1)})


def _plenty(bench: Bench, needed: int) -> int:
    longest = getattr(bench.factory(), "max_tokens", 1024)
    return needed + (int(longest) if isinstance(longest, int) else 1024) + 1024


def law_errors_reach_the_method(bench: Bench) -> None:
    """An error of the model is raised where the method asked, becomes a failed attempt, and never an answer."""
    problem = bench.problems[0]
    seed = derive(Plan([problem], {}).seed, problem.id, 0)  # that of the attempt below: some methods ask as seeds fall
    counted = Counted(bench.model())
    bench.solve(problem, counted, seed=seed)
    for number in range(counted.asks):
        model = Failing(bench.model(), lambda: Unreachable(f"The answer is {_LIE}.", "Wait."), [number])
        method = bench.factory()
        home = _home(method, problem)
        try:
            solution = asyncio.run(Drive(bench.world(model), seed=seed).run(method(problem.question)))
        except Unreachable as error:
            files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
            assert home in files, f"The traceback of an error at ask {number} does not show {home}."
        else:
            said = [t.text for t in solution.pool] + [solution.answer.raw]
            assert not any(_LIE in text for text in said), "The text of an error was taken for a reply."
            continue
        model = Failing(bench.model(), lambda: Unreachable(f"The answer is {_LIE}.", "Wait."), [number])
        plan = Plan([problem], {_NAME: method})
        attempt = asyncio.run(attempt_once(plan, bench.world(model), problem, _NAME))
        assert attempt.outcome is Outcome.ERROR and attempt.solution is None, f"A failed ask gave {attempt.outcome!r}."


def _home(method: Method, problem: Problem) -> str:
    flow: Any = method(problem.question)
    file: str = flow.gi_code.co_filename
    flow.close()
    return file


def law_needs_are_stated(bench: Bench) -> None:
    """A world that lacks a need or a grader is refused before any ask; one with those and nothing else is enough."""
    method = bench.factory()
    for need in method.needs:
        model = Counted(Lacking(bench.model(), need))
        plan = Plan(bench.problems, {_NAME: method})
        try:
            asyncio.run(carry_out(plan, bench.world(model), MemoryRecord()))
        except MissingCapability as error:
            assert error.next_step, "The refusal must name a next step."
        else:
            raise AssertionError(f"A model without {need.value!r} was not refused.")
        assert model.asks == 0, f"{model.asks} asks were made of a model without {need.value!r}."
    if method.verifiers:
        model = Counted(bench.model())
        try:
            asyncio.run(carry_out(Plan(bench.problems, {_NAME: method}), World(model), MemoryRecord()))
        except UnknownName:
            assert model.asks == 0, f"{model.asks} asks were made without the grader {method.verifiers[0]!r}."
        else:
            raise AssertionError(f"A world without the grader {method.verifiers[0]!r} was not refused.")
    least = bench.world(Lacking(bench.model(), *(set(Capability) - method.needs)))
    least = dataclasses.replace(least, graders={name: least.graders[name] for name in method.verifiers})
    for attempt in run_all(method, bench.problems, least).values():
        assert attempt.failure is None, f"A need is not stated: {attempt.failure}."


def law_temperature_zero_is_greedy(bench: Bench) -> None:
    """At temperature 0 the seed does not matter; for methods with a `temperature` setting."""
    method: Any = bench.factory()
    if not dataclasses.is_dataclass(method) or "temperature" not in {f.name for f in dataclasses.fields(method)}:
        return
    cold: Any = dataclasses.replace(method, temperature=0.0)  # type: ignore[type-var]
    for problem in bench.problems:
        answers = {
            asyncio.run(solve(cold, problem.question, bench.world(), seed=seed)).answer.canonical for seed in range(4)
        }
        assert len(answers) == 1, f"At temperature 0 four seeds gave {answers!r}."


def law_duplicates_stay_apart(bench: Bench) -> None:
    """Problems with one text and different ids are separate attempts with random numbers of their own."""
    first = bench.problems[0]
    twins = [
        dataclasses.replace(first, question=dataclasses.replace(first.question, id=f"{first.id}-twin-{i}"))
        for i in range(3)
    ]
    attempts = run_all(bench.factory(), twins, bench.world())
    assert len(attempts) == 3, f"Three problems with one text gave {len(attempts)} attempts."
    assert len({a.seed for a in attempts.values()}) == 3, "Problems with one text share their random numbers."


LAWS: tuple[Callable[[Bench], None], ...] = (
    law_is_a_value,
    law_solution_is_sound,
    law_every_trace_is_kept,
    law_every_token_is_charged,
    law_arrival_does_not_matter,
    law_replays,
    law_budget_holds,
    law_errors_reach_the_method,
    law_needs_are_stated,
    law_temperature_zero_is_greedy,
    law_duplicates_stay_apart,
)
