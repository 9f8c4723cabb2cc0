"""Pools read from attempts, curves and the choice, with answers known by construction."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from workings.core.answer import Answer, Outcome, Source
from workings.core.capability import Identity
from workings.core.completion import Usage
from workings.core.errors import BadSetting, DataError
from workings.core.problem import Problem, Question
from workings.core.record import AttemptRow
from workings.core.solution import Attempt, Choice, Solution
from workings.core.trace import Trace
from workings.run.choose import choose
from workings.run.compute import Size, flops, size_of
from workings.run.counsel import counsel
from workings.run.coverage import read_pools, spend
from workings.run.curves import curves
from workings.run.difficulty import Probe
from workings.stats.pools import best_of_k, maj_at_k, pass_at_k


def chain(answer, score=0.5, tokens=10, **values):
    found = Answer(answer, answer, (0, 1), Source.DECLARED) if answer else Answer()
    return Trace(
        f"{answer}",
        answer=found,
        scores={"judge": (score,)},
        usage=Usage(prompt=5, generated=tokens, calls=1),
        **values,
    )


def attempt(problem, answers, method="vote:n=4", *, verifier=0, index=0, **values):
    pool = tuple(chain(a, *rest) if isinstance(a, str) or a is None else a for a, *rest in answers)
    first = pool[0].answer
    outcome = Outcome.RIGHT if first.canonical == problem.gold else Outcome.WRONG
    spent = sum((t.usage for t in pool), Usage(verifier=verifier))
    choice = Choice("vote by count", {}, 0)
    return Attempt(
        problem.id,
        method,
        index,
        1,
        outcome,
        Solution(first, pool=pool, choice=choice, **values),
        spent=spent,
        seconds=2.0,
    )


def problem(at=0, cluster=""):
    return Problem(Question(f"p{at:03}", "How many?"), "1", cluster=cluster)


def row_of(attempt):
    spent = attempt.spent
    return AttemptRow(
        attempt.problem_id,
        attempt.method,
        attempt.index,
        attempt.outcome,
        prompt=spent.prompt,
        generated=spent.generated,
        verifier=spent.verifier,
        calls=len(attempt.solution.pool),
        seconds=2.0,
    )


def test_a_curve_is_the_mean_of_closed_forms():
    one, two = problem(0), problem(1)
    made = [
        attempt(one, [("1", 0.9), ("1", 0.2), ("2", 0.5), (None, 0.8)]),
        attempt(two, [("2", 0.9), ("1", 0.1), ("3", 0.4), ("2", 0.6)]),
    ]
    [pools] = read_pools(made, {p.id: p for p in (one, two)})
    found = {c.rule: {p.k: p for p in c.points} for c in curves(pools)}
    assert set(found) == {"coverage", "majority", "best by judge", "weighted by judge"}
    for k in (1, 2, 4):
        assert found["coverage"][k].value == pytest.approx((pass_at_k(4, 2, k) + pass_at_k(4, 1, k)) / 2)
        assert found["majority"][k].value == pytest.approx((maj_at_k([2, 1], 0, k, 1) + maj_at_k([2, 1, 1], 1, k)) / 2)
        best = best_of_k([0.9, 0.2, 0.5, -9], [1, 1, 0, 0], k) + best_of_k([0.9, 0.1, 0.4, 0.6], [0, 1, 0, 0], k)
        assert found["best by judge"][k].value == pytest.approx(best / 2)
        assert found["majority"][k].gap == pytest.approx(found["coverage"][k].value - found["majority"][k].value)
    assert found["majority"][4].costs["tokens"] == 40 and found["majority"][2].costs["total"] == 30


def fooled(at, tricked):
    """Sixteen chains, half of them right; when the verifier is tricked, the last one fools it."""
    chains = [("1", 0.5), ("2", 0.4)] * 7 + [("1", 0.5), ("3", 0.9 if tricked else 0.3)]
    return attempt(problem(at), chains, "vote:n=16")


@pytest.mark.parametrize("tricked", [False, True])
def test_over_optimisation_is_told_when_more_chains_make_a_choice_worse(tricked):
    """Best of k of 16 is right unless the fooling chain is drawn, with chance k/16, or no right one is."""
    made = [fooled(at, tricked) for at in range(40)]
    [pools] = read_pools(made, {one.problem_id: problem(at) for at, one in enumerate(made)})
    found = {curve.rule: curve for curve in curves(pools)}
    assert found["coverage"].fall is None and found["majority"].fall is None
    fall = found["best by judge"].fall
    if tricked:
        values = {point.k: point.value for point in found["best by judge"].points}
        assert values[16] == 0.0 and fall.k == max(values, key=values.get)
        assert fall.value == pytest.approx(values[fall.k]) and fall.interval.low > 0
    else:
        assert fall is None


def test_a_verifier_is_charged_where_it_is_read():
    made = [attempt(problem(), [("1",), ("2",)], verifier=30)]
    [pools] = read_pools(made, {"p000": problem()})
    [pool] = pools.pools
    assert spend(pool, 2, "tokens") == 20 and spend(pool, 2, "tokens", verified=True) == 50
    assert spend(pool, 1, "tokens", verified=True) == 25 and spend(pool, 1, "seconds") == 1.0
    assert spend(pool, 1, "flops") is None and spend(pool, 1, "flops", verified=True, size=Size(1e6)) is None
    with pytest.raises(BadSetting, match="money"):
        spend(pool, 1, "money")


def test_chains_that_are_not_alike_have_no_curve():
    item = problem()
    branched = attempt(item, [("1",), (chain("2", parent=0, branch_at=1),)], "beam")
    short = attempt(item, [("1",)], "vote:n=3", index=1, partial="no tokens left")
    made = [
        branched,
        attempt(item, [("1",)] * 3, "vote:n=3"),
        short,
        attempt(item, [(chain("1", role="branch"),)] * 3, "dvts"),
    ]
    found = {p.method: p for p in read_pools(made, {item.id: item})}
    assert not found["beam"].pools and "depend" in next(iter(found["beam"].left_out))
    assert len(found["vote:n=3"].pools) == 1 and sum(found["vote:n=3"].left_out.values()) == 1
    assert not found["dvts"].pools


def test_repeats_of_single_chains_are_one_pool():
    item = problem()
    made = [attempt(item, [(a,)], "cot", index=i) for i, a in enumerate("1121")]
    [pools] = read_pools(made, {item.id: item})
    assert pools.n == 4 and pools.pools[0].right == (True, True, False, True)


def test_operations_are_two_a_parameter_and_attention():
    assert flops(Size(100), Usage(prompt=3, generated=2)) == 1000
    assert flops(Size(100, 2, 5), Usage(prompt=2, cached=1, generated=1)) == 600 + 40 * (1 * 2 + 3 + 3 + 1)
    assert size_of(Identity("Qwen/Qwen2.5-Coder-1.5B-Instruct")).parameters == 1.5e9
    assert size_of(Identity("Qwen3-30B-A3B")).parameters == 3e9
    assert size_of(Identity("Mixtral-8x7B")) is None and size_of(Identity("pocket")) is None
    assert size_of(Identity("x-7B"), {"size": {"parameters": 5, "layers": 1, "width": 2}}).parameters == 5


def world(count, easy=0.95, hard=0.6, cheap=0.5, seed=0, n=8):
    """Half the problems are easy. Eight chains vote; the direct method is right on a share `cheap` of all."""
    rng = random.Random(seed)
    problems = [problem(at) for at in range(count)]
    made = []
    for at, item in enumerate(problems):
        chance = easy if at % 2 else hard
        wrong = lambda: rng.choice("23456789")  # noqa: E731
        made.append(attempt(item, [("1" if rng.random() < chance else wrong(),) for _ in range(n)], f"vote:n={n}"))
        made.append(attempt(item, [("1" if rng.random() < cheap else "2", 0.5, 2)], "direct"))
    solved = [replace(a, outcome=Outcome.RIGHT if maj(a) else Outcome.WRONG) for a in made]
    return [row_of(a) for a in solved], read_pools(made, {p.id: p for p in problems})


def maj(attempt):
    votes = [t.answer.canonical for t in attempt.solution.pool]
    return max(dict.fromkeys(votes), key=votes.count) == "1"


def test_the_cheapest_that_surely_reaches_the_target_is_named():
    rows, pools = world(300)
    found = choose(rows, pools, target=0.3)
    assert found.pick.option.label == "direct" and found.verdict == "reached" and found.sure is found.pick
    assert found.held.accuracy == pytest.approx(found.pick.accuracy)
    high = choose(rows, pools, target=0.85)
    assert high.pick.option.label in ("vote:n=4", "vote:n=8", "vote:n=2") and high.pick.accuracy >= 0.85


def test_what_the_data_cannot_tell_is_said():
    rows, pools = world(40)
    best = max(m.accuracy for m in choose(rows, pools, budget=1e6).options)
    found = choose(rows, pools, target=min(1.0, best))
    assert found.verdict == "cannot tell" and found.sure is None
    assert "cannot tell" in " ".join(counsel(found))
    rows, pools = world(60, easy=0.1, hard=0.1)
    none = choose(rows, pools, target=0.99)
    assert none.verdict == "out of reach" and "Nothing that was run reaches" in counsel(none)[1]


def test_a_budget_takes_the_best_that_it_pays():
    rows, pools = world(200)
    found = choose(rows, pools, budget=40)
    assert found.pick.cost <= 40 and found.pick.accuracy == max(m.accuracy for m in found.options if m.cost <= 40)
    assert choose(rows, pools, budget=1).verdict == "out of reach"


def test_the_probe_is_charged_to_every_problem():
    rows, pools = world(200)
    found = choose(rows, pools, budget=45, probe=Probe(2)).by_difficulty
    assert found is not None and found.probe_cost == 20
    assert min(band.cost for band in found.bands) >= 20 and found.held.cost >= 20
    direct = choose(rows, pools, target=0.01, probe=Probe(2)).by_difficulty
    assert direct is not None and not direct.better and direct.saving < 0


def test_difficulty_is_no_help_where_all_problems_are_alike_and_is_where_they_differ():
    rows, pools = world(300, easy=0.7, hard=0.7)
    alike = choose(rows, pools, budget=45, probe=Probe(2))
    assert alike.by_difficulty is not None and not alike.by_difficulty.better
    assert "do not show" in counsel(alike)[-1]
    rows, pools = world(600, easy=1.0, hard=0.45)
    differ = choose(rows, pools, budget=45, probe=Probe(2))
    assert differ.by_difficulty is not None and differ.by_difficulty.better
    assert differ.by_difficulty.gain_interval.low > 0


def test_bad_questions_are_refused():
    rows, pools = world(30)
    for wrong in ({}, {"target": 1.2}, {"budget": -1.0}, {"target": 0.5, "axis": "money"}, {"target": 0.5, "bands": 1}):
        with pytest.raises(BadSetting):
            choose(rows, pools, **wrong)
    rows, pools = world(10)
    with pytest.raises(DataError, match="too few"):
        choose(rows, pools, target=0.5)
