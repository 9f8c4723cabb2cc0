"""Voting by confidence, offline and online."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from recorded_chains import QUESTION

from workings.core.budget import Budget
from workings.core.completion import Completion, Stop, Usage
from workings.core.errors import BadSetting
from workings.reason.deepconf import DeepConf
from workings.reason.vote import Vote
from workings.run.drive import World, solve
from workings.testing import Counted, Lacking, item_model, item_problems, item_world


class Sure(Counted):
    """Writes chains word by word with a given confidence at each; chain i answers `answers[i]`.

    A chain continued from a lead goes on where it was.
    """

    def __init__(self, *chains):
        super().__init__(item_model())
        self.chains = chains

    async def sample(self, ask, seeds, watch=None):
        self.asks += 1
        found = []
        for i in range(ask.n):
            at = 0
            number = ask.start + i
            if ask.path != "chain":
                number = int(ask.path.split("/")[1])
                at = len(ask.prompt.lead.split())
            answer, sure = self.chains[number]
            words = ["word"] * (len(sure) - 4) + ["The", "answer", "is", f"{answer}."]
            said = words[at : at + ask.sampling.max_tokens]
            cut = at + len(said) < len(words)
            top = tuple(((1, -c), (2, -c)) for c in sure[at : at + len(said)])
            text = "".join((" " if at or j else "") + word for j, word in enumerate(said))
            usage = Usage(generated=len(said), calls=1)
            logprobs = tuple(-0.1 for _ in said)
            stop = Stop.LENGTH if cut else Stop.END
            found.append(Completion(text, stop, logprobs=logprobs, top=top if ask.sampling.top else None, usage=usage))
        self.samples.append((ask, tuple(found)))
        return tuple(found)


def run(method, *chains, budget=Budget()):
    model = Sure(*chains)
    return asyncio.run(solve(method, QUESTION, World(model), budget=budget)), model


def flat(answer, sure, length=8):
    return (answer, [float(sure)] * length)


def test_nine_votes_beat_one_that_is_a_little_surer():
    """A published port weighs mean confidence against frequency: nine votes at 10.0 lose to one at 10.6."""
    found, _ = run(DeepConf(n=10, keep=1.0), *[flat(1, 10.0)] * 9, flat(2, 10.6))
    assert found.answer.canonical == "1"
    assert found.choice.weights == {"1": pytest.approx(90.0), "2": pytest.approx(10.6)}
    assert found.confidence == pytest.approx(90 / 100.6)


def test_the_filtered_weighted_answer_is_the_one_returned():
    """The published code computes seven votes and returns the plain majority."""
    found, _ = run(DeepConf(n=4, keep=0.25), flat(1, 2.0), flat(1, 2.5), flat(1, 3.0), flat(7, 9.0))
    assert found.answer.canonical == "7" and found.notes["voted"] == 1
    assert found.choice.chosen == 3 and found.choice.abstained == 3


def test_an_answer_with_a_decimal_point_is_read_whole():
    """A published port reads "The answer is 3.5" as 5."""
    found, _ = run(DeepConf(n=2), flat("3.5", 2.0), flat("3.5", 2.0))
    assert found.answer.canonical == "3.5"


@pytest.mark.parametrize(("score", "winner"), [("lowest", "2"), ("mean", "1"), ("tail", "3")])
def test_scores_look_at_different_tokens(score, winner):
    chains = [
        (1, [9.0, 9, 0, 0, 9, 9, 9, 9]),
        (2, [4.0, 4, 4, 4, 4, 4, 4, 4]),
        (3, [0.0, 0, 0, 0, 9, 9, 9.5, 9.5]),
    ]
    found, _ = run(DeepConf(n=3, keep=0.1, score=score, window=2), *chains)
    assert found.answer.canonical == winner


def test_offline_draws_the_chains_of_vote():
    for problem in item_problems(5):
        ours, plain = (
            asyncio.run(solve(m, problem.question, item_world(), seed=2)) for m in (DeepConf(n=6), Vote(n=6))
        )
        assert [t.text for t in ours.pool] == [t.text for t in plain.pool] and ours.spent == plain.spent


WARM = [flat(1, 5.0), flat(2, 6.0), flat(1, 7.0), flat(3, 8.0)]
ONLINE = DeepConf(mode="online", n=8, warmup=4, keep=0.5, window=2, batch=2, consensus=1.0)


def test_the_threshold_is_a_percentile_of_the_warm_up():
    found, _ = run(replace(ONLINE, n=4), *WARM)
    assert found.notes["threshold"] == 6.5 and found.notes["voted"] == 2
    assert found.choice.weights == {"3": 8.0, "1": 7.0}


def test_a_chain_whose_confidence_falls_stops_and_does_not_vote():
    falls = (9, [9.0, 9, 9, 1, 9, 9, 9, 9, 9, 9, 9, 9])
    found, model = run(ONLINE, *WARM, falls, flat(1, 7.0), flat(1, 8.0), flat(3, 6.9))
    late = found.pool[4]
    assert late.stop is Stop.CANCELLED and not late.answer.given and len(late.text.split()) == 4
    assert found.notes["stopped"] == 1 and found.notes["voted"] == 5
    assert found.choice.weights == {"1": pytest.approx(22.0), "3": pytest.approx(14.9)}
    assert found.spent.generated == 4 * 8 + 4 + 3 * 8 == sum(c.usage.generated for _, r in model.samples for c in r)


def test_a_chain_that_ends_behind_the_fall_has_stopped_all_the_same():
    falls = (9, [9.0] * 6 + [0.0, 0.0])
    found, _ = run(replace(ONLINE, n=5), *WARM, falls)
    assert found.notes["stopped"] == 1 and "9" not in found.choice.weights
    assert found.pool[4].answer.canonical == "9", "what was written is kept"


def test_sampling_ends_with_a_consensus_and_what_came_too_late_does_not_vote():
    """The published code leaves the consensus stop out."""
    warm = [flat(1, 5.0), flat(1, 5.0), flat(1, 5.0), flat(2, 5.0)]
    found, model = run(replace(ONLINE, consensus=0.8, batch=4, n=16), *warm, *[flat(1, 5.0)] * 12)
    assert len(found.pool) == 8 and found.choice.weights == {"1": 20.0, "2": 5.0}
    assert found.notes["voted"] == 5
    unanimous, model = run(replace(ONLINE, n=16, consensus=0.95), *[flat(1, 5.0)] * 16)
    assert len(unanimous.pool) == 4 and model.asks == 1


def test_a_short_chain_can_stop_early():
    """With the published window of 2048 a short chain is one group, and never stops."""
    falls = (9, [9.0] * 20 + [0.0] * 100)
    long = [flat(i % 2, 5.0, 40) for i in range(8)]
    found, _ = run(DeepConf(mode="online", n=10, warmup=8, consensus=1.0), *long, falls, falls)
    assert found.notes["window"] == 10 and found.notes["stopped"] == 2
    assert all(trace.stop is Stop.CANCELLED and len(trace.text.split()) <= 40 for trace in found.pool[8:])


def test_without_alternatives_the_chosen_tokens_stand_in_and_that_is_said():
    from workings.core.capability import Capability

    world = item_world(Lacking(item_model(), Capability.TOP))
    exact = asyncio.run(solve(DeepConf(n=4), QUESTION, item_world()))
    for mode in ("offline", "online"):
        found = asyncio.run(solve(DeepConf(n=4, mode=mode, warmup=2), QUESTION, world))
        assert found.answer.given and found.choice.rule.endswith("(of chosen tokens)")
        assert all(0 <= w <= 4 for w in found.choice.weights.values())
    assert not exact.choice.rule.endswith("tokens)")


def test_the_budget_ends_an_online_run_with_what_there_is():
    whole, _ = run(ONLINE, *WARM, *[flat(1, 9.0)] * 4)
    for tokens in range(1, whole.spent.generated):
        found, _ = run(ONLINE, *WARM, *[flat(1, 9.0)] * 4, budget=Budget(tokens=tokens))
        assert found.partial and found.spent.generated <= tokens


def test_one_chain_is_plain_sampling():
    for mode in ("offline", "online"):
        for problem in item_problems(6):
            one, plain = (
                asyncio.run(solve(m, problem.question, item_world(), seed=1))
                for m in (DeepConf(n=1, mode=mode), Vote(n=1))
            )
            assert one.answer == plain.answer and one.spent == plain.spent


@pytest.mark.parametrize(
    "wrong",
    [
        *({"n": 0}, {"mode": "live"}, {"score": "best"}, {"keep": 0.0}, {"keep": 10.0}),
        *({"window": -1}, {"top": 0}, {"warmup": 0}, {"consensus": 0.5}, {"batch": 0}),
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    [name] = wrong
    with pytest.raises(BadSetting, match=name):
        DeepConf(**wrong)
