"""Laws of methods that sample several chains, whichever of them the catalog holds."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import re

import pytest
from method_settings import SPECS, made

from workings.catalog import build, entries
from workings.core.budget import Budget
from workings.core.errors import DataError, MissingCapability
from workings.core.solution import Solution
from workings.run.drive import Drive, solve
from workings.run.experiment import Plan, carry_out
from workings.run.replay import replay
from workings.testing import Counted, Lacking, MemoryRecord, item_model, item_problems, item_world
from workings.verify.select import vote

SAMPLING = tuple(
    name
    for name, entry in entries("methods").items()
    if {"n", "temperature", "stages"} <= {f.name for f in dataclasses.fields(entry.load())}
)
PROBLEMS = item_problems(12)


def run(spec, problem=PROBLEMS[0], *, seed=0, budget=Budget(), model=None) -> Solution:
    return asyncio.run(solve(made(spec), problem.question, item_world(model), seed=seed, budget=budget))


def texts(solution):
    return [t.text for t in solution.pool]


def test_the_sampling_methods_are_found():
    assert set(SAMPLING) >= {"vote", "best-of-n"}


@pytest.mark.parametrize("extra", ["", ",stages=2", ",style=draft", ",temperature=1.3"])
@pytest.mark.parametrize("name", SAMPLING)
def test_one_sample_is_one_chain_of_thought(name, extra):
    same = "temperature=0.7" + extra if "temperature" not in extra else extra[1:]
    for seed, problem in enumerate(PROBLEMS):
        one, plain = run(f"{name}:n=1,{same}", problem, seed=seed), run(f"cot:{same}", problem, seed=seed)
        assert (one.answer, texts(one)) == (plain.answer, texts(plain))
        assert one.spent == plain.spent


NOT_ONE_CHAIN = "direct|rap|rstar|cot-decoding|.*(temperature|max_tokens|generate|min_tokens|every)="


@pytest.mark.parametrize("spec", [s for s in SPECS if not re.match(NOT_ONE_CHAIN, s)])
def test_temperature_zero_gives_every_method_the_greedy_answer(spec):
    cold = dataclasses.replace(made(spec), temperature=0.0)
    name, _, rest = spec.partition(":")
    shared = [part for part in rest.split(",") if part.split("=")[0] in ("style", "stages", "answer_by", "language")]
    style = ["style=draft"] if name == "draft" and not any("style" in part for part in shared) else []
    greedy = made("cot:" + ",".join(shared + style))
    for problem in PROBLEMS[:3]:
        found = asyncio.run(solve(cold, problem.question, item_world(), seed=5))
        plain = asyncio.run(solve(greedy, problem.question, item_world(), seed=9))
        assert found.answer == plain.answer
        assert set(texts(found)) == set(texts(plain))


@pytest.mark.parametrize("spec", [s for s in SPECS if "temperature=" not in s])
def test_at_temperature_zero_seeds_change_nothing(spec):
    method = made(spec)
    drawn = any(field.name == "temperature" for field in dataclasses.fields(method))
    cold = dataclasses.replace(method, temperature=0.0) if drawn else method
    one, other = (asyncio.run(solve(cold, PROBLEMS[0].question, item_world(), seed=seed)) for seed in (5, 9))
    assert (one.answer, texts(one)) == (other.answer, texts(other))


@pytest.mark.parametrize("name", SAMPLING)
def test_fewer_samples_are_the_first_of_more(name):
    for problem in PROBLEMS:
        assert texts(run(f"{name}:n=5", problem, seed=3)) == texts(run(f"{name}:n=8", problem, seed=3))[:5]


def test_methods_see_the_same_samples():
    plan = Plan(PROBLEMS, {spec: made(spec) for spec in ("vote:n=5", "best-of-n:n=8", "cot:temperature=0.7")}, seed=4)
    record = MemoryRecord()
    asyncio.run(carry_out(plan, item_world(), record))
    for problem in PROBLEMS:
        votes, best, one = (texts(record.kept[problem.id, spec, 0].solution) for spec in plan.methods)
        assert votes == best[:5] and one == best[:1]


@pytest.mark.parametrize("name", SAMPLING)
def test_sixteen_chains_on_a_budget_for_eight_are_eight_chains(name):
    for problem in PROBLEMS[:4]:
        eight = run(f"{name}:n=8", problem)
        short = run(f"{name}:n=16", problem, budget=Budget(tokens=eight.spent.generated))
        assert texts(short) == texts(eight)
        assert short.choice == eight.choice and short.answer == eight.answer
        stopped = bool(eight.notes.get("stopped"))
        assert ("8 of 16" in short.partial) is not stopped and not eight.partial
        by_calls = run(f"{name}:n=16", problem, budget=Budget(calls=8))
        assert texts(by_calls) == texts(eight) and bool(by_calls.partial) is not stopped


@pytest.mark.parametrize(
    "spec", ["vote:n=5", "vote:n=5,stages=2", "best-of-n:n=5,by=scripted", "vote:n=5,max_tokens=9"]
)
def test_a_larger_budget_never_gives_fewer_chains(spec):
    whole = run(spec)
    sizes = []
    for tokens in range(1, whole.spent.generated + 2):
        found = run(spec, budget=Budget(tokens=tokens))
        assert found.spent.generated <= tokens
        assert bool(found.partial) == (tokens < whole.spent.generated)
        for kept, full in zip(texts(found), texts(whole), strict=False):
            assert full.startswith(kept)
        sizes.append(len(found.pool))
    assert sizes == sorted(sizes) and sizes[-1] == 5


def test_a_chain_that_the_budget_cut_is_kept_and_said():
    found = run("cot", budget=Budget(tokens=4))
    assert len(found.pool) == 1 and found.pool[0].stop.name == "LENGTH"
    assert found.partial == "The budget ended within sample 1 of 1."


def test_a_chain_cut_by_its_own_limit_is_not_partial():
    found = run("cot:max_tokens=4", budget=Budget(tokens=400))
    assert found.pool[0].stop.name == "LENGTH" and not found.partial


def test_samples_may_come_in_any_order_without_changing_the_vote():
    pool = run("vote:n=8", seed=2).pool
    answers = [t.answer for t in pool]
    before = vote(answers, None, 7)
    for seed in range(20):
        shuffled = random.Random(seed).sample(answers, len(answers))
        after = vote(shuffled, None, 7)
        assert (after.weights, after.abstained, after.tied) == (before.weights, before.abstained, before.tied)
        assert list(after.weights) == list(before.weights)


@pytest.mark.parametrize("name", SAMPLING)
def test_abstentions_never_vote_and_are_counted(name):
    silent = item_model({"none": 1.0})
    found = run(f"{name}:n=5", model=silent)
    assert not found.answer.given and found.choice.abstained == 5 and len(found.pool) == 5
    assert not found.choice.weights and found.confidence in (0.0, None)
    mixed = item_model({"1": 0.3, "none": 0.7})
    for problem in PROBLEMS:
        found = run(f"{name}:n=5", problem, model=mixed)
        abstained = sum(not t.answer.given for t in found.pool)
        assert found.choice.abstained == abstained
        assert set(found.choice.weights) <= {problem.gold}
        assert found.answer.given == (abstained < 5)


def test_a_tie_is_drawn_by_the_problem_and_said():
    even = item_model({"1": 0.5, "2": 0.5})
    tied = [run("vote:n=2", problem, model=even, seed=s) for problem in PROBLEMS for s in range(6)]
    tied = [found for found in tied if len(found.choice.weights) == 2]
    assert len(tied) > 10 and all(found.choice.tied and found.confidence == 0.5 for found in tied)
    first = [found.answer == found.pool[0].answer for found in tied]
    assert any(first) and not all(first), "The first chain must not win every tie."
    assert not run("vote:n=3", model=item_model({"1": 1.0})).choice.tied


def test_problems_with_one_text_have_samples_of_their_own():
    twins = item_problems(12, same_text=True)
    record = MemoryRecord()
    asyncio.run(carry_out(Plan(twins, {"vote": made("vote:n=3")}), item_world(), record))
    assert len({tuple(texts(a.solution)) for a in record.attempts()}) > 3
    assert len({a.seed for a in record.attempts()}) == 12


def test_a_changed_setting_does_not_replay():
    drive = Drive(item_world(), seed=1)
    question = PROBLEMS[0].question
    solution = asyncio.run(drive.run(made("vote:n=4")(question)))
    assert replay(made("vote:n=4")(question), drive.journal) == solution
    for other in ("vote:n=5", "vote:n=4,temperature=0.8", "vote:n=4,style=draft", "vote:n=4,stages=2", "cot"):
        with pytest.raises(DataError, match="not the one that was recorded"):
            replay(made(other)(question), drive.journal)
    with pytest.raises(DataError, match="not the one that was recorded"):
        replay(made("vote:n=4")(PROBLEMS[1].question), drive.journal)
    with pytest.raises(DataError, match="not the one"):
        replay(made("vote:n=4")(question), [])
    with pytest.raises(DataError, match="ended before"):
        replay(made("vote:n=4")(question), drive.journal * 2)


@pytest.mark.parametrize(
    ("spec", "lacks", "instead"),
    [
        ("cot:stages=2", "LEAD", "cot:stages=2,answer_by=turn"),
        ("cot:style=kojima", "LEAD", "cot"),
        ("vote:n=3,stages=2", "LEAD", "vote:n=3,stages=2,answer_by=turn"),
        ("vote:n=3,weight=probability", "LOGPROBS", "vote:n=3"),
        ("best-of-n:n=3", "LOGPROBS", "best-of-n:n=3,by=arithmetic"),
    ],
)
def test_what_a_model_cannot_do_is_refused_before_any_ask(spec, lacks, instead):
    from workings.core.capability import Capability

    model = Counted(Lacking(item_model(), Capability[lacks]))
    with pytest.raises(MissingCapability) as refusal:
        asyncio.run(carry_out(Plan(PROBLEMS, {spec: made(spec)}), item_world(model), MemoryRecord()))
    assert spec in str(refusal.value) and refusal.value.next_step and model.asks == 0
    found = run(instead, model=model)
    assert found.answer.given and model.asks > 0


def test_two_stages_in_two_turns_read_the_second_reply():
    found = run("cot:stages=2,answer_by=turn", PROBLEMS[2])
    assert found.spent.calls == 2
    assert found.pool[0].text.endswith(f" {found.answer.raw}.")
    start, end = found.answer.span
    assert found.pool[0].text[start:end] == found.answer.raw


@pytest.mark.parametrize("spec", ["cot:stages=2", "cot:stages=2,style=kojima", "vote:n=4,stages=2,answer_by=turn"])
def test_spans_of_second_stage_answers_point_at_them(spec):
    for problem in PROBLEMS:
        for trace in run(spec, problem).pool:
            if trace.answer.span is not None:
                start, end = trace.answer.span
                assert trace.text[start:end] == trace.answer.raw


def test_the_grader_decides_and_its_tokens_are_charged_apart():
    for problem in PROBLEMS:
        checked = run("best-of-n:n=8,by=arithmetic,steps=min", problem)
        if problem.gold in {t.answer.canonical for t in checked.pool}:
            assert checked.answer.canonical == problem.gold, "only the right chain's sums hold"
        liked = run("best-of-n:n=8,by=scripted", problem)
        given = [int(t.answer.canonical) for t in liked.pool if t.answer.given]
        assert int(liked.answer.canonical) == max(given)
        assert liked.spent.verifier > 0 and liked.spent.generated == checked.spent.generated
        assert all(len(t.scores["scripted"]) == 1 for t in liked.pool)
        assert checked.spent.verifier == 0


def test_an_unknown_grader_is_refused_with_what_there_is():
    from workings.core.errors import UnknownName

    with pytest.raises(UnknownName, match="arithmetic"):
        run("best-of-n:n=2,by=arithmetics")


def test_building_by_name_and_by_hand_give_equal_methods():
    from workings.reason.vote import Vote

    assert build("methods", "vote:n=16,style=draft") == Vote(n=16, style="draft")
