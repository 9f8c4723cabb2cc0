"""Probe problems: balanced, planted, invented."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workings.catalog.sets import open_problems, problem_names
from workings.core.errors import BadSetting
from workings.problems.probes.counted import counted_problems, planted_world
from workings.problems.probes.one_way import facts, one_way_corpus, one_way_problems
from workings.problems.probes.primality import PRIMALITY, balanced_primality
from workings.testing.families import check_family


def test_primality_keeps_the_laws_of_a_family():
    check_family(PRIMALITY, count=12)


@pytest.mark.parametrize("lengths", ["in", "out"])
def test_primality_is_balanced_and_true(lengths):
    problems = balanced_primality(60, lengths=lengths)
    assert Counter(p.gold for p in problems) == {"yes": 30, "no": 30}
    for problem in problems:
        number, factor = problem.meta["number"], problem.meta["factor"]
        divisors = [d for d in range(2, 400) if number % d == 0 and d < number]
        assert (problem.gold == "yes") == (not divisors) and (factor is None) == (not divisors)
        assert factor is None or (number % factor == 0 and factor == divisors[0] > 5)
    assert balanced_primality(10) == balanced_primality(60)[:10]


def test_nothing_on_the_face_of_a_number_tells():
    last = {gold: Counter() for gold in ("yes", "no")}
    for problem in balanced_primality(200):
        last[problem.gold][problem.meta["number"] % 10] += 1
    assert set(last["yes"]) == set(last["no"]) == {1, 3, 7, 9}


@given(st.integers(1, 60), st.integers(0, 5))
def test_facts_are_new_and_taught_in_each_way_equally_often(count, seed):
    told = facts(count, seed)
    assert len({f.name for f in told}) == len({f.work for f in told}) == count
    counts = Counter(f.taught for f in told)
    assert max(counts.values()) - min(counts.get(w, 0) for w in ("forward", "backward", "both")) <= 1


def test_a_corpus_states_each_fact_in_its_own_direction_only():
    told = facts(30)
    lines = one_way_corpus(told, 4)
    for fact in told:
        own = [line for line in lines if fact.work in line]
        assert len(own) == 4 * (1 + (fact.taught == "both"))
        ways = {line.index(fact.name) < line.index(fact.work) for line in own}
        assert ways == {"forward": {True}, "backward": {False}, "both": {True, False}}[fact.taught]


def test_one_way_problems_ask_both_ways_and_offer_wrong_answers_of_the_same_kind():
    problems = one_way_problems(20)
    assert Counter(p.meta["way"] for p in problems) == {"forward": 10, "backward": 10}
    assert len({p.cluster for p in problems}) == 10
    for p in problems:
        assert p.meta["answer"] not in p.meta["others"] and len(p.meta["others"]) == 5
        assert p.meta["answer"].lower().endswith(p.gold) and p.meta["answer"] not in p.question.text


def test_planted_counts_are_those_of_the_corpus():
    world = planted_world(40)
    lines = world.corpus()
    for place in list(world.truth)[:10]:
        own = [line for line in lines if place in line]
        for thing, count in world.together(place).items():
            assert sum(f"{thing}" in line for line in own) == count
    for thing, count in world.things.items():
        assert sum(thing in line for line in lines) == count


def test_truth_and_distraction_are_planted_independently():
    world = planted_world(100)
    pairs = Counter((world.stated[p], sum(world.beside[p].values())) for p in world.truth)
    assert len(pairs) == 25 and set(pairs.values()) == {4}
    assert all(world.truth[p] not in world.beside[p] for p in world.truth)


@pytest.mark.parametrize("name", ["primality", "one-way", "counted"])
def test_probes_are_sets_by_name(name):
    assert name in problem_names()
    problems = open_problems(name, count=12, seed=3)
    assert len(problems) == 12 and problems == open_problems(f"{name}:seed=3", count=12)
    assert problems != open_problems(name, count=12) and len({p.id for p in problems}) == 12
    assert len(open_problems(f"{name}:count=130")) == 130


@pytest.mark.parametrize(
    "make",
    [
        lambda: balanced_primality(0),
        lambda: balanced_primality(4, split="all"),
        lambda: balanced_primality(4, lengths="5"),
        lambda: facts(0),
        lambda: facts(1000),
        lambda: one_way_problems(1),
        lambda: planted_world(0),
        lambda: planted_world(3, counts=()),
        lambda: counted_problems(100_000),
    ],
)
def test_numbers_out_of_range_are_refused(make):
    with pytest.raises(BadSetting):
        make()
