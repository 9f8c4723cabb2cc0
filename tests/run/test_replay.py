"""Attempts again from their journals, after JSON."""

from __future__ import annotations

import asyncio
import json
import math

import pytest

from workings.core.ask import sample, score
from workings.core.budget import Budget
from workings.core.completion import Completion, Usage
from workings.core.errors import DataError, Overloaded, Refused, Unreachable, WorkingsError
from workings.core.prompt import Prompt
from workings.core.solution import Attempt, Solution
from workings.core.wire import pack, unpack
from workings.reason.vote import Vote
from workings.run.drive import Drive
from workings.run.experiment import Plan, attempt_once
from workings.run.replay import replay
from workings.testing import Failing, item_model, item_problems, item_world

PROBLEMS = item_problems(8)
QUESTION = PROBLEMS[0].question
PROMPT = Prompt.user(QUESTION.text)


def through_json(journal):
    return json.loads(json.dumps(journal))


@pytest.mark.parametrize("tokens", [1, 9, 17, 40, None])
def test_partial_solutions_replay_as_they_were(tokens):
    method = Vote(n=6, stages=2)
    for problem in PROBLEMS:
        drive = Drive(item_world(), budget=Budget(tokens=tokens))
        solution = asyncio.run(drive.run(method(problem.question)))
        assert replay(method(problem.question), through_json(drive.journal)) == solution


def test_an_attempt_on_record_replays():
    plan = Plan(PROBLEMS, {"v": Vote(n=4, weight="probability")})
    for problem in PROBLEMS:
        attempt = asyncio.run(attempt_once(plan, item_world(), problem, "v"))
        kept = unpack(Attempt, through_json(pack(attempt)))
        assert kept == attempt
        assert replay(plan.methods["v"](problem.question), kept.replies) == attempt.solution


@pytest.mark.parametrize("kind", [Unreachable, Overloaded, Refused])
def test_a_failed_attempt_fails_again_in_the_same_way(kind):
    drive = Drive(item_world(Failing(item_model(), lambda: kind("It failed 3 times.", "Wait."))))
    with pytest.raises(kind):
        asyncio.run(drive.run(Vote(n=2)(QUESTION)))
    with pytest.raises(kind, match=r"It failed 3 times. Wait.") as again:
        replay(Vote(n=2)(QUESTION), through_json(drive.journal))
    assert again.value.transient == kind.transient


def test_an_error_of_another_package_comes_back_as_ours():
    drive = Drive(item_world(Failing(item_model(), lambda: ConnectionError("reset by peer"))))
    with pytest.raises(ConnectionError):
        asyncio.run(drive.run(Vote(n=2)(QUESTION)))
    with pytest.raises(WorkingsError, match="reset by peer"):
        replay(Vote(n=2)(QUESTION), through_json(drive.journal))


def test_scores_below_any_number_survive():
    def flow(question):
        scores = yield from score(PROMPT, ("impossible",))
        return Solution(notes={"low": scores.logprobs[0][0] == -math.inf}, confidence=0.0)

    drive = Drive(item_world())
    solution = asyncio.run(drive.run(flow(QUESTION)))
    assert solution.notes == {"low": True}
    assert replay(flow(QUESTION), through_json(drive.journal)) == solution


def test_hostile_text_survives():
    text = '\ud800 \x00 \u202e ~float {"~map": 1} 答案'

    class Odd(Failing):
        async def sample(self, ask, seeds, watch=None):
            return (Completion(text, usage=Usage(generated=3, calls=1)),)

    def flow(question):
        [reply] = yield from sample(PROMPT)
        return Solution(notes={"text": reply.text, "~float": {"~float": "x"}})

    drive = Drive(item_world(Odd(item_model(), Exception)))
    solution = asyncio.run(drive.run(flow(QUESTION)))
    assert solution.notes["text"] == text
    assert replay(flow(QUESTION), through_json(drive.journal)) == solution


def test_an_ask_of_another_kind_is_found_out():
    def sampling(question):
        yield from sample(PROMPT)
        return Solution()

    def scoring(question):
        yield from score(PROMPT, ("a",))
        return Solution()

    drive = Drive(item_world())
    asyncio.run(drive.run(sampling(QUESTION)))
    with pytest.raises(DataError, match="Ask 1 is not the one"):
        replay(scoring(QUESTION), drive.journal)


def test_a_damaged_reply_is_a_data_error():
    drive = Drive(item_world())
    asyncio.run(drive.run(Vote(n=2)(QUESTION)))
    [entry] = through_json(drive.journal)
    entry["reply"][0]["text"] = 5
    with pytest.raises(DataError, match="text"):
        replay(Vote(n=2)(QUESTION), [entry])


def test_a_method_that_asks_nothing_has_an_empty_journal():
    def silent(question):
        return Solution(partial="nothing asked")
        yield

    assert replay(silent(QUESTION), []).partial == "nothing asked"
