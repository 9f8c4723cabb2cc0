"""The published checks: what is ours passes, and what breaks a law is found out by the check that states it."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import math
import random
from dataclasses import dataclass, replace

import pytest

from workings.core.ask import Grades, grade, sample, sample_affordable
from workings.core.capability import Capability
from workings.core.completion import Completion, Stop, Usage
from workings.core.errors import GraderError, WorkingsError
from workings.core.prompt import Prompt
from workings.core.solution import Choice, Solution
from workings.core.trace import Trace
from workings.graders.arithmetic import ArithmeticGrader
from workings.problems.procedural import Drawn, Family, families
from workings.reason.cot import Cot
from workings.testing import Lacking, check_family, check_grader, check_method, check_model, item_model
from workings.testing.worlds import ScriptedGrader
from workings.verify.extract import extract
from workings.verify.steps import split_steps


@dataclass(frozen=True)
class Plain:
    """One sample, read; the tests below spoil it in one way each."""

    n: int = 2
    temperature: float = 0.7
    needs = frozenset({Capability.LOGPROBS})
    verifiers = ()

    def __call__(self, question):
        replies, ended = yield from sample_affordable(Prompt.user(question.text), self.n)
        return replace(self.close(question, replies), partial=ended) if replies else Solution(partial=ended)

    def close(self, question, replies):
        traces = tuple(
            Trace.of(Prompt.user(question.text), c, extract(c.text, question.kind), split_steps(c.text))
            for c in replies
        )
        return Solution(traces[0].answer, 0.5, traces, Choice("the first", {}, 0))


class Forgets(Plain):
    def close(self, question, replies):
        return super().close(question, replies[:1])


class TooSure(Plain):
    def close(self, question, replies):
        return replace(super().close(question, replies), confidence=1.2)


class ChoosesOther(Plain):
    def close(self, question, replies):
        found = super().close(question, replies)
        return replace(found, choice=Choice("wrong", {}, 7))


class Throws(Plain):
    def close(self, question, replies):
        return replace(super().close(question, replies), notes={"seen": random.random()})


class SwallowsErrors(Plain):
    def __call__(self, question):
        try:
            replies, ended = yield from sample_affordable(Prompt.user(question.text), self.n)
        except WorkingsError as error:
            replies, ended = (Completion(str(error)),), ""
        return replace(self.close(question, replies), partial=ended)


class IgnoresBudget(Plain):
    """Fits the budget, but does not say that it ended."""

    def __call__(self, question):
        try:
            replies = yield from sample(Prompt.user(question.text), 3)
        except WorkingsError:
            return Solution()
        return self.close(question, replies)


class LetsBudgetEnd(Plain):
    def __call__(self, question):
        replies = yield from sample(Prompt.user(question.text), self.n)
        return self.close(question, replies)


class HidesNeeds(Plain):
    needs = frozenset()

    def close(self, question, replies):
        math.fsum(replies[0].logprobs)
        return super().close(question, replies)


class HidesGraders(Plain):
    needs = frozenset()

    def __call__(self, question):
        solution = yield from super().__call__(question)
        if solution.pool:
            yield from grade(question, tuple((t.text,) for t in solution.pool), "arithmetic")
        return solution


class RemembersOrder(Plain):
    turn = itertools.count()

    def close(self, question, replies):
        return replace(super().close(question, replies), notes={"turn": next(self.turn)})


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        (Forgets, "not in the pool"),
        (TooSure, r"in \[0, 1\]"),
        (ChoosesOther, "not in the pool of 2"),
        (Throws, "another order|differs"),
        (SwallowsErrors, "taken for a reply"),
        (IgnoresBudget, "partial"),
        (LetsBudgetEnd, "what it has"),
        (HidesNeeds, "need is not stated"),
        (HidesGraders, "need is not stated.*arithmetic"),
        (RemembersOrder, "another order"),
    ],
)
def test_a_method_that_breaks_a_law_is_found_out(spoilt, says):
    with pytest.raises(AssertionError, match=says):
        check_method(spoilt)


def test_a_new_method_is_checked_in_one_line():
    check_method(lambda: Cot(stages=2, temperature=0.9))


class Twisted(Lacking):
    """A model with one fault, named by `fault`."""

    def __init__(self, fault, missing=()):
        super().__init__(item_model(), *missing)
        self.fault = fault

    async def sample(self, ask, seeds, watch=None):
        if self.fault == "short":
            return (await self.model.sample(ask, seeds, watch))[:-1]
        if self.fault == "same seeds":
            return await self.model.sample(ask, tuple(range(len(seeds))), watch)
        if self.fault == "no stop":
            ask = replace(ask, sampling=replace(ask.sampling, stop=()))
        if self.fault == "too long":
            ask = replace(ask, sampling=replace(ask.sampling, max_tokens=10_000))
        found = await self.model.sample(ask, seeds, None if self.fault == "numbered" else watch)
        if self.fault == "numbered" and watch is not None:
            watch(0, found[0].text)
        if self.fault == "positive":
            found = tuple(replace(c, logprobs=(0.5,) * len(c.logprobs)) for c in found)
        if self.fault == "free":
            found = tuple(replace(c, usage=Usage(calls=1)) for c in found)
        return found

    async def score(self, ask):
        scores = await self.model.score(ask)
        return replace(scores, logprobs=scores.logprobs[:1]) if self.fault == "rows" else scores


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("short", "gave 0 completions"),
        ("same seeds", "follow their seeds|batch"),
        ("no stop", "stop string"),
        ("too long", "limit of"),
        ("numbered", "were shown"),
        ("positive", "above 0"),
        ("free", "cost no token"),
        ("rows", "rows of"),
    ],
)
def test_a_model_that_breaks_the_contract_is_found_out(fault, says):
    with pytest.raises(AssertionError, match=says):
        check_model(Twisted(fault))


@pytest.mark.parametrize("missing", [(), (Capability.LEAD,), (Capability.LOGPROBS,), (Capability.SCORE,)])
def test_our_scripted_model_keeps_the_contract(missing):
    check_model(Lacking(item_model(), *missing))


def test_a_model_that_answers_what_it_does_not_state_is_found_out():
    class Silent(Twisted):
        async def sample(self, ask, seeds, watch=None):
            return await self.model.sample(ask, seeds, watch)

    with pytest.raises(AssertionError, match="answered all the same"):
        check_model(Silent("", (Capability.LEAD,)))


class Graded:
    """A grader that scores a chain by `rule`."""

    def __init__(self, rule, kind="probability"):
        self.rule, self.kind = rule, kind

    async def grade(self, ask):
        return Grades(tuple(self.rule(chain, i) for i, chain in enumerate(ask.chains)), self.kind)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (lambda chain, i: (2.0,), "must be in"),
        (lambda chain, i: (math.nan,), "NaN"),
        (lambda chain, i: (), "0 came"),
        (lambda chain, i: (i / 10,), "change places"),
        (lambda chain, i: (random.random(),), "second time"),
    ],
)
def test_a_grader_that_breaks_the_contract_is_found_out(rule, says):
    with pytest.raises(AssertionError, match=says):
        check_grader(Graded(rule))


def test_a_grader_that_leaves_out_the_end_of_a_long_chain_is_found_out():
    with pytest.raises(AssertionError, match="400 steps, 200 came"):
        check_grader(Graded(lambda chain, i: (0.5,) * min(len(chain), 200)), a_score_a_step=True)


def test_our_graders_keep_the_contract():
    check_grader(ArithmeticGrader(), a_score_a_step=True)
    check_grader(ScriptedGrader())
    check_grader(Graded(lambda chain, i: (-float(len(chain)),), "unbounded"))


def test_a_grader_may_refuse_hostile_steps():
    class Careful(Graded):
        async def grade(self, ask):
            if any(len(step) > 1000 for chain in ask.chains for step in chain):
                raise GraderError("A step of more than 1,000 characters.", "Shorten it.")
            return await super().grade(ask)

    check_grader(Careful(lambda chain, i: (0.5,)))


@pytest.mark.parametrize("name", list(families()))
def test_our_families_keep_the_contract(name):
    check_family(families()[name], count=12)


def drawn(rng, length, **changed):
    number = rng.randrange(10**6)
    text = f"What is {number} + {length}?"
    step = f"{number}+{length}={number + length}"
    return replace(Drawn(text, str(number + length), (step,), (step,)), **changed)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"gold": "no number"}, "counts as"),
        ({"steps": ()}, "no gold steps"),
        ({"drafts": ()}, "drafts of its steps"),
        ({"steps": ("one\ntwo",)}, "one line"),
        ({"drafts": ("one two three four five six",)}, "more than 5 words"),
    ],
)
def test_a_family_that_breaks_the_contract_is_found_out(changed, says):
    check_family(Family("sums", (1, 3), (4, 6), drawn), count=6)
    spoilt = Family("sums", (1, 3), (4, 6), lambda rng, length: drawn(rng, length, **changed))
    with pytest.raises(AssertionError, match=says):
        check_family(spoilt, count=6)


def test_lengths_that_overlap_are_found_out():
    with pytest.raises(AssertionError, match="overlap"):
        check_family(Family("sums", (1, 5), (4, 6), drawn), count=6)


def test_a_sample_cut_by_length_is_not_finished():
    [cut] = asyncio.run(_draw(item_model(), 3))
    assert cut.stop is Stop.LENGTH and not cut.stop.finished
    assert len(cut.logprobs) == cut.usage.generated == 3
    assert dataclasses.asdict(cut.usage)["generated"] == 3


async def _draw(model, max_tokens):
    from workings.core.ask import Sample, Sampling

    return await model.sample(Sample(Prompt.user("Item 1: x?"), 1, Sampling(max_tokens=max_tokens)), (1,))
